//! Which alerts are for which monitors: chosen by the monitor, by tag and by severity; and who would be told.

use revere_model::Clock as _;
use serde_json::{Value, json};

use super::{Monitor, heard, without_the_broken_one};
use crate::{api::server::Server, pages::browser::Browser};

async fn set_ops(server: &Server, body: Value) {
    server.send("PUT", "/api/v1/alerts/ops", &body).await.json(200);
}

/// What `ops` would do, and why.
async fn would(monitor: &Monitor<'_>, query: &str) -> (bool, String) {
    let answer = monitor.server.get(&format!("{}/who{query}", monitor.path)).await.json(200);
    let ops = answer["alerts"].as_array().unwrap().iter().find(|one| one["alert"] == "ops").unwrap().clone();
    (ops["told"].as_bool().unwrap(), ops["verdict"].as_str().unwrap().to_owned())
}

fn no(reason: &str) -> (bool, String) {
    (false, reason.to_owned())
}

fn yes() -> (bool, String) {
    (true, "told".to_owned())
}

#[tokio::test]
async fn a_monitor_is_told_by_the_alerts_it_chose_and_what_was_told_gets_its_end() {
    let server = Server::start().await;
    without_the_broken_one(&server).await;
    let disk = Monitor::create(&server, json!({})).await;
    disk.passes().await;
    assert_eq!(would(&disk, "").await, yes());
    disk.change(json!({"alerts": ["off"]})).await;
    assert_eq!(would(&disk, "").await, no("not_chosen"));
    disk.fails("critical").await;
    disk.passes().await;
    disk.change(json!({"alerts": null})).await;
    disk.fails("critical").await;
    assert_eq!(heard(&server, 1).await, ["[Revere Alarm] ALARM Disk"], "the first was not for it, nor its end");
    disk.change(json!({"alerts": ["off"]})).await;
    assert_eq!(would(&disk, "?state=OK").await, yes(), "it told the problem");
    assert_eq!(would(&disk, "?state=ERROR").await, no("not_chosen"));
    disk.does("1 / 0").await;
    disk.passes().await;
    assert_eq!(heard(&server, 2).await[1], "[Revere Alarm] OK Disk");
    disk.fails("critical").await;
    disk.passes().await;
    heard(&server, 2).await;

    let silent = server.get("/api/v1/not-told?monitor=1").await.json(200);
    let first = &silent["items"].as_array().unwrap().iter().find(|one| one["reason"] == "not_chosen").unwrap();
    assert!(first["alerts"].as_array().unwrap().contains(&json!("ops")), "{first}");
}

#[tokio::test]
async fn what_is_chosen_must_be_there() {
    let server = Server::start().await;
    let body = |alerts: Value| json!({"name": "a", "script": "pass", "schedule": "@daily", "alerts": alerts});
    let faults = async |alerts: Value| server.send("POST", "/api/v1/monitors", &body(alerts)).await.faults();
    assert_eq!(faults(json!(["opps"])).await, ["alerts[0]: unknown alert 'opps'; did you mean 'ops'?"]);
    assert_eq!(faults(json!(["ops", "ops"])).await, ["alerts: the alert \"ops\" is there twice: take one out"]);
    assert!(faults(json!([])).await[0].contains("nobody would be notified"));
    let disk = Monitor::create(&server, json!({"alerts": ["ops", "off"]})).await;
    // One that left the configuration may stay chosen.
    server.store.sync_alerts(&[], server.clock.now()).await.unwrap();
    assert_eq!(disk.change(json!({"name": "b"})).await["alerts"], json!(["ops", "off"]));
    let page = Browser::of(&server).page("/monitor/1").await;
    assert!(page.contains("not in the configuration"), "{page}");
}

