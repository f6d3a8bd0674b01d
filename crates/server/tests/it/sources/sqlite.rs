//! SQLite files.

use serde_json::json;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::{
    columns::{Column, column},
    *,
};

/// A column's declared type decides nothing in SQLite: each value is what it was stored as.
pub(super) const COLUMNS: &[Column] = &[
    column("integer", "-9223372036854775808", "-9223372036854775808"),
    column("real", "1.5", "1.5"),
    column("text", "'naïve'", "'naïve'"),
    column("blob", "x'00ff'", "b'\\x00\\xff'"),
    column("numeric", "10.50", "10.5"),
    column("boolean", "true", "1"),
    column("datetime", "'2026-01-02 03:04:05'", "'2026-01-02 03:04:05'"),
];

/// A folder with `shop.db`, made by `sql`.
async fn shop(sql: &'static str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("shop.db")).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    folder
}

fn open(folder: &TempDir, more: serde_json::Value) -> Asked {
    let mut config = json!({"connection_string": "sqlite:///shop.db"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source_in("revere.sources.database.DatabaseSource", config, folder.path())
}

const ORDERS: &str = "create table orders (id integer primary key, name text, total real);
    insert into orders values (1, 'tea', 2.5), (2, 'it''s 100%', 4), (3, null, null);";

#[tokio::test]
async fn rows_are_tuples_or_dicts_and_never_none() {
    let folder = shop(ORDERS).await;
    let asked = open(&folder, json!({}));
    assert_eq!(
        asked.rows("select id, name, total from orders order by id").await,
        "[(1, 'tea', 2.5), (2, \"it's 100%\", 4.0), (3, None, None)]"
    );
    let dicts = asked
        .call_with("execute", [text("select id, name from orders where id < 2")], [("as_dict", Value::Bool(true))])
        .await
        .unwrap();
    assert_eq!(dicts.repr(200), "[{'id': 1, 'name': 'tea'}]");
    assert_eq!(asked.rows("select 1 where false").await, "[]");
    let twice = asked.call_with("execute", [text("select 1 as a, 2 as a")], [("as_dict", Value::Bool(true))]).await;
    says(&twice.unwrap_err().to_string(), &["two columns are named 'a'"]);
}

#[tokio::test]
async fn every_type_of_column_round_trips() {
    for Column { kind, stored, seen } in COLUMNS {
        let folder = shop("select 1").await;
        let asked = open(&folder, json!({"read_only": false}));
        for sql in [format!("create table t (v {kind})"), format!("insert into t values ({stored}), (null)")] {
            assert_eq!(asked.rows(&sql).await, "[]");
        }
        assert_eq!(asked.rows("select v from t").await, format!("[({seen},), (None,)]"), "{kind}");
    }
}

#[tokio::test]
async fn parameters_of_every_type_and_style_arrive() {
    let folder = shop(ORDERS).await;
    let asked = open(&folder, json!({}));
    let ask = |sql: &'static str, params: Value| {
        let asked = &asked;
        async move { asked.call("execute", [text(sql), params]).await.unwrap().repr(400) }
    };
    assert_eq!(ask("select id from orders where name = ?", list([text("it's 100%")])).await, "[(2,)]");
    assert_eq!(
        ask("select id from orders where name like 'it%%' and total = %s", Value::Tuple(vec![Value::Int(4)])).await,
        "[(2,)]"
    );
    assert_eq!(
        ask(
            "select id from orders where total > :low and total < :high",
            dict([("low", Value::Int(1)), ("high", Value::Int(3))])
        )
        .await,
        "[(1,)]"
    );
    assert_eq!(
        ask(
            "select id from orders where id in %(ids)s order by id",
            dict([("ids", Value::Tuple(vec![Value::Int(1), Value::Int(3)]))])
        )
        .await,
        "[(1,), (3,)]"
    );
    let every = list([
        Value::Null,
        Value::Bool(true),
        Value::Int(-1),
        Value::Float(0.5),
        text("t"),
        Value::Bytes(vec![0]),
        Value::Decimal("1.50".into()),
        Value::Decimal("7".into()),
        Value::Date("2026-01-02".into()),
        Value::DateTime("2026-01-02T03:04:05".into()),
    ]);
    assert_eq!(
        ask("select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?", every).await,
        "[(None, 1, -1, 0.5, 't', b'\\x00', 1.5, 7, '2026-01-02', '2026-01-02 03:04:05')]"
    );
    says(&asked.refuses("execute", [text("select ?"), list([])]).await, &["placeholders"]);
    says(&asked.refuses("execute", [text("select :a")]).await, &["no parameters were given"]);
    says(
        &asked.refuses("execute", [text("select ?"), list([dict([])])]).await,
        &["SQLite takes no parameter such as {}"],
    );
}

#[tokio::test]
async fn reading_only_is_enforced_by_the_database_itself() {
    let folder = shop(ORDERS).await;
    let asked = open(&folder, json!({}));
    for sql in [
        "delete from orders",
        "create table x (a)",
        "attach '/etc/other.db' as o",
        "vacuum into 'copy.db'",
        "replace into orders values (1, '', 0)",
    ] {
        says(&asked.fails("execute", [text(sql)]).await, &["this source only reads", "'read_only': False"]);
    }
    // What begins like reading comes as far as the database.
    says(
        &asked.fails("execute", [text("with x as (select 1) insert into orders select 9, 'x', 1")]).await,
        &["readonly"],
    );
    says(&asked.fails("execute", [text("pragma query_only = 0")]).await, &["this pragma is refused; allowed are"]);
    says(&asked.fails("execute", [text("with x as (select 1) delete from orders")]).await, &["readonly"]);
    assert_eq!(asked.rows("select count(*) from orders").await, "[(3,)]");
    let writing = open(&folder, json!({"read_only": false}));
    assert_eq!(writing.rows("delete from orders where id = 3").await, "[]");
    assert_eq!(asked.rows("select count(*) from orders").await, "[(2,)]");
    says(
        &writing.fails("execute", [text("attach 'other.db' as o")]).await,
        &["ATTACH is refused: this source is one file"],
    );
    says(&writing.refuses("execute", [text("select 1; delete from orders")]).await, &["one statement per call"]);
    assert!(!folder.path().join("copy.db").exists() && !folder.path().join("other.db").exists());
}

/// Some pragmas are about the whole process, and so about the store beside this source.
#[tokio::test]
async fn only_pragmas_that_read_are_let_through() {
    let folder = shop(ORDERS).await;
    for read_only in [true, false] {
        let asked = open(&folder, json!({"read_only": read_only}));
        for sql in [
            "pragma hard_heap_limit = 1000",
            "explain pragma soft_heap_limit(1000)",
            "pragma temp_store_directory = '/'",
        ] {
            says(&asked.fails("execute", [text(sql)]).await, &["this pragma is refused; allowed are", "table_info"]);
        }
        // As a table they only tell, and take nothing.
        let set = asked.call("execute", [text("select * from pragma_hard_heap_limit(1000)")]).await;
        assert!(set.is_err(), "{set:?}");
        assert_eq!(asked.rows("select hard_heap_limit from pragma_hard_heap_limit").await, "[(0,)]");
        assert_eq!(asked.rows("pragma user_version").await, "[(0,)]");
        says(&asked.rows("pragma table_info(orders)").await, &["'total'"]);
    }
}

#[tokio::test]
async fn limits_hold_and_say_so() {
    let folder = shop(ORDERS).await;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select ";
    let few = open(&folder, json!({"max_rows": 2}));
    says(&few.fails("execute", [text("select * from orders")]).await, &["more than 2 rows", "'max_rows'"]);
    says(&few.fails("execute", [Value::Text(format!("{endless} i from n"))]).await, &["more than 2 rows"]);
    let long = Value::Text(format!("select '{}'", "x".repeat(256 << 10)));
    says(&few.refuses("execute", [long]).await, &["is 256 KiB long", "'params'"]);
    let brief = open(&folder, json!({"timeout": 0.3}));
    let began = Instant::now();
    says(
        &brief.fails("execute", [Value::Text(format!("{endless} count(*) from n"))]).await,
        &["stopped: its time was over"],
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let mut small = open(&folder, json!({}));
    small.answer_bytes = 1000;
    assert_eq!(small.call("execute", [text("select zeroblob(2000)")]).await, Err(SourceFault::TooLarge(1000)));
}

/// One step of SQLite's is not interrupted, however long it is; its place stays taken until it is over.
#[tokio::test]
async fn queries_that_cannot_be_stopped_do_not_pile_up() {
    let folder = shop(ORDERS).await;
    let asked = open(&folder, json!({"timeout": 1.0, "pool_size": 1}));
    let long = "select instr(hex(zeroblob(2000000)), hex(zeroblob(20000)) || '1')";
    says(&asked.fails("execute", [text(long)]).await, &["timed out after 1.0 s"]);
    says(
        &asked.fails("execute", [text("select 1")]).await,
        &["still busy with earlier queries, 1 of them ('pool_size')"],
    );
    eventually("the database can be asked", async || {
        asked.call("execute", [text("select 1")]).await.map(drop).map_err(|fault| fault.to_string())
    })
    .await;
    for _ in 0..20 {
        assert_eq!(asked.rows("select 1").await, "[(1,)]");
    }
}

#[tokio::test]
async fn faults_say_what_sqlite_says() {
    let folder = shop(ORDERS).await;
    let asked = open(&folder, json!({}));
    says(
        &asked.fails("execute", [text("select nmae from orders")]).await,
        &["no such column: nmae (1) (sqlite ", "; source 'src': execute('select nmae from orders')"],
    );
    says(&asked.fails("execute", [text("selct 1")]).await, &["SELCT is no reading"]);
    says(&asked.refuses("execute", [text(" -- nothing")]).await, &["the statement is empty"]);
    let none = source_in("database", json!({"connection_string": "sqlite:///none.db"}), folder.path());
    says(&none.fails("execute", [text("select 1")]).await, &["the file cannot be opened: No such file", "none.db)"]);
    assert!(!folder.path().join("none.db").exists());
    std::fs::write(
        folder.path().join("none.db"),
        "this is no database, but longer than a header of one would be, so that it is read".repeat(20),
    )
    .unwrap();
    says(&none.fails("execute", [text("select * from x")]).await, &["file is not a database"]);
    assert!(none.source.probe(Instant::now() + PATIENCE).await.is_err() || cfg!(not(unix)));
}

#[tokio::test]
async fn a_database_in_memory_keeps_what_it_has() {
    let asked = source("database", json!({"connection_string": "sqlite://", "read_only": false}));
    assert_eq!(asked.rows("create table t (a)").await, "[]");
    assert_eq!(asked.rows("insert into t values (7)").await, "[]");
    assert_eq!(asked.rows("select a from t").await, "[(7,)]");
}

#[tokio::test]
async fn a_locked_file_is_waited_for_within_the_time() {
    let folder = shop(ORDERS).await;
    let mut other = SqliteConnectOptions::new().filename(folder.path().join("shop.db")).connect().await.unwrap();
    sqlx::raw_sql("begin exclusive").execute(&mut other).await.unwrap();
    let asked = open(&folder, json!({"timeout": 0.5}));
    says(&asked.fails("execute", [text("select * from orders")]).await, &["locked"]);
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    assert_eq!(asked.rows("select count(*) from orders").await, "[(3,)]");
}
