//! The link in a message by which somebody says without a log-in that they look after a problem.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use revere::{acknowledge_link::LinkSigner, engine::EngineConfigured, store::AuditFilter};
use revere_model::{Clock as _, MonitorId, MonitorSpec, Role};
use serde_json::{Value, json};

use super::{Visitor, person};
use crate::{
    alerts::stub::{Asked, Stub},
    api::server::Server,
    support::{by_server, eventually, test_engine::ScriptedRunner},
};

/// The links that the alert `ops` was given, oldest first, once there are so many; not those of what it tells in the place of
/// another alert.
async fn links(server: &Server, count: usize) -> Vec<String> {
    eventually("links in messages", async || {
        let mut own = server.mailbox.all();
        own.retain(|told| !told.key.ends_with("-instead"));
        own.dedup_by(|one, other| one.key == other.key);
        let links: Vec<String> = own.into_iter().filter_map(|told| told.acknowledge_url).collect();
        if links.len() >= count { Ok(links) } else { Err(format!("{links:?}")) }
    })
    .await
}

async fn failing(server: &Server) -> MonitorId {
    let now = server.clock.now();
    let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..crate::support::spec("Mail") };
    let id = server.store.create_monitor(&spec, &by_server(now)).await.unwrap().id;
    server.record_runs(id.0, 1, |_| true).await;
    server.engine.wake();
    id
}

#[tokio::test]
async fn a_stranger_with_the_link_acknowledges_by_a_button_and_not_by_fetching_it() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let id = failing(&server).await;
    let link = links(&server, 1).await.remove(0);
    let stranger = Visitor::of(&server);
    for _ in 0..3 {
        let page = stranger.get(&link).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
        assert!(
            page.text.contains("<button class=\"main\">Acknowledge</button>") && page.text.contains("Mail"),
            "{}",
            page.text
        );
        assert!(!page.text.contains("aria-label=\"Main\""), "a stranger is shown nothing else");
    }
    assert!(server.store.acknowledgements(&[id]).await.unwrap().is_empty(), "a scanner of mail fetches links");
    // Without the token of the form it is no button of ours.
    let bare = stranger.request("POST", &link).form(&[("note", "x")]);
    assert_eq!(stranger.send(bare).await.status, 403);
    let page = stranger.submit(&link, &[("note", "from the train")]).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<b>Acknowledged</b>") && page.text.contains("from the train"), "{}", page.text);
    let made = server.store.acknowledgements(&[id]).await.unwrap().remove(&id).unwrap();
    assert_eq!(
        (made.alert.as_deref(), made.author.kind.as_str(), made.note.as_str()),
        (Some("ops"), "stranger", "from the train")
    );
    let ada = Visitor::logged_in(&server, "ada").await;
    assert!(ada.get(&format!("/monitor/{id}")).await.text.contains("somebody by the link of the alert ops"));
    // Pressed again it changes nothing.
    assert!(stranger.submit(&link, &[("note", "again")]).await.text.contains("from the train"));
}

#[tokio::test]
async fn somebody_who_is_logged_in_is_known_by_the_link_too() {
    let server = Server::with_local_users().await;
    person(&server, "vera", Role::Viewer, &[]).await;
    let id = failing(&server).await;
    let link = links(&server, 1).await.remove(0);
    let vera = Visitor::logged_in(&server, "vera").await;
    assert_eq!(vera.submit(&link, &[("note", "")]).await.status, 200);
    let made = server.store.acknowledgements(&[id]).await.unwrap().remove(&id).unwrap();
    assert_eq!((made.author.name.as_deref(), made.alert.as_deref()), (Some("vera"), Some("ops")));
    let filter = AuditFilter { limit: 1, ..AuditFilter::default() };
    let (rows, _) = server.store.audit(&filter, 1 << 20).await.unwrap();
    assert_eq!((rows[0].act.as_str(), rows[0].who.name.as_str()), ("acknowledged_by_link", "vera"));
}

