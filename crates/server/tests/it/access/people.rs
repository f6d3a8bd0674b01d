//! An administrator says who may come in: through the pages.

use revere_model::{Clock as _, Role};

use super::{PASSWORD, Visitor, once, person};
use crate::api::server::Server;
use crate::support::by_server;

#[tokio::test]
async fn a_person_is_added_and_chooses_a_password_by_a_link_that_is_good_once() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let ada = Visitor::logged_in(&server, "ada").await;
    let added = ada.submit("/people", &[("name", "bob"), ("role", "editor"), ("tags", "shop, mail,shop")]).await;
    assert_eq!((added.status, added.header("cache-control")), (201, "no-store"), "{}", added.text);
    let link = once(&added.text);
    let path = link.strip_prefix(&server.base).unwrap_or_else(|| panic!("{link}")).to_owned();
    let people = ada.get("/people").await.text;
    assert!(people.contains(">bob</a>") && people.contains("nothing yet"), "{people}");
    assert!(!people.contains(&path), "shown once");

    let bob = Visitor::of(&server);
    assert!(bob.get(&path).await.text.contains("For bob."));
    let short = bob.submit(&path, &[("new_password", "short"), ("again", "short")]).await;
    assert!(short.status == 422 && short.text.contains("has 5 characters"), "{}", short.text);
    let chosen = [("new_password", "a quiet mountain lake"), ("again", "a quiet mountain lake")];
    assert_eq!(bob.submit(&path, &chosen).await.header("location"), "/");
    let account = bob.get("/account").await.text;
    assert!(account.contains("editor of") && account.contains("shop") && account.contains("mail"), "{account}");
    assert_eq!((bob.get(&path).await.status, bob.submit(&path, &chosen).await.status), (404, 404), "good once");
    assert_eq!(Visitor::of(&server).log_in("BOB", "a quiet mountain lake", "").await.status, 303);

    for (name, role, part) in [
        ("Bob", "viewer", "somebody is called Bob already"),
        ("eve:x", "viewer", "letters, digits"),
        ("eve", "root", "not a role"),
    ] {
        let refused = ada.submit("/people", &[("name", name), ("role", role), ("tags", "")]).await;
        assert!(refused.status == 422 && refused.text.contains(part), "{part}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_link_lets_nobody_past_a_second_factor_and_newer_ones_replace_it() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let bob = person(&server, "bob", Role::Viewer, &[]).await;
    let key = revere::access::second_factor::new_key();
    server.store.offer_second_factor(bob.id, key.clone(), &by_server(server.clock.now())).await.unwrap();
    server.store.confirm_second_factor(bob.id, key, 1, vec![], None, &by_server(server.clock.now())).await.unwrap();
    let ada = Visitor::logged_in(&server, "ada").await;
    let link = async || {
        let answer = ada.submit(&format!("/people/{}/link", bob.id), &[]).await;
        once(&answer.text).strip_prefix(&server.base).unwrap().to_owned()
    };
    let (old, new) = (link().await, link().await);
    let thief = Visitor::of(&server);
    assert_eq!(thief.get(&old).await.status, 404);
    let chosen = [("new_password", "a quiet mountain lake"), ("again", "a quiet mountain lake"), ("code", "123456")];
    let refused = thief.submit(&new, &chosen).await;
    assert!(refused.status == 422 && refused.text.contains("not the code of this moment"), "{}", refused.text);
    // Its codes are no easier to guess by a link than at the log-in.
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(thief.submit(&new, &chosen).await.status);
    }
    assert!(statuses[0] == 422 && statuses.ends_with(&[429]), "{statuses:?}");
    server.clock.advance(jiff::SignedDuration::from_mins(6));
    assert_eq!(ada.submit(&format!("/people/{}/second-factor/remove", bob.id), &[]).await.status, 303);
    assert_eq!(thief.submit(&new, &chosen).await.header("location"), "/", "whoever has it, now");
}

