//! `/api/v1/events`: what happens, as it happens.

use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};

use super::server::{Server, send};

/// Reads the next event of the stream, skipping what only keeps it alive.
async fn next(
    stream: &mut (impl Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin),
    buffer: &mut String,
) -> Option<(String, Value)> {
    let reading = async {
        loop {
            if let Some((block, rest)) = buffer.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let read = field("event:").zip(field("data:")).map(|(event, data)| (event.to_owned(), data.to_owned()));
                *buffer = rest.to_owned();
                match read {
                    Some((event, data)) => return Some((event, serde_json::from_str(&data).unwrap())),
                    None => continue,
                }
            }
            match stream.next().await {
                Some(chunk) => buffer.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap()),
                None => return None,
            }
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, reading).await.unwrap()
}

#[tokio::test]
async fn a_watcher_sees_runs_and_deliveries_and_the_end() {
    let server = Server::start().await;
    let answer = server.request("GET", "/api/v1/events").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let (mut stream, mut buffer) = (answer.bytes_stream(), String::new());
    let (event, data) = next(&mut stream, &mut buffer).await.unwrap();
    assert_eq!((event.as_str(), &data["at"]), ("hello", &json!("2026-07-01T12:00:30Z")));

    let body = json!({"name": "m", "script": "raise MonitorFailure('x')", "schedule": "@hourly"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let run = send(server.request("POST", &format!("/api/v1/monitors/{}/run", made["id"]))).await.json(200);
    let mut seen = Vec::new();
    while !seen.contains(&"delivery".to_owned()) {
        let (event, data) = next(&mut stream, &mut buffer).await.unwrap();
        assert_eq!(data["monitor_id"], made["id"], "{event} {data}");
        if event == "run" {
            assert_eq!((&data["id"], &data["new_state"]), (&run["id"], &json!("ALARM")));
            assert!(data["flip_id"].is_i64(), "{data}");
        }
        seen.push(event);
    }
    assert!(seen.contains(&"run".to_owned()), "{seen:?}");
    assert!(server.get("/metrics").await.text.contains("revere_events_listeners 1"));

    server.stopping.cancel();
    while next(&mut stream, &mut buffer).await.is_some() {}
}

#[tokio::test]
async fn a_watcher_of_one_monitor_hears_of_no_other() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let body = json!({"name": name, "script": "return_value = 1", "schedule": "@hourly"});
        ids.push(server.send("POST", "/api/v1/monitors", &body).await.json(201)["id"].clone());
    }
    let answer = server.request("GET", &format!("/api/v1/events?monitor={}", ids[1])).send().await.unwrap();
    let (mut stream, mut buffer) = (answer.bytes_stream(), String::new());
    assert_eq!(next(&mut stream, &mut buffer).await.unwrap().0, "hello");
    for id in &ids {
        send(server.request("POST", &format!("/api/v1/monitors/{id}/run"))).await.json(200);
    }
    let (event, data) = next(&mut stream, &mut buffer).await.unwrap();
    assert_eq!((event.as_str(), &data["monitor_id"]), ("run", &ids[1]));
    server.get("/api/v1/events?monitor=x").await.problem(422);
}
