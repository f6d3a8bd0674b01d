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

#[tokio::test]
async fn an_acknowledgement_is_taken_back_by_a_program_and_at_the_page() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let id = failing(&server).await;
    let path = format!("/api/v1/monitors/{id}/acknowledgement");
    assert_eq!(server.send("DELETE", &path, &json!(null)).await.status, 204, "there is nothing to take back");
    server.send("POST", &path, &json!({})).await.json(201);
    assert_eq!(server.send("DELETE", &path, &json!(null)).await.status, 204);
    assert_eq!(server.get(&path).await.status, 204);
    server.send("DELETE", "/api/v1/monitors/77/acknowledgement", &json!(null)).await.problem(404);

    server.send("POST", &path, &json!({ "note": "<b>on it</b>" })).await.json(201);
    let page = browser.page(&format!("/monitor/{id}")).await;
    assert!(page.contains(&format!("<a href=\"/monitor/{id}/take-back\">Take it back</a>")), "{page}");
    let asks = browser.page(&format!("/monitor/{id}/take-back")).await;
    assert!(asks.contains("Take the acknowledgement back?") && asks.contains("&#60;b&#62;on it"), "{asks}");
    let answer = browser.submit(&format!("/monitor/{id}/take-back"), &[("note", "wrong one")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, format!("/monitor/{id}").as_str()));
    let page = browser.page(&format!("/monitor/{id}")).await;
    assert!(
        !page.contains("<b>Acknowledged</b> by") && page.contains(&format!("/monitor/{id}/acknowledge\"")),
        "{page}"
    );
    let audit = server.get("/api/v1/audit?act=acknowledgement_taken_back").await.json(200);
    assert_eq!(audit["items"][0]["details"]["note"], "wrong one", "{audit}");
    assert!(browser.page(&format!("/monitor/{id}/take-back")).await.contains("there is nothing to take back"));
}
