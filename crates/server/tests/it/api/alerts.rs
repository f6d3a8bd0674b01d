//! `/api/v1/alerts` and `/api/v1/deliveries`.

use serde_json::{Value, json};

use super::server::{Server, send};

async fn alert(server: &Server, key: &str) -> Value {
    server.get(&format!("/api/v1/alerts/{key}")).await.json(200)
}

/// A monitor that alarms, run once: its alerts owe something.
async fn alarm(server: &Server) -> String {
    let body =
        json!({"name": "Disk", "script": "raise MonitorFailure('full')", "schedule": "@hourly", "tags": ["prod"]});
    let made = server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let path = format!("/api/v1/monitors/{}", made["id"]);
    send(server.request("POST", &format!("{path}/run"))).await.json(200);
    path
}

#[tokio::test]
async fn alerts_are_listed_with_what_people_chose() {
    let server = Server::start().await;
    let page = server.get("/api/v1/alerts").await.json(200);
    let keys: Vec<_> = page["items"].as_array().unwrap().iter().map(|alert| alert["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["broken", "off", "ops"]);
    assert_eq!(
        alert(&server, "ops").await,
        json!({
            "key": "ops", "type": "log", "description": "The people on call.", "enabled": true,
            "enabled_in_config": true, "in_config": true, "tells_nothing": null, "states": ["OK", "ALARM", "ERROR"],
            "severities": ["critical", "warning"], "tags": [], "queued": 0, "last_delivery": null,
        })
    );
    assert_eq!(alert(&server, "off").await["enabled_in_config"], false);
    server.get("/api/v1/alerts/nobody").await.problem(404);
}

#[tokio::test]
async fn people_choose_what_an_alert_tells() {
    let server = Server::start().await;
    let put = async |body: &Value| server.send("PUT", "/api/v1/alerts/ops", body).await;
    let changed = put(&json!({"enabled": false, "states": ["alarm"]})).await.json(200);
    assert_eq!((&changed["enabled"], &changed["states"]), (&json!(false), &json!(["ALARM"])));
    let changed = put(&json!({"enabled": true})).await.json(200);
    assert_eq!((&changed["enabled"], &changed["states"]), (&json!(true), &json!(["ALARM"])));
    // What was read can be sent back.
    put(&changed).await.json(200);

    let faults = put(&json!({"enabled": 1, "states": ["OK", "DOWN", "ok", 3], "stats": []})).await.faults();
    let fields: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(fields, ["enabled", "states[3]", "stats", "states[1]", "states[2]"], "{faults:?}");
    assert_eq!(alert(&server, "ops").await, changed);
    server.send("PUT", "/api/v1/alerts/nobody", &json!({"enabled": true})).await.problem(404);
}

#[tokio::test]
async fn a_test_says_what_the_receiver_said() {
    let server = Server::start().await;
    let test = async |key: &str| send(server.request("POST", &format!("/api/v1/alerts/{key}/test"))).await;
    let taken = test("ops").await.json(200);
    assert_eq!((&taken["sent"], &taken["reply"], &taken["error"]), (&json!(true), &json!("250 taken"), &json!(null)));
    let mail = server.mailbox.all();
    assert!(mail.len() == 1 && mail[0].test, "{mail:?}");
    let refused = test("broken").await.json(200);
    assert_eq!((&refused["sent"], &refused["reply"]), (&json!(false), &json!(null)));
    assert_eq!(refused["error"], "404 Not Found: no such room");
    assert!(test("off").await.problem(409)["detail"].as_str().unwrap().contains("switched off"));
    test("nobody").await.problem(404);
    assert_eq!(server.get("/api/v1/deliveries").await.json(200)["items"], json!([]), "a test is no delivery");
}

#[tokio::test]
async fn deliveries_say_what_was_sent_and_what_failed() {
    let server = Server::start().await;
    let path = alarm(&server).await;
    let id = path.rsplit_once('/').unwrap().1;
    // `broken` gives up at once, so `ops` tells twice: for itself, and what `broken` could not.
    let told =
        server.eventually("/api/v1/deliveries?alert=ops&status=delivered", |page| page["items"][1].is_object()).await;
    let (instead, sent) = (&told["items"][0], &told["items"][1]);
    assert_eq!(
        (&sent["status"], &sent["reply"], &sent["attempts"]),
        (&json!("delivered"), &json!("250 taken"), &json!(1))
    );
    assert_eq!((&sent["old_state"], &sent["new_state"]), (&json!("INACTIVE"), &json!("ALARM")));
    assert_eq!((&sent["monitor_name"], &sent["message"]), (&json!("Disk"), &json!("full")));
    assert_eq!(sent["instead_of"], json!(null));
    assert_eq!(sent["incident_id"], sent["flip_id"], "it tells of the flip that opened it");
    let incident = |delivery: &Value| (delivery["incident_id"].clone(), delivery["incident_key"].clone());
    assert!(sent["incident_key"].as_str().is_some_and(|key| key.len() == 32), "{sent}");
    assert_eq!(incident(instead), incident(sent));
    let failed = server.get("/api/v1/deliveries?status=failed").await.json(200);
    let failed = &failed["items"][0];
    assert_eq!((&failed["alert"], &failed["id"]), (&json!("broken"), &instead["instead_of"]));
    assert!(failed["last_error"].as_str().unwrap().contains("no such room"), "{failed}");
    assert_eq!(alert(&server, "broken").await["last_delivery"]["status"], "failed");

    let of = async |query: &str| {
        server.get(&format!("/api/v1/deliveries?{query}")).await.json(200)["items"].as_array().unwrap().len()
    };
    assert_eq!(of(&format!("monitor={id}&alert=broken")).await, 1);
    assert_eq!(of("monitor=999").await, 0);
    let faults = server.get("/api/v1/deliveries?status=lost&monitor=x&alrt=ops").await.faults();
    assert_eq!(faults.len(), 3, "{faults:?}");
    let all = server.walk("/api/v1/deliveries", "before", 100).await;
    assert_eq!(server.walk("/api/v1/deliveries", "before", 1).await, all);
}

/// Alice switches it off while Bob chooses what it tells.
#[tokio::test]
async fn two_people_who_change_different_things_both_have_their_way() {
    let server = Server::start().await;
    let path = "/api/v1/alerts/ops";
    for round in 0..20 {
        server.send("PUT", path, &json!({"enabled": true, "states": ["OK"]})).await.json(200);
        let (alice, bob) = (json!({"enabled": false}), json!({"states": ["ERROR"]}));
        tokio::join!(server.send("PUT", path, &alice), server.send("PUT", path, &bob));
        let alert = server.get(path).await.json(200);
        assert_eq!((&alert["enabled"], &alert["states"]), (&json!(false), &json!(["ERROR"])), "round {round}");
    }
}

#[tokio::test]
async fn what_was_not_told_says_why() {
    let server = Server::start().await;
    server.send("PUT", "/api/v1/alerts/ops", &json!({"states": ["ERROR"]})).await.json(200);
    let path = alarm(&server).await;
    let id = path.rsplit_once('/').unwrap().1;
    let all = server.get(&format!("/api/v1/not-told?monitor={id}")).await.json(200);
    let of = |place: usize| {
        let one = &all["items"][place];
        (one["alerts"].clone(), one["reason"].clone(), one["words"].clone())
    };
    let off = (json!(["off"]), json!("off_in_config"), json!("the alert is switched off in the configuration"));
    assert_eq!(of(0), off, "{all}");
    assert_eq!(of(1), (json!(["ops"]), json!("not_this_state"), json!("the alert does not notify of this state")));
    let first = &all["items"][1];
    assert_eq!((&first["old_state"], &first["new_state"]), (&json!("INACTIVE"), &json!("ALARM")));
    assert_eq!(first["monitor_name"], "Disk");
    let flips = server.get(&format!("{path}/flips")).await.json(200);
    assert_eq!(first["flip_id"], flips["items"][0]["id"]);
    let page = server.get("/api/v1/not-told?alert=ops&limit=1").await.json(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&first["id"], &json!(null)));
    let faults = server.get("/api/v1/not-told?monitor=x&alrt=ops").await.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
}
