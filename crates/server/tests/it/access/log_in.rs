//! Coming in and going out: one message for every refusal, guesses slowed, nobody locked out.

use jiff::SignedDuration;
use revere::{
    access::{Passwords, Queue, second_factor},
    store::{Lookup, UserChange},
};
use revere_model::{Act, Clock as _, Role};

use super::{PASSWORD, Visitor, person};
use crate::{
    api::server::{Server, send},
    support::{by_server, until},
};

const WRONG: &str = "Name, password or code is wrong.";

#[tokio::test]
async fn a_person_comes_in_goes_where_they_wanted_and_out_again() {
    let server = Server::with_local_users().await;
    person(&server, "Alice", Role::Viewer, &[]).await;
    let alice = Visitor::of(&server);
    let asked = alice.get("/alerts?status=failed").await;
    assert_eq!((asked.status, asked.header("location")), (303, "/login?to=%2Falerts%3Fstatus%3Dfailed"));
    let page = alice.get(asked.header("location")).await;
    assert!(
        page.text.contains(r#"name="to" value="/alerts?status&#61;failed""#)
            || page.text.contains("/alerts?status=failed")
    );
    assert!(!page.text.contains("href=\"/sources\""), "a stranger learns nothing of the server");
    let answer = alice.log_in("alice", PASSWORD, "").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/alerts"));
    let cookie = answer.header("set-cookie");
    for part in ["revere_session=", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=604800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let before = alice.session().unwrap();
    assert!(alice.get("/").await.text.contains("Your account, Alice"));
    assert_eq!(alice.get("/login?to=/sources").await.header("location"), "/sources", "she is in");
    let out = alice.submit("/logout", &[]).await;
    assert_eq!((out.header("location"), out.header("clear-site-data")), ("/login", "\"cache\""));
    assert_eq!(alice.session(), None);
    let old = alice.request("GET", "/").header("cookie", format!("revere_session={before}"));
    assert!(send(old).await.header("location").starts_with("/login"), "the session is over at the server too");
}

#[tokio::test]
async fn a_log_in_leads_nowhere_else() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    for to in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\u{1}"] {
        let fields = [("name", "alice"), ("password", PASSWORD), ("to", to)];
        assert_eq!(Visitor::of(&server).submit("/login", &fields).await.header("location"), "/", "{to}");
    }
}

#[tokio::test]
async fn every_refusal_says_the_same() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let gone = person(&server, "gone", Role::Viewer, &[]).await;
    let off = UserChange { disabled: Some(true), ..UserChange::default() };
    server.store.change_user(gone.id, off, &by_server(server.clock.now())).await.unwrap();
    let two = person(&server, "two", Role::Viewer, &[]).await;
    let key = second_factor::new_key();
    server.store.offer_second_factor(two.id, key.clone(), &by_server(server.clock.now())).await.unwrap();
    assert!(
        server.store.confirm_second_factor(two.id, key, 1, vec![], None, &by_server(server.clock.now())).await.unwrap()
    );
    let mut seen = Vec::new();
    for (name, password, code) in [
        ("nobody", PASSWORD, ""),
        ("alice", "wrong horse battery", ""),
        ("gone", PASSWORD, ""),
        ("two", PASSWORD, ""),
        ("two", PASSWORD, "123456"),
        ("two", PASSWORD, "abcd-efgh-jkmn-pqrs"),
    ] {
        let answer = Visitor::of(&server).log_in(name, password, code).await;
        assert_eq!(answer.status, 422, "{name} {code}");
        assert!(answer.text.contains(WRONG), "{}", answer.text);
        assert!(
            answer.headers.get_all("set-cookie").iter().all(|cookie| !cookie.to_str().unwrap().contains("session"))
        );
        seen.push(answer.text.replace(name, "NAME").lines().filter(|line| !line.contains("token")).collect::<String>());
    }
    assert!(seen.iter().all(|page| *page == seen[0]), "the pages differ in nothing but the name");
}

#[tokio::test]
async fn guesses_are_slowed_and_their_owner_still_gets_in() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    Visitor::logged_in(&server, "alice").await;
    let thief = Visitor::from(&server, "127.0.0.2");
    for name in ["alice", "nobody"] {
        for guess in 0..5 {
            assert_eq!(thief.log_in(name, &format!("guess number {guess}"), "").await.status, 422, "{name} {guess}");
        }
        let put_off = thief.log_in(name, PASSWORD, "").await;
        assert_eq!((put_off.status, put_off.header("retry-after")), (429, "1"), "{name}: the right one too");
        server.clock.advance(SignedDuration::from_secs(60));
    }
    // The wait doubles, and waiting is not counted.
    for guess in 0..2 {
        thief.log_in("alice", &format!("another guess {guess}"), "").await;
        server.clock.advance(SignedDuration::from_secs(30));
    }
    thief.log_in("alice", "the last guess", "").await;
    let put_off = thief.log_in("alice", PASSWORD, "").await;
    assert_eq!((put_off.status, put_off.header("retry-after")), (429, "8"));
    assert!(put_off.text.contains("Too many") || put_off.text.contains("too many"), "{}", put_off.text);
    // From where she came in before, her password is taken; wrong ones are put off there as well.
    let alice = Visitor::of(&server);
    assert_eq!(alice.log_in("alice", "wrong horse battery", "").await.status, 429);
    assert_eq!(alice.log_in("alice", PASSWORD, "").await.status, 303);
    assert_eq!(thief.log_in("alice", "one more guess", "").await.status, 422, "her coming in forgives");
}

