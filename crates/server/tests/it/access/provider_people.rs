//! Who comes by a provider: what their groups make of them, what they see, and how they go.

use jiff::SignedDuration;
use revere::{
    access::{
        LogInSettings,
        oidc::{Granted, ProviderSettings},
    },
    store::{Lookup, NewUser, User, UserChange},
};
use revere_model::{Clock as _, ManualClock, Role};
use serde_json::json;

use super::{
    PASSWORD, Visitor,
    provider_lies::oidc,
    refusals::Refusals,
    test_provider::{Act, TestProvider, back},
};
use crate::{
    api::server::{Answer, BEGIN, Server, send},
    support::by_server,
};

struct Scene {
    server: Server,
    provider: TestProvider,
}

impl Scene {
    async fn new(settings: fn(&mut ProviderSettings), local_users: bool) -> Scene {
        let clock = ManualClock::at(BEGIN.parse().unwrap());
        let provider = TestProvider::start(&clock).await;
        let mut ours = oidc(&provider.url);
        settings(&mut ours);
        let log_in = LogInSettings { providers: vec![ours], local_users, ..LogInSettings::default() };
        Scene { server: Server::with_log_in(log_in, clock).await, provider }
    }

    async fn comes(&self, browser: &Visitor<'_>) -> Answer {
        let params = self.provider.visited(browser, "oidc").await.unwrap();
        back(browser, "oidc", &params).await
    }

    async fn who(&self, subject: &str) -> User {
        let lookup = Lookup::Identity(self.provider.url.clone(), subject.to_owned());
        self.server.store.user(lookup).await.unwrap().unwrap()
    }
}

fn granted(role: Role, tags: &[&str]) -> Granted {
    Granted { role, tags: tags.iter().map(|&tag| tag.to_owned()).collect() }
}

fn by_groups(settings: &mut ProviderSettings) {
    settings.roles = vec![
        ("staff".to_owned(), granted(Role::Viewer, &[])),
        ("shop".to_owned(), granted(Role::Editor, &["shop"])),
        ("ops".to_owned(), granted(Role::Administrator, &[])),
    ];
    settings.default_role = None;
}

#[tokio::test]
async fn groups_say_at_each_log_in_what_somebody_is() {
    let scene = Scene::new(by_groups, false).await;
    let alice = Visitor::of(&scene.server);
    scene.provider.acts(Act { claims: |claims, _| claims["groups"] = json!(["staff", "shop"]), ..Act::default() });
    assert_eq!(scene.comes(&alice).await.status, 303);
    let user = scene.who("4711").await;
    assert_eq!((user.role, user.tags), (Role::Editor, vec!["shop".to_owned()]));
    // The provider says it where whoever has the access token asks.
    scene.provider.acts(Act { user_info: |claims| claims["groups"] = json!("ops"), ..Act::default() });
    assert_eq!(scene.comes(&alice).await.status, 303);
    assert_eq!(scene.who("4711").await.role, Role::Administrator);
    assert_eq!(alice.get("/people").await.status, 200);
    let page = alice.get(&format!("/people/{}", scene.who("4711").await.id)).await.text;
    assert!(page.contains("their groups where they come from say anew"), "{page}");
    assert!(page.contains(&scene.provider.url) && !page.contains("Make a link for a new password"), "{page}");
    // The last administrator stays one, whatever the groups say.
    scene.provider.acts(Act::default());
    assert_eq!(scene.comes(&alice).await.status, 303);
    assert_eq!(scene.who("4711").await.role, Role::Administrator);
    super::person(&scene.server, "another", Role::Administrator, &[]).await;
    let phone = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&phone).await.status, 303);
    assert_eq!(scene.who("4711").await.role, Role::Viewer);
    assert_eq!(alice.get("/people").await.status, 403, "in the session that was there before, too");
    // And who is in none any more is out, and so are their programs, until they are in one again.
    let id = scene.who("4711").await.id;
    let secret = revere::access::secrets::Secret::new();
    let token = revere::store::NewToken {
        secret_hash: secret.hash(),
        owner: id,
        name: "a program".to_owned(),
        rights: revere_model::Rights { role: Role::Viewer, tags: Vec::new(), scope: None, token: true },
        ends_at: None,
    };
    scene.server.store.create_token(token, &by_server(scene.server.clock.now())).await.unwrap().unwrap();
    let program = async || {
        let bearer = format!("Bearer {}", secret.reveal());
        send(scene.server.request("GET", "/api/v1/monitors").header("authorization", bearer)).await.status
    };
    assert_eq!(program().await, 200);
    let refusals = Refusals::default();
    scene.provider.acts(Act { user_info: |claims| claims["groups"] = json!(["visitors"]), ..Act::default() });
    let refused = scene.comes(&Visitor::of(&scene.server)).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("you have no role here"), "{}", refused.text);
    assert!(
        refusals
            .why(&scene.server)
            .await
            .contains("no group of theirs has a role here; they are in [\"visitors\"] (groups)")
    );
    for browser in [&alice, &phone] {
        assert!(browser.get("/").await.header("location").starts_with("/login"), "their sessions are over");
    }
    assert_eq!(program().await, 401);
    let out = scene.who("4711").await.put_out_at;
    assert!(out.is_some(), "lists say so");
    scene.provider.acts(Act::default());
    assert_eq!(scene.comes(&alice).await.status, 303);
    assert_eq!(program().await, 200);
}

