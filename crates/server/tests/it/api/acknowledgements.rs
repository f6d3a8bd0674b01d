//! Saying that one looks after a problem.

use serde_json::json;

use super::server::Server;
use crate::pages::browser::Browser;

async fn failing(server: &Server) -> i64 {
    let body = json!({ "name": "Mail", "script": "pass", "schedule": "0 0 1 1 *" });
    let id = server.send("POST", "/api/v1/monitors", &body).await.json(201)["id"].as_i64().unwrap();
    server.record_runs(id, 1, |_| true).await;
    id
}

#[tokio::test]
async fn a_problem_is_acknowledged_until_the_state_changes() {
    let server = Server::start().await;
    let id = failing(&server).await;
    let path = format!("/api/v1/monitors/{id}/acknowledgement");
    assert_eq!(server.get(&path).await.status, 204);
    let made = server.send("POST", &path, &json!({ "note": "new disks are on their way" })).await.json(201);
    let expected = json!({
        "monitor_id": id, "flip_id": 1, "at": "2026-07-01T12:01:30Z",
        "by": { "kind": "everybody", "id": null, "name": null }, "alert": null, "note": "new disks are on their way",
    });
    assert_eq!(made, expected);
    assert_eq!(
        server.send("POST", &path, &json!({ "note": "me, too" })).await.json(200),
        expected,
        "who was first stays"
    );
    assert_eq!(server.get(&path).await.json(200), expected);
    server.record_runs(id, 1, |_| true).await;
    assert_eq!(server.get(&path).await.json(200), expected, "another failing run is the same problem");
    server.record_runs(id, 1, |_| false).await;
    assert_eq!(server.get(&path).await.status, 204);
    let refused = server.send("POST", &path, &json!({})).await.problem(409);
    assert_eq!(refused["detail"], "the monitor is OK: only an ALARM or an ERROR can be acknowledged");
    server.record_runs(id, 1, |_| true).await;
    assert_eq!(server.get(&path).await.status, 204);
    let faults = server.send("POST", &path, &json!({ "note": "a\nb", "x": 1 })).await.faults();
    assert_eq!(faults, ["x: unknown field 'x'; known: note"]);
    assert_eq!(server.send("POST", &path, &json!({ "note": "a\nb" })).await.faults().len(), 1);
    server.send("POST", "/api/v1/monitors/77/acknowledgement", &json!({})).await.problem(404);
}

#[tokio::test]
async fn the_page_of_a_monitor_acknowledges_and_says_who_did() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let id = failing(&server).await;
    let page = browser.page(&format!("/monitor/{id}")).await;
    assert!(page.contains(&format!("action=\"/monitor/{id}/acknowledge\"")), "{page}");
    let answer = browser.submit(&format!("/monitor/{id}/acknowledge"), &[("note", "<b>on it</b>")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, format!("/monitor/{id}").as_str()));
    let page = browser.page(&format!("/monitor/{id}")).await;
    assert!(page.contains("<b>Acknowledged</b> by") && page.contains("&#60;b&#62;on it"), "{page}");
    assert!(!page.contains("/acknowledge\""), "{page}");
    assert!(browser.page("/").await.contains("<span class=\"tag\">acknowledged</span>"));
    server.record_runs(id, 1, |_| false).await;
    assert!(!browser.page("/").await.contains(">acknowledged<"));
}
