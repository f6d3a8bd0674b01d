//! `/api/v1/monitors/{id}/run`, `/runs`, `/flips`, `/gaps` and `/api/v1/eval`.

use serde_json::json;

use super::server::{IN_FLIGHT, Server, send};
use crate::support::until;

async fn monitor(server: &Server, script: &str) -> String {
    let body = json!({"name": "m", "script": script, "schedule": "@hourly"});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    format!("/api/v1/monitors/{}", made["id"])
}

#[tokio::test]
async fn a_monitor_runs_now_and_the_run_is_kept() {
    let server = Server::start().await;
    let script = "print('looked')\nreturn_value = 41 + 1";
    let path = monitor(&server, script).await;
    let run = send(server.request("POST", &format!("{path}/run"))).await.json(200);
    for (field, value) in [
        ("kind", json!("manual")),
        ("outcome", json!("OK")),
        ("old_state", json!("INACTIVE")),
        ("new_state", json!("OK")),
        ("message", json!("Monitor Passed")),
        ("return_value", json!(42)),
        ("output", json!("looked\n")),
        ("traceback", json!(null)),
        ("tick_at", json!("2026-07-01T12:00:30Z")),
        ("started_at", json!("2026-07-01T12:00:30Z")),
        ("script_version", json!(revere_sandbox::script_version(script))),
    ] {
        assert_eq!(run[field], value, "{field}");
    }
    assert!(run["duration_ms"].as_f64().unwrap() > 0.0);
    let runs = server.get(&format!("{path}/runs")).await.json(200);
    assert_eq!(runs, json!({"items": [run], "next": null}));
    let monitor = server.get(&path).await.json(200);
    assert_eq!((&monitor["state"], &monitor["last_value"]), (&json!("OK"), &json!(42)));
    assert_eq!(monitor["last_message"], "Monitor Passed");
}

#[tokio::test]
async fn a_failing_script_is_an_answer_with_its_line() {
    let server = Server::start().await;
    let alarm = monitor(&server, "return_value = 0.012\nraise MonitorFailure('High: %.2f%%' % 1.2)").await;
    let run = server.send("POST", &format!("{alarm}/run"), &json!({})).await.json(200);
    assert_eq!((&run["new_state"], &run["message"]), (&json!("ALARM"), &json!("High: 1.20%")));
    assert_eq!(run["return_value"], 0.012);
    let error = monitor(&server, "x = 1\ny = x / 0").await;
    let run = server.send("POST", &format!("{error}/run"), &json!({})).await.json(200);
    assert_eq!(run["new_state"], "ERROR");
    assert!(run["traceback"].as_str().unwrap().contains("line 2"), "{run}");
    let flips = server.get(&format!("{error}/flips")).await.json(200);
    assert_eq!(flips["items"][0]["run_id"], run["id"], "{flips}");
    assert_eq!(flips["items"][0]["new_state"], "ERROR");
}

#[tokio::test]
async fn a_paused_monitor_can_be_run_and_bodies_of_runs_are_checked() {
    let server = Server::start().await;
    let path = monitor(&server, "return_value = 1").await;
    server.send("PATCH", &path, &json!({"active": false})).await.json(200);
    server.send("POST", &format!("{path}/run"), &json!({})).await.json(200);
    server.send("POST", &format!("{path}/run"), &json!({"force": true})).await.problem(422);
    let form = server.request("POST", &format!("{path}/run")).header("content-type", "text/plain").body("");
    send(form).await.problem(415);
}

#[tokio::test]
async fn walking_the_runs_meets_each_once_newest_first_under_any_filter() {
    let server = Server::start().await;
    let path = monitor(&server, "return_value = 1").await;
    let id = path.rsplit_once('/').unwrap().1.parse().unwrap();
    // Two good, one bad, and so on: a flip with every change.
    let all = server.record_runs(id, 30, |number| number % 3 == 2).await;
    let newest_first = |keep: &dyn Fn(usize) -> bool| -> Vec<i64> {
        (0..30).rev().filter(|number| keep(*number)).map(|number| all[number]).collect()
    };
    let bad = |number: usize| number % 3 == 2;
    let flip = |number: usize| number == 0 || bad(number) || bad(number - 1);
    for limit in [1, 4, 10, 29, 30, 31] {
        let walk = async |query: &str| server.walk(&format!("{path}/runs{query}"), "before", limit).await;
        assert_eq!(walk("").await, newest_first(&|_| true), "limit {limit}");
        assert_eq!(walk("?state=ALARM").await, newest_first(&bad), "limit {limit}");
        assert_eq!(walk("?state=OK,ALARM").await, newest_first(&|_| true), "limit {limit}");
        assert_eq!(walk("?flips=true").await, newest_first(&flip), "limit {limit}");
        assert_eq!(
            walk("?flips=true&state=OK").await,
            newest_first(&|number| flip(number) && !bad(number)),
            "limit {limit}"
        );
    }
    let flips = server.walk(&format!("{path}/flips"), "before", 3).await;
    assert_eq!(flips.len(), (0..30).filter(|number| flip(*number)).count());
    assert!(flips.is_sorted_by(|newer, older| newer > older));
}

