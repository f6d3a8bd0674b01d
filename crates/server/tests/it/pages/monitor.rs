//! A monitor's page and what can be done on it.

use serde_json::json;

use super::browser::Browser;
use crate::api::server::Server;

async fn made(server: &Server, script: &str) {
    let body = json!({ "name": "<i>Queue</i>", "description": "Call & ask", "script": script, "schedule": "*/5 * * * *",
        "timezone": "Europe/Berlin", "tags": ["a b"] });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
}

#[tokio::test]
async fn the_page_says_how_it_stands_what_it_did_and_when_it_runs_next() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    made(&server, "print('looked')\nraise MonitorFailure('<u>full</u>')").await;
    let fresh = browser.page("/monitor/1").await;
    assert!(fresh.contains("has not run yet") && fresh.contains("No run in this time"), "{fresh}");
    let done = browser.submit("/monitor/1/run", &[]).await;
    assert_eq!((done.status, done.header("location")), (303, "/monitor/1"), "{}", done.text);
    let page = browser.page("/monitor/1").await;
    for expected in [
        "&#60;i&#62;Queue&#60;/i&#62;",
        "state state-alarm",
        "&#60;u&#62;full&#60;/u&#62;",
        "Call &#38; ask",
        "Every 5 minutes",
        "Europe/Berlin",
        "Wed 1 Jul 2026, 14:05 UTC+2",
        "by hand",
        "looked",
        "href=\"/?tag=a%20b\"",
        "<span class=\"py-k\">raise</span>",
        "ops",
        "OK, ALARM, ERROR",
    ] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    assert_eq!(browser.get("/monitor/2").await.status, 404);
    assert_eq!(browser.get("/monitor/x").await.status, 404);
}

#[tokio::test]
async fn pause_resume_and_delete() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    made(&server, "pass").await;
    browser.submit("/monitor/1/pause", &[]).await;
    assert!(browser.page("/monitor/1").await.contains("· paused"));
    browser.submit("/monitor/1/resume", &[]).await;
    assert!(!browser.page("/monitor/1").await.contains("· paused"));
    assert!(browser.page("/monitor/1/delete").await.contains("Type its name"));
    let wrong = browser.submit("/monitor/1/delete", &[("typed", "Queue")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("Nothing was deleted"), "{}", wrong.text);
    let right = browser.submit("/monitor/1/delete", &[("typed", "<i>Queue</i>")]).await;
    assert_eq!((right.status, right.header("location")), (303, "/?deleted=1"));
    assert_eq!(browser.get("/monitor/1").await.status, 404);
}

/// Whoever opens it on a phone sees first how it is, and not twenty tags.
#[tokio::test]
async fn the_state_comes_first_and_three_tags_are_shown() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let tags: Vec<String> = (10..30).map(|number| format!("tag{number}")).collect();
    let body = json!({ "name": "m", "script": "pass", "schedule": "0 0 1 1 *", "tags": tags });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let page = browser.page("/monitor/1").await;
    let parts =
        ["<h1", "id=\"stand\"", ">tag10</a>", ">tag12</a>", ">+17</summary>", ">tag13</a>", ">tag29</a>", "Run now"];
    let places: Vec<usize> = parts.map(|part| page.find(part).unwrap_or_else(|| panic!("{part} in {page}"))).into();
    assert!(places.is_sorted(), "{places:?} in {page}");
}
