//! An editor of some tags edits monitors that have one of them, and sees the others.

use revere_model::{Clock as _, MAX_TAGS, MonitorId, MonitorSpec, Role};
use serde_json::{Value, json};

use super::{Visitor, person};
use crate::api::server::{Answer, Server, send};
use crate::support::{by_server, eventually};

struct Program<'a> {
    server: &'a Server,
    token: String,
}

impl Program<'_> {
    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.server.request(method, path).header("authorization", format!("Bearer {}", self.token));
        send(request.json(body)).await
    }
}

fn monitor(tags: &[&str]) -> Value {
    json!({ "name": "m", "script": "pass", "schedule": "@daily", "tags": tags })
}

#[tokio::test]
async fn alice_edits_what_is_of_the_shop_and_sees_the_rest() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    person(&server, "alice", Role::Editor, &["shop"]).await;
    let token = async |name: &str| Visitor::logged_in(&server, name).await.token("editor", "").await;
    let (ada, alice) = (
        Program { server: &server, token: token("ada").await },
        Program { server: &server, token: token("alice").await },
    );
    ada.send("POST", "/api/v1/monitors", &monitor(&["mail"])).await.json(201);
    let refused = alice.send("POST", "/api/v1/monitors", &monitor(&["mail"])).await.problem(403);
    assert_eq!(
        refused["detail"],
        "you may not create this monitor: you are an editor of 'shop' only; give the monitor that tag, or ask an administrator"
    );
    alice.send("POST", "/api/v1/monitors", &monitor(&[])).await.problem(403);
    alice.send("POST", "/api/v1/monitors", &monitor(&["x", "Shop"])).await.json(201);
    for (method, path, body) in [
        ("PUT", "/api/v1/monitors/1", monitor(&["shop"])),
        ("PATCH", "/api/v1/monitors/1", json!({ "tags": ["mail", "shop"] })),
        ("PATCH", "/api/v1/monitors/1", json!({ "active": false })),
        ("POST", "/api/v1/monitors/1/run", json!({})),
        ("POST", "/api/v1/monitors/1/versions/1/restore", json!({})),
        ("DELETE", "/api/v1/monitors/1", json!({})),
        ("POST", "/api/v1/eval", json!({ "script": "pass", "monitor_id": 1 })),
        // Her own, but out of her reach afterwards.
        ("PATCH", "/api/v1/monitors/2", json!({ "tags": ["mail"] })),
        ("PUT", "/api/v1/monitors/2", monitor(&[])),
        ("POST", "/api/v1/monitors/1/acknowledgement", json!({})),
        ("PUT", "/api/v1/alerts/ops", json!({ "enabled": false })),
        ("POST", "/api/v1/alerts/ops/test", json!({})),
        ("POST", "/api/v1/alerts/ops/preview", json!({ "monitor_id": 2, "text": "x" })),
        ("POST", "/api/v1/mutes", json!({ "monitor_ids": [2, 1], "duration_s": 3600 })),
        ("POST", "/api/v1/mutes", json!({ "tag": "mail", "duration_s": 3600 })),
        ("POST", "/api/v1/mutes", json!({ "alert": "ops", "duration_s": 3600 })),
        ("POST", "/api/v1/mutes", json!({ "duration_s": 3600 })),
    ] {
        alice.send(method, path, &body).await.problem(403);
    }
    let seen = alice.send("GET", "/api/v1/monitors/1", &json!({})).await.json(200);
    assert_eq!((&seen["tags"], &seen["active"], &seen["last_run_at"]), (&json!(["mail"]), &json!(true), &Value::Null));
    alice.send("PATCH", "/api/v1/monitors/2", &json!({ "tags": ["shop", "mail"] })).await.json(200);
    alice.send("POST", "/api/v1/monitors/2/run", &json!({})).await.json(200);
    alice.send("POST", "/api/v1/eval", &json!({ "script": "return_value = 1" })).await.json(200);
    // Back to what it was is an edit like any other: not to where she cannot reach it any more.
    ada.send("PATCH", "/api/v1/monitors/1", &json!({ "tags": ["shop"] })).await.json(200);
    alice.send("POST", "/api/v1/monitors/1/versions/1/restore", &json!({})).await.problem(403);
    ada.send("PATCH", "/api/v1/monitors/1", &json!({ "tags": ["mail"] })).await.json(200);
    alice.send("POST", "/api/v1/monitors/2/versions/1/restore", &json!({})).await.json(200);
    assert!(server.mailbox.all().is_empty(), "no test was sent");
    // She looks after problems of what she edits, and after no others'.
    for id in [1, 2] {
        server.record_runs(id, 1, |_| true).await;
    }
    alice.send("POST", "/api/v1/monitors/1/acknowledgement", &json!({})).await.problem(403);
    let browser = Visitor::logged_in(&server, "alice").await;
    assert_eq!(browser.submit("/monitor/1/acknowledge", &[("note", "")]).await.status, 403);
    assert!(server.store.acknowledgements(&[MonitorId(1)]).await.unwrap().is_empty());
    // Any monitor may wait for a source.
    alice.send("POST", "/api/v1/sources/echo/acknowledgement", &json!({})).await.problem(403);
    alice.send("DELETE", "/api/v1/sources/echo/acknowledgement", &json!({})).await.problem(403);
    assert_eq!(browser.submit("/sources/acknowledge", &[("source", "echo")]).await.status, 403);
    alice.send("POST", "/api/v1/monitors/2/acknowledgement", &json!({})).await.json(201);
    // She mutes what she edits, and ends that; not what is others' as well.
    alice.send("POST", "/api/v1/mutes", &json!({ "monitor_ids": [2], "duration_s": 3600 })).await.json(201);
    alice.send("POST", "/api/v1/mutes", &json!({ "tag": "shop", "alert": "ops", "duration_s": 3600 })).await.json(201);
    ada.send("POST", "/api/v1/mutes", &json!({ "duration_s": 3600 })).await.json(201);
    let own = alice.send("POST", "/api/v1/mutes/1/end", &json!({})).await.json(200);
    assert_eq!((&own["over"], &own["owner"]["name"]), (&json!(true), &json!("token a program of alice")));
    alice.send("POST", "/api/v1/mutes/3/end", &json!({})).await.problem(403);
    assert_eq!(alice.send("DELETE", "/api/v1/monitors/2", &json!({})).await.status, 204);
    // She brings back what she could have deleted, and sees the rest.
    assert_eq!(ada.send("DELETE", "/api/v1/monitors/1", &json!({})).await.status, 204);
    assert_eq!(alice.send("GET", "/api/v1/deleted-monitors", &json!({})).await.json(200)["items"][0]["id"], 2);
    alice.send("POST", "/api/v1/deleted-monitors/1/undelete", &json!({})).await.problem(403);
    alice.send("POST", "/api/v1/deleted-monitors/2/undelete", &json!({})).await.json(200);
    let saved = alice.send("GET", "/api/v1/monitors/2/versions", &json!({})).await.json(200);
    assert_eq!(saved["items"][0]["saved_by"]["name"], "token a program of alice");
}

