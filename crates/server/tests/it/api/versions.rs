//! `/api/v1/monitors/{id}/versions`, `/difference` and `/api/v1/deleted-monitors`.

use serde_json::{Value, json};

use super::server::{Server, send};

/// A monitor with three versions; the second has another script.
async fn three_versions(server: &Server) {
    let body = json!({"name": "m", "script": "a = 1\nb = 2\n", "schedule": "@hourly", "note": "  to begin with "});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let change = json!({"script": "a = 1\nb = 3\n", "alarm_after": 3, "note": "three is right"});
    server.send("PATCH", "/api/v1/monitors/1", &change).await.json(200);
    server.send("PATCH", "/api/v1/monitors/1", &json!({"tags": ["x"], "active": false})).await.json(200);
}

#[tokio::test]
async fn versions_are_listed_read_and_compared() {
    let server = Server::start().await;
    three_versions(&server).await;
    let list = server.get("/api/v1/monitors/1/versions?limit=2").await.json(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["version"], &list["next"]), (2, &json!(3), &json!("2")));
    assert_eq!(
        (&items[0]["changed"], &items[1]["changed"]),
        (&json!(["active", "tags"]), &json!(["script", "alarm_after"]))
    );
    assert_eq!(items[1]["note"], "three is right");
    assert_eq!(items[0]["saved_by"], json!({"kind": "everybody", "id": null, "name": null}));
    let rest = server.get("/api/v1/monitors/1/versions?before=2").await.json(200);
    assert_eq!((&rest["items"][0]["changed"], &rest["items"][0]["note"]), (&Value::Null, &json!("to begin with")));
    let second = server.get("/api/v1/monitors/1/versions/2").await.json(200);
    assert_eq!(
        (&second["script"], &second["tags"], &second["active"]),
        (&json!("a = 1\nb = 3\n"), &json!([]), &json!(true))
    );
    let run = send(server.request("POST", "/api/v1/monitors/1/run")).await.json(200);
    assert_eq!(run["script_version"], second["script_version"], "a run names its script alike");
    let difference = server.get("/api/v1/monitors/1/difference?from=1&to=3").await.json(200);
    assert_eq!(difference["script"], "@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n");
    assert_eq!(
        difference["changes"],
        json!([
            {"field": "active", "from": true, "to": false},
            {"field": "tags", "from": [], "to": ["x"]},
            {"field": "alarm_after", "from": 1, "to": 3},
        ])
    );
    let last = server.get("/api/v1/monitors/1/difference").await.json(200);
    assert_eq!((&last["from"], &last["to"], &last["script"]), (&json!(2), &json!(3), &Value::Null));
    let first = server.get("/api/v1/monitors/1/difference?to=1").await.json(200);
    assert_eq!((&first["from"], &first["changes"]), (&json!(1), &json!([])));
    for path in ["1/versions/9", "1/difference?from=9", "9/versions", "9/versions/1", "9/difference", "1/versions/x"] {
        server.get(&format!("/api/v1/monitors/{path}")).await.problem(404);
    }
    server.get("/api/v1/monitors/1/difference?from=0").await.problem(422);
}

#[tokio::test]
async fn a_version_is_restored_as_a_version_of_its_own() {
    let server = Server::start().await;
    three_versions(&server).await;
    let path = "/api/v1/monitors/1/versions/1/restore";
    let stale = server.request("POST", path).header("if-match", "\"2\"").json(&json!({}));
    assert_eq!(send(stale).await.problem(409)["current_version"], 3);
    let wrong = server.request("POST", path).header("if-match", "three").json(&json!({"note": "a\nb", "why": ""}));
    let faults = send(wrong).await.faults();
    assert!(faults.iter().any(|fault| fault.starts_with("If-Match: ")) && faults.len() == 2, "{faults:?}");
    let faults = server.send("POST", path, &json!({"note": "a\nb"})).await.faults();
    assert_eq!(faults, ["note: the note has more than one line or a control character: say it in one line"]);
    let restored = server.request("POST", path).header("if-match", "\"3\"").json(&json!({"note": "back to two"}));
    let restored = send(restored).await.json(200);
    assert_eq!(
        (&restored["version"], &restored["script"], &restored["active"]),
        (&json!(4), &json!("a = 1\nb = 2\n"), &json!(true))
    );
    let newest = &server.get("/api/v1/monitors/1/versions").await.json(200)["items"][0];
    assert_eq!((&newest["restored"], &newest["note"]), (&json!(1), &json!("back to two")));
    // Once more is nothing new.
    assert_eq!(server.send("POST", path, &json!({})).await.json(200)["version"], 4);
    server.send("POST", "/api/v1/monitors/1/versions/9/restore", &json!({})).await.problem(404);
}

#[tokio::test]
async fn a_note_is_one_short_line() {
    let server = Server::start().await;
    let body = |note: Value| json!({"name": "m", "script": "pass", "schedule": "@hourly", "note": note});
    for (note, fault) in [
        (json!("x".repeat(501)), "note: the note has 501 characters"),
        (json!("a\u{7f}"), "note: the note has more than one line or a control character"),
        (json!(null), "note: expected a text, not null"),
    ] {
        let faults = server.send("POST", "/api/v1/monitors", &body(note)).await.faults();
        assert!(faults[0].starts_with(fault) && faults.len() == 1, "{faults:?}");
    }
    server.send("POST", "/api/v1/monitors", &body(json!("ü".repeat(500)))).await.json(201);
}

#[tokio::test]
async fn a_deleted_monitor_is_listed_and_brought_back() {
    let server = Server::start().await;
    three_versions(&server).await;
    server.record_runs(1, 2, |n| n == 0).await;
    assert_eq!(send(server.request("DELETE", "/api/v1/monitors/1")).await.status, 204);
    let missing = server.get("/api/v1/monitors/1").await.problem(404);
    assert_eq!(
        missing["detail"],
        "there is no monitor 1: it was deleted, and can be brought back from the deleted monitors until 31 Jul 2026 UTC"
    );
    for path in ["runs", "flips", "versions", "versions/1", "difference"] {
        server.get(&format!("/api/v1/monitors/1/{path}")).await.problem(404);
    }
    server.send("POST", "/api/v1/monitors/1/versions/1/restore", &json!({})).await.problem(404);
    assert_eq!(server.get("/api/v1/monitors?q=m").await.json(200)["items"], json!([]));
    let deleted = server.get("/api/v1/deleted-monitors").await.json(200);
    assert_eq!(
        (&deleted["items"][0]["id"], &deleted["items"][0]["name"], &deleted["next"]),
        (&json!(1), &json!("m"), &Value::Null)
    );
    assert_eq!(deleted["items"][0]["tags"], json!(["x"]));
    let undelete = || send(server.request("POST", "/api/v1/deleted-monitors/1/undelete"));
    let back = undelete().await;
    assert_eq!(back.header("etag"), "\"3\"");
    assert_eq!(back.json(200)["version"], 3);
    assert_eq!(server.get("/api/v1/monitors/1/runs").await.json(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/api/v1/deleted-monitors").await.json(200)["items"], json!([]));
    undelete().await.problem(404);
    // After thirty days it goes for good.
    assert_eq!(send(server.request("DELETE", "/api/v1/monitors/1")).await.status, 204);
    server.advance(jiff::SignedDuration::from_hours(24 * 30));
    assert_eq!(server.get("/api/v1/deleted-monitors").await.json(200)["items"], json!([]));
    undelete().await.problem(404);
    let missing = server.get("/api/v1/monitors/1").await.problem(404);
    assert_eq!(missing["detail"], "there is no monitor 1");
}