#[tokio::test]
async fn a_link_is_over_with_its_problem_and_a_guess_finds_nothing() {
    let server = Server::with_local_users().await;
    person(&server, "ada", Role::Administrator, &[]).await;
    let id = failing(&server).await;
    let first = links(&server, 1).await.remove(0);
    server.record_runs(id.0, 2, |number| number == 1).await;
    server.engine.wake();
    let second = links(&server, 2).await.remove(1);
    let stranger = Visitor::of(&server);
    let page = stranger.submit(&first, &[("note", "")]).await;
    assert!(page.status == 200 && page.text.contains("<b>This has changed since.</b>"), "{}", page.text);
    assert!(
        server.store.acknowledgements(&[id]).await.unwrap().is_empty(),
        "another problem is not acknowledged by it"
    );
    let (path, signature) = second.rsplit_once('.').unwrap();
    let other = format!("{}.{signature}", first.rsplit_once('.').unwrap().0);
    let flipped = if signature.starts_with('0') { "1" } else { "0" };
    let guesses = [
        other,
        format!("{path}.{flipped}{}", &signature[1..]),
        format!("{path}."),
        path.to_owned(),
        "/acknowledge/x".to_owned(),
    ];
    for guess in guesses {
        assert_eq!(stranger.get(&guess).await.status, 404, "{guess}");
        assert_eq!(stranger.submit(&guess, &[]).await.status, 404, "{guess}");
    }
    assert!(server.store.acknowledgements(&[id]).await.unwrap().is_empty());
    assert_eq!(stranger.submit(&second, &[("note", "a\u{7}b")]).await.status, 422);
    assert_eq!(stranger.submit(&second, &[("note", "")]).await.status, 200);
    assert_eq!(server.store.acknowledgements(&[id]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_key_of_links_is_exchanged_each_month_and_the_one_before_it_is_good_for_another() {
    let server = Server::with_local_users().await;
    let id = failing(&server).await;
    let link = links(&server, 1).await.remove(0);
    let stolen = server.store.link_key().await.unwrap();
    let delivery = LinkSigner::delivery(link.rsplit('/').next().unwrap()).unwrap();
    let flip = server.store.told_message(delivery).await.unwrap().unwrap().flip;
    let signed = |key: &str| format!("/acknowledge/{}", LinkSigner::new(key).token(delivery, flip));
    assert_eq!(link, signed(&stolen));
    let exchanged = async || {
        let before = server.store.link_key().await.unwrap();
        server.clock.advance(jiff::SignedDuration::from_hours(24 * 30));
        eventually("another key", async || match server.store.link_key().await.unwrap() {
            now if now == before => {
                // A round that had passed this already is followed by another one after a quarter of an hour.
                server.clock.advance(jiff::SignedDuration::from_mins(1));
                Err("the same".to_owned())
            }
            now => Ok(now),
        })
        .await
    };
    let stranger = Visitor::of(&server);
    // What tidying up does first: it notes since when.
    server.store.exchange_link_key(server.clock.now()).await.unwrap();
    let mut key = stolen.clone();
    while server.store.link_keys().await.unwrap().contains(&stolen) {
        assert_eq!(stranger.get(&signed(&stolen)).await.status, 200, "good for a month at least");
        key = exchanged().await;
    }
    assert_eq!(stranger.get(&signed(&stolen)).await.status, 404, "whoever has an old copy of the database");
    assert_eq!(stranger.submit(&signed(&stolen), &[("note", "")]).await.status, 404);
    assert_eq!(stranger.submit(&signed(&key), &[("note", "")]).await.status, 200);
    assert_eq!(server.store.acknowledgements(&[id]).await.unwrap().len(), 1);
}

/// Whoever may look at what was sent, and at the log, may not acknowledge by that.
#[tokio::test]
async fn a_receiver_that_says_the_link_back_shows_it_to_nobody() {
    let (server, stub) = (Server::with_local_users().await, Stub::start().await);
    person(&server, "vera", Role::Viewer, &[]).await;
    stub.judges(|asked: &Asked| {
        let sent: Value = serde_json::from_str(&asked.body).unwrap();
        (500, format!("cannot open {}", sent["acknowledge_url"].as_str().unwrap()))
    });
    let ops = crate::alerts::channel("webhook", json!({"url": stub.url}));
    server.engine.exchange(EngineConfigured {
        runner: Arc::new(ScriptedRunner::default()),
        channels: BTreeMap::from([("ops".to_owned(), ops)]),
        reminders: BTreeMap::new(),
        rotas: BTreeMap::new(),
        run_limit: Duration::from_secs(30),
        source_outages: true,
    });
    failing(&server).await;
    let vera = Visitor::logged_in(&server, "vera").await;
    let token = vera.token("viewer", "").await;
    let log = eventually("what it said", async || {
        let request = server.request("GET", "/api/v1/deliveries?alert=ops").bearer_auth(&token);
        let log = crate::api::server::send(request).await.json(200);
        if log["items"][0]["last_error"].is_string() { Ok(log) } else { Err(log.to_string()) }
    })
    .await;
    let said = log["items"][0]["last_error"].as_str().unwrap();
    assert!(said.contains("cannot open") && said.contains("/acknowledge/") && said.contains(".[redacted]"), "{said}");
    let sent: Value = serde_json::from_str(&stub.taken()[0].body).unwrap();
    let link = sent["acknowledge_url"].as_str().unwrap();
    let signature = link.rsplit('.').next().unwrap();
    assert_eq!(signature.len(), 40, "{link}");
    for path in ["/alerts", "/monitor/1"] {
        assert!(!vera.get(path).await.text.contains(signature), "{path}");
    }
}
