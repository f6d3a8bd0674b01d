//! Muting: from a monitor's page, from the list, and on a page of its own.

use jiff::SignedDuration;
use serde_json::json;

use super::browser::Browser;
use crate::api::server::Server;

async fn monitor(server: &Server, name: &str, tags: &[&str]) -> i64 {
    let body = json!({ "name": name, "script": "pass", "schedule": "0 0 1 1 *", "tags": tags });
    server.send("POST", "/api/v1/monitors", &body).await.json(201)["id"].as_i64().unwrap()
}

#[tokio::test]
async fn two_clicks_mute_a_monitor_and_one_ends_it() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    monitor(&server, "Mail", &[]).await;
    let page = browser.page("/monitor/1").await;
    assert!(page.contains("<summary class=\"button\">Mute</summary>"), "{page}");
    let answer = browser.submit("/monitor/1/mute", &[("for", "2h"), ("reason", "new disks")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/monitor/1"));
    let page = browser.page("/monitor/1").await;
    assert!(
        page.contains("new disks") && page.contains("● muted, ends <time datetime=\"2026-07-01T14:00:30Z\""),
        "{page}"
    );
    assert!(browser.page("/").await.contains("<span class=\"tag muted\">muted, ends"));
    assert!(
        browser
            .page("/sources")
            .await
            .contains("1<span class=\"in-words\"> mute</span><span class=\"unseen\"> in force</span>")
    );
    let mutes = browser.page("/mutes").await;
    assert!(mutes.contains("<b>Mail</b>") && mutes.contains("It held nothing back."), "{mutes}");
    let answer = browser.submit("/mutes/1/end", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/mutes"));
    assert!(browser.page("/mutes").await.contains("Nothing is muted."));
    assert!(browser.page("/mutes?over=true").await.contains("○ ended"));
    assert!(!browser.page("/monitor/1").await.contains("new disks"));
}

#[tokio::test]
async fn many_are_muted_at_once_by_one_mute() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    for name in ["a", "b", "c", "d", "e", "f"] {
        monitor(&server, name, &[]).await;
    }
    let picks: Vec<(&str, &str)> = ["1", "2", "3", "5", "6"].map(|id| ("pick", id)).into();
    let fields = [picks.as_slice(), &[("do", "mute"), ("for", "8h"), ("back", "/?q=a")]].concat();
    let answer = browser.submit("/monitors/change", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/?q=a"));
    let mutes = server.get("/api/v1/mutes").await.json(200);
    assert_eq!(mutes["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&mutes["items"][0]["monitor_ids"], &mutes["items"][0]["ends_at"]),
        (&json!([1, 2, 3, 5, 6]), &json!("2026-07-01T20:00:30Z"))
    );
    assert_eq!(browser.page("/").await.matches("class=\"tag muted\">muted, ends").count(), 5);
    assert!(browser.page("/mutes").await.contains("and 1 more"));
}

#[tokio::test]
async fn a_mute_is_typed_and_its_faults_stand_at_their_fields() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    monitor(&server, "Mail", &["mail"]).await;
    let nightly = [
        ("tag", "mail"),
        ("alert", "ops"),
        ("for", "8h"),
        ("schedule", "0 22 * * *"),
        ("timezone", "Europe/Berlin"),
        ("reason", "nights"),
    ];
    assert_eq!(browser.submit("/mutes", &nightly).await.status, 303);
    let page = browser.page("/mutes").await;
    assert!(page.contains("(Europe/Berlin), for 8 h") && page.contains("○ begins"), "{page}");
    let until = [("until", "2026-07-01T18:00"), ("timezone", "Europe/Berlin")];
    let refused = browser.submit("/mutes", &until).await;
    assert_eq!(refused.status, 422, "everything is muted on purpose only");
    assert!(refused.text.contains("this would mute everything"), "{}", refused.text);
    let until = [("until", "2026-07-01 18:00"), ("timezone", "Europe/Berlin"), ("everything", "true")];
    assert_eq!(browser.submit("/mutes", &until).await.status, 303);
    assert_eq!(server.get("/api/v1/mutes/2").await.json(200)["ends_at"], "2026-07-01T16:00:00Z");
    assert!(browser.page("/mutes").await.contains("<b>Everything</b>"));
    let list = browser.page("/").await;
    let banner = "<b>Everything is muted,</b> ends <time datetime=\"2026-07-01T16:00:00Z\"";
    assert!(list.contains(banner), "{list}");
    let both = [("tag", "mail"), ("for", "2h"), ("everything", "true"), ("timezone", "Europe/Berln")];
    let refused = browser.submit("/mutes", &both).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("untick it, or choose nothing"), "{}", refused.text);
    assert!(refused.text.contains("did you mean Europe/Berlin?"), "{}", refused.text);
    let wrong = [("for", "long"), ("timezone", "Berlin"), ("schedule", "x"), ("reason", "<b>why</b>")];
    let answer = browser.submit("/mutes", &wrong).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("is no duration: write a number and a unit"), "{}", answer.text);
    assert!(answer.text.contains("value=\"long\"") && answer.text.contains("&#60;b&#62;why"), "{}", answer.text);
    let begun = browser.page("/mutes?monitor=1").await;
    assert!(begun.contains("<input type=\"hidden\" name=\"monitor\" value=\"1\">"), "{begun}");
    assert_eq!(browser.submit("/mutes", &[("monitor", "1"), ("for", "1d"), ("timezone", "UTC")]).await.status, 303);
    assert_eq!(server.get("/api/v1/mutes/3").await.json(200)["monitor_ids"], json!([1]));
}

#[tokio::test]
async fn what_a_mute_held_back_is_shown_and_one_that_holds_nothing_is_asked_about() {
    let server = Server::start().await;
    let browser = Browser::of(&server);
    let id = monitor(&server, "Mail", &["mail"]).await;
    browser.submit("/mutes", &[("tag", "mail"), ("for", "100d"), ("timezone", "UTC")]).await;
    server.record_runs(id, 2, |number| number == 1).await;
    let page = browser.page("/mutes").await;
    assert!(page.contains("It held back 2 notifications") && !page.contains("still needed"), "{page}");
    let one = browser.page("/mutes/1").await;
    assert!(one.contains("run 1") && one.contains("broken, ops"), "{one}");
    server.advance(SignedDuration::from_hours(24 * 31));
    assert!(browser.page("/mutes").await.contains("Is this still needed?"));
    assert_eq!(browser.get("/mutes/9").await.status, 404);
}
