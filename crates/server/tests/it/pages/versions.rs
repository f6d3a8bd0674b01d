//! Versions, differences, restoring, deleted monitors, and undoing a deletion: without scripts.

use serde_json::json;

use super::browser::Browser;
use crate::api::server::Server;

async fn edited(server: &Server) {
    let body = json!({"name": "<i>Queue</i>", "script": "a = 1\nb = '<u>2</u>'\n", "schedule": "@hourly"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    let change = json!({"script": "a = 1\nb = 3\n", "description": "one\ntwo", "note": "<b>three</b> is right"});
    server.send("PATCH", "/api/v1/monitors/1", &change).await.json(200);
}

#[tokio::test]
async fn versions_are_listed_with_what_changed_and_why_and_compared() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    edited(&server).await;
    assert!(browser.page("/monitor/1").await.contains("href=\"/monitor/1/versions\""));
    let list = browser.page("/monitor/1/versions").await;
    for expected in [
        "&#60;b&#62;three&#60;/b&#62; is right",
        "Description, script",
        "/monitor/1/difference?from=1&amp;to=2",
        "Created",
        "<option value=\"2\" selected>2</option>",
    ] {
        assert!(list.contains(expected), "{expected} in {list}");
    }
    let difference = browser.page("/monitor/1/difference?from=1&to=2").await;
    for expected in [
        "From version 1 to 2",
        "<code>b = &#39;&#60;u&#62;2&#60;/u&#62;&#39;</code>",
        "<code>b = 3</code>",
        "removed",
        "<code>two</code>",
    ] {
        assert!(difference.contains(expected), "{expected} in {difference}");
    }
    assert!(browser.page("/monitor/1/difference?from=2&to=2").await.contains("Nothing differs"));
    assert_eq!(browser.get("/monitor/1/difference?from=7").await.status, 404);
    assert_eq!(browser.get("/monitor/2/versions").await.status, 404);
    assert_eq!(browser.get("/monitor/1/versions/x").await.status, 404);
}

#[tokio::test]
async fn a_version_is_looked_at_and_restored_unless_someone_saved_meanwhile() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    edited(&server).await;
    let page = browser.page("/monitor/1/versions/1").await;
    assert!(page.contains("What restoring it changes") && page.contains("Restore version 1"), "{page}");
    assert!(browser.page("/monitor/1/versions/2").await.contains("This is the monitor as it is now"));
    server.send("PATCH", "/api/v1/monitors/1", &json!({"alarm_after": 2})).await.json(200);
    let restore = async |stored: &str, note: &str| {
        browser.submit("/monitor/1/versions/1/restore", &[("stored", stored), ("note", note)]).await
    };
    let late = restore("2", "kept").await;
    assert!(late.status == 409 && late.text.contains("Someone else saved this monitor meanwhile"), "{}", late.text);
    assert!(late.text.contains("value=\"kept\"") && late.text.contains("name=\"stored\" value=\"3\""), "{}", late.text);
    let long = restore("3", &"x".repeat(501)).await;
    assert!(long.status == 422 && long.text.contains("Not restored: The note has 501 characters"), "{}", long.text);
    let done = restore("3", "as it was").await;
    assert_eq!((done.status, done.header("location")), (303, "/monitor/1"));
    let list = browser.page("/monitor/1/versions").await;
    assert!(list.contains("Restored version 1.") && list.contains("as it was"), "{list}");
}

#[tokio::test]
async fn a_note_is_kept_with_an_edit_and_not_lost_by_a_refused_one() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    edited(&server).await;
    let fields = |name: &'static str, note: &'static str| {
        [
            ("name", name),
            ("script", "pass"),
            ("schedule", "@hourly"),
            ("timezone", "UTC"),
            ("alarm_after", "1"),
            ("recover_after", "1"),
            ("version", "2"),
            ("note", note),
            ("do", "save"),
        ]
    };
    let refused = browser.submit("/monitor/1/edit", &fields("", "\"because\"")).await;
    assert!(refused.status == 422 && refused.text.contains("value=\"&#34;because&#34;\""), "{}", refused.text);
    assert_eq!(browser.submit("/monitor/1/edit", &fields("Q", "because")).await.status, 303);
    let newest = &server.get("/api/v1/monitors/1/versions").await.json(200)["items"][0];
    assert_eq!(newest["note"], "because");
    let conflict = browser.submit("/monitor/1/edit", &fields("Mine", "mine")).await;
    assert!(
        conflict.status == 409 && conflict.text.contains("/monitor/1/difference?from=2&amp;to=3"),
        "{}",
        conflict.text
    );
}

#[tokio::test]
async fn runs_of_an_older_script_lead_to_the_version_that_had_it() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let body = json!({"name": "m", "script": "return_value = 1", "schedule": "@yearly"});
    server.send("POST", "/api/v1/monitors", &body).await.json(201);
    browser.submit("/monitor/1/run", &[]).await;
    assert!(!browser.page("/monitor/1/history").await.contains("as of version"));
    server.send("PATCH", "/api/v1/monitors/1", &json!({"script": "return_value = 2"})).await.json(200);
    assert!(browser.page("/monitor/1/history").await.contains("href=\"/monitor/1/versions/1\">as of version 1"));
}

#[tokio::test]
async fn a_deletion_is_undone_at_once_or_later() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for name in ["<i>a</i>", "b", "c"] {
        let body = json!({"name": name, "script": "pass", "schedule": "@hourly"});
        server.send("POST", "/api/v1/monitors", &body).await.json(201);
    }
    assert!(browser.page("/monitor/1/delete").await.contains("For 30 days it can be brought back"));
    let done = browser.submit("/monitor/1/delete", &[("typed", "<i>a</i>")]).await;
    assert_eq!((done.status, done.header("location")), (303, "/?deleted=1"));
    let list = browser.page("/?deleted=1").await;
    assert!(
        list.contains("Deleted <b class=\"foreign\">&#60;i&#62;a&#60;/i&#62;</b>")
            && list.contains("Until 31 Jul 2026 UTC"),
        "{list}"
    );
    let undone = browser.submit("/deleted", &[("pick", "1")]).await;
    assert_eq!((undone.status, undone.header("location")), (303, "/monitor/1"));
    assert!(!browser.page("/?deleted=1").await.contains("Undo"), "there is nothing to undo any more");
    // Many, and all.
    let fields =
        [("pick", "1"), ("pick", "2"), ("pick", "3"), ("do", "delete"), ("typed", "delete 3"), ("back", "/?q=x")];
    let done = browser.submit("/monitors/change", &fields).await;
    assert_eq!(done.header("location"), "/?q=x&deleted=1,2,3");
    let welcome = browser.page("/?deleted=1,2,3").await;
    assert!(welcome.contains("Deleted 3 monitors") && welcome.contains("Nothing is watched yet"), "{welcome}");
    assert!(browser.page("/").await.contains("There were monitors here"));
    let page = browser.page("/deleted").await;
    assert!(page.contains("Kept for 30 days") && page.matches("Bring back<span").count() == 3, "{page}");
    browser.submit("/deleted", &[("pick", "2")]).await;
    assert_eq!(
        browser.submit("/deleted", &[("pick", "1"), ("pick", "3"), ("pick", "77")]).await.header("location"),
        "/"
    );
    assert!(browser.page("/deleted").await.contains("Nothing was deleted that could be brought back"));
    assert_eq!(server.get("/api/v1/monitors").await.json(200)["items"].as_array().unwrap().len(), 3);
    assert_eq!(browser.submit("/deleted", &[]).await.header("location"), "/deleted");
}