#[tokio::test]
async fn codes_of_a_second_factor_are_few_wherever_they_are_tried_from_and_a_recovery_code_lets_its_owner_in() {
    let server = Server::with_local_users().await;
    let alice = person(&server, "alice", Role::Viewer, &[]).await;
    // From here she came before: whoever has her password is behind the same address, and no stranger.
    Visitor::logged_in(&server, "alice").await;
    let key = second_factor::new_key();
    let codes = second_factor::recovery_codes();
    let hashes = codes.iter().map(|code| second_factor::recovery_hash(code)).collect();
    let now = by_server(server.clock.now());
    server.store.offer_second_factor(alice.id, key.clone(), &now).await.unwrap();
    server.store.confirm_second_factor(alice.id, key.clone(), 1, hashes, None, &now).await.unwrap();
    let right = || super::account::code(&server, &key);
    let thief = Visitor::of(&server);
    let log_in = async |code: &str| {
        let answer = thief.log_in("alice", PASSWORD, code).await;
        (answer.status, answer.header("retry-after").to_owned())
    };
    let wrong = || if right() == "123456" { "654321" } else { "123456" };
    for _ in 0..5 {
        assert_eq!(log_in(wrong()).await.0, 422);
    }
    assert_eq!(log_in(&right()).await, (429, "1".to_owned()), "nobody looks at it");
    // Each wrong one makes the next wait for longer, up to five minutes; what is tried while they wait is not counted.
    for wait in [2, 4, 8] {
        server.clock.advance(SignedDuration::from_secs(60));
        assert_eq!(log_in(wrong()).await.0, 422);
        assert_eq!(log_in(&right()).await, (429, wait.to_string()));
        assert_eq!(log_in(&right()).await, (429, wait.to_string()));
    }
    // While strangers wait for the name, codes that are tried from here count as well.
    server.clock.advance(SignedDuration::from_secs(60));
    let stranger = Visitor::from(&server, "127.0.0.2");
    assert_eq!(stranger.log_in("alice", "wrong horse battery", "").await.status, 422);
    assert_eq!(log_in(wrong()).await, (429, "16".to_owned()));
    assert_eq!(log_in(&right()).await, (429, "16".to_owned()), "nobody looks at it");
    assert_eq!(log_in(&codes[0]).await.0, 303, "whoever knows the password keeps her out with nothing");
    assert_eq!(Visitor::of(&server).log_in("alice", PASSWORD, &right()).await.status, 303, "her coming in forgives");
}

#[tokio::test]
async fn a_code_that_nobody_looks_at_tells_no_more_than_a_wrong_password() {
    let server = Server::with_local_users().await;
    let alice = person(&server, "alice", Role::Viewer, &[]).await;
    Visitor::logged_in(&server, "alice").await;
    let key = second_factor::new_key();
    let now = by_server(server.clock.now());
    server.store.offer_second_factor(alice.id, key.clone(), &now).await.unwrap();
    server.store.confirm_second_factor(alice.id, key.clone(), 1, vec![], None, &now).await.unwrap();
    // Codes wait, the name does not.
    for _ in 0..9 {
        server.store.code_failed(alice.id, revere::access::wait_after, server.clock.now()).await.unwrap();
    }
    let thief = Visitor::of(&server);
    let right = super::account::code(&server, &key);
    for (password, code) in [(PASSWORD, right.as_str()), ("wrong horse battery", "123456"), (PASSWORD, right.as_str())]
    {
        let answer = thief.log_in("alice", password, code).await;
        assert!(answer.status == 422 && answer.text.contains(WRONG), "{password}: {}", answer.text);
    }
}

#[tokio::test]
async fn one_address_tries_twenty_times_a_minute() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let thief = Visitor::from(&server, "127.0.0.3");
    for number in 0..20 {
        assert_eq!(thief.log_in(&format!("name{number}"), "a guess that is wrong", "").await.status, 422);
    }
    let put_off = thief.log_in("alice", PASSWORD, "").await;
    assert_eq!((put_off.status, put_off.header("retry-after")), (429, "60"));
    assert_eq!(Visitor::of(&server).log_in("alice", PASSWORD, "").await.status, 303, "another address");
    server.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(thief.log_in("alice", PASSWORD, "").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_in_any_case_after_a_week() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let alice = Visitor::logged_in(&server, "alice").await;
    for _ in 0..8 {
        server.clock.advance(SignedDuration::from_hours(20));
        assert_eq!(alice.get("/").await.status, 200);
        // That she was seen is written behind the answer.
        let now = server.clock.now();
        let user = server.store.user(Lookup::Name("alice".into())).await.unwrap().unwrap();
        until("her visit is noted", async || {
            let since = now - SignedDuration::from_secs(1);
            !server.store.sessions_of(user.id, since, now).await.unwrap().is_empty()
        })
        .await;
    }
    server.clock.advance(SignedDuration::from_hours(9));
    assert!(alice.get("/").await.header("location").starts_with("/login"), "169 hours after she came in");
    let again = Visitor::logged_in(&server, "alice").await;
    // A page that is left open asks by itself; nobody is there for that.
    for _ in 0..5 {
        server.clock.advance(SignedDuration::from_hours(5));
        again.get("/counts").await;
    }
    assert!(again.get("/").await.header("location").starts_with("/login"), "25 hours after she was seen");
}

