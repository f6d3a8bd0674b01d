//! API tokens: made by a person, shown once, never more than their owner.

use jiff::SignedDuration;
use revere::store::NewToken;
use revere_model::{Clock as _, Rights, Role};
use serde_json::json;

use super::{Visitor, person};
use crate::{
    api::server::{Answer, Server, send},
    support::{by_server, until},
};

async fn with(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    let request = server.request(method, path).header("authorization", format!("Bearer {token}"));
    match method {
        "GET" => send(request).await,
        _ => {
            send(request.json(&json!({ "name": "m", "script": "pass", "schedule": "@daily", "tags": ["shop"] }))).await
        }
    }
}

#[tokio::test]
async fn a_token_is_shown_once_used_listed_and_taken_back() {
    let server = Server::with_local_users().await;
    person(&server, "edgar", Role::Editor, &[]).await;
    let edgar = Visitor::logged_in(&server, "edgar").await;
    let token = edgar.token("viewer", "").await;
    assert!(token.starts_with("revere_") && token.len() == 50, "{token}");
    assert!(edgar.get("/tokens").await.text.contains("<span class=\"soft\">never</span>"));
    assert_eq!(with(&server, "GET", "/api/v1/monitors", &token).await.status, 200);
    let refused = with(&server, "POST", "/api/v1/monitors", &token).await.problem(403);
    assert_eq!(refused["detail"], "a viewer may not create this monitor; that takes an editor: ask an administrator");
    until("its use is noted", async || edgar.get("/tokens").await.text.contains("127.0.0.1")).await;
    let page = edgar.get("/tokens").await.text;
    assert!(page.contains("a program") && !page.contains(&token));
    assert_eq!(edgar.submit("/tokens/1/delete", &[]).await.status, 303);
    let gone = with(&server, "GET", "/api/v1/monitors", &token).await;
    assert!(gone.problem(401)["detail"].as_str().unwrap().contains("not known"), "{}", gone.text);
    assert_eq!(gone.header("www-authenticate"), "Bearer realm=\"Revere\"");
}

#[tokio::test]
async fn a_token_ends_and_does_what_its_owner_still_may() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let edgar = person(&server, "edgar", Role::Editor, &[]).await;
    let (ada, browser) = (Visitor::logged_in(&server, "ada").await, Visitor::logged_in(&server, "edgar").await);
    let more = browser.submit("/tokens", &[("name", "x"), ("may", "administrator"), ("days", "")]).await;
    assert!(more.status == 422 && more.text.contains("may not do more than its owner"), "{}", more.text);
    for (field, value, part) in
        [("days", "0", "from 1 to 366"), ("may", "root", "choose what"), ("name", "", "has a name")]
    {
        let mut fields = vec![("name", "x"), ("may", "viewer"), ("days", "")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let refused = browser.submit("/tokens", &fields).await;
        assert!(refused.status == 422 && refused.text.contains(part), "{part}: {}", refused.text);
    }
    let token = browser.token("editor", "").await;
    assert_eq!(with(&server, "POST", "/api/v1/monitors", &token).await.status, 201);
    let change = |fields: [(&'static str, &'static str); 2]| {
        let (ada, path) = (&ada, format!("/people/{}", edgar.id));
        async move { assert_eq!(ada.submit(&path, &fields).await.status, 303) }
    };
    change([("role", "editor"), ("tags", "mail")]).await;
    let refused = with(&server, "POST", "/api/v1/monitors", &token).await;
    assert!(refused.problem(403)["detail"].as_str().unwrap().contains("editor of 'mail' only"), "{}", refused.text);
    change([("role", "viewer"), ("tags", "")]).await;
    assert_eq!(with(&server, "POST", "/api/v1/monitors", &token).await.status, 403);
    assert_eq!(with(&server, "GET", "/api/v1/monitors", &token).await.status, 200);
    server.clock.advance(SignedDuration::from_hours(24 * 30));
    assert_eq!(with(&server, "GET", "/api/v1/monitors", &token).await.status, 401, "thirty days are over");
}

#[tokio::test]
async fn tokens_of_others_are_an_administrators_business() {
    let server = Server::with_local_users().await;
    for (name, role) in [("ada", Role::Administrator), ("vera", Role::Viewer), ("edgar", Role::Editor)] {
        person(&server, name, role, &[]).await;
    }
    let (ada, vera, edgar) = (
        Visitor::logged_in(&server, "ada").await,
        Visitor::logged_in(&server, "vera").await,
        Visitor::logged_in(&server, "edgar").await,
    );
    let token = vera.token("viewer", "").await;
    assert!(!edgar.get("/tokens").await.text.contains("a program"));
    assert_eq!(edgar.submit("/tokens/1/delete", &[]).await.status, 404);
    assert!(ada.get("/tokens").await.text.contains("vera"));
    assert_eq!(ada.submit("/tokens/1/delete", &[]).await.status, 303);
    assert_eq!(with(&server, "GET", "/api/v1/monitors", &token).await.status, 401);
}

#[tokio::test]
async fn whoever_sits_down_at_an_open_browser_makes_no_token() {
    let server = Server::with_local_users().await;
    person(&server, "vera", Role::Viewer, &[]).await;
    let vera = Visitor::logged_in(&server, "vera").await;
    server.clock.advance(SignedDuration::from_mins(11));
    let refused = vera.submit("/tokens", &[("name", "x"), ("may", "viewer"), ("days", "")]).await;
    assert!(refused.status == 422 && refused.text.contains("who you are"), "{}", refused.text);
}

#[tokio::test]
async fn of_more_tokens_than_a_page_holds_the_next_one_shows_the_rest() {
    let server = Server::with_local_users().await;
    let ada = person(&server, "ada", Role::Administrator, &[]).await;
    let vera = person(&server, "vera", Role::Viewer, &[]).await;
    for (owner, name) in [(vera.id, "the oldest"), (ada.id, "another")] {
        for number in 0..101 {
            let new = NewToken {
                secret_hash: format!("{name} {number}"),
                owner,
                name: format!("{name} {number}."),
                rights: Rights { role: Role::Viewer, tags: Vec::new(), scope: None, token: true },
                ends_at: None,
            };
            server.store.create_token(new, &by_server(server.clock.now())).await.unwrap().unwrap();
        }
    }
    let ada = Visitor::logged_in(&server, "ada").await;
    let first = ada.get("/tokens").await.text;
    assert_eq!(first.matches("<tr><td").count(), 200);
    assert!(!first.contains("the oldest 0.") && first.contains("another 100."));
    let (_, rest) = first.split_once("rel=\"next\" href=\"").expect("a link to the next page");
    let second = ada.get(rest.split('"').next().unwrap()).await.text;
    assert_eq!(second.matches("<tr><td").count(), 2);
    assert!(second.contains("the oldest 0.") && second.contains("the oldest 1.") && !second.contains("rel=\"next\""));
    assert_eq!(ada.get("/tokens?before=x").await.status, 422);
    let vera = Visitor::logged_in(&server, "vera").await;
    assert!(!vera.get("/tokens?before=9999").await.text.contains("another"), "what is hers alone");
}