#[tokio::test]
async fn what_gives_power_takes_a_proof_that_is_asked_for_on_the_page_and_leads_back_to_it() {
    let server = Server::with_local_users().await;
    let ada = person(&server, "ada", Role::Administrator, &[]).await;
    let bob = person(&server, "bob", Role::Viewer, &[]).await;
    let key = revere::access::second_factor::new_key();
    for id in [ada.id, bob.id] {
        let now = by_server(server.clock.now());
        server.store.offer_second_factor(id, key.clone(), &now).await.unwrap();
        server.store.confirm_second_factor(id, key.clone(), 1, vec![], None, &now).await.unwrap();
    }
    let code = || super::account::code(&server, &key);
    let browser = Visitor::of(&server);
    assert_eq!(browser.log_in("ada", PASSWORD, &code()).await.status, 303);
    server.clock.advance(jiff::SignedDuration::from_mins(60));

    let seen = async |id| {
        let user = server.store.user(revere::store::Lookup::Id(id)).await.unwrap().unwrap();
        (user.role, user.tags, user.disabled_at, user.totp_key, user.password_hash)
    };
    for id in [ada.id, bob.id] {
        let before = seen(id).await;
        for (act, fields) in [
            ("", &[("role", "administrator"), ("tags", "")][..]),
            ("", &[("role", "viewer"), ("tags", ""), ("disabled", "true"), ("was_disabled", "false")]),
            ("/link", &[]),
            ("/second-factor/remove", &[]),
        ] {
            let path = format!("/people/{id}");
            let refused = browser.submit(&format!("{path}{act}"), fields).await;
            let asks = refused.text.contains("Show first, again, who you are")
                && refused.text.contains("action=\"/account/prove\"")
                && refused.text.contains(&format!("name=\"to\" value=\"{path}\""));
            assert!(refused.status == 422 && asks, "{id} {act}: {} {}", refused.status, refused.text);
            assert!(!refused.text.contains("/link/"), "no link was made: {}", refused.text);
        }
        assert_eq!(seen(id).await, before);
    }
    let eve = [("name", "eve"), ("role", "administrator"), ("tags", "")];
    let refused = browser.submit("/people", &eve).await;
    assert!(refused.status == 422 && refused.text.contains("Is it you?"), "{}", refused.text);
    assert!(server.store.user(revere::store::Lookup::Name("eve".into())).await.unwrap().is_none());
    let page = browser.get(&format!("/people/{}", bob.id)).await.text;
    assert!(page.contains("Is it you?") && !page.contains("Make a link"), "asked before anything is filled in: {page}");
    // Whoever is put out is put out at once.
    assert_eq!(browser.submit(&format!("/people/{}/sessions/end", bob.id), &[]).await.status, 303);

    let back = format!("/people/{}", bob.id);
    let wrong = [("password", "wrong horse battery"), ("code", "123456"), ("to", back.as_str())];
    let refused = browser.submit("/account/prove", &wrong).await;
    assert!(refused.status == 422 && refused.text.contains(&format!("value=\"{back}\"")), "{}", refused.text);
    let now = code();
    let right = [("password", PASSWORD), ("code", now.as_str()), ("to", back.as_str())];
    assert_eq!(browser.submit("/account/prove", &right).await.header("location"), back);
    let page = browser.get(&back).await.text;
    assert!(!page.contains("Is it you?") && page.contains("Make a link"), "{page}");
    assert_eq!(browser.submit(&format!("{back}/second-factor/remove"), &[]).await.status, 303);
    assert_eq!(browser.submit(&format!("{back}/link"), &[]).await.status, 200);
    assert_eq!(browser.submit(&back, &[("role", "editor"), ("tags", "")]).await.status, 303);
    assert_eq!(browser.submit("/people", &eve).await.status, 201);
    // Nobody is sent elsewhere by it.
    server.clock.advance(jiff::SignedDuration::from_mins(1));
    let now = code();
    let away = [("password", PASSWORD), ("code", now.as_str()), ("to", "//evil.example/")];
    assert_eq!(browser.submit("/account/prove", &away).await.header("location"), "/");
}

