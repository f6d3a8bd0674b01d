//! Databases that only SQLAlchemy knows, by a Python that has it. The dialect under test is SQLite's under another name,
//! registered as any third-party dialect is.

use serde_json::json;
use tempfile::TempDir;

use super::{services::service, *};

fn foreign(folder: &TempDir, python: &str, more: serde_json::Value) -> Asked {
    let package = folder.path().join("revere_test_dialect-1.0.dist-info");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("METADATA"), "Metadata-Version: 2.1\nName: revere-test-dialect\nVersion: 1.0\n")
        .unwrap();
    let entry = "[sqlalchemy.dialects]\nshelf = sqlalchemy.dialects.sqlite.pysqlite:SQLiteDialect_pysqlite\n";
    std::fs::write(package.join("entry_points.txt"), entry).unwrap();
    let file = folder.path().join("shelf.db");
    let mut config = json!({"connection_string": format!("shelf:///{}", file.display()), "python": python});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    source_in("database", config, folder.path())
}

#[tokio::test]
async fn any_dialect_of_sqlalchemy_is_asked_by_its_python() {
    let folder = tempfile::tempdir().unwrap();
    let python = service("REVERE_TEST_PYTHON");
    let writing = foreign(&folder, &python, json!({"read_only": false}));
    assert_eq!(writing.rows("create table t (id integer, name text)").await, "[]");
    assert_eq!(writing.rows("insert into t values (1, 'tea'), (2, '50% off')").await, "[]");
    let asked = foreign(&folder, &python, json!({"max_rows": 2}));
    assert_eq!(asked.rows("select id, name from t order by id").await, "[(1, 'tea'), (2, '50% off')]");
    let named = asked
        .call("execute", [text("select name from t where id = :id"), dict([("id", Value::Int(2))])])
        .await
        .unwrap();
    assert_eq!(named.repr(100), "[('50% off',)]");
    let placed = asked.call_with(
        "execute",
        [text("select id from t where name = ?"), list([text("tea")])],
        [("as_dict", Value::Bool(true))],
    );
    assert_eq!(placed.await.unwrap().repr(100), "[{'id': 1}]");
    says(&asked.fails("execute", [text("select 1 union select 2 union select 3")]).await, &["more than 2 rows"]);
    says(
        &asked.fails("execute", [text("select nmae from t")]).await,
        &["no such column: nmae", " (shelf); source 'src': execute('select nmae from t')"],
    );
    for sql in
        ["delete from t", "with x as (select 1) delete from t", "explain delete from t", "/* */ update t set id = 3"]
    {
        says(&asked.fails("execute", [text(sql)]).await, &["this source only reads", "'read_only': False"]);
    }
    says(&asked.refuses("execute", [text("select 1; delete from t")]).await, &["one statement per call"]);
    says(&asked.fails("execute", [text("select '\\\\'' ; delete from t -- '")]).await, &["a backslash before a quote"]);
    assert_eq!(asked.rows("select count(*) from t").await, "[(2,)]");
    assert_eq!(asked.source.probe(Instant::now() + PATIENCE).await, Ok(()));
}

#[tokio::test]
async fn nothing_of_one_call_is_there_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let writing = foreign(&folder, &service("REVERE_TEST_PYTHON"), json!({"read_only": false}));
    assert_eq!(writing.rows("create temp table left_over (a integer)").await, "[]");
    assert_eq!(writing.rows("select count(*) from sqlite_temp_master").await, "[(0,)]");
}

#[tokio::test]
async fn a_python_without_sqlalchemy_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let bare =
        foreign(&folder, "/usr/bin/python3", json!({"connection_string": "mssql+pyodbc://user:s3cret-pass@host/db"}));
    let fault = bare.fails("execute", [text("select 1")]).await;
    says(&fault, &[" (mssql+pyodbc); source ", "this database needs SQLAlchemy and its driver", "'python'"]);
    assert!(!fault.contains("s3cret"), "{fault}");
}