#[tokio::test]
async fn what_she_makes_by_the_page_is_run_at_once_and_nothing_of_it_is_refused() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Editor, &["shop"]).await;
    let alice = Visitor::logged_in(&server, "alice").await;
    let fields = [
        ("name", "Orders"),
        ("script", "return_value = 7"),
        ("schedule", "0 0 1 1 *"),
        ("timezone", "UTC"),
        ("active", "true"),
        ("tags", "shop"),
        ("alarm_after", "1"),
        ("recover_after", "1"),
        ("do", "save"),
    ];
    let made = alice.submit("/create", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    eventually("it ran", async || {
        let monitor = server.store.monitor(MonitorId(1)).await.unwrap();
        monitor.last_run_at.ok_or_else(|| format!("{monitor:?}"))
    })
    .await;
    let acts: Vec<String> = crate::audit::whole(&server.store).await.into_iter().map(|row| row.act).collect();
    assert!(!acts.contains(&"denied".to_owned()), "{acts:?}");
}

#[tokio::test]
async fn what_is_done_to_many_is_done_to_all_or_none() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Editor, &["shop"]).await;
    for tag in ["shop", "mail"] {
        let mut spec = crate::support::spec(tag);
        spec.tags = vec![tag.to_owned()];
        server.store.create_monitor(&spec, &by_server(server.clock.now())).await.unwrap();
    }
    let alice = Visitor::logged_in(&server, "alice").await;
    let fields = [("pick", "1"), ("pick", "2"), ("do", "pause"), ("back", "/")];
    assert_eq!(alice.submit("/monitors/change", &fields).await.status, 403);
    assert!(server.store.monitor(revere_model::MonitorId(1)).await.unwrap().spec.active);
    assert_eq!(alice.submit("/monitors/change", &fields[2..]).await.status, 303, "nothing chosen");
    assert_eq!(alice.submit("/monitors/change", &[fields[0], fields[2], fields[3]]).await.status, 303);
    assert!(!server.store.monitor(revere_model::MonitorId(1)).await.unwrap().spec.active);
}

