//! Killed at random moments under load, again and again: nothing that was acknowledged is missing, every tick is a run or
//! counted as missed, and every flip is told.
//!
//! `REVERE_KILLS` sets how often; the full promise is shown with 100.

#![expect(clippy::print_stdout, reason = "how often and how quickly is worth knowing, not only that it passed")]

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};

use super::{
    Program,
    database::{every_tick_is_accounted_for, open, sound},
    eventually, get,
};
use crate::{
    alerts::stub::{Asked, Stub},
    support::client,
};

/// Monitors that run every second, each changing state every few seconds.
const MONITORS: i64 = 40;

/// What the API has acknowledged.
#[derive(Default)]
struct Ledger {
    monitors: BTreeSet<i64>,
    runs: BTreeSet<i64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_however_often_it_is_killed() {
    let kills: u32 = std::env::var("REVERE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(0x5eed);
    let receiver = Stub::start().await;
    receiver.answer(200, &[], Some("thanks"));
    let folder = tempfile::tempdir().unwrap();
    let config =
        format!("REVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{}/hook'}}}}}}\n", receiver.url);
    std::fs::write(folder.path().join("config.py"), config).unwrap();

    let client = client();
    let mut ledger = Ledger::default();
    let mut slowest_first_run = Duration::ZERO;
    for round in 0..=kills {
        let program = Program::start(folder.path());
        if round == 0 {
            for number in 0..MONITORS {
                ledger
                    .monitors
                    .insert(create(&client, &program.base, &flapping(number)).await.expect("nothing is wrong yet"));
            }
        } else {
            slowest_first_run = slowest_first_run.max(first_run(&client, &program).await);
        }
        // Between a tenth of a second and a second and a half of life, with people at work meanwhile.
        let life = Duration::from_millis(100 + random.next_u64() % 1400);
        let began = Instant::now();
        while began.elapsed() < life {
            let spec = json!({"name": format!("made in round {round}"), "schedule": "0 0 1 1 *", "script": "return_value = 1"});
            if let Some(id) = create(&client, &program.base, &spec).await {
                ledger.monitors.insert(id);
                if let Some(run) = run_now(&client, &program.base, id).await {
                    ledger.runs.insert(run);
                }
            }
        }
        program.kill();
    }

    // A last, quiet life: what is owed goes out, then nothing changes any more.
    let program = Program::start(folder.path());
    first_run(&client, &program).await;
    for id in 1..=MONITORS {
        let url = format!("{}/api/v1/monitors/{id}", program.base);
        let answer = client.patch(url).json(&json!({"active": false})).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    eventually("everything owed is sent", async || {
        let owed = get(&client, &format!("{}/api/v1/deliveries?status=owed", program.base)).await?;
        owed["items"].as_array()?.is_empty().then_some(())
    })
    .await;
    program.terminate();

    let mut database = open(&folder.path().join("revere.db")).await;
    sound(&mut database).await;
    acknowledged_rows_are_there(&mut database, &ledger).await;
    every_tick_is_accounted_for(&mut database, 1..=MONITORS).await;
    every_flip_is_told(&mut database, &receiver).await;
    println!("{kills} kills; slowest first run after a restart: {slowest_first_run:?}");
    if kills >= 100 {
        assert!(slowest_first_run < Duration::from_secs(3), "{slowest_first_run:?}");
    }
}

/// Alarms and recovers in turn, every three seconds, each monitor at its own moment.
fn flapping(number: i64) -> Value {
    let script = format!(
        "import time\nphase = int(time.time() + {number}) // 3\nreturn_value = phase\nif phase % 2:\n    raise MonitorFailure('phase %d' % phase)\n"
    );
    json!({"name": format!("flapping {number}"), "schedule": "* * * * * *", "script": script})
}

/// The id, if the server lived to acknowledge it.
async fn create(client: &reqwest::Client, base: &str, spec: &Value) -> Option<i64> {
    let answer = client.post(format!("{base}/api/v1/monitors")).json(spec).send().await.ok()?;
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap_or_default());
    answer.json::<Value>().await.ok()?["id"].as_i64()
}

async fn run_now(client: &reqwest::Client, base: &str, id: i64) -> Option<i64> {
    let answer = client.post(format!("{base}/api/v1/monitors/{id}/run")).json(&json!({})).send().await.ok()?;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap_or_default());
    answer.json::<Value>().await.ok()?["id"].as_i64()
}

/// How long after its start the program recorded a run.
async fn first_run(client: &reqwest::Client, program: &Program) -> Duration {
    let url = format!("{}/api/v1/monitors/1/runs?limit=1", program.base);
    let newest = async || get(client, &url).await?["items"][0]["id"].as_i64();
    let before = newest().await;
    eventually("a run after the restart", async || {
        let now = newest().await?;
        // A run may have been recorded before the first look.
        (Some(now) != before || program.started.elapsed() > Duration::from_millis(1500)).then_some(())
    })
    .await;
    program.started.elapsed()
}

async fn ids(database: &mut SqliteConnection, query: &'static str) -> BTreeSet<i64> {
    sqlx::query_scalar(query).fetch_all(database).await.unwrap().into_iter().collect()
}

async fn acknowledged_rows_are_there(database: &mut SqliteConnection, ledger: &Ledger) {
    let monitors = ids(database, "select id from monitors").await;
    let lost: Vec<_> = ledger.monitors.difference(&monitors).collect();
    assert!(lost.is_empty(), "acknowledged monitors that are gone: {lost:?}");
    let runs = ids(database, "select id from runs").await;
    let lost: Vec<_> = ledger.runs.difference(&runs).collect();
    assert!(lost.is_empty(), "acknowledged runs that are gone: {lost:?}");
    assert!(ledger.monitors.len() > MONITORS as usize, "nobody was at work");
}

/// Every flip owed a notification that the receiver took, in order, under a key of its own; the first success of a new
/// monitor and its being switched off are told to nobody.
async fn every_flip_is_told(database: &mut SqliteConnection, receiver: &Stub) {
    let rows = sqlx::query(
        "select f.id, f.monitor_id, f.old_state, f.new_state, d.status, d.key from flips f
         left join deliveries d on d.flip_id = f.id order by f.id",
    );
    let told: Vec<Value> = receiver.taken().iter().map(Asked::json).collect();
    let keys: HashSet<&str> = told.iter().filter_map(|body| body["key"].as_str()).collect();
    let (mut flips, mut seen) = (0, HashSet::new());
    for row in rows.fetch_all(&mut *database).await.unwrap() {
        let (id, monitor, old, new): (i64, i64, String, String) = (row.get(0), row.get(1), row.get(2), row.get(3));
        let status: Option<String> = row.get(4);
        if new == "INACTIVE" || (old, new.as_str()) == ("INACTIVE".to_owned(), "OK") {
            assert_eq!(status, None, "flip {id} of monitor {monitor}");
            continue;
        }
        flips += 1;
        assert_eq!(status.as_deref(), Some("sent"), "flip {id} of monitor {monitor} to {new}");
        let key: String = row.get(5);
        assert!(keys.contains(key.as_str()), "flip {id}: the receiver never saw it");
        assert!(seen.insert(key), "flip {id}: a key that another flip has");
    }
    assert!(flips > MONITORS, "only {flips} flips: the test shows nothing");
    // A kill between the receiver's word and our note of it makes a repeat, under the same key; nothing else does.
    let strangers: Vec<_> = keys.iter().filter(|key| !seen.contains(**key)).collect();
    assert!(strangers.is_empty(), "told of flips that never happened: {strangers:?}");
    println!("{flips} flips, {} notifications, {} repeats", told.len(), told.len() - keys.len());
}
