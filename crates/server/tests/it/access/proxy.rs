//! A proxy says who it is: believed where the configuration says so, and nowhere else.

use revere::{
    access::LogInSettings,
    store::{Lookup, User, UserChange},
};
use revere_model::{Clock as _, ManualClock, Role};
use serde_json::json;

use super::{PASSWORD, Visitor, person, refusals::Refusals};
use crate::{
    api::server::{Answer, BEGIN, Server, send},
    support::by_server,
};

const HEADER: &str = "X-Forwarded-User";

/// A server that believes the proxy at 127.0.0.1, and nobody at 127.0.0.2.
async fn server(change: impl Fn(&mut LogInSettings)) -> Server {
    let mut settings = LogInSettings {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        proxy_user_header: Some(HEADER.to_lowercase()),
        ..LogInSettings::default()
    };
    change(&mut settings);
    Server::with_log_in(settings, ManualClock::at(BEGIN.parse().unwrap())).await
}

async fn asked(visitor: &Visitor<'_>, path: &str, names: &[&str]) -> Answer {
    let mut request = visitor.request("GET", path);
    for name in names {
        request = request.header(HEADER, *name);
    }
    visitor.send(request).await
}

async fn known(server: &Server, name: &str) -> Option<User> {
    server.store.user(Lookup::Identity("proxy".to_owned(), name.to_owned())).await.unwrap()
}

#[tokio::test]
async fn whom_a_trusted_proxy_names_is_in_for_that_request() {
    let server = server(|_| {}).await;
    let proxy = Visitor::of(&server);
    let home = asked(&proxy, "/", &["alice"]).await;
    assert_eq!(home.status, 200);
    assert!(home.text.contains("Your account, alice"), "{}", home.text);
    assert_eq!(proxy.session(), None, "no session: the next request names somebody again");
    assert_eq!(known(&server, "alice").await.unwrap().role, Role::Viewer);
    assert!(asked(&proxy, "/", &[]).await.header("location").starts_with("/login"));
    assert!(asked(&proxy, "/", &["bob"]).await.text.contains("Your account, bob"));
    assert_eq!(server.store.users("", 9).await.unwrap().len(), 2);
    // An administrator says what somebody is, and it holds with the next request.
    let alice = known(&server, "alice").await.unwrap();
    let change = UserChange { role: Some(Role::Administrator), ..UserChange::default() };
    server.store.change_user(alice.id, change, &by_server(server.clock.now())).await.unwrap();
    assert_eq!(asked(&proxy, "/people", &["alice"]).await.status, 200);
    assert_eq!(asked(&proxy, "/people", &["bob"]).await.status, 403);
    // A form, and a token for a program of theirs.
    let account = asked(&proxy, "/account", &["alice"]).await.text;
    assert!(!account.contains("action=\"/logout\""), "there is no session to leave: {account}");
    let form = proxy.cookies.lock().unwrap()["revere_form"].clone();
    let fields = [("token", form.as_str()), ("name", "a program"), ("may", "viewer"), ("tags", ""), ("days", "30")];
    let make = proxy.request("POST", "/tokens").header(HEADER, "alice").header("origin", &server.base).form(&fields);
    let made = proxy.send(make).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = super::once(&made.text);
    let program = server.request("GET", "/api/v1/monitors").header("authorization", format!("Bearer {token}"));
    assert_eq!(send(program).await.status, 200);
}

#[tokio::test]
async fn the_header_of_anybody_else_counts_for_nothing_and_is_noted() {
    let server = server(|_| {}).await;
    asked(&Visitor::of(&server), "/", &["alice"]).await;
    let stranger = Visitor::from(&server, "127.0.0.2");
    let refusals = Refusals::default();
    assert!(asked(&stranger, "/", &["alice"]).await.header("location").starts_with("/login"));
    assert!(refusals.why(&server).await.contains("came from none of TRUSTED_PROXIES"));
    for (name, value) in [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("x-real-ip", "127.0.0.1")]
    {
        let request = stranger.request("GET", "/").header(HEADER, "alice").header(name, value);
        assert!(send(request).await.header("location").starts_with("/login"), "{name}");
    }
    asked(&stranger, "/", &["mallory"]).await;
    assert!(known(&server, "mallory").await.is_none(), "nobody is made by it");
}

/// Programs are let past the proxy's log-in by their token: what says that it has one is believed nothing else.
#[tokio::test]
async fn what_calls_itself_a_program_is_nobody_without_a_token() {
    let server = server(|_| {}).await;
    let proxy = Visitor::of(&server);
    for header in ["Bearer", "bearer", "BEARER ", "Bearer\t", "Bearer  ", "Bearer\tx", "Bearer x", "Bearer,x"] {
        let request = proxy.request("GET", "/api/v1/monitors").header(HEADER, "alice").header("authorization", header);
        let answer = send(request).await;
        assert_eq!(answer.status, 401, "{header:?}: {}", answer.text);
    }
    assert!(server.store.users("", 9).await.unwrap().is_empty(), "nobody is made");
}

