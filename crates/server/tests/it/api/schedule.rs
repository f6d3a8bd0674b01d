//! `/api/v1/schedule`.

use serde_json::json;

use super::server::Server;

#[tokio::test]
async fn the_next_five_ticks_are_shown_in_both_clocks() {
    let server = Server::start().await;
    let body = json!({"schedule": "0 9 * * MON-FRI", "timezone": "europe/berlin"});
    let answer = server.send("POST", "/api/v1/schedule", &body).await.json(200);
    assert_eq!(answer["timezone"], "Europe/Berlin");
    assert_eq!(
        answer["ticks"],
        json!([
            "2026-07-02T07:00:00Z",
            "2026-07-03T07:00:00Z",
            "2026-07-06T07:00:00Z",
            "2026-07-07T07:00:00Z",
            "2026-07-08T07:00:00Z"
        ])
    );
    assert_eq!(answer["local_ticks"][0], "2026-07-02T09:00:00+02:00");
    assert!(!answer["words"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_servers_zone_counts_where_none_is_named() {
    let server = Server::start().await;
    for body in [json!({"schedule": "@hourly"}), json!({"schedule": "@hourly", "timezone": null})] {
        let answer = server.send("POST", "/api/v1/schedule", &body).await.json(200);
        assert_eq!(answer["ticks"][0], "2026-07-01T13:00:00Z");
        assert_eq!(answer["timezone"], "UTC");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let server = Server::start().await;
    let body = json!({"schedule": "99 * * * *", "timezone": "Europe/Berlinn", "timezon": "UTC"});
    let faults = server.send("POST", "/api/v1/schedule", &body).await.faults();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert_eq!(faults[0], "timezon: unknown field 'timezon'; did you mean 'timezone'?");
    assert!(faults[1].starts_with("schedule: ") && faults[1].contains("99"), "{faults:?}");
    assert!(faults[2].starts_with("timezone: ") && faults[2].contains("Berlin"), "{faults:?}");

    let faults = server.send("POST", "/api/v1/schedule", &json!({"timezone": 7})).await.faults();
    assert_eq!(faults[0], "schedule: missing; expected crontab syntax, for instance \"*/5 * * * *\"");
    assert_eq!(faults[1], "timezone: expected a text, not the number 7");
}

#[tokio::test]
async fn a_schedule_that_never_comes_is_refused() {
    let server = Server::start().await;
    let faults = server.send("POST", "/api/v1/schedule", &json!({"schedule": "0 0 30 2 *"})).await.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[tokio::test]
async fn several_crontabs_tick_together_and_the_faulty_line_is_named() {
    let server = Server::start().await;
    let body = json!({"schedule": "0 13 * * *\n30 12-13 * * *\n0 13,14 * * *"});
    let answer = server.send("POST", "/api/v1/schedule", &body).await.json(200);
    assert_eq!(
        answer["ticks"].as_array().unwrap()[..4],
        expected_ticks().into_iter().map(serde_json::Value::from).collect::<Vec<_>>()
    );
    let faults = server.send("POST", "/api/v1/schedule", &json!({"schedule": "@daily\n* * * *"})).await.faults();
    assert!(faults[0].starts_with("schedule: line 2: "), "{faults:?}");
    // It runs at each, and what passed while it was down is counted once.
    let body = json!({"name": "m", "script": "pass", "schedule": "0 13 * * *\n30 12-13 * * *\n0 13,14 * * *"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    for tick in &expected_ticks() {
        server.clock.set(tick.parse().unwrap());
        server.advance(jiff::SignedDuration::from_millis(1));
        let newest = |runs: &serde_json::Value| runs["items"][0]["tick_at"] == tick.as_str();
        server.eventually("/api/v1/monitors/1/runs?limit=1", newest).await;
    }
    let runs = server.get("/api/v1/monitors/1/runs").await.json(200);
    assert_eq!(runs["items"].as_array().unwrap().iter().filter(|run| run["kind"] == "scheduled").count(), 4, "{runs}");
}

fn expected_ticks() -> Vec<String> {
    ["12:30", "13:00", "13:30", "14:00"].into_iter().map(|at| format!("2026-07-01T{at}:00Z")).collect()
}