#[tokio::test]
async fn eval_records_nothing_and_shows_everything() {
    let server = Server::start().await;
    let script = "import random, datetime\nprint(previous)\nreturn_value = 7\nraise MonitorFailure('seven')";
    let outcome = server.send("POST", "/api/v1/eval", &json!({"script": script})).await.json(200);
    assert_eq!((&outcome["state"], &outcome["message"]), (&json!("ALARM"), &json!("seven")));
    assert_eq!((&outcome["return_value"], &outcome["output"]), (&json!(7), &json!("None\n")));
    assert_eq!(outcome["line"], 4);
    assert_eq!(outcome["source_calls"], json!([]));
    let broken = server.send("POST", "/api/v1/eval", &json!({"script": "x = ="})).await.json(200);
    assert_eq!(
        (&broken["state"], &broken["error_type"], &broken["line"]),
        (&json!("ERROR"), &json!("SyntaxError"), &json!(1))
    );
    let faults = server.send("POST", "/api/v1/eval", &json!({"scirpt": "x", "timeout_s": 0})).await.faults();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert_eq!(server.get("/api/v1/monitors").await.json(200)["items"], json!([]));
}

#[tokio::test]
async fn a_trial_can_see_what_a_monitor_left() {
    let server = Server::start().await;
    let path = monitor(&server, "return_value = 5").await;
    let id: i64 = path.rsplit_once('/').unwrap().1.parse().unwrap();
    send(server.request("POST", &format!("{path}/run"))).await.json(200);
    let body = json!({"script": "return_value = previous.return_value + 1", "monitor_id": id});
    assert_eq!(server.send("POST", "/api/v1/eval", &body).await.json(200)["return_value"], 6);
    let body = json!({"script": "return_value = 1", "monitor_id": 999});
    server.send("POST", "/api/v1/eval", &body).await.problem(404);
}

