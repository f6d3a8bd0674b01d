//! Every type there is: PostgreSQL's own, and those of extensions and of tables.
//!
//! What has a Python word is compared elsewhere; here the point is that nothing is an error, and that everything without
//! such a word is what `::text` makes of it.

use serde_json::json;

use super::{postgres::postgres, services::unique, *};

/// The rows of an answer.
async fn table(asked: &Asked, sql: &str) -> Vec<Vec<Value>> {
    let Value::List(rows) = asked.call("execute", [text(sql)]).await.unwrap_or_else(|fault| panic!("{sql}: {fault}"))
    else {
        panic!("{sql}")
    };
    rows.into_iter()
        .map(|row| match row {
            Value::Tuple(values) => values,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn as_text(value: &Value) -> String {
    value.as_text().unwrap_or_else(|| panic!("{value:?}")).to_owned()
}

#[tokio::test]
async fn types_that_have_no_word_come_as_postgresql_writes_them() {
    let asked = postgres(json!({}));
    for sql in [
        "'{[1,2)}'::int4multirange",
        "'{[2026-01-01,2026-02-01)}'::datemultirange",
        "array['{[1,2)}'::int4multirange]",
        "'{=r/revere}'::aclitem[]",
        "'(1,2)'::tid",
        "'1 2'::int2vector",
        "'pg_class'::regclass",
        "row(1, 'a b', null)",
        "array[row(1, 2)]",
        "'$.a[*]'::jsonpath",
        "'10:20:'::pg_snapshot",
        "'((0,0),(1,1.5))'::box",
        "array['1.1.1.1'::inet]",
        "'<a/>'::xml",
        "'x'::\"char\"",
        "'\\200'::\"char\"",
        "(select most_common_vals from pg_stats where most_common_vals is not null limit 1)",
    ] {
        let rows = table(&asked, &format!("select {sql}, ({sql})::text")).await;
        assert_eq!(rows[0][0], rows[0][1], "{sql}");
    }
}

/// A value of each type, as far as one can be made without knowing the type; null and arrays of it.
#[tokio::test]
async fn every_type_of_the_catalogue_can_be_asked_for() {
    let asked = postgres(json!({}));
    // Not those that other tests make and take away again meanwhile.
    let types = table(
        &asked,
        "select t.oid, t.oid::regtype::text, t.typtype, t.typcategory, \
         (select enumlabel from pg_enum where enumtypid = t.oid limit 1) from pg_type t where t.typisdefined and (t.typtype <> 'p' or t.typname in ('record', 'void')) and t.typnamespace::regnamespace::text !~ '^t_[0-9a-f]+$' \
         and t.typname !~ '[0-9a-f]{32}' order by t.oid",
    )
    .await;
    assert!(types.len() > 500, "{}", types.len());
    let candidates = [
        "1",
        "'1'",
        "'t'",
        "'2026-01-02'",
        "'2026-01-02 03:04:05'",
        "'03:04:05'",
        "'{}'",
        "'()'",
        "'(1,2)'",
        "'<a/>'",
        "'\"x\"'",
        "'((0,0),(1,1))'",
        "'[(0,0),(1,1)]'",
        "'{1,2,3}'",
        "'<(0,0),1>'",
        "'1.2.3.4'",
        "'08:00:2b:01:02:03'",
        "'08:00:2b:01:02:03:04:05'",
        "'[1,2)'",
        "'[2026-01-01,2026-01-02)'",
        "'{[1,2)}'",
        "'10:20:'",
        "'0/0'",
        "'(0,0)'",
        "'pg_class'",
        "'now()'",
        "'now'",
        "'+(int,int)'",
        "'+'",
        "'english'",
        "'simple'",
        "'revere'",
        "'pg_catalog'",
        "'\"C\"'",
        "'6ccd780c-baba-1026-9564-5b8c656024db'",
        "'1 day'",
        "'$.a'",
        "'=r/revere'",
        "'a b'",
        "'a & b'",
        "'1 2'",
        "'-1'",
        "'+(integer,integer)'",
        "'now()'",
        "''",
    ];
    let (mut made, mut not_made) = (0, Vec::new());
    for row in &types {
        let (name, kind) = (as_text(&row[1]), as_text(&row[2]));
        let null = table(&asked, &format!("select null::{name}")).await;
        assert_eq!(null[0][0], Value::Null, "{name}");
        let mut found = false;
        for candidate in candidates {
            // Whether the type takes it is the server's matter; what comes back must be a value.
            let sql =
                format!("select a.v, format('%s', a.v), array[a.v, null] from (select {candidate}::{name} as v) a");
            match asked.call("execute", [text(&sql)]).await {
                Ok(Value::List(rows)) => {
                    let Value::Tuple(values) = &rows[0] else { panic!() };
                    if let Value::Text(shown) = &values[0] {
                        // Characters are padded by the one and not by the other.
                        assert!(Some(shown.trim_end()) == values[1].as_text().map(str::trim_end), "{name}: {values:?}");
                    }
                    found = true;
                    break;
                }
                Err(SourceFault::Failed(fault)) => {
                    // Not a word of ours: the server does not take this text for the type, or makes no array of it.
                    for ours in ["cannot be read", "does not speak", "no connection", "closed by"] {
                        assert!(!fault.contains(ours), "{name}: {fault}");
                    }
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        if found {
            made += 1;
        } else if kind == "b" {
            not_made.push(name);
        }
    }
    assert!(made > 150, "{made}; of these none was made: {not_made:?}");
}

#[tokio::test]
async fn every_table_of_the_system_can_be_read() {
    let asked = postgres(json!({"max_rows": 100_000}));
    let relations = table(
        &asked,
        "select format('%I.%I', n.nspname, c.relname), c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v', 'm') order by 1",
    )
    .await;
    assert!(relations.len() > 180, "{}", relations.len());
    for row in relations {
        let name = as_text(&row[0]);
        match asked.call("execute", [Value::Text(format!("select * from {name} limit 500"))]).await {
            Ok(Value::List(_)) => {}
            // What another test makes and takes away again may go while it is described.
            Err(SourceFault::Failed(fault)) if fault.contains("(XX000)") || fault.contains("(42P01)") => {}
            other => panic!("{name}: {other:?}"),
        }
        // Its rows as values of one column, and as an array of them.
        let whole = format!("select x, array[x] from {name} x limit 3");
        match asked.call("execute", [Value::Text(whole)]).await {
            Ok(_) => {}
            Err(SourceFault::Failed(fault))
                if fault.contains("(42704)") || fault.contains("(XX000)") || fault.contains("(42P01)") => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_types_of_extensions_come_as_they_write_themselves() {
    let (writing, schema) = (postgres(json!({"read_only": false})), unique("ext"));
    writing.rows(&format!("create schema {schema}")).await;
    for name in ["hstore", "ltree", "citext", "cube", "seg", "isn", "intarray"] {
        writing.rows(&format!("create extension if not exists {name} schema {schema}")).await;
    }
    let asked = postgres(json!({}));
    let home = table(&asked, "select distinct n.nspname::text from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'hstore'").await;
    let home = as_text(&home[0][0]);
    for value in [
        format!("'a=>1, b=>NULL'::{home}.hstore"),
        format!("'Top.Science'::{home}.ltree"),
        format!("'It''s'::{home}.citext"),
        format!("'(1,2),(3,4)'::{home}.cube"),
        format!("'1.5 .. 2.5'::{home}.seg"),
        format!("'978-0-393-04002-9'::{home}.isbn13"),
        format!("array['x'::{home}.citext, null]"),
        format!("'*.a'::{home}.lquery"),
    ] {
        let rows = table(&asked, &format!("select {value}, ({value})::text, null::{home}.hstore")).await;
        assert_eq!(rows[0][0], rows[0][1], "{value}");
        assert_eq!(rows[0][2], Value::Null);
    }
    writing.rows(&format!("drop schema {schema} cascade")).await;
}

#[tokio::test]
async fn types_made_of_others_keep_their_parts() {
    let (writing, name) = (postgres(json!({"read_only": false})), unique("t"));
    for sql in [
        format!("create type {name}_e as enum ('a b', 'c')"),
        format!("create domain {name}_d as int check (value > 0)"),
        format!("create domain {name}_dd as {name}_d"),
        format!("create domain {name}_da as int[]"),
        format!("create type {name}_c as (e {name}_e, d {name}_d)"),
        format!("create type {name}_r as range (subtype = float8)"),
    ] {
        writing.rows(&sql).await;
    }
    let sql = format!(
        "select array['a b', null]::{name}_e[], array[[1], [2]]::{name}_dd[], '{{3,4}}'::{name}_da, 7::{name}_dd, \
         row('c', 1)::{name}_c, array[row('a b', 1)::{name}_c], '[1.5,2)'::{name}_r, array['[1,2)'::{name}_r], \
         array['x', 'y']::varchar[], '{{}}'::{name}_e[]"
    );
    let asked = postgres(json!({"pool_size": 1}));
    // The second time the connection knows the types.
    for _ in 0..2 {
        assert_eq!(
            asked.rows(&sql).await,
            "[(['a b', None], [[1], [2]], [3, 4], 7, '(c,1)', '{\"(\\\\\"a b\\\\\",1)\"}', '[1.5,2)', '{\"[1,2)\"}', ['x', 'y'], [])]"
        );
    }
}

/// A row is taken whole, so one that is too large is not taken at all.
#[tokio::test]
async fn one_huge_row_is_refused_before_it_is_read() {
    let mut asked = postgres(json!({"pool_size": 1}));
    asked.answer_bytes = 1 << 20;
    let sql = "select 1, repeat('x', 200 * 1024 * 1024)";
    assert_eq!(asked.call("execute", [text(sql)]).await, Err(SourceFault::TooLarge(1 << 20)));
    assert_eq!(asked.rows("select 1").await, "[(1,)]");
}

#[tokio::test]
async fn what_moves_rows_in_another_way_is_refused_in_words() {
    let asked = postgres(json!({"read_only": false}));
    for sql in ["copy (select 1) to stdout", "copy pg_type from stdin"] {
        says(&asked.fails("execute", [text(sql)]).await, &["COPY moves its rows in another way"]);
    }
    assert_eq!(asked.rows("select 1").await, "[(1,)]");
}