#[tokio::test]
async fn a_header_that_came_twice_is_nobodys_and_neither_is_what_is_no_name() {
    let server = server(|_| {}).await;
    let proxy = Visitor::of(&server);
    let refusals = Refusals::default();
    for names in [&["admin", "alice"][..], &["alice", "alice"], &["", "alice"]] {
        let answer = asked(&proxy, "/", names).await;
        assert_eq!(answer.status, 401, "{names:?}");
        assert!(answer.text.contains("came more than once"), "{}", answer.text);
        assert!(refusals.why(&server).await.contains("the proxy adds it, and must replace it"));
    }
    for name in ["admin, alice", "<script>alert(1)</script>", "al\u{7f}ice", &"x".repeat(61)] {
        let request = proxy.request("GET", "/");
        let Ok(value) = reqwest::header::HeaderValue::from_bytes(name.as_bytes()) else { continue };
        let answer = proxy.send(request.header(HEADER, value)).await;
        assert_eq!(answer.status, 403, "{name}");
        assert!(refusals.why(&server).await.contains("is no name"), "{name}");
        assert!(!answer.text.contains("<script>alert"));
    }
    assert!(server.store.users("", 9).await.unwrap().is_empty());
    assert_eq!(asked(&proxy, "/healthz", &["admin", "alice"]).await.status, 200, "what is open to all stays open");
}

#[tokio::test]
async fn whoever_is_disabled_is_out_with_the_next_request_and_a_name_is_one_persons() {
    let server = server(|settings| settings.local_users = true).await;
    let proxy = Visitor::of(&server);
    asked(&proxy, "/", &["alice"]).await;
    let stream = proxy.request("GET", "/events").header(HEADER, "alice").header("accept", "text/event-stream");
    let stream = stream.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    person(&server, "ada", Role::Administrator, &[]).await;
    let ada = Visitor::logged_in(&server, "ada").await;
    let alice = known(&server, "alice").await.unwrap();
    let fields = [("role", "viewer"), ("tags", ""), ("disabled", "true")];
    assert_eq!(ada.submit(&format!("/people/{}", alice.id), &fields).await.status, 303);
    drop(stream.text().await);
    let refusals = Refusals::default();
    let answer = asked(&proxy, "/", &["alice"]).await;
    assert_eq!(answer.status, 403);
    assert!(refusals.why(&server).await.contains("they are disabled"));
    // Whoever has a password here is not whom a proxy calls so.
    let answer = asked(&proxy, "/", &["ada"]).await;
    assert_eq!(answer.status, 403);
    assert!(refusals.why(&server).await.contains("somebody else has this name here"));
    // Without the header a password is as good as ever; with it, the header counts.
    assert!(ada.get("/").await.text.contains("Your account, ada"));
    assert!(asked(&ada, "/", &["bob"]).await.text.contains("Your account, bob"));
    assert_eq!(Visitor::of(&server).log_in("alice", PASSWORD, "").await.status, 422);
}

#[tokio::test]
async fn a_proxy_may_pass_on_how_somebody_logged_in_at_it_and_a_default_role_may_be_none() {
    let server = server(|settings| settings.proxy_role = None).await;
    let proxy = Visitor::of(&server);
    let refusals = Refusals::default();
    assert_eq!(asked(&proxy, "/", &["alice"]).await.status, 403);
    assert!(refusals.why(&server).await.contains("and DEFAULT_ROLE makes nobody"));
    let server = self::server(|settings| settings.proxy_role = Some(Role::Editor)).await;
    let proxy = Visitor::of(&server);
    let request = proxy.request("GET", "/").header(HEADER, "alice").header("authorization", "Basic YWxpY2U6cGFzcw==");
    assert!(proxy.send(request).await.text.contains("Your account, alice"));
    let token = proxy
        .request("GET", "/api/v1/monitors")
        .header(HEADER, "alice")
        .header("authorization", "Bearer revere_unknown");
    assert_eq!(proxy.send(token).await.status, 401, "a token says more precisely who asks");
    // A page of another site has the proxy send the header as well.
    let body = json!({ "script": "pass" });
    let foreign = |site: &str| {
        let request = proxy.request("POST", "/api/v1/check").header(HEADER, "alice").json(&body);
        request.header("sec-fetch-site", site.to_owned()).header("origin", "https://evil.example")
    };
    assert_eq!(proxy.send(foreign("cross-site")).await.status, 403);
    let own = proxy.request("POST", "/api/v1/check").header(HEADER, "alice").header("sec-fetch-site", "same-origin");
    assert_eq!(proxy.send(own.json(&body)).await.status, 200);
    let bare = proxy.request("POST", "/api/v1/check").header(HEADER, "alice").json(&body);
    assert_eq!(proxy.send(bare).await.status, 403, "a program has a token");
}
