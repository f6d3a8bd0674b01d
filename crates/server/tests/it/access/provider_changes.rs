//! A provider that changes while people come by it, and people who come twice, late or as somebody else.

use axum::http::StatusCode;
use serde_json::json;

use super::{
    Visitor,
    provider_lies::Scene,
    test_provider::{Act, Signing, back, public},
};

#[tokio::test]
async fn a_browser_that_comes_back_twice_late_or_from_elsewhere_is_refused() {
    let scene = Scene::new(|_| {}).await;
    let (alice, thief) = (Visitor::of(&scene.server), Visitor::of(&scene.server));

    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let answer = back(&thief, "google", &params).await;
    scene
        .refused("4 the state of a browser, in one that began nothing", &answer, "no log-in was begun in this browser")
        .await;
    scene.provider.visited(&thief, "google").await.unwrap();
    let answer = back(&thief, "google", &params).await;
    scene.refused("4 the state of another browser", &answer, "the state is not that of the log-in").await;

    scene.server.clock.advance(jiff::SignedDuration::from_secs(600));
    let answer = back(&alice, "google", &params).await;
    scene.refused("5 an old state", &answer, "begun 600 seconds ago").await;

    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let answer = back(&alice, "oidc", &params).await;
    scene.refused("10 a code of one provider at another", &answer, "was begun at \"google\" and came back from").await;

    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let kept = alice.cookies.lock().unwrap().clone();
    scene.provider.acts(Act { claims: |claims, _| claims["hd"] = json!("evil.example"), ..Act::default() });
    let answer = back(&alice, "google", &params).await;
    scene.refused("a refusal", &answer, "evil.example").await;
    scene.provider.acts(Act::default());
    *alice.cookies.lock().unwrap() = kept;
    let answer = back(&alice, "google", &params).await;
    scene.refused("3 a state that came back before", &answer, "this state came back before").await;

    // The same after one that succeeded.
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let kept = alice.cookies.lock().unwrap().clone();
    assert_eq!(back(&alice, "google", &params).await.status, 303);
    *thief.cookies.lock().unwrap() = kept;
    let answer = back(&thief, "google", &params).await;
    assert_eq!(answer.status, 422);
    assert!(scene.refusals.why(&scene.server).await.contains("this state came back before"));
    assert!(thief.session().is_none());
}

#[tokio::test]
async fn keys_are_fetched_anew_once_a_minute_at_most() {
    let scene = Scene::new(|_| {}).await;
    let fetched = || scene.provider.shared.keys_fetched.load(std::sync::atomic::Ordering::SeqCst);
    scene.provider.acts(Act { header: |header| header["kid"] = json!("third"), ..Act::default() });
    let browser = Visitor::of(&scene.server);
    for (number, expected) in [(1, 2), (2, 2), (3, 2)] {
        let params = scene.provider.visited(&browser, "google").await.unwrap();
        let answer = back(&browser, "google", &params).await;
        scene.refused("23 an unknown kid", &answer, "\"third\"), which the provider does not have").await;
        assert_eq!(fetched(), expected, "attempt {number}");
    }
    scene.server.clock.advance(jiff::SignedDuration::from_secs(60));
    // 45: they were changed meanwhile, and the new one is good.
    scene.provider.acts(Act {
        keys: |keys| *keys = vec![public("second", "second")],
        header: |header| header["kid"] = json!("second"),
        signing: Signing::Key("second"),
        ..Act::default()
    });
    let params = scene.provider.visited(&browser, "google").await.unwrap();
    assert_eq!(back(&browser, "google", &params).await.status, 303, "{}", scene.log.said());
    assert_eq!(fetched(), 3);
}

#[tokio::test]
async fn a_provider_that_becomes_another_lets_nobody_in_and_nobody_out() {
    let scene = Scene::new(|_| {}).await;
    let alice = Visitor::of(&scene.server);
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    assert_eq!(back(&alice, "google", &params).await.status, 303);
    // 44: another issuer after the start.
    scene
        .provider
        .acts(Act { metadata: |metadata, _| metadata["issuer"] = json!("https://evil.example"), ..Act::default() });
    scene.server.clock.advance(jiff::SignedDuration::from_hours(1));
    let refused = scene.provider.visited(&Visitor::of(&scene.server), "google").await.unwrap_err();
    assert_eq!(refused.status, 422);
    assert!(scene.refusals.why(&scene.server).await.contains("unexpected issuer URI `https://evil.example`"));
    assert_eq!(alice.get("/").await.status, 200, "who is in stays in");
    // 45: no keys at all.
    scene.provider.acts(Act { keys: Vec::clear, ..Act::default() });
    scene.server.clock.advance(jiff::SignedDuration::from_secs(5));
    let bob = Visitor::of(&scene.server);
    let params = scene.provider.visited(&bob, "google").await.unwrap();
    assert_eq!(back(&bob, "google", &params).await.status, 422);
    assert!(scene.refusals.why(&scene.server).await.contains("which the provider does not have"));
    assert_eq!(alice.get("/").await.status, 200);
}

#[tokio::test]
async fn an_end_in_the_year_9999_is_no_end_of_a_session() {
    let scene = Scene::new(|_| {}).await;
    scene.provider.acts(Act { claims: |claims, _| claims["exp"] = json!(253_402_300_799_i64), ..Act::default() });
    let alice = Visitor::of(&scene.server);
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    let answer = back(&alice, "google", &params).await;
    assert_eq!(answer.status, 303);
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    assert!(cookies.any(|cookie| cookie.starts_with("revere_session=") && cookie.contains("Max-Age=604800")));
    scene.server.clock.advance(jiff::SignedDuration::from_hours(25));
    assert!(alice.get("/").await.header("location").starts_with("/login"));
}

#[tokio::test]
async fn another_persons_address_makes_nobody_that_person() {
    let scene = Scene::new(|_| {}).await;
    let alice = Visitor::of(&scene.server);
    let params = scene.provider.visited(&alice, "google").await.unwrap();
    assert_eq!(back(&alice, "google", &params).await.status, 303);
    scene.provider.acts(Act { claims: |claims, _| claims["sub"] = json!("0815"), ..Act::default() });
    let mallory = Visitor::of(&scene.server);
    let params = scene.provider.visited(&mallory, "google").await.unwrap();
    let answer = back(&mallory, "google", &params).await;
    assert_eq!((answer.status, mallory.session()), (StatusCode::UNPROCESSABLE_ENTITY.as_u16(), None));
    assert!(answer.text.contains("Somebody else has your name here"), "{}", answer.text);
    assert!(scene.refusals.why(&scene.server).await.contains("somebody else has this name here"));
    assert_eq!(scene.server.store.users("", 9).await.unwrap().len(), 1);
}
