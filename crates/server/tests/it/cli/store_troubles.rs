//! A database of which a server has only a part: what the log and `/healthz` say of it.

use revere::store::PostgresAddress;
use serde_json::{Value, json};

use super::Shell;
use crate::support::{PostgresServer, Sql, eventually, until};

/// What is recorded is written meanwhile, by a connection that is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_for_claims_that_cannot_be_had_is_in_the_log_once_and_so_is_its_end() {
    let database = PostgresServer::start(&[]).await;
    let mut admin = Sql::at(&PostgresAddress::read(&database.url(), None).unwrap().into()).await;
    admin.run("create role keeper login").await;
    admin.run("create database kept owner keeper").await;
    let url = database.url().replace("revere@", "keeper@").replace("/postgres?", "/kept?");
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_URL = '{url}'\n"));
    let server = shell.serve(&[]);
    // The one for claims is made for the first claim.
    admin.run("alter role keeper connection limit 0").await;
    let make = async |name: &str| {
        let monitor = json!({"name": name, "script": "return_value = 1", "schedule": "* * * * * *"});
        let (status, made) = server.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{made:#}");
    };
    make("a").await;
    let said = server.stderr.wait_for("the store cannot be written");
    assert!(said.contains("part=\"claims\"") && said.contains("has no connection free"), "{said}");

    let failures = async || {
        let (_, page) = server.get("/metrics").await;
        let count = page.lines().find_map(|line| line.strip_prefix("revere_store_errors_total{kind=\"other\"} "));
        count.unwrap_or("0").parse::<u64>().unwrap()
    };
    for name in ["b", "c", "d"] {
        make(name).await;
        let before = failures().await;
        until("it is tried once more", async || failures().await > before).await;
    }
    let look = async || {
        let (status, text) = server.get("/healthz").await;
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let health = eventually("what cannot be done is named", async || {
        let (status, health) = look().await;
        let named = health["scheduler"].as_str().is_some_and(|said| said.contains("evaluate: cannot do its work"));
        if status == 503 && named { Ok(health) } else { Err(format!("{health:#}")) }
    })
    .await;
    assert!(health["scheduler"].as_str().unwrap().contains("has no connection free"), "{health:#}");
    assert!(health["store"].as_str().unwrap().starts_with("claims cannot be written since "), "{health:#}");

    admin.run("alter role keeper connection limit -1").await;
    let said = server.stderr.wait_for("the store can be written again");
    assert!(said.contains("part=\"claims\""), "{said}");
    server.wait_for("/api/v1/monitors/1", |monitor| (monitor["state"] == "OK").then_some(())).await;
    until("all is well", async || look().await.0 == 200).await;
    let log = server.stop();
    for words in ["the store cannot be written", "the store can be written again"] {
        assert_eq!(log.matches(words).count(), 1, "{words}: {log}");
    }
}
