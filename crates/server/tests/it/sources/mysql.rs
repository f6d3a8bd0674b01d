//! A real MariaDB.

use serde_json::json;

use super::{
    columns::{Column, column, python_type},
    services::{service, unique},
    *,
};

pub(super) const COLUMNS: &[Column] = &[
    column("tinyint", "-128", "-128"),
    column("tinyint unsigned", "255", "255"),
    column("tinyint(1)", "5", "5"),
    column("boolean", "true", "1"),
    column("smallint", "-32768", "-32768"),
    column("smallint unsigned", "65535", "65535"),
    column("mediumint", "-8388608", "-8388608"),
    column("mediumint unsigned", "16777215", "16777215"),
    column("int", "-2147483648", "-2147483648"),
    column("int unsigned", "4294967295", "4294967295"),
    column("bigint", "-9223372036854775808", "-9223372036854775808"),
    column("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    column(
        "decimal(65,30)",
        "-12345678901234567890123456789012345.123456789012345678901234567890",
        "Decimal('-12345678901234567890123456789012345.123456789012345678901234567890')",
    ),
    column("decimal(10,2)", "1.5", "Decimal('1.50')"),
    column("float", "1.1", "1.1"),
    column("double", "1.1e300", "1.1e300"),
    column("bit(1)", "b'1'", "1"),
    column("bit(64)", "b'1111111111111111111111111111111111111111111111111111111111111111'", "18446744073709551615"),
    column("char(8)", "'naïve'", "'naïve'"),
    column("varchar(100)", "'naïve 🙂'", "'naïve 🙂'"),
    column("varchar(100) collate utf8mb4_bin", "'x'", "'x'"),
    column("tinytext", "'x'", "'x'"),
    column("text", "'x'", "'x'"),
    column("mediumtext", "'x'", "'x'"),
    column("longtext", "'x'", "'x'"),
    column("binary(3)", "x'00ff41'", "b'\\x00\\xffA'"),
    column("varbinary(10)", "x'00ff'", "b'\\x00\\xff'"),
    column("tinyblob", "x'00'", "b'\\x00'"),
    column("blob", "x'00ff'", "b'\\x00\\xff'"),
    column("mediumblob", "x'00'", "b'\\x00'"),
    column("longblob", "x'00'", "b'\\x00'"),
    column("date", "'2026-02-28'", "2026-02-28"),
    column("time", "'23:59:59'", "86399 s"),
    column("time(6)", "'-838:59:58.999999'", "-3020398.999999 s"),
    column("datetime", "'2026-02-28 03:04:05'", "2026-02-28T03:04:05"),
    column("datetime(6)", "'0001-01-01 00:00:00.000001'", "0001-01-01T00:00:00.000001"),
    column("timestamp null", "'2026-02-28 03:04:05'", "2026-02-28T03:04:05"),
    column("year", "2026", "2026"),
    column("json", "'{\"a\": [1, null]}'", "'{\"a\": [1, null]}'"),
    column("enum('small','large')", "'large'", "'large'"),
    column("set('a','b','c')", "'a,c'", "'a,c'"),
    column("uuid", "'6ccd780c-baba-1026-9564-5b8c656024db'", "'6ccd780c-baba-1026-9564-5b8c656024db'"),
    column("inet6", "'2001:db8::1'", "'2001:db8::1'"),
    column(
        "geometry",
        "point(1, 2)",
        "b'\\x00\\x00\\x00\\x00\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\x00@'",
    ),
];

fn maria(more: serde_json::Value) -> Asked {
    let mut config = json!({"connection_string": service("REVERE_TEST_MARIADB_URL")});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source("database", config)
}

/// A table of a test's own, with rows.
async fn table(definition: &str, rows: &str) -> String {
    maria(json!({"read_only": false})).new_table(definition, rows).await
}

#[tokio::test]
async fn every_type_of_column_round_trips() {
    let definition: Vec<String> =
        COLUMNS.iter().enumerate().map(|(at, column)| format!("c{at} {}", column.kind)).collect();
    let stored: Vec<&str> = COLUMNS.iter().map(|column| column.stored).collect();
    let nulls = vec!["null"; COLUMNS.len()].join(", ");
    let name = table(&definition.join(", "), &format!("({}), ({nulls})", stored.join(", "))).await;
    let Value::List(rows) = maria(json!({}))
        .call("execute", [Value::Text(format!("select * from {name} order by c0 is null"))])
        .await
        .unwrap()
    else {
        panic!()
    };
    let [Value::Tuple(values), Value::Tuple(nulls)] = rows.as_slice() else { panic!("{rows:?}") };
    for (column, value) in COLUMNS.iter().zip(values) {
        assert_eq!(value.repr(500), column.seen, "{} as {}", column.kind, python_type(value));
    }
    assert!(nulls.iter().all(|value| *value == Value::Null), "{nulls:?}");
}

