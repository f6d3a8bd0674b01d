//! `/api/v1/mutes`: what is held back for a time.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::server::Server;

async fn monitor(server: &Server, name: &str, tags: &[&str]) -> i64 {
    let body = json!({ "name": name, "script": "sources['echo'].say('x')", "schedule": "0 0 1 1 *", "tags": tags });
    server.send("POST", "/api/v1/monitors", &body).await.json(201)["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_mute_is_added_seen_and_ended() {
    let server = Server::start().await;
    // So that nobody tells anything in its place.
    server.send("PUT", "/api/v1/alerts/broken", &json!({"enabled": false})).await.json(200);
    let id = monitor(&server, "Mail", &["mail"]).await;
    let body = json!({ "monitor_ids": [id], "duration_s": 7200, "reason": "new disks" });
    let answer = server.send("POST", "/api/v1/mutes", &body).await;
    let added = answer.json(201);
    assert_eq!(answer.header("location"), "/api/v1/mutes/1");
    let expected = json!({
        "id": 1, "monitor_ids": [id], "tag": null, "alert": null, "severity": null,
        "starts_at": "2026-07-01T12:00:30Z", "ends_at": "2026-07-01T14:00:30Z",
        "schedule": null, "timezone": null, "duration_s": null, "reason": "new disks",
        "in_force": true, "in_force_until": "2026-07-01T14:00:30Z", "next_start_at": null, "over": false,
        "created_at": "2026-07-01T12:00:30Z", "owner": { "kind": "everybody", "id": null, "name": null },
        "ended_at": null, "ended_by": null, "held_back": 0, "last_held_at": null, "unused_since": null,
    });
    assert_eq!(added, expected);
    assert_eq!(server.get("/api/v1/mutes/1").await.json(200), expected);

    server.record_runs(id, 2, |number| number == 1).await;
    server.at_rest().await;
    assert!(server.mailbox.all().is_empty(), "it is muted");
    let held = server.get("/api/v1/mutes/1/held-back").await.json(200);
    assert_eq!(
        (&held["items"][0]["monitor_name"], &held["items"][0]["new_state"], &held["items"][0]["message"]),
        (&json!("Mail"), &json!("ALARM"), &json!("run 1"))
    );
    assert!(held["items"][0]["alerts"].as_array().unwrap().contains(&json!("ops")), "{held}");
    assert_eq!((held["items"].as_array().unwrap().len(), &held["next"]), (1, &Value::Null));

    let ended = server.send("POST", "/api/v1/mutes/1/end", &json!({})).await.json(200);
    assert_eq!(
        (&ended["over"], &ended["in_force"], &ended["ended_by"]["kind"]),
        (&json!(true), &json!(false), &json!("everybody"))
    );
    let again = server.send("POST", "/api/v1/mutes/1/end", &json!({})).await.json(200);
    assert_eq!(again["ended_at"], ended["ended_at"]);
    server
        .eventually("/api/v1/deliveries?alert=ops&status=delivered", |page| {
            page["items"].as_array().unwrap().len() == 1
        })
        .await;
    assert_eq!(server.mailbox.all().len(), 1, "what outlives it is told at its end");

    server.send("POST", "/api/v1/mutes", &json!({ "tag": "MAIL", "duration_s": 60 })).await.json(201);
    let tags: Vec<Value> = server.get("/api/v1/mutes?over=false").await.json(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mute| mute["tag"].clone())
        .collect();
    assert_eq!(tags, [json!("mail")], "as its monitors have it");
    assert_eq!(server.walk("/api/v1/mutes", "before", 1).await, [2, 1]);
    assert_eq!(server.get("/api/v1/mutes?over=true").await.json(200)["items"][0]["id"], 1);
    server.get("/api/v1/mutes/77").await.problem(404);
    server.send("POST", "/api/v1/mutes/77/end", &json!({})).await.problem(404);
}

#[tokio::test]
async fn one_that_recurs_says_when_it_comes_and_one_that_nobody_needs_is_asked_about() {
    let server = Server::start().await;
    let body = json!({ "alert": "ops", "schedule": "0 22 * * *", "timezone": "europe/berlin", "duration_s": 28800 });
    let added = server.send("POST", "/api/v1/mutes", &body).await.json(201);
    assert_eq!((&added["timezone"], &added["in_force"]), (&json!("Europe/Berlin"), &json!(false)));
    assert_eq!((&added["next_start_at"], &added["ends_at"]), (&json!("2026-07-01T20:00:00Z"), &Value::Null));
    let never =
        json!({ "alert": "ops", "schedule": "0 22 * * *", "duration_s": 28800, "ends_at": "9999-12-31T23:59:59Z" });
    let added = server.send("POST", "/api/v1/mutes", &never).await.json(201);
    assert!(added["ends_at"].as_str().unwrap().starts_with("9999-12-30T"), "the last instant there is: {added}");
    server.advance(SignedDuration::from_hours(9));
    let muting = server.get("/api/v1/mutes/1").await.json(200);
    assert_eq!((&muting["in_force_until"], &muting["unused_since"]), (&json!("2026-07-02T04:00:00Z"), &Value::Null));
    server.advance(SignedDuration::from_hours(24 * 30));
    assert_eq!(server.get("/api/v1/mutes/1").await.json(200)["unused_since"], "2026-07-01T12:00:30Z");
}

#[tokio::test]
async fn every_fault_of_a_mute_is_named_and_nothing_is_muted() {
    let server = Server::start().await;
    monitor(&server, "Mail", &["mail"]).await;
    for (body, faults) in [
        (
            json!({}),
            vec![
                "duration_s: a mute has an end: give duration_s or ends_at, or a schedule with the duration of its turns",
            ],
        ),
        (
            json!({ "monitor_ids": [1, 7, "x"], "tag": "maill", "alert": "op", "duration_s": "2h", "until": 1, "severity": "fatal" }),
            vec![
                "severity: \"fatal\" is not a severity; the severities are critical and warning",
                "monitor_ids[2]: expected an id, not the text \"x\"",
                "duration_s: expected a whole number from 60 to 31622400, not the text \"2h\"",
                "until: unknown field 'until'; known: severity, monitor_ids, tag, alert, starts_at, ends_at, duration_s, schedule, timezone, reason",
                "monitor_ids[1]: there is no monitor 7",
                "tag: no monitor has the tag \"maill\"; did you mean \"mail\"?",
                "alert: there is no alert \"op\"; did you mean \"ops\"?",
            ],
        ),
        (
            json!({ "ends_at": "2026-07-01T12:00:00Z", "reason": "a\nb" }),
            vec![
                "reason: the reason has more than one line or a control character: say it in one line",
                "ends_at: is over before it begins: give a moment that is to come",
            ],
        ),
        (json!({ "schedule": "0 22 * *", "duration_s": 60, "timezone": "Berlin" }), vec!["schedule: "]),
    ] {
        let found = server.send("POST", "/api/v1/mutes", &body).await.faults();
        if faults == ["schedule: "] {
            assert!(found[0].starts_with("schedule: "), "{found:?}");
        } else {
            assert_eq!(found, faults);
        }
    }
    assert_eq!(server.get("/api/v1/mutes").await.json(200)["items"], json!([]));
}