#[tokio::test]
async fn without_groups_an_administrator_says_what_somebody_is() {
    let scene = Scene::new(|settings| settings.default_role = Some(Role::Editor), false).await;
    let alice = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&alice).await.status, 303);
    let user = scene.who("4711").await;
    assert_eq!(user.role, Role::Editor);
    let change = UserChange { role: Some(Role::Administrator), ..UserChange::default() };
    scene.server.store.change_user(user.id, change, &by_server(scene.server.clock.now())).await.unwrap();
    assert_eq!(scene.comes(&alice).await.status, 303);
    assert_eq!(scene.who("4711").await.role, Role::Administrator, "the log-in changes nothing");
}

#[tokio::test]
async fn where_the_default_role_is_none_only_those_come_in_who_were_made_something() {
    let scene = Scene::new(|settings| settings.default_role = None, false).await;
    let refusals = Refusals::default();
    assert_eq!(scene.comes(&Visitor::of(&scene.server)).await.status, 422);
    assert!(refusals.why(&scene.server).await.contains("no group of theirs has a role here"));
    let known = NewUser {
        name: "alice".to_owned(),
        role: Role::Editor,
        tags: Vec::new(),
        password_hash: None,
        identity: Some((scene.provider.url.clone(), "4711".to_owned())),
        link: None,
    };
    scene.server.store.create_user(known, &by_server(scene.server.clock.now())).await.unwrap().unwrap();
    assert_eq!(scene.comes(&Visitor::of(&scene.server)).await.status, 303);
    assert_eq!(scene.who("4711").await.role, Role::Editor);
}

#[tokio::test]
async fn whoever_is_disabled_is_out_at_once_and_does_not_come_back() {
    let scene = Scene::new(|_| {}, false).await;
    let alice = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&alice).await.status, 303);
    let user = scene.who("4711").await;
    let off = UserChange { disabled: Some(true), ..UserChange::default() };
    scene.server.store.change_user(user.id, off, &by_server(scene.server.clock.now())).await.unwrap();
    assert!(alice.get("/").await.header("location").starts_with("/login"));
    let refusals = Refusals::default();
    let phone = Visitor::of(&scene.server);
    let refused = scene.comes(&phone).await;
    assert_eq!((refused.status, phone.session()), (422, None));
    assert!(refusals.why(&scene.server).await.contains("they are disabled"));
    assert!(!refused.text.contains("disabled"), "nobody who is not in learns who is disabled");
}