#[tokio::test]
async fn a_page_that_is_older_than_a_decision_does_not_undo_it() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let bob = person(&server, "bob", Role::Viewer, &[]).await;
    let ada = Visitor::logged_in(&server, "ada").await;
    let change = revere::store::UserChange { disabled: Some(true), ..Default::default() };
    server.store.change_user(bob.id, change, &by_server(server.clock.now())).await.unwrap().unwrap();
    let path = format!("/people/{}", bob.id);
    let save = async |was: &str| {
        assert_eq!(ada.submit(&path, &[("role", "editor"), ("tags", "shop"), ("was_disabled", was)]).await.status, 303);
        server.store.user(revere::store::Lookup::Id(bob.id)).await.unwrap().unwrap()
    };
    let saved = save("false").await;
    assert!(saved.role == Role::Editor && saved.disabled_at.is_some(), "made before he was disabled");
    assert!(save("true").await.disabled_at.is_none(), "made after it, and unticked");
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let server = Server::with_local_users().await;
    let ada = person(&server, "ada", Role::Administrator, &[]).await;
    let browser = Visitor::logged_in(&server, "ada").await;
    let path = format!("/people/{}", ada.id);
    for fields in [[("role", "viewer"), ("x", "")], [("role", "administrator"), ("disabled", "true")]] {
        let refused = browser.submit(&path, &fields).await;
        assert!(refused.status == 422 && refused.text.contains("last administrator"), "{}", refused.text);
    }
    let bob = person(&server, "bob", Role::Administrator, &[]).await;
    assert_eq!(browser.submit(&format!("/people/{}", bob.id), &[("role", "viewer")]).await.status, 303);
    assert_eq!(browser.submit(&path, &[("role", "editor")]).await.status, 422);
}

#[tokio::test]
async fn rights_that_are_taken_are_gone_with_the_next_request() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let bob = person(&server, "bob", Role::Administrator, &[]).await;
    let (ada, browser) = (Visitor::logged_in(&server, "ada").await, Visitor::logged_in(&server, "bob").await);
    assert_eq!(browser.get("/people").await.status, 200);
    ada.submit(&format!("/people/{}", bob.id), &[("role", "viewer")]).await;
    let refused = browser.get("/people").await;
    assert!(
        refused.status == 403 && refused.text.contains("A viewer may not see and change who may do what"),
        "{}",
        refused.text
    );
    assert!(!browser.get("/account").await.text.contains("href=\"/people\""));
    ada.submit(&format!("/people/{}/sessions/end", bob.id), &[]).await;
    assert_eq!(browser.get("/").await.status, 303);
    assert_eq!(Visitor::of(&server).log_in("bob", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn nobody_is_shown_what_opens_a_door() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let ada = Visitor::logged_in(&server, "ada").await;
    let token = ada.token("administrator", "").await;
    let user = server.store.user(revere::store::Lookup::Name("ada".into())).await.unwrap().unwrap();
    let (hash, session) = (user.password_hash.unwrap(), ada.session().unwrap());
    for path in ["/", "/account", "/people", "/people/1", "/tokens", "/sources", "/alerts", "/metrics", "/healthz"] {
        let text = ada.get(path).await.text;
        for secret in [&token, &hash, &session] {
            assert!(!text.contains(secret.as_str()), "{path} holds {secret}");
        }
    }
}

/// What a shell does to a person without a server around it.
#[tokio::test]
async fn a_shell_takes_a_persons_tokens_and_second_factor_and_gives_a_password() {
    use revere::operations::{people, tokens::delete_all_of};

    let server = Server::with_local_users().await;
    let ada = person(&server, "ada", Role::Administrator, &[]).await;
    let bob = person(&server, "bob", Role::Viewer, &[]).await;
    let asked = by_server(server.clock.now());
    Visitor::logged_in(&server, "ada").await.token("viewer", "").await;
    let browser = Visitor::logged_in(&server, "bob").await;
    for _ in 0..2 {
        browser.token("viewer", "").await;
    }
    server.store.offer_second_factor(bob.id, revere::access::second_factor::new_key(), &asked).await.unwrap();
    let before = crate::audit::whole(&server.store).await.len();
    assert_eq!(delete_all_of(&server.store, bob.id, &asked).await.unwrap(), 2);
    assert_eq!(delete_all_of(&server.store, bob.id, &asked).await.unwrap(), 0);
    people::take_second_factor(&server.store, bob.id, &asked).await.unwrap();
    people::give_password(&server.store, bob.id, "kept".to_owned(), &asked).await.unwrap();
    let rows = crate::audit::whole(&server.store).await.split_off(before);
    let acts: Vec<&str> = rows.iter().map(|row| row.act.as_str()).collect();
    assert_eq!(acts, ["token_deleted", "token_deleted", "second_factor_taken", "password_set"]);
    assert_eq!(server.store.tokens(Some(ada.id), None, 9).await.unwrap().len(), 1, "hers stay");
    assert_eq!(browser.get("/").await.status, 303, "his session is over");
}