#[tokio::test]
async fn whoever_logs_in_again_leaves_no_session_behind() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let alice = Visitor::logged_in(&server, "alice").await;
    let before = alice.session().unwrap();
    assert_eq!(alice.log_in("alice", PASSWORD, "").await.status, 303);
    let old = alice.request("GET", "/").header("cookie", format!("revere_session={before}"));
    assert!(alice.session().unwrap() != before && send(old).await.header("location").starts_with("/login"));
}

#[tokio::test]
async fn whoever_is_disabled_is_out_at_once_streams_included() {
    let server = Server::with_local_users().await;
    let bob = person(&server, "bob", Role::Editor, &[]).await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let (browser, ada) = (Visitor::logged_in(&server, "bob").await, Visitor::logged_in(&server, "ada").await);
    let token = browser.token("viewer", "").await;
    let program = || server.request("GET", "/api/v1/monitors").header("authorization", format!("Bearer {token}"));
    assert_eq!(send(program()).await.status, 200);
    let stream = browser.request("GET", "/events").header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let fields = [("role", "editor"), ("tags", ""), ("disabled", "true")];
    assert_eq!(ada.submit(&format!("/people/{}", bob.id), &fields).await.status, 303);
    // It ends by itself: what is left of it can be read to the end.
    drop(stream.text().await);
    assert!(browser.get("/").await.header("location").starts_with("/login"));
    assert_eq!(send(program()).await.status, 401);
    assert_eq!(Visitor::of(&server).log_in("bob", PASSWORD, "").await.status, 422);
}

#[tokio::test]
async fn a_password_that_is_kept_in_an_older_way_is_kept_in_todays_after_a_log_in() {
    let server = Server::with_local_users().await;
    let alice = person(&server, "alice", Role::Viewer, &[]).await;
    let weak = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$";
    let params = argon2_of(PASSWORD);
    assert!(params.starts_with(weak), "{params}");
    server
        .store
        .set_password(alice.id, params, None, Act::PasswordChanged, &by_server(server.clock.now()))
        .await
        .unwrap();
    Visitor::logged_in(&server, "alice").await;
    let kept = server.store.user(Lookup::Id(alice.id)).await.unwrap().unwrap().password_hash.unwrap();
    assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
    assert!(Passwords::default().verify(PASSWORD, Some(&kept), Queue::Strangers).await.unwrap().right);
}

fn argon2_of(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    weak.hash_password_with_salt(password.as_bytes(), b"saltsaltsaltsalt").unwrap().to_string()
}

#[tokio::test]
async fn a_session_is_for_pages_and_two_cookies_are_none() {
    let server = Server::with_local_users().await;
    person(&server, "edgar", Role::Editor, &[]).await;
    let edgar = Visitor::logged_in(&server, "edgar").await;
    let body = serde_json::json!({ "script": "pass" });
    let bare = send(edgar.request("POST", "/api/v1/check").json(&body)).await;
    assert!(bare.status == 403 && bare.text.contains("API token"), "{}", bare.text);
    let own = edgar.request("POST", "/api/v1/check").header("sec-fetch-site", "same-origin").json(&body);
    assert_eq!(send(own).await.status, 200);
    let text = edgar.request("POST", "/api/v1/check").header("sec-fetch-site", "same-origin");
    assert_eq!(send(text.header("content-type", "text/plain").body("{}")).await.status, 415);
    let session = edgar.session().unwrap();
    let twice = format!("revere_session={session}; revere_session={session}");
    assert!(send(Visitor::of(&server).request("GET", "/").header("cookie", twice)).await.status == 303);
}

#[tokio::test]
async fn health_stays_open_and_says_little() {
    let server = Server::with_local_users().await;
    person(&server, "vera", Role::Viewer, &[]).await;
    let open = server.get("/healthz").await.json(200);
    assert_eq!(open["status"], "ok");
    assert!(open.get("version").is_none(), "{open}");
    let vera = Visitor::logged_in(&server, "vera").await;
    let known = vera.get("/healthz").await.json(200);
    assert!(known["version"].is_string());
    server.get("/metrics").await.problem(401);
    server.get("/api/v1/openapi.json").await.problem(401);
    assert_eq!(vera.get("/metrics").await.status, 200);
}
