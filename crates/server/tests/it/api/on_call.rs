//! Who is on call, asked by a program, and who takes whose place.

use serde_json::{Value, json};

use super::server::Server;

async fn rota(server: &Server, query: &str) -> Value {
    server.get(&format!("/api/v1/on-call/night{query}")).await.json(200)
}

async fn add(server: &Server, body: Value) -> Value {
    server.send("POST", "/api/v1/overrides", &body).await.json(201)
}

#[tokio::test]
async fn a_rota_says_who_is_on_call_now_and_next_and_when_nobody_is() {
    let server = Server::start().await;
    let night = rota(&server, "").await;
    assert_eq!(night["now"], json!([{"person": "bob", "layer": "weeks", "override_id": null}]));
    assert_eq!(
        night["next"],
        json!({"starts_at": "2026-07-03T22:00:00Z", "ends_at": "2026-07-05T22:00:00Z", "on_call": []}),
        "a gap is what comes next"
    );
    let plan = night["plan"].as_array().unwrap();
    assert_eq!(
        (&plan[0]["starts_at"], &plan[plan.len() - 1]["ends_at"]),
        (&json!("2026-07-01T12:00:30Z"), &json!("2026-07-15T12:00:30Z"))
    );
    assert!(plan.windows(2).all(|two| two[0]["ends_at"] == two[1]["starts_at"]), "{plan:#?}");
    assert_eq!(night["gaps"].as_array().unwrap().len(), 2);
    assert_eq!((&night["escalate_after_s"], &night["escalation"]), (&json!(900), &json!(["bob"])));
    assert_eq!(server.get("/api/v1/on-call").await.json(200)["items"][0]["key"], "night");

    let later = rota(&server, "?from=2026-07-06T00:00:00Z&until=2026-07-06T12:00:00Z").await;
    let people: Vec<&Value> =
        later["plan"].as_array().unwrap().iter().map(|one| &one["on_call"][0]["person"]).collect();
    assert_eq!(people, ["bob", "alice"], "handed over at nine in Berlin");
    assert_eq!(later["plan"][1]["starts_at"], "2026-07-06T07:00:00Z");
    server.get("/api/v1/on-call/day").await.problem(404);
    assert!(server.get("/api/v1/on-call/night?from=now").await.faults()[0].contains("2026-11-30T22:00:00Z"));
    server.get("/api/v1/on-call/night?until=2026-06-01T00:00:00Z").await.problem(422);
}

/// Whoever watches from outside sees that nobody is on call.
#[tokio::test]
async fn a_gap_that_has_come_is_in_the_metrics_until_it_is_over() {
    let server = Server::start().await;
    let gap = async || {
        let text = server.get("/metrics").await.text;
        let line = text.lines().find(|line| line.starts_with("revere_on_call_gap{"));
        line.map(str::to_owned).unwrap_or_else(|| panic!("{text}"))
    };
    assert_eq!(gap().await, "revere_on_call_gap{rota=\"night\"} 0");
    // On the first of July at noon; nobody is on call from the night to Saturday on.
    server.clock.advance(jiff::SignedDuration::from_hours(24 * 3));
    assert_eq!(gap().await, "revere_on_call_gap{rota=\"night\"} 1");
    add(&server, json!({"rota": "night", "person": "alice", "ends_at": "2026-07-05T22:00:00Z"})).await;
    assert_eq!(gap().await, "revere_on_call_gap{rota=\"night\"} 0");
}

#[tokio::test]
async fn somebody_takes_another_ones_place_until_it_is_over_or_ended() {
    let server = Server::start().await;
    let made = add(&server, json!({"rota": "night", "person": "carol", "instead_of": "bob", "ends_at": "2026-07-02T12:00:00Z", "reason": " dentist "})).await;
    assert_eq!(
        (&made["reason"], &made["over"], &made["starts_at"]),
        (&json!("dentist"), &json!(false), &json!("2026-07-01T12:00:30Z"))
    );
    let night = rota(&server, "").await;
    assert_eq!(night["now"], json!([{"person": "carol", "layer": null, "override_id": 1}]));
    assert_eq!(
        (&night["next"]["starts_at"], &night["next"]["on_call"][0]["person"]),
        (&json!("2026-07-02T12:00:00Z"), &json!("bob"))
    );
    // One for the gap.
    add(&server, json!({"rota": "night", "person": "alice", "starts_at": "2026-07-03T22:00:00Z", "ends_at": "2026-07-05T22:00:00Z"})).await;
    assert_eq!(rota(&server, "").await["gaps"].as_array().unwrap().len(), 1);
    let listed = server.get("/api/v1/overrides?rota=night&over=false&limit=1").await.json(200);
    assert_eq!((&listed["items"][0]["id"], &listed["next"]), (&json!(2), &json!("2")));
    let ended = server.send("POST", "/api/v1/overrides/1/end", &json!({})).await.json(200);
    assert_eq!((&ended["over"], &ended["ended_at"]), (&json!(true), &json!("2026-07-01T12:00:30Z")));
    assert_eq!(rota(&server, "").await["now"][0]["person"], "bob");
    assert_eq!(server.get("/api/v1/overrides/1").await.json(200), ended);
    assert_eq!(server.get("/api/v1/overrides?over=true").await.json(200)["items"], json!([ended]));
    server.get("/api/v1/overrides/7").await.problem(404);
    server.send("POST", "/api/v1/overrides/7/end", &json!({})).await.problem(404);
}

#[tokio::test]
async fn what_is_wrong_with_an_override_is_said_at_its_place() {
    let server = Server::start().await;
    for (body, said) in [
        (json!({}), vec!["rota: missing", "person: missing", "ends_at: missing"]),
        (
            json!({"rota": "nigth", "person": "carol", "ends_at": "2026-07-02T12:00:00Z"}),
            vec!["rota: there is no rota \"nigth\"; did you mean \"night\"?"],
        ),
        (
            json!({"rota": "night", "person": "karol", "instead_of": "eve", "ends_at": "2026-06-02T12:00:00Z", "reason": "two\nlines"}),
            vec!["did you mean \"carol\"?", "nobody called \"eve\"", "is over already", "more than one line"],
        ),
        (
            json!({"rota": "night", "person": "bob", "instead_of": "bob", "ends_at": "2030-06-02T12:00:00Z"}),
            vec!["nobody takes their own place", "a year at most"],
        ),
        (
            json!({"rota": 7, "person": "bob", "ends_at": "soon"}),
            vec!["rota: expected a text", "ends_at: expected a time"],
        ),
    ] {
        let faults = server.send("POST", "/api/v1/overrides", &body).await.faults();
        assert_eq!(faults.len(), said.len(), "{faults:#?}");
        for words in said {
            assert!(faults.iter().any(|fault| fault.contains(words)), "{words}: {faults:#?}");
        }
    }
    assert_eq!(server.get("/api/v1/overrides").await.json(200)["items"], json!([]));
}
