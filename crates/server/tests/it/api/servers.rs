//! `/api/v1/server` and `/server`: the servers that share a database, and the database.

use serde_json::json;

use super::server::Server;
use crate::{pages::browser::Browser, support::on_postgresql};

#[tokio::test]
async fn a_server_says_what_it_does_and_how_its_database_is() {
    let server = Server::start().await;
    for (name, days) in [("a", json!(30)), ("b", json!(30)), ("c", json!(null))] {
        let body = json!({"name": name, "script": "return_value = 1", "schedule": "@daily", "retain_days": days});
        server.send("POST", "/api/v1/monitors", &body).await.json(201);
    }
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let said = server.get("/api/v1/server").await.json(200);
    let servers = said["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 1, "{said:#}");
    let this = &servers[0];
    assert_eq!((&this["this"], &this["silent"], &this["runs_per_minute"]), (&json!(true), &json!(false), &json!(1)));
    assert_eq!((&this["claimed_runs"], &this["claimed_deliveries"]), (&json!(0), &json!(0)), "{said:#}");
    assert_eq!(this["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        said["history"],
        json!([{"retain_days": 30, "monitors": 2}, {"retain_days": null, "monitors": 1}]),
        "{said:#}"
    );
    let database = &said["database"];
    assert!(database["size_bytes"].as_u64().unwrap() > 0 && database["schema"].as_i64().unwrap() > 20, "{said:#}");
    let engine = if on_postgresql() { "PostgreSQL" } else { "SQLite" };
    assert_eq!(database["engine"], engine);
    assert_eq!(database["oldest_transaction_s"].is_null(), !on_postgresql(), "{said:#}");
    assert_eq!(said["heartbeat"], json!(null), "none is configured");
    server.get("/api/v1/server?x=1").await.problem(422);

    let browser = Browser::of(&server);
    let page = browser.page("/server").await;
    for part in [
        "● running",
        "this one",
        engine,
        "● writable",
        "<dt>30 days</dt><dd>2 monitors</dd>",
        "<dt>For ever</dt><dd>1 monitor</dd>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(browser.page("/").await.contains("href=\"/server\""), "help leads there");
}
