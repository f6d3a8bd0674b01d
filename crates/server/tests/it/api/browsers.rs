//! Browsers that an alert notifies: asked for, told by a push service that the test holds, and taken back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::SignedDuration;
use revere::{
    engine::EngineConfigured,
    store::{DeliveryFilter, DeliveryStatus, UserChange},
};
use revere_model::{Clock as _, MonitorSpec, Role, State};
use serde_json::{Value, json};

use super::server::Server;
use crate::{
    access::{Visitor, person},
    alerts::stub::{Asked, Stub},
    support::{by_server, eventually, push_browser::PushBrowser, spec, test_engine::ScriptedRunner, until},
};

/// Has the alert `ops` tell browsers, whose push services are on this machine.
pub(crate) fn tell_browsers(server: &Server) {
    let ops = crate::alerts::channel("web_push", json!({"services": ["127.0.0.1"], "crowd_window": 0}));
    server.engine.exchange(EngineConfigured {
        runner: Arc::new(ScriptedRunner::default()),
        channels: BTreeMap::from([("ops".to_owned(), ops)]),
        reminders: BTreeMap::new(),
        rotas: BTreeMap::new(),
        run_limit: std::time::Duration::from_secs(30),
        source_outages: true,
    });
}

/// What each push service answers, by the path it is asked at; 201 where nothing is said. With 429 it asks to wait for ten
/// minutes.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<BTreeMap<String, u16>>>);

impl Answers {
    fn of(stub: &Stub) -> Answers {
        let answers = Answers::default();
        let told = answers.clone();
        stub.judges(move |asked: &Asked| {
            let status = told.0.lock().unwrap().get(asked.uri.path()).copied().unwrap_or(201);
            let wait = if status == 429 { json!({"retry_after": 600}).to_string() } else { String::new() };
            (status, wait)
        });
        answers
    }

    fn set(&self, path: &str, status: u16) {
        self.0.lock().unwrap().insert(path.to_owned(), status);
    }
}

/// A server with a monitor, and a push service.
async fn start() -> (Server, Stub, Answers) {
    let (server, stub) = (Server::start().await, Stub::start().await);
    tell_browsers(&server);
    queue(&server).await;
    let answers = Answers::of(&stub);
    (server, stub, answers)
}

/// A monitor that only the test makes run.
async fn queue(server: &Server) {
    let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec("Queue") };
    server.store.create_monitor(&spec, &by_server(server.clock.now())).await.unwrap();
}

async fn added(server: &Server, stub: &Stub, name: &str) -> PushBrowser {
    let browser = PushBrowser::at(format!("{}/{name}", stub.url));
    server.send("POST", "/api/v1/alerts/ops/browsers", &browser.body(name)).await.json(201);
    browser
}

/// Makes the monitor come out so, and waits until what `ops` owes of it is settled.
async fn comes_out(server: &Server, state: State) -> revere::store::Delivery {
    server.record_runs(1, 1, |_| state == State::Alarm).await;
    server.engine.wake();
    let newest = DeliveryFilter { alert: Some("ops".to_owned()), limit: 1, ..DeliveryFilter::default() };
    let look = async || {
        let found = server.store.deliveries(&newest).await.unwrap().pop();
        match found {
            Some(delivery) if delivery.notification.new_state == state && delivery.status != DeliveryStatus::Owed => {
                Ok(delivery)
            }
            other => Err(format!("{other:?}")),
        }
    };
    eventually("it is settled", look).await
}

