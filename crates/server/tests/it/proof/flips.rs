//! Many flips, receivers of which three in ten are bad, and kills in between: no flip is lost, none is told out of order, and
//! what is told twice has the same key and lies around a kill.
//!
//! `REVERE_FLIPS` sets how many, `REVERE_KILLS` how often it is killed meanwhile; the full promise is shown with 10000 and 100.

#![expect(clippy::print_stdout, reason = "how much of it there was is worth knowing, not only that it passed")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Program, database::Home, eventually, get};
use crate::support::{Sql, client};

/// Of which the first three are bad.
const RECEIVERS: usize = 10;
const MONITORS: usize = 60;

/// Ten receivers, which remember what they took, and in which of its lives the server told them.
#[derive(Clone, Default)]
struct Receivers(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    attempts: HashMap<String, usize>,
    /// What was taken, in order, with the life that it was told in.
    taken: Vec<(Value, usize)>,
    refused: usize,
}

impl Receivers {
    async fn start() -> (Receivers, String) {
        let receivers = Receivers::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router =
            Router::new().route("/{number}/{life}", axum::routing::post(Receivers::take)).with_state(receivers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receivers, address)
    }

    async fn take(
        State(receivers): State<Receivers>,
        Path((number, life)): Path<(usize, usize)>,
        Json(told): Json<Value>,
    ) -> Response {
        let mut book = receivers.0.lock().unwrap();
        let attempts = book.attempts.entry(told["key"].as_str().unwrap().to_owned()).or_default();
        *attempts += 1;
        let refusal = match (number, *attempts) {
            (0, 1 | 2) => Some(StatusCode::SERVICE_UNAVAILABLE.into_response()),
            (1, 1) => Some((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response()),
            (2, 1) => Some(StatusCode::BAD_GATEWAY.into_response()),
            _ => None,
        };
        if let Some(refusal) = refusal {
            book.refused += 1;
            return refusal;
        }
        book.taken.push((told, life));
        StatusCode::OK.into_response()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flip_is_lost_or_out_of_order_with_bad_receivers_however_often_it_is_killed() {
    let number = |name: &str, or: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (flips, kills) = (number("REVERE_FLIPS", 600), number("REVERE_KILLS", 5));
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(0xf11b5);
    let (receivers, address) = Receivers::start().await;
    let folder = tempfile::tempdir().unwrap();
    let home = Home::of(folder.path()).await;
    // Whoever tells something says in which life.
    let start = |life: usize| {
        let hook = |n: usize| format!("'hook{n}': {{'type': 'webhook', 'config': {{'url': '{address}/{n}/{life}'}}}}");
        let hooks: Vec<String> = (0..RECEIVERS).map(hook).collect();
        let config = format!("{}FLAPPING_CHANGES = 0\nREVERE_ALERTS = {{{}}}\n", home.line, hooks.join(", "));
        std::fs::write(folder.path().join("config.py"), config).unwrap();
        Program::start(folder.path())
    };

    let client = client();
    let mut program = start(0);
    // Each run changes the state.
    let script = "if previous is None or previous.state == 'OK':\n    raise MonitorFailure('down')";
    for place in 0..MONITORS {
        let alerts = [format!("hook{}", place % RECEIVERS)];
        let spec = json!({"name": format!("m{place}"), "schedule": "0 0 1 1 *", "script": script, "alerts": alerts});
        let answer = client.post(format!("{}/api/v1/monitors", program.base)).json(&spec).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    let mut acknowledged = 0;
    for life in 1..=kills {
        // It is killed when so many are acknowledged, with others under way.
        let share = flips / (kills + 1) + 1;
        let enough = 1 + (random.next_u64() % share as u64) as usize;
        acknowledged += run(&client, &program.base, acknowledged, share, enough).await;
        program.kill();
        program = start(life);
    }
    let left = flips.saturating_sub(acknowledged).max(1);
    acknowledged += run(&client, &program.base, acknowledged, left, left).await;
    eventually("everything owed is sent", async || {
        let owed = get(&client, &format!("{}/api/v1/deliveries?status=owed", program.base)).await?;
        owed["items"].as_array()?.is_empty().then_some(())
    })
    .await;
    program.terminate();
    let mut database = home.open(folder.path()).await;
    database.assert_sound().await;
    let book = std::mem::take(&mut *receivers.0.lock().unwrap());
    judge(&mut database, &book, acknowledged).await;
}

/// Runs monitors by hand, several at once, until `share` are through or `enough` are acknowledged; answers how many are.
async fn run(client: &reqwest::Client, base: &str, first: usize, share: usize, enough: usize) -> usize {
    let (acknowledged, reached) = (AtomicUsize::new(0), Notify::new());
    let all = stream::iter(first..first + share).for_each_concurrent(8, async |place| {
        let url = format!("{base}/api/v1/monitors/{}/run", place % MONITORS + 1);
        let answer = client.post(url).json(&json!({})).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success())
            && acknowledged.fetch_add(1, Ordering::SeqCst) + 1 >= enough
        {
            reached.notify_one();
        }
    });
    tokio::select! {
        () = all => {}
        () = reached.notified() => {}
    }
    acknowledged.load(Ordering::SeqCst)
}

/// Every flip is told by its receiver, with those before it or by itself, in the order in which they came.
async fn judge(database: &mut Sql, book: &Book, acknowledged: usize) {
    let rows = "select f.monitor_id || ' ' || f.new_state || ' ' || coalesce(d.status, 'untold') from flips f
         left join deliveries d on d.flip_id = f.id and d.instead_of is null
         where not (f.old_state = 'INACTIVE' and f.new_state = 'OK') order by f.monitor_id, f.at, f.id";
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in database.texts(rows).await {
        let [monitor, state, status] = &row.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{row}") };
        assert_eq!(*status, "sent", "{row}");
        expected.entry((*monitor).to_owned()).or_default().push((*state).to_owned());
    }
    let flips: usize = expected.values().map(Vec::len).sum();
    assert!(flips >= acknowledged, "{flips} flips of {acknowledged} runs that were acknowledged");
    let mut lives: HashMap<&str, usize> = HashMap::new();
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut repeats = 0;
    for (told, life) in &book.taken {
        let key = told["key"].as_str().unwrap();
        if let Some(before) = lives.insert(key, *life) {
            assert_ne!(before, *life, "{key} was told twice, and nobody was killed in between");
            repeats += 1;
            continue;
        }
        let missed = told["missed"].as_array().into_iter().flatten().map(|missed| &missed["state"]);
        let states = missed.chain([&told["new_state"]]).map(|state| state.as_str().unwrap().to_owned());
        heard.entry(told["monitor"]["id"].to_string()).or_default().extend(states);
    }
    for (monitor, flips) in &expected {
        assert_eq!(heard.get(monitor), Some(flips), "monitor {monitor}");
    }
    assert_eq!(heard.len(), expected.len(), "told of monitors that have no flips");
    assert!(book.refused > 0, "the bad receivers were not bad");
    println!("{flips} flips, {} messages, {repeats} repeats, {} refusals", book.taken.len(), book.refused);
}