#[tokio::test]
async fn days_that_no_calendar_has_are_texts() {
    let name = table("d date, t datetime", "").await;
    let rows = "('0000-00-00', '0000-00-00'), ('2026-02-00', '2026-00-00 01:02:03')";
    let sql = format!("set statement sql_mode = '' for insert into {name} values {rows}");
    maria(json!({"read_only": false})).rows(&sql).await;
    let rows = maria(json!({})).rows(&format!("select * from {name}")).await;
    assert_eq!(rows, "[('0000-00-00', '0000-00-00 00:00:00'), ('2026-02-00', '2026-00-00 01:02:03')]");
    let sql = "select date '9999-12-31', timestamp '9999-12-31 23:59:59.999999', date '0001-01-01', null";
    assert_eq!(maria(json!({})).rows(sql).await, "[(9999-12-31, 9999-12-31T23:59:59.999999, 0001-01-01, None)]");
}

#[tokio::test]
async fn parameters_of_every_type_and_style_arrive() {
    let asked = maria(json!({}));
    let name = table(
        "id int, at datetime(6), price decimal(20,10), name varchar(20)",
        "(1, '2026-01-02 03:04:05', 1.10, 'tea'), (2, '2027-01-01', 2.2, 'it''s 100%')",
    )
    .await;
    for (condition, params, expected) in [
        ("name = %s", list([text("it's 100%")]), "[(2,)]"),
        ("name like 'it%%' and id = %s", list([Value::Int(2)]), "[(2,)]"),
        ("price = ?", list([Value::Decimal("1.1".into())]), "[(1,)]"),
        ("at = :at", dict([("at", Value::DateTime("2026-01-02T03:04:05".into()))]), "[(1,)]"),
        ("at > %(at)s", dict([("at", Value::Date("2026-06-01".into()))]), "[(2,)]"),
        ("id in %s", list([Value::Tuple(vec![Value::Int(1), Value::Int(3)])]), "[(1,)]"),
        ("name <=> %s", list([Value::Null]), "[]"),
    ] {
        let rows = asked
            .call("execute", [Value::Text(format!("select id from {name} where {condition}")), params])
            .await
            .unwrap();
        assert_eq!(rows.repr(100), expected, "{condition}");
    }
    let every = list([
        Value::Bool(true),
        Value::BigInt("18446744073709551615".into()),
        Value::Float(0.5),
        Value::Bytes(vec![0, 255]),
        text("ü"),
        Value::Duration(-3_600_000_001),
        Value::Uuid("6ccd780c-baba-1026-9564-5b8c656024db".into()),
    ]);
    let sql = "select ?, ?, ?, ?, ?, cast(? as time(6)), ?";
    assert_eq!(
        asked.shown("execute", [text(sql), every]).await,
        "[(1, 18446744073709551615, 0.5, b'\\x00\\xff', 'ü', -3600.000001 s, '6ccd780c-baba-1026-9564-5b8c656024db')]"
    );
    says(
        &asked
            .refuses("execute", [text("select ?"), list([Value::DateTime("2026-01-02T03:04:05+00:00".into())])])
            .await,
        &["naive datetime"],
    );
    says(
        &asked.refuses("execute", [text("select %s, %s"), list([Value::Int(1)])]).await,
        &["placeholders in the statement: 2; parameters given: 1"],
    );
    says(&asked.fails("execute", [text("select ?")]).await, &["source 'src'"]);
}

#[tokio::test]
async fn reading_only_is_enforced_by_the_database_itself() {
    let (asked, name) = (maria(json!({})), table("a int", "(1)").await);
    says(
        &asked.fails("execute", [Value::Text(format!("delete from {name}"))]).await,
        &["this source only reads, and DELETE is no reading"],
    );
    for sql in [
        "commit",
        "set session transaction read write",
        "call anything()",
        "select 1 into outfile '/tmp/x'",
        "load data infile 'x' into table y",
    ] {
        says(&asked.fails("execute", [text(sql)]).await, &["this source only reads"]);
    }
    // What begins like reading comes as far as the database.
    let fault = asked.fails("execute", [Value::Text(format!("with x as (select 1) delete from {name}"))]).await;
    says(&fault, &["mysql at 127.0.0.1:"]);
    assert_eq!(asked.rows(&format!("select * from {name}")).await, "[(1,)]");
    says(
        &asked.refuses("execute", [Value::Text(format!("select 1; delete from {name}"))]).await,
        &["one statement per call"],
    );
    assert_eq!(asked.rows("show variables like 'version_ssl_nothing'").await, "[]");
    assert_eq!(asked.rows("select @@session.tx_read_only, @@in_transaction").await, "[(0, 1)]");
}