/// Eight people try out what takes its time; the ninth hears so instead of waiting without a word.
#[tokio::test]
async fn a_trial_that_finds_no_place_is_told_why() {
    let server = Server::start().await;
    let long = json!({"script": "import time\ntime.sleep(3600)", "timeout_s": 3600});
    let trials = async {
        futures_util::future::join_all((0..8).map(|_| server.send("POST", "/api/v1/eval", &long))).await;
    };
    let ninth = async {
        let body = json!({"script": "return_value = 1"});
        // Whoever comes before all eight are there is simply answered.
        loop {
            let answer = server.send("POST", "/api/v1/eval", &body).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::select! {
        () = trials => panic!("nobody sleeps that short"),
        answer = ninth => answer,
    };
    assert_eq!(
        answer.problem(503)["detail"],
        "8 scripts are being tried out, as many as may be at a time, and 0 wait before this one; try again in a moment"
    );
    assert_eq!(answer.header("retry-after"), "5");
    // Those who leave leave their places.
    server.send("POST", "/api/v1/eval", &json!({"script": "return_value = 1"})).await.json(200);
}

#[tokio::test]
async fn a_trial_ends_at_its_time_limit() {
    let server = Server::start().await;
    let body = json!({"script": "while True: pass", "timeout_s": 0.5});
    let outcome = server.send("POST", "/api/v1/eval", &body).await.json(200);
    assert_eq!(outcome["state"], "ERROR");
    assert!(outcome["message"].as_str().unwrap().contains("0.5"), "{outcome}");
}

#[tokio::test]
async fn a_run_that_was_begun_is_recorded_though_nobody_waits() {
    let server = Server::start().await;
    let path = monitor(&server, "sources['echo'].wait()\nreturn_value = 3").await;
    let asking = server.request("POST", &format!("{path}/run")).send();
    tokio::select! {
        _ = asking => panic!("it waits for the source"),
        () = server.echo.waiting.notified() => {}
    }
    // The asker has hung up.
    server.echo.go_on.add_permits(1);
    let runs = server.eventually(&format!("{path}/runs"), |page| page["items"][0].is_object()).await;
    assert_eq!(runs["items"][0]["return_value"], 3);
}

#[tokio::test]
async fn every_tick_is_there_as_a_run_or_in_a_gap() {
    let server = Server::start().await;
    let path = monitor(&server, "return_value = 1").await;
    // The first tick comes in its time; then the server sleeps through five and wakes in the middle of an hour.
    server.advance(jiff::SignedDuration::from_mins(60));
    server.eventually(&format!("{path}/runs"), |page| page["items"].as_array().unwrap().len() == 1).await;
    server.advance(jiff::SignedDuration::from_mins(5 * 60));
    let runs = server.eventually(&format!("{path}/runs"), |page| page["items"].as_array().unwrap().len() == 2).await;
    assert_eq!(runs["items"][1]["tick_at"], "2026-07-01T13:00:00Z");
    assert_eq!(
        (&runs["items"][0]["tick_at"], &runs["items"][0]["kind"]),
        (&json!("2026-07-01T18:00:00Z"), &json!("catch_up"))
    );
    let gaps = server.get(&format!("{path}/gaps")).await.json(200);
    let gap = &gaps["items"][0];
    assert_eq!((&gap["reason"], &gap["count"]), (&json!("missed"), &json!(4)), "{gaps}");
    assert_eq!(
        (&gap["first_tick_at"], &gap["last_tick_at"]),
        (&json!("2026-07-01T14:00:00Z"), &json!("2026-07-01T17:00:00Z"))
    );
    assert_eq!(server.get(&path).await.json(200)["missed_ticks"], 4);
    assert_eq!(server.walk(&format!("{path}/gaps"), "before", 1).await.len(), 1);
    server.get("/api/v1/monitors/999/gaps").await.problem(404);
}

#[tokio::test]
async fn what_a_script_says_comes_back_as_it_was_said() {
    let server = Server::start().await;
    let said = "<b onmouseover=alert(1)>&amp; \u{202e}drow \u{1F6A8} 'quoted' \"twice\" {{x}}";
    let script = format!("print({said:?})\nreturn_value = {said:?}\nraise MonitorFailure({said:?})", said = said)
        .replace("\\u{202e}", "\\u202e");
    let path = monitor(&server, &script).await;
    let run = server.send("POST", &format!("{path}/run"), &json!({})).await.json(200);
    for field in ["message", "return_value"] {
        let shown = run[field].as_str().unwrap();
        assert!(
            shown.contains("<b onmouseover=alert(1)>&amp;") && shown.contains("\u{1F6A8} 'quoted' \"twice\""),
            "{run}"
        );
    }
    assert_eq!(run["message"], server.get(&format!("{path}/runs")).await.json(200)["items"][0]["message"]);
}

#[tokio::test]
async fn the_api_answers_while_more_is_due_than_can_run() {
    let server = Server::start().await;
    for number in 0..60 {
        let body = json!({"name": format!("m{number}"), "script": "sources['echo'].wait()", "schedule": "@hourly"});
        server.send("POST", "/api/v1/monitors", &body).await.json(201);
    }
    server.advance(jiff::SignedDuration::from_mins(60));
    let metric = async |name: &str| -> usize {
        let page = server.get("/metrics").await.text;
        let line = page.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    // All places are taken by runs that wait for their source, and the rest wait for a place.
    let places = async || (metric("revere_runs_in_flight ").await, metric("revere_runs_waiting ").await);
    until("all places are taken", async || places().await == (IN_FLIGHT, 60 - IN_FLIGHT)).await;
    // The tasks notice within moments that the clock was moved, and then find nothing wrong with a full house.
    until("it is healthy", async || server.get("/healthz").await.status == 200).await;
    assert_eq!(server.get("/api/v1/monitors").await.json(200)["items"].as_array().unwrap().len(), 60);
    let path = monitor(&server, "return_value = 1").await;
    assert_eq!(send(server.request("POST", &format!("{path}/run"))).await.json(200)["return_value"], 1);
    let tried = server.send("POST", "/api/v1/eval", &json!({"script": "return_value = 2"})).await.json(200);
    assert_eq!(tried["return_value"], 2);

    server.echo.go_on.add_permits(60);
    server.eventually("/api/v1/monitors?state=OK", |page| page["items"].as_array().unwrap().len() == 61).await;
    assert_eq!(metric("revere_runs_in_flight ").await, 0);
}
