//! What people looked for who saw the pages for the first time, and did not find.

use serde_json::json;

use super::browser::Browser;
use crate::api::server::Server;

#[tokio::test]
async fn help_has_the_version_what_a_script_sees_and_where_to_read_on() {
    let server = Server::start().await;
    let page = Browser::of(&server).page("/sources").await;
    let help = page.split_once("<dialog id=\"help\"").unwrap().1.split_once("</dialog>").unwrap().0;
    let version = format!("Revere {}", env!("CARGO_PKG_VERSION"));
    for words in [
        version.as_str(),
        "<kbd>Esc</kbd>",
        "return_value",
        "MonitorFailure",
        "previous",
        "history(",
        "threshold",
        "import statistics",
        "href=\"/api/v1/openapi.json\"",
    ] {
        assert!(help.contains(words), "{words} in {help}");
    }
}

#[tokio::test]
async fn a_limit_that_is_not_chosen_says_what_it_is() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    assert!(browser.page("/create").await.contains("placeholder=\"30 s (default)\""));
    let body = json!({"name": "Queue", "script": "return_value = 1", "schedule": "@yearly"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("<dt>Time limit</dt><dd>30 s (default)</dd>"), "{page}");
}

#[tokio::test]
async fn a_monitor_that_runs_once_a_year_runs_when_it_is_made() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let fields = [
        ("name", "Queue"),
        ("script", "return_value = 7"),
        ("schedule", "@yearly"),
        ("timezone", "UTC"),
        ("active", "true"),
        ("alarm_after", "1"),
        ("recover_after", "1"),
        ("retain_days", "28"),
        ("do", "save"),
    ];
    let made = browser.submit("/create", &fields).await;
    assert_eq!((made.status, made.header("location")), (303, "/monitor/1"), "{}", made.text);
    let enough = |runs: &serde_json::Value| runs["items"].as_array().is_some_and(|items| items.len() == 1);
    let runs = server.eventually("/api/v1/monitors/1/runs", enough).await;
    assert_eq!((&runs["items"][0]["new_state"], &runs["items"][0]["return_value"]), (&json!("OK"), &json!(7)));
}

#[tokio::test]
async fn what_was_told_of_a_monitor_leads_to_the_log_and_not_to_the_top_of_the_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({"name": "Queue", "script": "raise MonitorFailure('full')", "schedule": "@yearly"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("href=\"/alerts?monitor=1#log-title\""), "{page}");
    assert!(browser.page("/alerts?monitor=1").await.contains("id=\"log-title\""));
}