#[tokio::test]
async fn comments_that_are_executed_are_refused() {
    let asked = maria(json!({}));
    for sql in
        ["select 1 /*! into outfile '/tmp/revere-test' */", "select /*M!100000 2, */ 1", "select 1 /*!50000 , 2 */"]
    {
        says(&asked.fails("execute", [text(sql)]).await, &["a comment that is executed", "'read_only': False"]);
    }
    assert_eq!(asked.rows("select '/*! x */' /* plain */").await, "[('/*! x */',)]");
    assert_eq!(maria(json!({"read_only": false})).rows("select 1 /*! , 2 */").await, "[(1, 2)]");
}

/// Past the words at the beginning, the transaction itself refuses: shown by a function that writes.
#[tokio::test]
async fn a_function_that_writes_is_refused_by_the_transaction() {
    let name = table("a int", "(1)").await;
    let writing = maria(json!({"read_only": false}));
    writing.rows(&format!("create function f_{name}() returns int modifies sql data begin insert into {name} values (2); return 1; end")).await;
    let fault = maria(json!({})).fails("execute", [Value::Text(format!("select f_{name}()"))]).await;
    says(&fault, &["READ ONLY transaction"]);
    assert_eq!(writing.rows(&format!("select f_{name}()")).await, "[(1,)]");
    assert_eq!(maria(json!({})).rows(&format!("select count(*) from {name}")).await, "[(2,)]");
}

