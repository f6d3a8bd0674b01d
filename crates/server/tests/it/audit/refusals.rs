//! What is refused is written down with its reason: log-ins, tokens, rights, foreign pages, forms. Strangers do not fill
//! the disk with it.

use jiff::SignedDuration;
use revere::store::AuditRow;
use revere_model::{Clock as _, Role};
use serde_json::json;

use super::whole;
use crate::{
    access::{PASSWORD, Visitor, person},
    api::server::{Server, send},
    support::{by_server, eventually, spec},
};

/// What was refused since the audit had so many rows: act, who, target, why.
async fn refused(server: &Server, seen: &mut usize) -> AuditRow {
    let look = async || {
        let rows = whole(&server.store).await;
        rows.get(*seen).cloned().ok_or_else(|| "nothing".to_owned())
    };
    let row = eventually("a refusal in the audit", look).await;
    *seen += 1;
    row
}

fn said(row: &AuditRow) -> (&str, &str, Option<&str>, &str) {
    let about = row.target.as_ref().map(|target| target.name.as_str());
    (&row.act, &row.who.name, about, row.details.get("why").and_then(|why| why.as_str()).unwrap_or_default())
}

#[tokio::test]
async fn each_refusal_says_who_was_refused_what_and_why() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    person(&server, "vera", Role::Viewer, &[]).await;
    let gone = person(&server, "gone", Role::Viewer, &[]).await;
    let disabled = revere::store::UserChange { disabled: Some(true), ..Default::default() };
    server.store.change_user(gone.id, disabled, &by_server(server.clock.now())).await.unwrap();
    server.store.create_monitor(&spec("m"), &by_server(server.clock.now())).await.unwrap();
    let vera = Visitor::logged_in(&server, "vera").await;
    let stranger = Visitor::of(&server);
    stranger.get("/login").await;
    let mut seen = whole(&server.store).await.len();

    for (name, password, about, why) in [
        ("hunter2 is my password", "x", None, "nobody has this name"),
        ("ada", "wrong horse battery", Some("ada"), "wrong password"),
        ("gone", PASSWORD, Some("gone"), "disabled"),
    ] {
        assert_eq!(stranger.log_in(name, password, "").await.status, 422);
        let row = refused(&server, &mut seen).await;
        assert_eq!(said(&row), ("log_in_refused", "stranger", about, why));
        assert_eq!((row.address.as_str(), row.door.as_str()), ("127.0.0.1", "page"));
        assert!(!format!("{row:?}").contains("hunter2"), "what may be a password is not written down");
    }
    for _ in 0..5 {
        server
            .store
            .login_failed(of_name("ada"), None, revere::access::wait_after, None, server.clock.now())
            .await
            .unwrap();
    }
    assert_eq!(Visitor::from(&server, "127.0.0.2").log_in("ada", PASSWORD, "").await.status, 429);
    let row = refused(&server, &mut seen).await;
    assert_eq!(said(&row), ("log_in_slowed", "stranger", Some("ada"), "too many failed under this name"));

    let unknown = server.request("GET", "/api/v1/monitors").header("authorization", "Bearer revere_unknown");
    assert_eq!(send(unknown).await.status, 401);
    let row = refused(&server, &mut seen).await;
    assert_eq!((row.act.as_str(), row.door.as_str()), ("token_refused", "api"));
    assert!(!format!("{row:?}").contains("revere_unknown"));

    assert_eq!(vera.get("/people").await.status, 403);
    let row = refused(&server, &mut seen).await;
    let why = "a viewer may not see and change who may do what; that takes an administrator: ask an administrator";
    assert_eq!(said(&row), ("denied", "vera", None, why));
    assert_eq!(vera.submit("/monitor/1/run", &[]).await.status, 403);
    assert_eq!(said(&refused(&server, &mut seen).await).0, "denied");

    let foreign = vera.request("POST", "/logout").header("origin", "https://evil.example");
    assert_eq!(vera.send(foreign).await.status, 403);
    let row = refused(&server, &mut seen).await;
    assert!(row.act == "origin_refused" && format!("{row:?}").contains("https://evil.example"), "{row:?}");
    let request = vera.request("POST", "/api/v1/eval").json(&json!({"script": "pass"}));
    assert_eq!(vera.send(request).await.status, 403, "a viewer, who says of no page that it sent it");
    assert_eq!(said(&refused(&server, &mut seen).await).1, "vera");
    let form = vera.request("POST", "/account/password").form(&[("token", "0"), ("new_password", "secret-one")]);
    assert_eq!(vera.send(form.header("origin", &server.base)).await.status, 403);
    let row = refused(&server, &mut seen).await;
    assert_eq!(said(&row), ("form_refused", "vera", None, ""));
    assert!(!format!("{row:?}").contains("secret-one"));

    // Whoever has not logged in yet is asked to, and that is all.
    assert_eq!(stranger.get("/").await.status, 303);
    assert_eq!(server.get("/api/v1/monitors").await.status, 401);
    assert_eq!(whole(&server.store).await.len(), seen);
}

