//! Outages of sources, as programs and people see them: from a script that is failed by one to what is told.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::server::{Server, send};
use crate::pages::browser::Browser;

const ASKS: &str = "sources['echo'].say('well?')\nreturn_value = 1";
const IS_FAILED: &str = "sources['echo'].away('connection refused (http://echo:1)')";

async fn monitor(server: &Server, name: &str, script: &str) -> Value {
    let body = json!({ "name": name, "script": script, "schedule": "0 0 1 1 *" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201)
}

async fn runs(server: &Server, id: &Value) {
    server.advance(SignedDuration::from_secs(1));
    send(server.request("POST", &format!("/api/v1/monitors/{id}/run"))).await.json(200);
}

async fn gets(server: &Server, id: &Value, script: &str) {
    let change = json!({ "script": script });
    server.send("PATCH", &format!("/api/v1/monitors/{id}"), &change).await.json(200);
    runs(server, id).await;
}

#[tokio::test]
async fn a_source_that_is_down_is_told_once_and_its_monitors_are_shown_to_wait() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let made = monitor(&server, "Mail", ASKS).await;
    let (id, path) = (made["id"].clone(), format!("/api/v1/monitors/{}", made["id"]));
    assert_eq!((&made["state_in_outage"], &made["told_in_outage"]), (&json!("error"), &json!(false)));
    runs(&server, &id).await;
    gets(&server, &id, IS_FAILED).await;
    let now = server.get(&path).await.json(200);
    assert_eq!((&now["state"], &now["waits_for"]["source"]), (&json!("ERROR"), &json!("echo")));
    assert_eq!(now["waits_for"]["held"], true);
    let listed = server.get("/api/v1/monitors").await.json(200);
    assert_eq!(listed["items"][0]["waits_for"]["source"], "echo");

    let who = server.get(&format!("{path}/who?state=ERROR")).await.json(200);
    assert!(who["alerts"].to_string().contains("waits_for_source"), "{who}");
    let who = server.get(&format!("{path}/who?state=ALARM")).await.json(200);
    assert!(!who["alerts"].to_string().contains("waits_for_source"), "{who}");
    let not_told = server.get("/api/v1/not-told").await.json(200);
    assert_eq!(not_told["items"][0]["reason"], "waits_for_source");

    let source = server.get("/api/v1/sources").await.json(200)["items"][0].clone();
    assert_eq!((&source["outage"]["reason"], &source["outage"]["waiting"]), (&json!("connection refused"), &json!(1)));
    let page = browser.page("/sources").await;
    assert!(page.contains("Waiting for it:") && page.contains(">Mail</a>"), "{page}");
    let page = browser.page(&format!("/monitor/{id}")).await;
    assert!(page.contains("waiting for <a class=\"foreign\" href=\"/sources\">echo</a>"), "{page}");
    assert!(browser.page("/").await.contains("waiting for echo"));

    server.advance(SignedDuration::from_secs(60));
    let log = server.eventually("/api/v1/deliveries", |log| !log["items"].as_array().unwrap().is_empty()).await;
    let words = log.to_string();
    assert!(words.contains("source echo is down: connection refused; 1 monitor waits for it"), "{words}");
    let stands_for = log["items"][0]["monitor_id"].clone();
    assert_ne!(stands_for, id);
    // What stands for the source is in no list, and what the log links to leads to the sources.
    assert_eq!(server.get("/api/v1/monitors").await.json(200)["items"].as_array().unwrap().len(), 1);
    server.get(&format!("/api/v1/monitors/{stands_for}")).await.problem(404);
    // Nor can anything be done to it as if it were one.
    let here = format!("/api/v1/monitors/{stands_for}");
    let restored = format!("{here}/versions/1/restore");
    let undeleted = format!("/api/v1/deleted-monitors/{stands_for}/undelete");
    for (method, path) in [
        ("PATCH", here.clone()),
        ("DELETE", here.clone()),
        ("POST", format!("{here}/run")),
        ("POST", format!("{here}/acknowledgement")),
        ("GET", format!("{here}/versions")),
        ("POST", restored),
        ("POST", undeleted),
    ] {
        let answer = server.send(method, &path, &json!({})).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    let mute = json!({ "monitor_ids": [stands_for], "duration_s": 3600 });
    server.send("POST", "/api/v1/mutes", &mute).await.problem(422);
    let counts = server.get("/metrics").await.text;
    assert!(!counts.contains("Source echo"), "{counts}");
    let page = server.get(&format!("/monitor/{stands_for}")).await;
    assert!(page.status == 200 && page.text.contains("<h1>Sources</h1>"), "{}", page.text);

    gets(&server, &id, ASKS).await;
    server.advance(SignedDuration::from_secs(1));
    let log =
        server.eventually("/api/v1/deliveries", |log| log.to_string().contains("source echo is back after")).await;
    assert!(!log.to_string().contains("Monitor Passed"), "{log}");
    let now = server.get(&path).await.json(200);
    assert_eq!((&now["state"], &now["waits_for"]), (&json!("OK"), &Value::Null));
    assert_eq!(server.get("/api/v1/sources").await.json(200)["items"][0]["outage"], Value::Null);
}

#[tokio::test]
async fn a_source_that_says_what_is_wrong_is_not_down() {
    let server = Server::start().await;
    let made = monitor(&server, "Mail", ASKS).await;
    runs(&server, &made["id"]).await;
    gets(&server, &made["id"], "sources['echo'].fail('no such table')").await;
    let now = server.get(&format!("/api/v1/monitors/{}", made["id"])).await.json(200);
    assert_eq!((&now["state"], &now["waits_for"]), (&json!("ERROR"), &Value::Null));
    // One that it did not reach in the end, but did before, is as well.
    let script = format!("{ASKS}\n{IS_FAILED}");
    gets(&server, &made["id"], &script).await;
    let now = server.get(&format!("/api/v1/monitors/{}", made["id"])).await.json(200);
    assert_eq!(now["waits_for"], Value::Null);
    let refused = json!({ "state_in_outage": "alarm" });
    let problem = server.send("PATCH", &format!("/api/v1/monitors/{}", made["id"]), &refused).await.problem(422);
    assert!(problem.to_string().contains("these are error, keep and ok"), "{problem}");
}