#[tokio::test]
async fn limits_hold_and_say_so() {
    let few = maria(json!({"max_rows": 2}));
    says(&few.fails("execute", [text("select 1 union select 2 union select 3")]).await, &["more than 2 rows"]);
    assert_eq!(few.rows("select 1 union select 2").await, "[(1,), (2,)]");
    let (brief, mark) = (maria(json!({"timeout": 3.0})), unique("slow"));
    let began = Instant::now();
    let sql = format!("select count(*) from seq_1_to_1000000000 where seq % 7 = sleep(0) and '{mark}' <> ''");
    let fault = brief.fails("execute", [Value::Text(sql)]).await;
    says(&fault, &["stopped by the database, its time was over"]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    // Nothing goes on working there after its caller has given up.
    let sql = format!(
        "select count(*) from information_schema.processlist where info like '%{mark}%' and info not like '%processlist%'"
    );
    let looking = maria(json!({}));
    eventually("its connection is gone", async || {
        let left = looking.rows(&sql).await;
        if left == "[(0,)]" { Ok(()) } else { Err(left) }
    })
    .await;
}

#[tokio::test]
async fn faults_say_what_the_database_says() {
    let asked = maria(json!({}));
    says(
        &asked.fails("execute", [text("select * from no_such_table")]).await,
        &["no_such_table' doesn't exist (42S02)"],
    );
    says(&asked.fails("execute", [text("select from x")]).await, &["You have an error in your SQL syntax"]);
    let wrong = service("REVERE_TEST_MARIADB_URL").replace(":test-s3cret@", ":wr0ng-pass@");
    let fault = source("database", json!({"connection_string": wrong})).fails("execute", [text("select 1")]).await;
    says(&fault, &["Access denied for user 'revere'"]);
    assert!(!fault.contains("wr0ng"), "{fault}");
    assert_eq!(asked.source.probe(Instant::now() + PATIENCE).await, Ok(()));
}

/// Two monitors share a source, and one connection at a time.
#[tokio::test]
async fn nothing_of_one_call_is_there_for_the_next() {
    let lock = unique("lock");
    let reading = maria(json!({"pool_size": 1}));
    for sql in ["select @left := 'over'", &format!("select get_lock('{lock}', 0)"), "select last_insert_id(67)"] {
        reading.rows(sql).await;
    }
    let sql = format!("select @left, is_free_lock('{lock}'), last_insert_id()");
    assert_eq!(reading.rows(&sql).await, "[(None, 1, 0)]");

    let (writing, table) = (maria(json!({"read_only": false, "pool_size": 1})), unique("t"));
    for sql in [
        "set @left = 'over'",
        "set session group_concat_max_len = 67",
        &format!("create temporary table {table} (a int)"),
    ] {
        writing.rows(sql).await;
    }
    let sql = "select @left, @@session.group_concat_max_len = @@global.group_concat_max_len";
    assert_eq!(writing.rows(sql).await, "[(None, 1)]");
    says(&writing.fails("execute", [Value::Text(format!("select * from {table}"))]).await, &["doesn't exist"]);
}

/// A place is given back only with its connection, and the server hears the end of it.
#[tokio::test]
async fn connections_are_bounded_and_said_goodbye_to() {
    let asked = maria(json!({"pool_size": 1}));
    let hurried = Asked { source: asked.source.clone(), deadline: Duration::from_millis(500), ..asked };
    let (slow, refused) = tokio::join!(asked.call("execute", [text("select sleep(3)")]), async {
        hurried.fails("execute", [text("select 1")]).await
    });
    assert_eq!(slow.unwrap().repr(20), "[(0,)]");
    says(&refused, &["all 1 connections of this source were busy"]);
    let id = asked.rows("select connection_id()").await;
    let id = id.trim_matches(|c: char| !c.is_ascii_digit());
    eventually("its connection is gone", async || {
        let there = format!("select count(*) from information_schema.processlist where id = {id}");
        match asked.rows(&there).await {
            gone if gone == "[(0,)]" => Ok(()),
            still => Err(still),
        }
    })
    .await;
}

#[tokio::test]
async fn the_session_is_as_the_server_makes_it() {
    let asked = maria(json!({}));
    let Value::List(rows) = asked
        .call(
            "execute",
            [text("select @@session.sql_mode, @@global.sql_mode, @@session.time_zone, @@global.time_zone")],
        )
        .await
        .unwrap()
    else {
        panic!()
    };
    let Value::Tuple(row) = &rows[0] else { panic!() };
    assert_eq!((&row[0], &row[2]), (&row[1], &row[3]));
    let zoned = maria(json!({"time_zone": "+05:30"}));
    assert_eq!(zoned.rows("select @@session.time_zone").await, "[('+05:30',)]");
}

/// A procedure may answer several times, with other columns each time.
#[tokio::test]
async fn of_several_answers_the_first_with_rows_is_the_answer() {
    let (writing, name) = (maria(json!({"read_only": false})), unique("p"));
    let body =
        "begin declare x int; set x = 1; select 1 as a, 'one' as b union select 2, 'two'; select 3.5 as other; end";
    writing.rows(&format!("create procedure {name}() {body}")).await;
    assert_eq!(writing.rows(&format!("call {name}()")).await, "[(1, 'one'), (2, 'two')]");
    assert_eq!(writing.rows("select 67").await, "[(67,)]");
    let dicts = writing.call_with("execute", [Value::Text(format!("call {name}()"))], [("as_dict", Value::Bool(true))]);
    assert_eq!(dicts.await.unwrap().repr(200), "[{'a': 1, 'b': 'one'}, {'a': 2, 'b': 'two'}]");
    // A limit of rows is for what is answered.
    let few = maria(json!({"read_only": false, "max_rows": 2}));
    assert_eq!(few.rows(&format!("call {name}()")).await, "[(1, 'one'), (2, 'two')]");
    let fails = "begin select 1; signal sqlstate '45000' set message_text = 'it went wrong'; end";
    writing.rows(&format!("create procedure {name}_fails() {fails}")).await;
    let fault = writing.fails("execute", [Value::Text(format!("call {name}_fails()"))]).await;
    says(&fault, &["it went wrong (45000)"]);
}

/// Statements in which the server allows no parameter get the value as their author would have written it.
#[tokio::test]
async fn parameters_work_where_the_server_has_none() {
    let asked = maria(json!({}));
    let evil = r"th'reads\_%\'; select 1 -- ";
    for (sql, params, expected) in [
        ("show variables like %s", list([text("tx_read%ly")]), "[('tx_read_only', 'OFF')]"),
        ("show variables like ?", list([text("tx_read_only")]), "[('tx_read_only', 'OFF')]"),
        ("show variables where variable_name in %s", list([list([text("tx_read_only")])]), "[('tx_read_only', 'OFF')]"),
        ("show variables like :name", dict([("name", text(evil))]), "[]"),
        ("show columns from information_schema.tables like %s", list([text("TABLE_NAME")]), ""),
    ] {
        let rows = asked.shown("execute", [text(sql), params]).await;
        assert!(expected.is_empty() && rows.contains("TABLE_NAME") || rows == expected, "{sql}: {rows}");
    }
    let status = asked.shown("execute", [text("show status like %s"), list([text("Threads_running")])]).await;
    says(&status, &["[('Threads_running', '"]);
    // What is wrong with a statement is still said in the server's words.
    says(&asked.fails("execute", [text("select from where %s"), list([Value::Int(1)])]).await, &["(42000)"]);
}

/// A row is taken whole, so one that is too large is not taken at all.
#[tokio::test]
async fn one_huge_row_is_refused_before_it_is_read() {
    let mut asked = maria(json!({}));
    asked.answer_bytes = 1 << 20;
    let sql = "select 1 as small, repeat('x', 15 * 1024 * 1024) as big";
    assert_eq!(asked.call("execute", [text(sql)]).await, Err(SourceFault::TooLarge(1 << 20)));
    asked.answer_bytes = 32 << 20;
    let Ok(Value::List(rows)) = asked.call("execute", [text(sql)]).await else { panic!() };
    let Value::Tuple(row) = &rows[0] else { panic!() };
    assert_eq!(row[1].as_text().map(str::len), Some(15 << 20));
}