#[tokio::test]
async fn several_ways_stand_on_one_page_and_one_name_is_one_persons() {
    let scene = Scene::new(|settings| settings.name = "Corp & Co".to_owned(), true).await;
    super::person(&scene.server, "alice@corp.example", Role::Viewer, &[]).await;
    let page = Visitor::of(&scene.server).get("/login?to=/alerts%3Fa%3Db").await.text;
    assert!(page.contains("Log in with Corp &#38; Co") || page.contains("Log in with Corp &amp; Co"), "{page}");
    assert!(page.contains("href=\"/login/oidc?to=%2Falerts%3Fa%3Db\""), "{page}");
    assert!(page.contains("name=\"password\""), "{page}");
    let refusals = Refusals::default();
    let refused = scene.comes(&Visitor::of(&scene.server)).await;
    assert_eq!(refused.status, 422);
    assert!(refusals.why(&scene.server).await.contains("somebody else has this name here"));
    let local = Visitor::of(&scene.server);
    assert_eq!(
        local.log_in("alice@corp.example", PASSWORD, "").await.status,
        303,
        "who was here before still comes in"
    );
}

#[tokio::test]
async fn a_name_is_what_the_provider_says_and_never_a_way_in() {
    let scene = Scene::new(|_| {}, false).await;
    for (subject, claims, name) in [
        (
            "1",
            (|claims: &mut serde_json::Value, _| {
                claims["sub"] = json!("1");
                claims["preferred_username"] = json!("bob");
            }) as fn(&mut serde_json::Value, i64),
            "bob",
        ),
        (
            "2",
            |claims, _| {
                claims["sub"] = json!("2");
                claims["email"] = json!("carol@corp.example");
            },
            "carol@corp.example",
        ),
        (
            "3",
            |claims, _| {
                claims["sub"] = json!("3");
                claims["email_verified"] = json!(false);
                claims["name"] = json!("Dave");
            },
            "Dave",
        ),
        (
            "4|<b>",
            |claims, _| {
                claims["sub"] = json!("4|<b>");
                claims["email_verified"] = json!(false);
                claims["name"] = json!("<script>");
            },
            "person-",
        ),
    ] {
        scene.provider.acts(Act { claims, ..Act::default() });
        assert_eq!(scene.comes(&Visitor::of(&scene.server)).await.status, 303);
        let known = scene.who(subject).await.name;
        assert!(known.starts_with(name), "{known}");
    }
}

#[tokio::test]
async fn to_make_tokens_somebody_shows_the_provider_again_who_they_are() {
    let scene = Scene::new(|_| {}, true).await;
    let alice = Visitor::of(&scene.server);
    // They were asked an hour ago; the provider let them through without another question.
    scene.provider.acts(Act { claims: |claims, now| claims["auth_time"] = json!(now - 3600), ..Act::default() });
    assert_eq!(scene.comes(&alice).await.status, 303);
    let fields = [("name", "a program"), ("may", "viewer"), ("tags", ""), ("days", "30")];
    assert_ne!(alice.submit("/tokens", &fields).await.status, 201);
    let page = alice.get("/account").await.text;
    assert!(page.contains("href=\"/login/oidc?to=/account&amp;again=yes\""), "{page}");
    assert!(!page.contains("New password"), "their password is kept elsewhere");
    let again = scene.provider.visited_for(&alice, "/login/oidc?to=/account&again=yes").await.unwrap();
    assert_eq!(scene.provider.shared.seen.lock().unwrap().asked["max_age"], "0");
    let refusals = Refusals::default();
    assert_eq!(back(&alice, "oidc", &again).await.status, 422);
    assert!(
        refusals.why(&scene.server).await.contains("asked too long ago"),
        "a provider that asks nobody convinces nobody"
    );
    scene.provider.acts(Act { claims: |claims, now| claims["auth_time"] = json!(now), ..Act::default() });
    let again = scene.provider.visited_for(&alice, "/login/oidc?to=/account&again=yes").await.unwrap();
    assert_eq!(back(&alice, "oidc", &again).await.header("location"), "/account");
    assert_eq!(alice.submit("/tokens", &fields).await.status, 201);
    let password = [("new_password", PASSWORD), ("again", PASSWORD)];
    let refused = alice.submit("/account/password", &password).await;
    assert!(refused.text.contains("you log in at") || refused.text.contains("You log in at"), "{}", refused.text);
    scene.server.clock.advance(SignedDuration::from_mins(11));
    assert_ne!(alice.submit("/tokens", &fields).await.status, 201);
}

