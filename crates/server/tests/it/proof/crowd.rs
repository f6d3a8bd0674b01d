//! A thousand monitors that fail in the same minute, and recover in the same minute: every alert is accounted for, told
//! once by a receiver that is not always there, in order, and the server stays well meanwhile.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode};
use futures_util::{StreamExt, stream};
use revere::{
    alerts,
    app::{App, AppParts, GRACE, Listener, ROOM_BESIDE, Running},
    building::{self, BuildContext},
    config::Config,
    metrics::Metrics,
    outbound::Outbound,
    redact::Secrets,
};
use revere_model::{Clock as _, ManualClock};
use serde_json::{Value, json};

use super::{eventually, get};
use crate::{
    api::server::sandbox_for,
    support::{at, client},
};

const MONITORS: usize = 1000;

/// A receiver that is not always there: of every seven new notifications it refuses the first attempt at one.
#[derive(Clone, Default)]
struct Moody(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    seen: HashSet<String>,
    refused: HashSet<String>,
    taken: Vec<Value>,
}

impl Moody {
    async fn start() -> (Moody, String) {
        let receiver = Moody::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(Moody::take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    async fn take(State(receiver): State<Moody>, Json(told): Json<Value>) -> StatusCode {
        let mut book = receiver.0.lock().unwrap();
        let key = told["key"].as_str().unwrap().to_owned();
        if book.seen.insert(key.clone()) && book.seen.len() % 7 == 0 {
            book.refused.insert(key);
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        book.taken.push(told);
        StatusCode::OK
    }

    /// The keys of what was taken; none may have been taken twice.
    fn taken(&self) -> HashSet<String> {
        let book = self.0.lock().unwrap();
        let keys: HashSet<String> = book.taken.iter().map(|told| told["key"].as_str().unwrap().to_owned()).collect();
        assert_eq!(keys.len(), book.taken.len(), "told twice although it was taken");
        keys
    }

    fn refused(&self) -> HashSet<String> {
        self.0.lock().unwrap().refused.clone()
    }
}

/// Everything real but the clock.
async fn server(folder: &std::path::Path, clock: &ManualClock, hook: &str) -> Running {
    let (entries, faults) =
        building::read_entries("REVERE_ALERTS", &json!({"hook": {"type": "webhook", "config": {"url": hook}}}));
    assert_eq!(faults, []);
    let secrets = Secrets::default();
    let context =
        BuildContext { folder: folder.to_owned(), secrets: secrets.clone(), outbound: Outbound::new(secrets.clone()) };
    let (channels, faults) = alerts::build_all(&entries, &context);
    assert_eq!(faults, []);
    let in_flight = 64;
    App::start(AppParts {
        certificate: None,
        config: Config { alerts: entries, ..Config::default_in(folder) },
        sandbox: sandbox_for(in_flight + ROOM_BESIDE),
        in_flight,
        sources: BTreeMap::new(),
        channels,
        clock: Arc::new(clock.clone()),
        metrics: Arc::new(Metrics::new(clock.now())),
        secrets,
        listener: Listener::bind("127.0.0.1", 0).await.unwrap(),
    })
    .await
    .unwrap()
}

/// All deliveries that the API knows, by key.
async fn deliveries(client: &reqwest::Client, base: &str) -> HashMap<String, Value> {
    let mut all = HashMap::new();
    let mut next = format!("{base}/api/v1/deliveries?limit=500");
    loop {
        let page = get(client, &next).await.unwrap();
        for item in page["items"].as_array().unwrap() {
            assert!(all.insert(item["key"].as_str().unwrap().to_owned(), item.clone()).is_none(), "a key used twice");
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("{base}/api/v1/deliveries?limit=500&before={cursor}"),
            None => return all,
        }
    }
}

async fn metric(client: &reqwest::Client, base: &str, line: &str) -> Option<u64> {
    let text = client.get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse::<f64>().ok()).map(|number| number as u64)
}

/// Waits until all are in `state`, and until the receiver has heard of every change, taken or refused.
async fn all_heard(client: &reqwest::Client, base: &str, receiver: &Moody, state: &str, changes: usize) {
    eventually(state, async || {
        (metric(client, base, &format!("revere_monitors{{state=\"{state}\"}}")).await == Some(MONITORS as u64))
            .then_some(())
    })
    .await;
    eventually("the receiver has heard of each", async || {
        (receiver.0.lock().unwrap().seen.len() == changes).then_some(())
    })
    .await;
}

/// Every change is either told, which the receiver confirms, or owed, because it refused.
async fn accounted_for(client: &reqwest::Client, base: &str, receiver: &Moody, changes: usize) {
    let owed_as_refused = async || {
        let taken = receiver.taken();
        let all = deliveries(client, base).await;
        let with = |status: &str| -> HashSet<String> {
            all.iter().filter(|(_, item)| item["status"] == status).map(|(key, _)| key.clone()).collect()
        };
        let (sent, owed) = (with("delivered"), with("queued"));
        (all.len() == changes && sent == taken && owed == receiver.refused().difference(&taken).cloned().collect())
            .then_some(())
    };
    // What the receiver has just taken is noted a moment later.
    eventually("each is sent or owed", owed_as_refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_failures_in_one_minute_are_each_told_once_and_so_are_their_ends() {
    let (receiver, hook) = Moody::start().await;
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(at("2026-07-01T12:00:30Z"));
    let running = server(folder.path(), &clock, &hook).await;
    let base = format!("http://{}", running.address);
    // Down until two minutes past twelve.
    let script = format!(
        "import time\nif time.time() < {}:\n    raise MonitorFailure('down')\nreturn_value = 1",
        at("2026-07-01T12:02:00Z").as_second()
    );
    let client = client();
    stream::iter(0..MONITORS)
        .for_each_concurrent(16, async |number| {
            let spec = json!({"name": format!("m{number}"), "schedule": "* * * * *", "script": script});
            let answer = client.post(format!("{base}/api/v1/monitors")).json(&spec).send().await.unwrap();
            assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        })
        .await;
    let till = |time: &str| {
        clock.set(at(time));
        running.engine.wake();
    };

    let began = Instant::now();
    till("2026-07-01T12:01:00Z");
    all_heard(&client, &base, &receiver, "ALARM", MONITORS).await;
    accounted_for(&client, &base, &receiver, MONITORS).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(60), "each failure is told or owed only after {took:?}");
    assert_eq!(receiver.refused().len(), MONITORS / 7, "the receiver was in its mood");
    assert_eq!(client.get(format!("{base}/healthz")).send().await.unwrap().status(), 200);

    // The second attempts come a few seconds later.
    till("2026-07-01T12:01:10Z");
    let nothing_owed = async || {
        eventually("nothing owed", async || {
            (metric(&client, &base, "revere_deliveries_queued").await == Some(0)).then_some(())
        })
        .await;
    };
    nothing_owed().await;
    accounted_for(&client, &base, &receiver, MONITORS).await;

    till("2026-07-01T12:02:00Z");
    all_heard(&client, &base, &receiver, "OK", 2 * MONITORS).await;
    accounted_for(&client, &base, &receiver, 2 * MONITORS).await;
    till("2026-07-01T12:02:10Z");
    nothing_owed().await;
    accounted_for(&client, &base, &receiver, 2 * MONITORS).await;

    let mut stories: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for told in &receiver.0.lock().unwrap().taken {
        let word = |key: &str| told[key].as_str().unwrap().to_owned();
        let name = told["monitor"]["name"].as_str().unwrap().to_owned();
        stories.entry(name).or_default().push((word("old_state"), word("new_state")));
    }
    assert_eq!(stories.len(), MONITORS);
    let expected = [("INACTIVE", "ALARM"), ("ALARM", "OK")].map(|(old, new)| (old.to_owned(), new.to_owned()));
    assert!(
        stories.values().all(|story| *story == expected),
        "{:?}",
        stories.values().find(|story| **story != expected)
    );
    running.stop(GRACE).await;
}