#[tokio::test]
async fn an_alert_is_for_tags_and_severities() {
    let server = Server::start().await;
    without_the_broken_one(&server).await;
    let disk = Monitor::create(&server, json!({"tags": ["Web"]})).await;
    disk.passes().await;
    set_ops(&server, json!({"tags": ["mail", "web"], "severities": ["critical"]})).await;
    assert_eq!(would(&disk, "").await, yes(), "upper and lower case are the same");
    assert_eq!(would(&disk, "?severity=warning").await, no("other_severity"));
    disk.fails("warning").await;
    disk.passes().await;
    disk.fails("warning").await;
    disk.fails("critical").await;
    assert_eq!(heard(&server, 1).await, ["[Revere Alarm] ALARM (critical) Disk"]);
    set_ops(&server, json!({"tags": ["mail"]})).await;
    assert_eq!(would(&disk, "?state=ERROR").await, no("other_tags"));
    disk.passes().await;
    assert_eq!(heard(&server, 2).await[1], "[Revere Alarm] OK Disk", "what was told gets its end");
    let faults =
        server.send("PUT", "/api/v1/alerts/ops", &json!({"tags": ["a", "A"], "severities": ["fatal"]})).await.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(server.get("/api/v1/monitors/1/who?state=BAD").await.faults()[0].contains("OK, ALARM, ERROR or INACTIVE"));
    server.get("/api/v1/monitors/9/who").await.problem(404);
}

#[tokio::test]
async fn routing_is_chosen_and_asked_about_on_the_pages() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let saved = browser
        .submit(
            "/alert/ops/edit",
            &[
                ("states", "ALARM"),
                ("states", "OK"),
                ("severities", "critical"),
                ("tags", "mail, web"),
                ("enabled", "true"),
            ],
        )
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let ops = server.get("/api/v1/alerts/ops").await.json(200);
    assert_eq!((&ops["severities"], &ops["tags"]), (&json!(["critical"]), &json!(["mail", "web"])));
    let page = browser.page("/alerts").await;
    assert!(page.contains("value=\"mail, web\""), "{page}");
    let wrong = browser.submit("/alert/ops/edit", &[("states", "ALARM"), ("tags", "a, A"), ("enabled", "true")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("value=\"a, A\"") && wrong.text.contains("is there twice"), "{}", wrong.text);

    let form = [
        ("name", "Disk"),
        ("script", "pass"),
        ("schedule", "@daily"),
        ("tags", "mail"),
        ("timezone", "UTC"),
        ("alarm_after", "1"),
        ("recover_after", "1"),
        ("do", "save"),
    ];
    let chosen: Vec<(&str, &str)> = form.into_iter().chain([("alerts", "ops"), ("alerts", "off")]).collect();
    assert_eq!(browser.submit("/create", &chosen).await.status, 303);
    assert_eq!(server.get("/api/v1/monitors/1").await.json(200)["alerts"], json!(["ops", "off"]));
    let edit = browser.page("/monitor/1/edit").await;
    assert!(edit.contains("name=\"alerts\" value=\"ops\" checked") && edit.contains("value=\"broken\">"), "{edit}");
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("critical problems only") && page.contains("/monitor/1/who"), "{page}");
    assert!(!page.contains("/alert/broken/edit"), "it is not for this one: {page}");
    let who = browser.page("/monitor/1/who?state=ALARM&severity=warning").await;
    assert!(who.contains("the alert is for problems of another severity"), "{who}");
    assert!(who.contains("other alerts are chosen for the monitor"), "{who}");
    assert!(browser.page("/monitor/1/who").await.contains("✓ yes"));
}

/// A monitor whose tags cannot be read may be anybody's: rather too many hear of it than nobody.
#[tokio::test]
async fn where_tags_cannot_be_read_whoever_is_for_some_tags_is_told() {
    let server = Server::start().await;
    without_the_broken_one(&server).await;
    let disk = Monitor::create(&server, json!({"tags": ["storage"]})).await;
    disk.passes().await;
    set_ops(&server, json!({"tags": ["storage"]})).await;
    server.send("POST", "/api/v1/mutes", &json!({"tag": "storage", "duration_s": 3600})).await.json(201);
    disk.change(json!({"script": "raise MonitorFailure('full')"})).await;
    let mut sql = crate::support::Sql::of(&server.store).await;
    sql.run("update monitors set tags = '[\"storage'").await;
    let run = server.send("POST", &format!("{}/run", disk.path), &json!({})).await.json(200);
    assert_eq!(run["outcome"], "ALARM", "{run}");
    assert_eq!(heard(&server, 1).await, ["[Revere Alarm] ALARM Disk"]);
}
