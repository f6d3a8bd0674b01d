//! A problem of so many of the last runs: what is counted, what the monitor says of it, and what can be asked for.

use serde_json::{Value, json};

use super::server::Server;
use crate::pages::browser::Browser;

async fn monitor(server: &Server, more: Value) -> (i64, String) {
    let mut body = json!({"name": "m", "script": "raise MonitorFailure('down')", "schedule": "0 0 1 1 *"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    (made["id"].as_i64().unwrap(), format!("/api/v1/monitors/{}", made["id"]))
}

/// Records runs that passed (`o`) or failed (`a`); answers the state they leave, and what is pending then.
async fn after(server: &Server, id: i64, runs: &str) -> (Value, Value) {
    server.record_runs(id, runs.len(), |number| &runs[number..=number] == "a").await;
    let now = server.get(&format!("/api/v1/monitors/{id}")).await.json(200);
    (now["state"].clone(), now["pending"].clone())
}

fn failed(runs: u32) -> Value {
    json!({"failing": true, "runs": runs, "needed": 3, "window": 5})
}

#[tokio::test]
async fn three_of_the_last_five_failing_runs_make_a_problem_and_until_then_it_is_said_how_many_there_are() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let rules = json!({"alarm_after": 3, "alarm_window": 5, "recover_after": 2});
    let (id, path) = monitor(&server, rules).await;
    assert_eq!(after(&server, id, "oaoa").await, (json!("OK"), failed(2)));
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("2 of the last 5 runs failed, alarm at 3"), "{page}");
    assert!(page.contains("<dd>3 of the last 5 runs</dd>"), "{page}");
    // The oldest of them is the sixth run back, and counts no more.
    assert_eq!(after(&server, id, "oo").await, (json!("OK"), failed(2)));
    assert_eq!(after(&server, id, "o").await, (json!("OK"), failed(1)));
    // A run that somebody asked for counts like any other.
    assert_eq!(after(&server, id, "oaoa").await, (json!("OK"), failed(2)));
    let run = server.send("POST", &format!("{path}/run"), &json!({})).await.json(200);
    assert_eq!((&run["old_state"], &run["new_state"]), (&json!("OK"), &json!("ALARM")), "{run}");
    assert_eq!(server.get(&path).await.json(200)["pending"], json!(null));
    let ending = json!({"failing": false, "runs": 1, "needed": 2, "window": null});
    assert_eq!(after(&server, id, "o").await, (json!("ALARM"), ending));
    assert!(browser.page("/monitor/1").await.contains("1 passing run, OK at 2 in a row"));
    // The next problem is made of runs of its own.
    assert_eq!(after(&server, id, "oa").await, (json!("OK"), failed(1)));
    assert_eq!(after(&server, id, "aoa").await.0, json!("ALARM"));
}

#[tokio::test]
async fn what_was_counted_outlives_a_change_of_the_window_and_ends_with_switching_off() {
    let server = Server::start().await;
    let (id, path) = monitor(&server, json!({"alarm_after": 3})).await;
    assert_eq!(after(&server, id, "oaoa").await.1, json!({"failing": true, "runs": 1, "needed": 3, "window": null}));
    let changed = server.send("PATCH", &path, &json!({"alarm_window": 5})).await.json(200);
    assert_eq!((&changed["state"], &changed["pending"]), (&json!("OK"), &failed(2)));
    for active in [false, true] {
        let changed = server.send("PATCH", &path, &json!({"active": active})).await.json(200);
        assert_eq!((&changed["state"], &changed["pending"]), (&json!("INACTIVE"), &json!(null)));
    }
    assert_eq!(after(&server, id, "aa").await, (json!("INACTIVE"), failed(2)));
    assert_eq!(after(&server, id, "a").await.0, json!("ALARM"));
}

#[tokio::test]
async fn a_window_that_can_hold_no_problem_is_refused_whichever_of_the_two_is_changed() {
    let server = Server::start().await;
    let (_, path) = monitor(&server, json!({"alarm_after": 3, "alarm_window": 5})).await;
    let never = "alarm_window: 6 of the last 5 runs can never fail: write 6 to 60, or leave it empty to count in a row";
    for (change, fault) in [
        (json!({"alarm_after": 6}), never),
        (json!({"alarm_after": 6, "alarm_window": 5}), never),
        (json!({"alarm_window": 0}), "alarm_window: expected a whole number from 1 to 60"),
        (json!({"alarm_window": 61}), "alarm_window: expected a whole number from 1 to 60"),
        (json!({"alarm_window": "5"}), "alarm_window: expected a whole number from 1 to 60"),
    ] {
        let faults = server.send("PATCH", &path, &change).await.faults();
        assert!(faults.len() == 1 && faults[0].starts_with(fault), "{change}: {faults:?}");
    }
    let now = server.send("PATCH", &path, &json!({"alarm_after": 6, "alarm_window": null})).await.json(200);
    assert_eq!((&now["alarm_after"], &now["alarm_window"]), (&json!(6), &json!(null)));
    let typed = [("name", "m"), ("script", "pass"), ("schedule", "0 0 1 1 *"), ("timezone", "UTC"), ("do", "save")];
    for (after, window, said) in
        [("6", "5", "6 of the last 5 runs can never fail"), ("1", "few", "is not a whole number of runs")]
    {
        let fields: Vec<_> = typed.into_iter().chain([("alarm_after", after), ("alarm_window", window)]).collect();
        let refused = Browser::of(&server).submit("/create", &fields).await;
        assert!(refused.status == 422 && refused.text.contains(said), "{}", refused.text);
        assert!(refused.text.contains("id=\"alarm_window-fault\""), "{}", refused.text);
    }
}
