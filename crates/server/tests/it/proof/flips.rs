//! Many flips, receivers of which three in ten are bad, and kills in between: no flip is lost, none is told out of order, and
//! what is told twice has the same key, and is the first that is told of its monitor after a kill.
//!
//! `REVERE_FLIPS` sets how many, `REVERE_KILLS` how often it is killed meanwhile; the full promise is shown with 10000 and 100, and
//! takes some minutes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
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
use crate::support::{Sql, client, on_postgresql};

/// Of which the first three are bad.
const RECEIVERS: usize = 10;
const FEWEST_MONITORS: usize = 60;
/// A bad receiver takes some seconds for one change of a monitor, and the next of that one waits meanwhile.
const MOST_FLIPS_OF_ONE: usize = 50;

/// Ten receivers, which remember what they took, and in which of its lives the server told them.
#[derive(Clone, Default)]
struct Receivers(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    attempts: HashMap<String, usize>,
    /// What was taken, in order, with the life that it was told in.
    taken: Vec<(Value, usize)>,
    /// How often each of them refused something.
    refused: [usize; RECEIVERS],
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
            book.refused[number] += 1;
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
    let (monitors, began) = (FEWEST_MONITORS.max(flips / MOST_FLIPS_OF_ONE), Instant::now());
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
    for place in 0..monitors {
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
        acknowledged += run(&client, &program.base, monitors, acknowledged, share, enough).await;
        program.kill();
        program = start(life);
    }
    while acknowledged < flips {
        let (before, left) = (acknowledged, flips - acknowledged);
        acknowledged += run(&client, &program.base, monitors, acknowledged, left, left).await;
        assert!(acknowledged > before, "it runs nothing any more");
    }
    everything_owed_is_sent(&client, &program.base, &receivers).await;
    program.terminate();
    let mut database = home.open(folder.path()).await;
    database.assert_sound().await;
    let book = std::mem::take(&mut *receivers.0.lock().unwrap());
    let came = judge(&mut database, &book, acknowledged).await;
    let engine = if on_postgresql() { "PostgreSQL" } else { "SQLite" };
    let took = began.elapsed().as_secs();
    println!("{engine}: {kills} kills, {came}; none lost, none out of order; {} min {} s", took / 60, took % 60);
}

/// However long it takes, as long as some receiver is asked again and again.
async fn everything_owed_is_sent(client: &reqwest::Client, base: &str, receivers: &Receivers) {
    let asked = || {
        let book = receivers.0.lock().unwrap();
        book.taken.len() + book.refused.iter().sum::<usize>()
    };
    let url = format!("{base}/api/v1/deliveries?status=queued&limit=1");
    let mut nothing_is_owed = false;
    while !nothing_is_owed {
        let before = asked();
        nothing_is_owed = eventually("nothing is owed, or a receiver is asked", async || {
            let owed = get(client, &url).await?;
            match owed["items"].as_array()?.is_empty() {
                true => Some(true),
                false => (asked() > before).then_some(false),
            }
        })
        .await;
    }
}

/// Runs these monitors by hand, several at once, until `share` are through or `enough` are acknowledged; answers how many are.
async fn run(
    client: &reqwest::Client,
    base: &str,
    monitors: usize,
    first: usize,
    share: usize,
    enough: usize,
) -> usize {
    let (acknowledged, reached) = (AtomicUsize::new(0), Notify::new());
    let all = stream::iter(first..first + share).for_each_concurrent(8, async |place| {
        let url = format!("{base}/api/v1/monitors/{}/run", place % monitors + 1);
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

/// Every flip is told by its receiver, with those before it or by itself, in the order in which they came; answers how it was.
async fn judge(database: &mut Sql, book: &Book, acknowledged: usize) -> String {
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
    // The last that was told of each monitor, and in which life.
    let mut last: HashMap<String, (&str, usize)> = HashMap::new();
    let mut keys: HashSet<&str> = HashSet::new();
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut repeats = 0;
    for (told, life) in &book.taken {
        let (key, monitor) = (told["key"].as_str().unwrap(), told["monitor"]["id"].to_string());
        let before = last.insert(monitor.clone(), (key, *life));
        if !keys.insert(key) {
            let (last, when) = before.expect("it was told before");
            assert_eq!(last, key, "told once more, and another change was told in between");
            assert!(when < *life, "{key} was told twice, and nobody was killed in between");
            repeats += 1;
            continue;
        }
        let missed = told["missed"].as_array().into_iter().flatten().map(|missed| &missed["state"]);
        let states = missed.chain([&told["new_state"]]).map(|state| state.as_str().unwrap().to_owned());
        let mut states: Vec<String> = states.collect();
        let heard = heard.entry(monitor).or_default();
        // What was under way when it was killed may have been told: it is told once more, perhaps with what has come of it since.
        if states.len() > 1 && heard.last() == states.first() && before.is_some_and(|(_, when)| when < *life) {
            states.remove(0);
            repeats += 1;
        }
        heard.append(&mut states);
    }
    for (monitor, flips) in &expected {
        assert_eq!(heard.get(monitor), Some(flips), "monitor {monitor}");
    }
    assert_eq!(heard.len(), expected.len(), "told of monitors that have no flips");
    let bad = book.refused.iter().filter(|refused| **refused > 0).count();
    assert_eq!(bad, 3, "the bad receivers were not bad, or others were: {:?}", book.refused);
    let refusals: usize = book.refused.iter().sum();
    let messages = book.taken.len();
    format!(
        "{flips} flips, 3 of {RECEIVERS} receivers bad: {messages} messages, {repeats} repeats, {refusals} refusals"
    )
}
