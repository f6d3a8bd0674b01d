//! A real PostgreSQL.

use serde_json::json;

use super::{
    columns::{Column, column, python_type},
    services::{service, unique},
    *,
};

pub(super) const COLUMNS: &[Column] = &[
    column("boolean", "true", "True"),
    column("smallint", "-32768", "-32768"),
    column("integer", "-2147483648", "-2147483648"),
    column("bigint", "-9223372036854775808", "-9223372036854775808"),
    column("oid", "4294967295", "4294967295"),
    column("numeric", "'NaN'", "Decimal('NaN')"),
    column(
        "numeric(60,20)",
        "-1234567890123456789012345678901234567890.00000000000000000001",
        "Decimal('-1234567890123456789012345678901234567890.00000000000000000001')",
    ),
    column("real", "1.1", "1.1"),
    column("double precision", "'-Infinity'", "-inf"),
    column("text", "'naïve 🙂'", "'naïve 🙂'"),
    column("varchar(20)", "'x'", "'x'"),
    column("char(3)", "'x'", "'x  '"),
    column("name", "'x'", "'x'"),
    column("\"char\"", "'x'", "'x'"),
    column("xml", "'<a/>'", "'<a/>'"),
    column("bytea", "'\\x00ff'", "b'\\x00\\xff'"),
    column("date", "'2026-02-28'", "2026-02-28"),
    column("time", "'23:59:59.000001'", "23:59:59.000001"),
    column("timetz", "'01:02:03+05:30'", "01:02:03+05:30"),
    column("timestamp", "'2026-02-28 03:04:05.5'", "2026-02-28T03:04:05.500000"),
    column("timestamptz", "'2026-02-28 03:04:05+02'", "2026-02-28T01:04:05+00:00"),
    column("interval", "'1 year 2 months 3 days 04:05:06.7'", "36993906.7 s"),
    column("uuid", "'6ccd780c-baba-1026-9564-5b8c656024db'", "6ccd780c-baba-1026-9564-5b8c656024db"),
    column("json", "'{\"a\": [1, null, 1.5]}'", "{'a': [1, None, 1.5]}"),
    column("jsonb", "'[true, \"x\"]'", "[True, 'x']"),
    column("integer[]", "'{1,NULL,3}'", "[1, None, 3]"),
    column("text[]", "'{{a,b},{c,d}}'", "[['a', 'b'], ['c', 'd']]"),
    column("numeric[]", "'{1.50}'", "[Decimal('1.50')]"),
    column("inet", "'2001:db8::1/64'", "'2001:db8::1/64'"),
    column("cidr", "'10.0.0.0/8'", "'10.0.0.0/8'"),
    column("macaddr", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:03'"),
    column("money", "1234.5", "'$1,234.50'"),
    column("bit(3)", "B'101'", "'101'"),
    column("varbit", "B'10'", "'10'"),
    column("int4range", "'[1,5)'", "'[1,5)'"),
    column("point", "'(1,2)'", "'(1,2)'"),
    column("tsvector", "'a b'", "\"'a' 'b'\""),
];

pub(super) fn postgres(more: serde_json::Value) -> Asked {
    let mut config = json!({"connection_string": service("REVERE_TEST_POSTGRES_URL")});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source("database", config)
}

async fn table(definition: &str, rows: &str) -> String {
    postgres(json!({"read_only": false})).new_table(definition, rows).await
}

#[tokio::test]
async fn every_type_of_column_round_trips() {
    let definition: Vec<String> =
        COLUMNS.iter().enumerate().map(|(at, column)| format!("c{at} {}", column.kind)).collect();
    let stored: Vec<&str> = COLUMNS.iter().map(|column| column.stored).collect();
    let nulls = vec!["null"; COLUMNS.len()].join(", ");
    let name = table(&definition.join(", "), &format!("({}), ({nulls})", stored.join(", "))).await;
    let asked = postgres(json!({}));
    let sql = format!("select * from {name} order by c0 -- all of them");
    // The second time it is known which columns have to come as text.
    for _ in 0..2 {
        let Value::List(rows) = asked.call("execute", [Value::Text(sql.clone())]).await.unwrap() else { panic!() };
        let [Value::Tuple(values), Value::Tuple(nulls)] = rows.as_slice() else { panic!("{rows:?}") };
        for (column, value) in COLUMNS.iter().zip(values) {
            assert_eq!(value.repr(500), column.seen, "{} as {}", column.kind, python_type(value));
        }
        assert!(nulls.iter().all(|value| *value == Value::Null), "{nulls:?}");
    }
}

#[tokio::test]
async fn types_of_ones_own_are_texts_with_their_names_kept() {
    let (writing, name) = (postgres(json!({"read_only": false})), unique("t"));
    for sql in [
        format!("create type size_{name} as enum ('small', 'large')"),
        format!("create type pair_{name} as (a int, b text)"),
        format!("create domain even_{name} as int check (value % 2 = 0)"),
        format!("create table {name} (e size_{name}, es size_{name}[], p pair_{name}, d even_{name})"),
        format!("insert into {name} values ('large', '{{small,large}}', '(1,\"x y\")', 4)"),
    ] {
        writing.rows(&sql).await;
    }
    let asked = postgres(json!({}));
    assert_eq!(asked.rows(&format!("select * from {name}")).await, "[('large', ['small', 'large'], '(1,\"x y\")', 4)]");
    let dicts = asked
        .call_with(
            "execute",
            [Value::Text(format!("select p as \"the \"\"pair\", d from {name};"))],
            [("as_dict", Value::Bool(true))],
        )
        .await;
    assert_eq!(dicts.unwrap().repr(200), "[{'the \"pair': '(1,\"x y\")', 'd': 4}]");
    let returned =
        writing.rows(&format!("insert into {name} (p) values ('(2,y)') returning p, tableoid::regclass")).await;
    assert_eq!(returned, format!("[('(2,y)', '{name}')]"));
}

#[tokio::test]
async fn all_of_pythons_calendar_is_dates_and_the_rest_is_texts() {
    let asked = postgres(json!({}));
    let sql = "select date '9999-12-31', timestamp '9999-12-31 23:59:59.999999', timestamptz '9999-12-31 23:59:59+00', \
               date '0001-01-01', timestamp '0001-01-01', array[date '9999-12-31']";
    assert_eq!(
        asked.rows(sql).await,
        "[(9999-12-31, 9999-12-31T23:59:59.999999, 9999-12-31T23:59:59+00:00, 0001-01-01, 0001-01-01T00:00:00, [9999-12-31])]"
    );
    let sql = "select 'infinity'::date, '-infinity'::timestamp, '10000-01-01'::date, '0044-03-15 BC'::timestamptz, \
               timestamp '10000-01-01', date '0001-12-31 BC', '24:00'::time, interval '170000000 years'";
    assert_eq!(
        asked.rows(sql).await,
        "[('infinity', '-infinity', '10000-01-01', '0044-03-15 00:00:00+00:00 BC', '10000-01-01 00:00:00', \
         '0001-12-31 BC', '24:00:00', '170000000 years 00:00:00')]"
    );
    // The script sees the last day, and gives it back.
    let day = list([Value::DateTime("9999-12-31T23:59:59.999999".into()), Value::Date("9999-12-31".into())]);
    let answer = asked.shown("execute", [text("select %s, %s"), day]).await;
    assert_eq!(answer, "[(9999-12-31T23:59:59.999999, 9999-12-31)]");
}

#[tokio::test]
async fn parameters_take_the_type_that_the_statement_needs() {
    let asked = postgres(json!({}));
    let name = table("id int, at timestamptz, price numeric, name text, tags text[], u uuid", "(1, '2026-01-02 03:04:05+00', 1.10, 'tea', '{a,b}', '6ccd780c-baba-1026-9564-5b8c656024db'), (2, '2027-01-01', 2.2, 'it''s \\ 100%', '{}', null)").await;
    for (condition, params, expected) in [
        ("name = %s", list([text("it's \\ 100%")]), "[(2,)]"),
        ("name like 'it%%' and id = %s", list([Value::Int(2)]), "[(2,)]"),
        ("price = $1", list([Value::Decimal("1.1".into())]), "[(1,)]"),
        ("price < %s", list([Value::Float(1.5)]), "[(1,)]"),
        ("at = :at", dict([("at", Value::DateTime("2026-01-02T05:04:05+02:00".into()))]), "[(1,)]"),
        ("at > %(at)s", dict([("at", text("2026-06-01"))]), "[(2,)]"),
        ("at::date = :d", dict([("d", Value::Date("2026-01-02".into()))]), "[(1,)]"),
        ("id in %s", list([Value::Tuple(vec![Value::Int(1), Value::Int(3)])]), "[(1,)]"),
        ("id = any(%s)", list([Value::List(vec![Value::Int(2)])]), "[(2,)]"),
        ("tags @> %s", list([Value::List(vec![text("a")])]), "[(1,)]"),
        ("u = ?", list([Value::Uuid("6ccd780c-baba-1026-9564-5b8c656024db".into())]), "[(1,)]"),
        ("to_jsonb(tags) ? 'a' and id = %s", list([Value::Int(1)]), "[(1,)]"),
        ("u is not distinct from %s", list([Value::Null]), "[(2,)]"),
        ("id = 3 - %s", list([Value::Int(-2)]), "[]"),
    ] {
        let rows = asked
            .call("execute", [Value::Text(format!("select id from {name} where {condition}")), params])
            .await
            .unwrap_or_else(|fault| panic!("{condition}: {fault}"));
        assert_eq!(rows.repr(100), expected, "{condition}");
    }
    let every = list([
        Value::Bool(true),
        Value::BigInt("18446744073709551615".into()),
        Value::Float(f64::NEG_INFINITY),
        Value::Bytes(vec![0, 255]),
        text("ü'\\"),
        Value::Duration(-1_500_000),
        Value::Time("01:02:03".into()),
        Value::Float(0.1),
    ]);
    assert_eq!(
        asked.shown("execute", [text("select %s, %s, %s, %s, %s, %s, %s, %s"), every]).await,
        "[(True, Decimal('18446744073709551615'), -inf, b'\\x00\\xff', \"ü'\\\\\", -1.5 s, 01:02:03, Decimal('0.1'))]"
    );
}

#[tokio::test]
async fn no_parameter_gets_out_of_its_place() {
    let asked = postgres(json!({}));
    for evil in [
        "'; drop table x; --",
        "\\'; select 1 --",
        "$$; select 1",
        "\u{2019}'",
        "x' || (select version()) || '",
        "%s",
        ":a",
        "\\",
        "''",
        "\u{fffd}\\'",
    ] {
        for sql in ["select %s::text", "select '\\', %s::text, E'\\\\'"] {
            let Value::List(rows) = asked.call("execute", [text(sql), list([text(evil)])]).await.unwrap() else {
                panic!()
            };
            let Value::Tuple(row) = &rows[0] else { panic!() };
            assert!(row.contains(&text(evil)), "{evil:?} came back as {row:?}");
        }
    }
    says(&asked.refuses("execute", [text("select %s"), list([text("a\0b")])]).await, &["NUL"]);
}

#[tokio::test]
async fn reading_only_is_enforced_by_the_database_itself() {
    let (asked, name) = (postgres(json!({})), table("a int", "(1)").await);
    for sql in
        ["commit", "set transaction read write", "copy x to '/tmp/x'", "do $$ begin end $$", "vacuum", "lock table x"]
    {
        says(&asked.fails("execute", [text(sql)]).await, &["this source only reads"]);
    }
    for sql in [
        format!("with x as (delete from {name} returning a) select * from x"),
        format!("explain analyze delete from {name}"),
        format!("select * from {name} for update"),
        format!("select a into {name}_copy from {name}"),
    ] {
        says(&asked.fails("execute", [Value::Text(sql.clone())]).await, &["read-only transaction (25006)"]);
    }
    says(
        &asked
            .fails("execute", [text("select set_config('transaction_read_only', 'off', false), pg_current_xact_id()")])
            .await,
        &["source 'src'"],
    );
    assert_eq!(asked.rows(&format!("select * from {name}")).await, "[(1,)]");
    let writing = postgres(json!({"read_only": false}));
    assert_eq!(writing.rows(&format!("insert into {name} values (2) returning a")).await, "[(2,)]");
    assert_eq!(asked.rows(&format!("select count(*) from {name}")).await, "[(2,)]");
}

#[tokio::test]
async fn limits_hold_and_say_so() {
    let few = postgres(json!({"max_rows": 2}));
    says(&few.fails("execute", [text("select generate_series(1, 100000000)")]).await, &["more than 2 rows"]);
    assert_eq!(few.rows("select generate_series(1, 2)").await, "[(1,), (2,)]");
    let mark = unique("slow");
    let brief = postgres(json!({"timeout": 3.0}));
    let began = Instant::now();
    says(
        &brief.fails("execute", [Value::Text(format!("select pg_sleep(1000) /* {mark} */"))]).await,
        &["statement timeout (57014)"],
    );
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let left = postgres(json!({})).rows(&format!("select count(*) from pg_stat_activity where state = 'active' and query like '%{mark}%' and pid <> pg_backend_pid()")).await;
    assert_eq!(left, "[(0,)]");
    // The connection goes on being used after a statement that failed.
    assert_eq!(brief.rows("select 1").await, "[(1,)]");
}

#[tokio::test]
async fn faults_say_what_the_database_says() {
    let asked = postgres(json!({}));
    let fault = asked.fails("execute", [text("select nmae from pg_class c(name)")]).await;
    says(
        &fault,
        &[
            "postgresql at 127.0.0.1:",
            "); source 'src': execute('select nmae from pg_class c(name)')",
            "column \"nmae\" does not exist (42703)",
            "at character 8",
        ],
    );
    says(&asked.fails("execute", [text("select 1/0")]).await, &["division by zero (22012)"]);
    let wrong = service("REVERE_TEST_POSTGRES_URL").replace(":test-s3cret@", ":wr0ng-pass@");
    let fault = source("database", json!({"connection_string": wrong})).fails("execute", [text("select 1")]).await;
    says(&fault, &["password authentication failed for user \"revere\" (28P01)"]);
    assert!(!fault.contains("wr0ng"), "{fault}");
    assert_eq!(asked.source.probe(Instant::now() + PATIENCE).await, Ok(()));
}

#[tokio::test]
async fn connections_are_kept_replaced_and_bounded() {
    let asked = postgres(json!({"pool_size": 1}));
    let pid = asked.rows("select pg_backend_pid()").await;
    assert_eq!(asked.rows("select pg_backend_pid()").await, pid, "the connection is kept");
    let number = pid.trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    postgres(json!({})).rows(&format!("select pg_terminate_backend({number})")).await;
    eventually("its connection is gone", async || {
        let gone =
            postgres(json!({})).rows(&format!("select count(*) from pg_stat_activity where pid = {number}")).await;
        if gone == "[(0,)]" { Ok(()) } else { Err(gone) }
    })
    .await;
    assert_ne!(asked.rows("select pg_backend_pid()").await, pid);
    let busy = postgres(json!({"pool_size": 1}));
    let (slow, refused) = tokio::join!(busy.call("execute", [text("select pg_sleep(3)")]), async {
        let brief = Asked {
            source: busy.source.clone(),
            deadline: Duration::from_millis(500),
            answer_bytes: 1000,
            now: busy.now,
        };
        brief.fails("execute", [text("select 1")]).await
    });
    assert_eq!(slow.unwrap().repr(20), "[(None,)]");
    says(&refused, &["all 1 connections of this source were busy"]);
}

/// Two monitors share a source, and one connection.
#[tokio::test]
async fn nothing_of_one_call_is_there_for_the_next() {
    let locks = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
    let reading = postgres(json!({"pool_size": 1}));
    let pid = reading.rows("select pg_backend_pid()").await;
    reading.rows("select pg_advisory_lock(67), set_config('work_mem', '1234kB', false)").await;
    assert_eq!(reading.rows(locks).await, "[(0,)]");
    assert_ne!(reading.rows("show work_mem").await, "[('1234kB',)]");
    assert_eq!(reading.rows("select pg_backend_pid()").await, pid, "the connection is kept");

    let (writing, table) = (postgres(json!({"read_only": false, "pool_size": 1})), unique("t"));
    let pid = writing.rows("select pg_backend_pid()").await;
    for sql in [
        "select pg_advisory_lock(67)",
        "set work_mem = '1234kB'",
        "set session characteristics as transaction isolation level serializable",
        "set role pg_monitor",
        &format!("create temp table {table} (a int)"),
        "prepare left_over as select 1",
        "listen left_over",
        "declare left_over cursor with hold for select 1",
    ] {
        writing.rows(sql).await;
    }
    let rows = writing
        .rows(&format!(
            "select (select count(*) from pg_prepared_statements where name = 'left_over'), (select count(*) from pg_cursors where name = 'left_over'), \
             (select count(*) from pg_listening_channels()), to_regclass('pg_temp.{table}') is null, \
             current_user = session_user, current_setting('work_mem') = '1234kB', \
             current_setting('default_transaction_isolation')"
        ))
        .await;
    assert_eq!(rows, "[(0, 0, 0, True, True, False, 'read committed')]");
    assert_eq!(writing.rows(locks).await, "[(0,)]");
    assert_eq!(writing.rows("select pg_backend_pid()").await, pid, "the connection is kept");
}

#[tokio::test]
async fn the_connection_string_has_its_effect() {
    let url = service("REVERE_TEST_POSTGRES_URL").replace("postgresql://", "postgresql+psycopg2://");
    let config = json!({"connection_string": format!("{url}?sslmode=require&application_name=checks&options=-c%20search_path%3Dapp"), "time_zone": "Asia/Kolkata"});
    let asked = source("database", config);
    let sql = "select current_setting('application_name'), current_setting('search_path'), current_setting('TimeZone'), ssl from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(asked.rows(sql).await, "[('checks', 'app', 'Asia/Kolkata', True)]");
    let strict = source("database", json!({"connection_string": format!("{url}?sslmode=verify-full")}));
    says(&strict.fails("execute", [text("select 1")]).await, &["TLS failed"]);
}
