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
async fn an_outage_is_acknowledged_at_its_source_and_that_is_taken_back() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let path = "/api/v1/sources/echo/acknowledgement";
    server.get("/api/v1/sources/none/acknowledgement").await.problem(404);
    server.send("POST", "/api/v1/sources/none/acknowledgement", &json!({})).await.problem(404);
    let refused = server.send("POST", path, &json!({})).await.problem(409);
    assert!(refused.to_string().contains("nobody was notified that the source"), "{refused}");
    assert_eq!(server.send("DELETE", path, &json!(null)).await.status, 204);

    let made = monitor(&server, "Mail", ASKS).await;
    runs(&server, &made["id"]).await;
    gets(&server, &made["id"], IS_FAILED).await;
    let outage = async || server.get("/api/v1/sources").await.json(200)["items"][0]["outage"].clone();
    assert_eq!((&outage().await["told"], &outage().await["acknowledgement"]), (&json!(false), &Value::Null));
    let page = browser.page("/sources").await;
    assert!(!page.contains("action=\"/sources/acknowledge\""), "nobody was told of it yet: {page}");
    server.send("POST", path, &json!({})).await.problem(409);

    server.advance(SignedDuration::from_secs(60));
    let told = |log: &Value| log.to_string().contains("source echo is down");
    server.eventually("/api/v1/deliveries", told).await;
    assert_eq!(outage().await["told"], true);
    assert_eq!(server.get(path).await.status, 204);
    let page = browser.page("/sources").await;
    assert!(page.contains("action=\"/sources/acknowledge\"") && page.contains(">Acknowledge</button>"), "{page}");
    let wrong = server.send("POST", path, &json!({ "note": "a\nb" })).await.problem(422);
    assert!(wrong.to_string().contains("note"), "{wrong}");
    let first = server.send("POST", path, &json!({ "note": "calling <b>them" })).await.json(201);
    assert_eq!((&first["note"], &first["alert"]), (&json!("calling <b>them"), &Value::Null));
    assert_eq!(server.send("POST", path, &json!({ "note": "me, too" })).await.json(200), first, "who said so first");
    assert_eq!((server.get(path).await.json(200), outage().await["acknowledgement"].clone()), (first.clone(), first));
    let audit = server.get("/api/v1/audit?act=acknowledged").await.json(200);
    let row = &audit["items"][0];
    assert_eq!((&row["target"]["name"], &row["details"]["note"]), (&json!("Source echo"), &json!("calling <b>them")));
    let page = browser.page("/sources").await;
    assert!(page.contains("<b>Acknowledged</b>") && page.contains("calling &#60;b&#62;them"), "{page}");
    assert!(!page.contains("action=\"/sources/acknowledge\""), "{page}");

    let answer = browser.submit("/sources/take-back", &[("source", "echo")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sources"));
    assert_eq!(server.get(path).await.status, 204);
    let audit = server.get("/api/v1/audit?act=acknowledgement_taken_back").await.json(200);
    assert_eq!(audit["items"][0]["target"]["name"], "Source echo");
    let answer = browser.submit("/sources/acknowledge", &[("source", "echo"), ("note", "from the page")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/sources"));
    assert_eq!(server.get(path).await.json(200)["note"], "from the page");
    assert_eq!(server.send("DELETE", path, &json!(null)).await.status, 204);
    assert_eq!(server.get(path).await.status, 204);

    gets(&server, &made["id"], ASKS).await;
    server.eventually("/api/v1/deliveries", |log| log.to_string().contains("source echo is back after")).await;
    server.send("POST", path, &json!({})).await.problem(409);
}

/// Whatever was asked after it.
#[tokio::test]
async fn the_call_that_ended_the_run_decides() {
    let server = Server::start().await;
    let trying = |then: &str| format!("try:\n    {IS_FAILED}\nexcept SourceError as error:\n    {then}\n");
    let other = "try:\n    sources['echo'].fail('no such table')\nexcept SourceError:\n    pass\n";
    for (number, (script, waits)) in [
        (trying("raise ValueError('no data') from error"), true),
        (trying("first = error") + other + "raise first", true),
        (trying("pass") + "1 / 0", false),
        (trying("pass") + "sources['echo'].fail('no such table')", false),
    ]
    .into_iter()
    .enumerate()
    {
        let made = monitor(&server, &format!("m{number}"), "return_value = 1").await;
        runs(&server, &made["id"]).await;
        gets(&server, &made["id"], &script).await;
        let now = server.get(&format!("/api/v1/monitors/{}", made["id"])).await.json(200);
        assert_eq!((&now["state"], now["waits_for"].is_object()), (&json!("ERROR"), waits), "{script}: {now}");
    }
}

/// It is due again next year; its source is back.
#[tokio::test]
async fn one_that_waited_runs_at_once_when_the_source_is_back() {
    let server = Server::start().await;
    let (waits, asks) = (monitor(&server, "Waits", ASKS).await, monitor(&server, "Asks", ASKS).await);
    let id = waits["id"].clone();
    for script in [ASKS, IS_FAILED] {
        gets(&server, &id, script).await;
    }
    // What is wrong was the source's: as it is now, it would pass.
    server.send("PATCH", &format!("/api/v1/monitors/{id}"), &json!({ "script": ASKS })).await.json(200);
    let now = server.get(&format!("/api/v1/monitors/{id}")).await.json(200);
    assert_eq!((&now["state"], &now["waits_for"]["source"]), (&json!("ERROR"), &json!("echo")));
    // It is known to be down; the end is noticed with the run that shows it, and not with the next look at everything.
    server.advance(SignedDuration::from_secs(11));
    server.at_rest().await;
    runs(&server, &asks["id"]).await;
    let path = format!("/api/v1/monitors/{id}");
    let now = server.eventually(&path, |now| now["state"] == "OK").await;
    assert_eq!(now["waits_for"], Value::Null);
    let last = server.get(&format!("{path}/runs")).await.json(200)["items"][0].clone();
    assert_eq!(last["kind"], "catch_up", "{last}");
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
