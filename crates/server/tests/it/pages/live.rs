//! The stream behind a page.

use std::cell::Cell;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::browser::Browser;
use crate::api::server::{Server, send};

/// Reads messages until one satisfies `wanted`.
async fn until(answer: reqwest::Response, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut stream = answer.bytes_stream();
    let mut buffer = String::new();
    let reading = async {
        loop {
            buffer.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
            while let Some((block, rest)) = buffer.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                let message = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
                buffer = rest.to_owned();
                if let Some(message) = message.filter(|message| wanted(message)) {
                    return message;
                }
            }
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, reading).await.unwrap()
}

#[tokio::test]
async fn a_run_reaches_the_list_and_the_monitors_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "raise MonitorFailure('<b>')", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let list = browser.request("GET", "/events?monitors=1,2").send().await.unwrap();
    assert_eq!(list.headers()["content-type"], "text/event-stream");
    let single = browser.request("GET", "/events?monitor=1").send().await.unwrap();
    server.send("POST", "/api/v1/monitors/1/run", &json!({})).await.json(200);
    let text = |message: &Value, part: &str| message["parts"][part].as_str().unwrap_or_default().to_owned();
    let row = until(list, |message| text(message, "m1").contains("state-alarm")).await;
    assert!(text(&row, "m1").starts_with("<tr id=\"m1\"") && !text(&row, "m1").contains("<b>"), "{row}");
    // One may have been looked at before the other was there: each part is sent when it is another than before.
    let (stand, runs) = (Cell::new(false), Cell::new(false));
    until(single, |message| {
        stand.set(stand.get() || text(message, "stand").contains("state-alarm"));
        runs.set(runs.get() || text(message, "runs").contains("by hand"));
        stand.get() && runs.get()
    })
    .await;
}

#[tokio::test]
async fn counts_are_sent_first_and_streams_end_when_the_server_stops() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let answer = browser.request("GET", "/events").send().await.unwrap();
    let counts = until(answer, |message| message["counts"].is_object()).await;
    assert_eq!(counts["counts"]["ALARM"], 0);
    let answer = browser.request("GET", "/events").send().await.unwrap();
    server.stopping.cancel();
    let ended = tokio::time::timeout(crate::support::PATIENCE, answer.text()).await.unwrap();
    ended.unwrap();
    let many: Vec<String> = (0..300).map(|id| id.to_string()).collect();
    assert_eq!(browser.get(&format!("/events?monitors={}", many.join(","))).await.status, 422);
}

/// At once, and not only when everything is sent anew, which is every twenty seconds.
#[tokio::test]
async fn an_edit_and_a_deletion_reach_the_list_and_the_monitors_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({ "name": "m", "script": "return_value = 1", "schedule": "@daily" });
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let list = browser.request("GET", "/events?monitors=1,2").send().await.unwrap();
    let single = browser.request("GET", "/events?monitor=1&version=1").send().await.unwrap();
    let text = |message: &Value, part: &str| message["parts"][part].as_str().unwrap_or_default().to_owned();
    let began = std::time::Instant::now();
    server.send("PATCH", "/api/v1/monitors/1", &json!({ "name": "renamed" })).await.json(200);
    until(list, |message| text(message, "m1").contains("renamed")).await;
    until(single, |message| text(message, "edited").contains("Somebody has edited this monitor.")).await;
    // Whoever has loaded it anew is told of nothing until it goes.
    let single = browser.request("GET", "/events?monitor=1&version=2").send().await.unwrap();
    assert_eq!(send(server.request("DELETE", "/api/v1/monitors/1")).await.status, 204);
    let news = until(single, |message| text(message, "edited").contains("Somebody")).await;
    assert!(text(&news, "edited").contains("Somebody has deleted this monitor."), "{news}");
    assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
}