#[tokio::test]
async fn an_editor_of_a_tag_who_may_not_is_written_down_with_the_monitor() {
    let server = Server::with_local_users().await;
    person(&server, "edgar", Role::Editor, &["shop"]).await;
    let id = server.store.create_monitor(&spec("m"), &by_server(server.clock.now())).await.unwrap().id;
    let gone = server.store.create_monitor(&spec("gone"), &by_server(server.clock.now())).await.unwrap().id;
    server.store.delete_monitor(gone, &by_server(server.clock.now())).await.unwrap();
    let edgar = Visitor::logged_in(&server, "edgar").await;
    let mut seen = whole(&server.store).await.len();
    let (one, other) = (id.to_string(), gone.to_string());
    let many = |action: &'static str| vec![("pick", one.as_str()), ("do", action), ("tag", "shop"), ("for", "2h")];
    // What is done to one, to many, and the pages that are there for it alone.
    for (path, fields, what, about) in [
        (format!("/monitor/{id}/pause"), Some(vec![]), "change this monitor", id),
        ("/monitors/change".to_owned(), Some(many("pause")), "change this monitor", id),
        ("/monitors/change".to_owned(), Some(many("tag")), "change this monitor", id),
        ("/monitors/change".to_owned(), Some(many("mute")), "mute this", id),
        ("/deleted".to_owned(), Some(vec![("pick", other.as_str())]), "bring this monitor back", gone),
        (format!("/monitor/{id}/edit"), None, "change this monitor", id),
        (format!("/monitor/{id}/delete"), None, "delete this monitor", id),
        (format!("/monitor/{id}/take-back"), None, "acknowledge this problem", id),
    ] {
        let answer = match fields {
            Some(fields) => edgar.submit(&path, &fields).await,
            None => edgar.get(&path).await,
        };
        assert_eq!(answer.status, 403, "{path}: {}", answer.text);
        let row = refused(&server, &mut seen).await;
        assert_eq!((row.act.as_str(), row.details["what"].as_str()), ("denied", Some(what)), "{path}");
        assert_eq!(row.target.unwrap().id, about.to_string(), "{path}");
    }
    assert_eq!(whole(&server.store).await.len(), seen, "one row each");
}

#[tokio::test]
async fn ten_thousand_refusals_are_some_rows_and_a_count() {
    let server = Server::with_local_users().await;
    person(&server, "vera", Role::Viewer, &[]).await;
    let vera = Visitor::logged_in(&server, "vera").await;
    let before = whole(&server.store).await.len();
    for _ in 0..300 {
        assert_eq!(vera.get("/people").await.status, 403);
    }
    // What is done is written down all the same.
    vera.submit("/account/prove", &[("password", PASSWORD)]).await;
    server.clock.advance(SignedDuration::from_mins(61));
    vera.get("/people").await;
    let left_out = async || {
        let rows = whole(&server.store).await;
        let found = rows.iter().find(|row| row.act == "refusals_left_out").cloned();
        found.map(|row| (rows, row)).ok_or_else(|| "none".to_owned())
    };
    let (rows, row) = eventually("the count of what was left out", left_out).await;
    assert_eq!(row.details["denied"], json!(240));
    assert_eq!((row.who.kind.as_str(), row.details["since"].as_str().is_some()), ("server", true));
    assert!(rows.len() - before <= 63 && rows.iter().any(|row| row.act == "proved"), "{}", rows.len() - before);
}

/// Failures are counted under a hash of the name.
fn of_name(name: &str) -> String {
    revere::access::secrets::digest(&format!("name {name}"))
}
