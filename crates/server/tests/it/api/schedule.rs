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