/// Whoever sits down at an open browser comes back from a provider that asks nobody: that proves something only where the
/// provider says when it asked, or can never be made to ask.
#[tokio::test]
async fn what_a_provider_does_not_say_proves_nothing_unless_it_cannot_be_asked() {
    let fields = [("name", "a program"), ("may", "viewer"), ("tags", ""), ("days", "30")];
    let silent =
        Act { claims: |claims, _| drop(claims.as_object_mut().unwrap().remove("auth_time")), ..Act::default() };
    let scene = Scene::new(|_| {}, false).await;
    scene.provider.acts(silent);
    let alice = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&alice).await.status, 303);
    assert!(alice.get("/account").await.text.contains("again=yes"));
    assert_eq!(alice.submit("/tokens", &fields).await.status, 422);
    let scene = Scene::new(|settings| settings.asks_again = false, false).await;
    let alice = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&alice).await.status, 303);
    assert!(!alice.get("/account").await.text.contains("again=yes"));
    assert_eq!(alice.submit("/tokens", &fields).await.status, 201);
    scene.server.clock.advance(SignedDuration::from_mins(11));
    assert_eq!(alice.submit("/tokens", &fields).await.status, 422);
    let again = scene.provider.visited_for(&alice, "/login/oidc?to=/account&again=yes").await.unwrap();
    assert_eq!(back(&alice, "oidc", &again).await.header("location"), "/account");
    assert_eq!(alice.submit("/tokens", &fields).await.status, 201, "there is no way to ask for more");
}

#[tokio::test]
async fn out_is_out_here_and_then_at_the_provider() {
    let scene = Scene::new(|_| {}, false).await;
    let alice = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&alice).await.status, 303);
    let before = alice.session().unwrap();
    alice.get("/account").await;
    let out = alice.submit("/logout", &[]).await;
    assert_eq!((out.status, out.header("location")), (303, "/login?out=oidc"));
    let old = alice.request("GET", "/").header("cookie", format!("revere_session={before}"));
    assert!(send(old).await.header("location").starts_with("/login"));
    let page = alice.get("/login?out=oidc").await.text;
    assert!(page.contains("You are logged out here.") && page.contains("href=\"/logout/oidc\""), "{page}");
    let there = alice.get("/logout/oidc").await;
    let address = url::Url::parse(there.header("location")).unwrap();
    assert!(address.as_str().starts_with(&format!("{}/end?client_id=", scene.provider.url)), "{address}");
    let base = &scene.server.base;
    assert!(
        address
            .query_pairs()
            .any(|(name, value)| name == "post_logout_redirect_uri" && value == format!("{base}/login"))
    );
    assert_eq!(alice.get("/logout/nothing").await.status, 404);
    assert_eq!(alice.get("/login/google").await.status, 404);
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_to_be_and_stops_nobody_who_is_in() {
    let scene = Scene::new(|_| {}, false).await;
    let alice = Visitor::of(&scene.server);
    assert_eq!(scene.comes(&alice).await.status, 303);
    let Scene { server, provider } = &scene;
    provider.stop().await;
    assert_eq!(alice.get("/").await.status, 200);
    // What is known of it is good for a while: people are sent there, where they see for themselves.
    let bob = Visitor::of(server);
    assert_eq!(bob.get("/login/oidc").await.status, 303);
    server.clock.advance(SignedDuration::from_hours(25));
    let refusals = Refusals::default();
    let down = bob.get("/login/oidc").await;
    assert!(down.text.contains("cannot be used to log in now"), "{}", down.text);
    assert!(refusals.why(server).await.contains("the provider's metadata: "), "and why is in the log");
}
