//! What a person does with their account, through the pages.

use jiff::SignedDuration;
use revere_model::{Clock as _, Role};
use totp_rs::{Algorithm, Builder, Secret};

use super::{PASSWORD, Visitor, once, person};
use crate::api::server::Server;

/// The code that an app shows at the server's time.
pub(crate) fn code(server: &Server, key: &str) -> String {
    let secret = Secret::try_from_base32(key).unwrap();
    let app =
        Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).with_account_name("x").build().unwrap();
    let seconds = u64::try_from(server.clock.now().as_second()).unwrap();
    app.generate(seconds).to_string()
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let (here, there) = (Visitor::logged_in(&server, "alice").await, Visitor::logged_in(&server, "alice").await);
    let page = here.get("/account").await.text;
    assert_eq!(page.matches(">a test&#39;s browser<").count(), 2, "{page}");
    assert_eq!((page.matches("● this one").count(), page.matches("127.0.0.1").count()), (1, 2));
    let (_, rest) = page.split_once("/account/sessions/").unwrap();
    let other = rest.split("/account/sessions/").find_map(|part| part.split_once("/end").map(|(id, _)| id)).unwrap();
    assert_eq!(here.submit(&format!("/account/sessions/{other}/end"), &[]).await.status, 303);
    assert_eq!((here.get("/").await.status, there.get("/").await.status), (200, 303));
    // Nobody ends another's.
    person(&server, "bob", Role::Administrator, &[]).await;
    let bob = Visitor::logged_in(&server, "bob").await;
    assert_eq!(bob.submit("/account/sessions/1/end", &[]).await.status, 404);
    assert_eq!(here.submit("/account/sessions/end", &[]).await.header("location"), "/login");
    assert_eq!((here.get("/").await.status, bob.get("/").await.status), (303, 200));
}

#[tokio::test]
async fn another_password_takes_a_proof_and_ends_the_other_sessions() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let (here, there) = (Visitor::logged_in(&server, "alice").await, Visitor::logged_in(&server, "alice").await);
    server.clock.advance(SignedDuration::from_mins(11));
    let new = [("new_password", "another horse battery"), ("again", "another horse battery")];
    let refused = here.submit("/account/password", &new).await;
    assert!(refused.status == 422 && refused.text.contains("Show first, again, who you are"), "{}", refused.text);
    let wrong = here.submit("/account/prove", &[("password", "wrong horse battery")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("that is not your password"), "{}", wrong.text);
    assert_eq!(here.submit("/account/prove", &[("password", PASSWORD)]).await.status, 303);
    for (password, again, part) in [
        ("short", "short", "has 5 characters"),
        ("another horse battery", "another horse", "not the same"),
        ("alice-alice-alice", "alice-alice-alice", "your name"),
    ] {
        let refused = here.submit("/account/password", &[("new_password", password), ("again", again)]).await;
        assert!(refused.status == 422 && refused.text.contains(part), "{part}: {}", refused.text);
    }
    let changed = here.submit("/account/password", &new).await;
    assert!(changed.status == 200 && changed.text.contains("Your API tokens go on"), "{}", changed.text);
    assert_eq!((here.get("/").await.status, there.get("/").await.status), (200, 303));
    assert_eq!(Visitor::of(&server).log_in("alice", PASSWORD, "").await.status, 422);
    assert_eq!(Visitor::of(&server).log_in("alice", "another horse battery", "").await.status, 303);
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_each_code_is_taken_once() {
    let server = Server::with_local_users().await;
    person(&server, "alice", Role::Viewer, &[]).await;
    let alice = Visitor::logged_in(&server, "alice").await;
    assert_eq!(alice.submit("/account/second-factor", &[]).await.status, 303);
    let page = alice.get("/account").await.text;
    assert!(page.contains("<svg class=\"qr section\""));
    let key = once(&page);
    // Until a code of it was shown it is none.
    assert_eq!(Visitor::of(&server).log_in("alice", PASSWORD, "").await.status, 303);
    let wrong = alice.submit("/account/second-factor/confirm", &[("code", "000000")]).await;
    assert!(wrong.status == 422 && wrong.text.contains("not the code of this moment"), "{}", wrong.text);
    let confirmed = alice.submit("/account/second-factor/confirm", &[("code", &code(&server, &key))]).await;
    assert_eq!((confirmed.status, confirmed.header("cache-control")), (200, "no-store"), "{}", confirmed.text);
    let codes: Vec<&str> =
        confirmed.text.split("<li><code>").skip(1).map(|part| part.split('<').next().unwrap()).collect();
    assert_eq!(codes.len(), 10);
    let again = alice.get("/account").await.text;
    assert!(codes.iter().all(|code| !again.contains(code)) && !again.contains(&key), "shown once");
    assert!(again.contains("10 recovery codes"));

    let log_in = async |code: &str| Visitor::of(&server).log_in("alice", PASSWORD, code).await.status;
    assert_eq!(log_in("").await, 422);
    assert_eq!(log_in(&code(&server, &key)).await, 422, "the code that confirmed it was taken");
    server.clock.advance(SignedDuration::from_secs(61));
    let now = code(&server, &key);
    assert_eq!((log_in(&now).await, log_in(&now).await), (303, 422), "once");
    assert_eq!((log_in(&codes[3].to_uppercase()).await, log_in(codes[3]).await), (303, 422), "once");
    server.clock.advance(SignedDuration::from_secs(61));
    let proved = Visitor::of(&server);
    assert_eq!(proved.log_in("alice", PASSWORD, &code(&server, &key)).await.status, 303);
    assert!(proved.get("/account").await.text.contains("9 recovery codes"));
    assert_eq!(proved.submit("/account/second-factor/remove", &[]).await.status, 303);
    assert_eq!(log_in("").await, 303);
}