#[tokio::test]
async fn tags_of_many_are_changed_of_all_or_none() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    person(&server, "alice", Role::Editor, &["shop", "mail"]).await;
    let full: Vec<String> = (0..MAX_TAGS).map(|number| format!("t{number}")).collect();
    for tags in [vec!["shop".to_owned(), "mail".to_owned()], vec!["shop".to_owned()], full] {
        let spec = MonitorSpec { tags, ..crate::support::spec("m") };
        server.store.create_monitor(&spec, &by_server(server.clock.now())).await.unwrap();
    }
    let tags = async |id: i64| server.store.monitor(MonitorId(id)).await.unwrap().spec.tags;
    let of_both = |action: &'static str, tag: &'static str, other: &'static str| {
        [("pick", "1"), ("pick", other), ("do", action), ("tag", tag), ("back", "/")]
    };
    // The first would still have a tag of hers, the second none.
    let alice = Visitor::logged_in(&server, "alice").await;
    assert_eq!(alice.submit("/monitors/change", &of_both("untag", "shop", "2")).await.status, 403);
    assert_eq!((tags(1).await, tags(2).await), (vec!["shop".to_owned(), "mail".to_owned()], vec!["shop".to_owned()]));
    // The third has as many as may be.
    let ada = Visitor::logged_in(&server, "ada").await;
    let refused = ada.submit("/monitors/change", &of_both("tag", "new", "3")).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!((tags(1).await.len(), tags(3).await.len()), (2, MAX_TAGS));
    assert_eq!(ada.submit("/monitors/change", &of_both("tag", "new", "2")).await.status, 303);
    assert_eq!((tags(1).await.len(), tags(2).await.len()), (3, 2));
}

#[tokio::test]
async fn pages_offer_what_one_may_and_say_why_not() {
    let server = Server::with_local_users().await;
    for (name, role, tags) in
        [("ada", Role::Administrator, &[][..]), ("alice", Role::Editor, &["shop"]), ("vera", Role::Viewer, &[])]
    {
        person(&server, name, role, tags).await;
    }
    let mut spec = crate::support::spec("of the mail");
    spec.tags = vec!["mail".to_owned()];
    server.store.create_monitor(&spec, &by_server(server.clock.now())).await.unwrap();
    let (ada, alice, vera) = (
        Visitor::logged_in(&server, "ada").await,
        Visitor::logged_in(&server, "alice").await,
        Visitor::logged_in(&server, "vera").await,
    );
    let page = ada.get("/monitor/1").await.text;
    assert!(page.contains("Run now") && page.contains("/monitor/1/delete"));
    for (browser, words) in [(&alice, "You are an editor of"), (&vera, "A viewer may not change this monitor")] {
        let page = browser.get("/monitor/1").await.text;
        assert!(!page.contains("Run now") && !page.contains("/monitor/1/delete"), "{page}");
        assert!(page.contains(words) || page.contains("you are an editor of"), "{page}");
        for path in ["/monitor/1/edit", "/monitor/1/delete"] {
            assert_eq!(browser.get(path).await.status, 403, "{path}");
        }
        let alerts = browser.get("/alerts").await.text;
        assert!(alerts.contains("disabled title=") && !alerts.contains("Send a test"), "{alerts}");
    }
    assert!(alice.get("/").await.text.contains("href=\"/create\""));
    assert!(!vera.get("/").await.text.contains("href=\"/create\"") && !vera.get("/").await.text.contains("data-bulk"));
    assert!(vera.get("/sources").await.text.contains("A viewer may not try out scripts"));
}