async fn browsers(server: &Server) -> Vec<Value> {
    server.get("/api/v1/alerts/ops/browsers").await.json(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_browser_asks_is_listed_and_goes() {
    let (server, stub, _) = start().await;
    let empty = server.get("/api/v1/alerts/ops/browsers").await.json(200);
    assert_eq!(empty["items"], json!([]));
    let key = empty["public_key"].as_str().unwrap().to_owned();
    assert_eq!(key.len(), 87);
    let browser = PushBrowser::at(format!("{}/push/s3cret-address", stub.url));
    let answer = server.send("POST", "/api/v1/alerts/ops/browsers", &browser.body("Firefox on a train")).await;
    assert_eq!(answer.header("location"), "/api/v1/browsers/1");
    let made = answer.json(201);
    let expected = json!({
        "id": 1, "alert": "ops", "name": "Firefox on a train", "created_at": made["created_at"],
        "author": {"kind": "everybody", "id": null, "name": null},
        "told_at": null, "last_error": null, "outdated": false,
    });
    assert_eq!(made, expected);
    // Once more, it is the same one.
    server.send("POST", "/api/v1/alerts/ops/browsers", &browser.body("renamed")).await.json(201);
    let listed = server.get("/api/v1/alerts/ops/browsers").await;
    assert!(!listed.text.contains("s3cret") && !listed.text.contains(&browser.auth()), "{}", listed.text);
    let all = browsers(&server).await;
    assert_eq!((all.len(), &all[0]["name"]), (1, &json!("renamed")));
    // Without a name it has the one that its own words make.
    let mut unnamed = browser.body("");
    unnamed.as_object_mut().unwrap().remove("name");
    assert_eq!(server.send("POST", "/api/v1/alerts/ops/browsers", &unnamed).await.json(201)["name"], "a program");
    let private = server.store.web_push_key().await.unwrap().private();
    for path in ["/api/v1/alerts/ops/browsers", "/api/v1/audit", "/alerts", "/audit", "/metrics", "/api/v1/server"] {
        let text = server.get(path).await.text;
        assert!(!text.contains(&private) && !text.contains("s3cret-address"), "{path}");
    }
    assert_eq!(server.request("DELETE", "/api/v1/browsers/1").send().await.unwrap().status(), 204);
    assert_eq!(server.request("DELETE", "/api/v1/browsers/1").send().await.unwrap().status(), 404);
    assert_eq!(browsers(&server).await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_no_browser_is_refused_field_by_field() {
    let (server, _, _) = start().await;
    let path = "/api/v1/alerts/ops/browsers";
    let refused = server.send("POST", path, &json!({})).await.problem(422);
    let fields: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["endpoint", "p256dh", "auth"], "{refused}");
    let elsewhere = PushBrowser::at("http://169.254.169.254/latest".to_owned());
    let refused = server.send("POST", path, &elsewhere.body("x")).await.problem(422);
    assert!(refused.to_string().contains("expected an https:// address"), "{refused}");
    let elsewhere = PushBrowser::at("https://evil.example/x".to_owned());
    let refused = server.send("POST", path, &elsewhere.body("x")).await.problem(422);
    assert!(refused.to_string().contains("none of the push services"), "{refused}");
    let here = server.get(path).await.json(200)["public_key"].clone();
    let keys = json!({"name": " ", "endpoint": "https://evil.example", "p256dh": "AAAA", "auth": here});
    let refused = server.send("POST", path, &keys).await.problem(422);
    assert_eq!(refused["errors"].as_array().unwrap().len(), 3, "{refused}");
    for alert in ["none", "broken", "off"] {
        let path = format!("/api/v1/alerts/{alert}/browsers");
        server.get(&path).await.problem(404);
        server.send("POST", &path, &elsewhere.body("x")).await.problem(404);
    }
}

#[tokio::test]
async fn all_are_told_and_one_that_is_gone_is_removed() {
    let (server, stub, answers) = start().await;
    let (ada, bob) = (added(&server, &stub, "ada").await, added(&server, &stub, "bob").await);
    answers.set("/bob", 410);
    let sent = comes_out(&server, State::Alarm).await;
    assert_eq!(sent.status, DeliveryStatus::Sent);
    let reply = sent.reply.unwrap();
    assert!(reply.starts_with("1 of 2 browsers (bob: asked for no more, 410 Gone"), "{reply}");
    let mut asked = stub.taken();
    asked.sort_by_key(|asked| asked.uri.path().to_owned());
    let told = ada.open(&asked[0]);
    assert_eq!(told.payload["title"], "ALARM Queue");
    assert!(told.payload["url"].as_str().unwrap().starts_with("/monitor/1/run/"), "{}", told.payload);
    bob.open(&asked[1]);
    let left = browsers(&server).await;
    assert_eq!((left.len(), &left[0]["name"], &left[0]["last_error"]), (1, &json!("ada"), &Value::Null));
    assert!(left[0]["told_at"].is_string());
    // The test of the alert goes to it, too.
    let test = server.send("POST", "/api/v1/alerts/ops/test", &json!({})).await.json(200);
    assert_eq!((&test["sent"], &test["reply"]), (&json!(true), &json!("1 browser")));
    assert_eq!(ada.open(&stub.one()).ttl, 300);
}

#[tokio::test]
async fn one_that_is_away_is_told_by_itself_later_and_the_others_once() {
    let (server, stub, answers) = start().await;
    let (ada, bob) = (added(&server, &stub, "ada").await, added(&server, &stub, "bob").await);
    answers.set("/bob", 503);
    assert_eq!(comes_out(&server, State::Alarm).await.status, DeliveryStatus::Sent);
    assert_eq!(stub.taken().len(), 2);
    let bobs = browsers(&server).await.remove(1);
    assert!(bobs["last_error"].as_str().unwrap().starts_with("503 Service Unavailable"), "{bobs}");
    // Still away: tried again, by itself.
    server.advance(SignedDuration::from_secs(10));
    until("it is tried again", async || {
        server.store.next_browser_owed().await.unwrap().is_some_and(|at| at > server.clock.now())
    })
    .await;
    until("bob alone was asked", async || {
        let asked = stub.taken();
        assert!(asked.iter().all(|asked| asked.uri.path() == "/bob"), "{asked:#?}");
        !asked.is_empty()
    })
    .await;
    server.at_rest().await;
    stub.taken();
    answers.set("/bob", 201);
    server.advance(SignedDuration::from_secs(60));
    until("nothing is owed", async || server.store.next_browser_owed().await.unwrap().is_none()).await;
    let told = bob.open(&stub.one());
    assert_eq!(told.payload["title"], "ALARM Queue");
    assert_eq!(browsers(&server).await[1]["last_error"], Value::Null);
    // What follows is told both, and takes the place of what one did not take.
    answers.set("/bob", 500);
    comes_out(&server, State::Ok).await;
    stub.taken();
    answers.set("/bob", 201);
    comes_out(&server, State::Alarm).await;
    let mut asked = stub.taken();
    asked.retain(|asked| asked.uri.path() == "/ada");
    assert_eq!(ada.open(&asked[0]).payload["title"], "ALARM Queue");
}

#[tokio::test]
async fn what_follows_of_a_problem_takes_the_place_of_what_a_browser_did_not_take() {
    let (server, stub, answers) = start().await;
    let (_, bob) = (added(&server, &stub, "ada").await, added(&server, &stub, "bob").await);
    answers.set("/bob", 429);
    comes_out(&server, State::Alarm).await;
    answers.set("/bob", 201);
    stub.taken();
    let due = server.store.next_browser_owed().await.unwrap().unwrap();
    let wait = due.duration_since(server.clock.now()).as_secs();
    assert!((500..=630).contains(&wait), "as it asked: {wait} s");
    let end = comes_out(&server, State::Ok).await;
    assert_eq!(end.reply.as_deref(), Some("2 browsers"));
    server.advance(SignedDuration::from_secs(3600));
    until("nothing is owed", async || server.store.next_browser_owed().await.unwrap().is_none()).await;
    server.at_rest().await;
    let of_bob: Vec<Asked> = stub.taken().into_iter().filter(|asked| asked.uri.path() == "/bob").collect();
    assert_eq!(of_bob.len(), 1, "{of_bob:#?}");
    assert_eq!(bob.open(&of_bob[0]).payload["state"], "OK");
}

#[tokio::test]
async fn where_none_took_it_all_are_owed_it() {
    let (server, stub, answers) = start().await;
    let ada = added(&server, &stub, "ada").await;
    answers.set("/ada", 503);
    server.record_runs(1, 1, |_| true).await;
    server.engine.wake();
    // Refused, and written down: until then it is hidden as long as an attempt may take.
    let refused = async || {
        let log = DeliveryFilter { alert: Some("ops".to_owned()), limit: 9, ..DeliveryFilter::default() };
        server.store.deliveries(&log).await.unwrap().iter().any(|one| one.last_error.is_some())
    };
    until("it is put off", refused).await;
    assert_eq!(server.store.next_browser_owed().await.unwrap(), None);
    answers.set("/ada", 201);
    stub.taken();
    server.advance(SignedDuration::from_secs(60));
    let is_owed = async || server.store.owed().await.unwrap().iter().any(|(key, ..)| key == "ops");
    until("it is told", async || !is_owed().await).await;
    ada.open(&stub.one());
}

#[tokio::test]
async fn without_a_browser_nobody_is_told_and_the_alert_does_not_fail() {
    let (server, _, _) = start().await;
    let nobody = comes_out(&server, State::Alarm).await;
    assert_eq!(nobody.status, DeliveryStatus::Cancelled);
    assert!(nobody.last_error.unwrap().starts_with("no browser has asked"));
    assert_eq!(server.store.failing_alerts().await.unwrap(), [] as [&str; 0]);
    let test = server.send("POST", "/api/v1/alerts/ops/test", &json!({})).await.json(200);
    assert_eq!(test["sent"], false);
    assert!(test["error"].as_str().unwrap().starts_with("no browser has asked"), "{test}");
    // Nor where the last one is gone.
    let stub = Stub::start().await;
    tell_browsers(&server);
    let gone = Answers::of(&stub);
    gone.set("/ada", 404);
    added(&server, &stub, "ada").await;
    let nobody = comes_out(&server, State::Ok).await;
    assert_eq!(nobody.status, DeliveryStatus::Cancelled, "{nobody:?}");
    assert!(nobody.last_error.unwrap().contains("asked for no more"));
    assert!(browsers(&server).await.is_empty());
}

#[tokio::test]
async fn each_has_their_own_browser_told_and_takes_it_back() {
    let (server, stub) = (Server::with_local_users().await, Stub::start().await);
    tell_browsers(&server);
    Answers::of(&stub);
    let ada = person(&server, "ada", Role::Viewer, &[]).await;
    for (name, role) in [("bob", Role::Viewer), ("edgar", Role::Editor)] {
        person(&server, name, role, &[]).await;
    }
    queue(&server).await;
    let mut visitors = Vec::new();
    for name in ["ada", "bob", "edgar"] {
        let visitor = Visitor::logged_in(&server, name).await;
        visitor.get("/alerts").await;
        let browser = PushBrowser::at(format!("{}/{name}", stub.url));
        let (p256dh, auth) = (browser.p256dh(), browser.auth());
        let fields = [("endpoint", browser.endpoint.as_str()), ("p256dh", &p256dh), ("auth", &auth)];
        let answer = visitor.submit("/alert/ops/browsers", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/alerts#browsers"), "{}", answer.text);
        visitors.push(visitor);
    }
    let page = visitors[0].get("/alerts").await.text;
    assert!(page.contains("Browsers notified by <span class=\"foreign\">ops</span>"), "{page}");
    assert_eq!((page.matches("data-browser=").count(), page.matches("data-push-remove").count()), (3, 1), "{page}");
    assert_eq!(visitors[2].get("/alerts").await.text.matches("data-push-remove").count(), 3);
    // Of somebody who may not come in any more, the browser is told nothing.
    let put_out = UserChange { disabled: Some(true), ..UserChange::default() };
    server.store.change_user(ada.id, put_out, &by_server(server.clock.now())).await.unwrap();
    assert_eq!(comes_out(&server, State::Alarm).await.reply.as_deref(), Some("2 browsers"));
    let asked: Vec<String> = stub.taken().iter().map(|asked| asked.uri.path().to_owned()).collect();
    assert!(!asked.contains(&"/ada".to_owned()), "{asked:?}");
    // One's own goes; another one's takes somebody who may change alerts.
    assert_eq!(visitors[1].submit("/browsers/3/remove", &[]).await.status, 403);
    assert_eq!(visitors[1].submit("/browsers/2/remove", &[]).await.status, 303);
    assert_eq!(visitors[2].submit("/browsers/1/remove", &[]).await.status, 303);
    assert_eq!(visitors[2].submit("/browsers/1/remove", &[]).await.status, 404);
    assert_eq!(server.store.browsers(Some("ops")).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_service_worker_is_of_this_server_and_stands_in_front_of_everything() {
    let server = Server::start().await;
    let worker = server.get("/push.js").await;
    assert_eq!((worker.status, worker.header("cache-control")), (200, "no-cache"));
    assert_eq!(worker.header("content-type"), "text/javascript; charset=utf-8");
    assert!(worker.text.contains("notificationclick"), "{}", worker.text);
    let policy = worker.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; connect-src 'self';"), "{policy}");
    // What a phone keeps on its home screen.
    let manifest = server.get("/manifest.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    let page = server.get("/alerts").await;
    assert!(page.header("content-security-policy").contains("manifest-src 'self'"));
    assert!(page.text.contains("<link rel=\"manifest\" href=\"/manifest.webmanifest\">"));
    for path in ["/apple-touch-icon.png", "/icon-192.png", "/icon-512.png"] {
        let icon = server.get(path).await;
        assert_eq!((icon.status, icon.header("content-type")), (200, "image/png"), "{path}");
    }
    // Without an alert that tells browsers, the page says nothing of them.
    assert!(!server.get("/alerts").await.text.contains("data-push-form"));
}
