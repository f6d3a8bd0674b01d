//! A server on a PostgreSQL whose schema is made to look newer, for the length of an upgrade. With executables of two versions
//! `proof::several_servers::upgrade` shows it, before each release.

use serde_json::{Value, json};

use super::Shell;
use crate::support::{Sql, database::schema_of_its_own};
use revere::store::PostgresAddress;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_when_a_newer_one_brought_the_schema_up_to_date_and_is_not_started_again() {
    let (shell, url) = (Shell::new(), schema_of_its_own().await);
    shell.write("config.py", &format!("DATABASE_URL = '{url}'\n"));
    let server = shell.serve(&[]);
    let monitor = json!({"name": "a", "schedule": "* * * * * *", "script": "return_value = 1"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    let last = |runs: &Value| runs["items"][0]["id"].as_i64();
    let before = server.wait_for("/api/v1/monitors/1/runs?limit=1", last).await;

    // As the steps of a newer version may: `store::schemas` says which.
    let mut sql = Sql::at(&PostgresAddress::read(&url, None).unwrap().into()).await;
    let tables = "select relname::text from pg_class where relnamespace = current_schema()::regnamespace
        and relkind in ('r', 'p') and not relispartition and relname <> 'meta'";
    for table in sql.texts(tables).await {
        sql.run(format!("alter table {table} add column newer bigint not null default 7")).await;
    }
    sql.run("create table newer (id bigint primary key)").await;
    sql.run("update meta set value = '9999' where key = 'schema'").await;

    let more = |runs: &Value| last(runs).filter(|last| *last > before + 1);
    server.wait_for("/api/v1/monitors/1/runs?limit=1", more).await;
    let other = json!({"name": "b", "schedule": "@yearly", "script": "1"});
    let (status, made) = server.post("/api/v1/monitors", &other).await;
    assert_eq!(status, 201);
    // Not the second of its table: what is begun anew, because a statement does not fit any more, takes another id.
    assert_eq!(server.post(&format!("/api/v1/monitors/{}/run", made["id"]), &json!({})).await.0, 200, "{made}");
    for page in ["/", "/monitor/1", "/monitor/1/edit", "/alerts", "/audit", "/server", "/mutes", "/on-call", "/healthz"]
    {
        assert_eq!(server.get(page).await.0, 200, "{page}");
    }

    let refused = shell.run("run -p 0");
    assert_ne!(refused.code, 0);
    assert!(
        refused.stderr.contains("has schema 9999") && refused.stderr.contains("use the newer Revere"),
        "{}",
        refused.stderr
    );
    server.stop();
}
