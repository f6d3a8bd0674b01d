//! Killed at random moments under load, again and again: nothing that was acknowledged is missing, every tick is a run or
//! counted as missed, and every flip is told.
//!
//! `REVERE_KILLS` sets how often; the full promise is shown with 100.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::{
    Program,
    database::{Home, every_tick_is_accounted_for},
    eventually, get,
};
use crate::{
    alerts::stub::{Asked, Stub},
    support::{Sql, client},
};

/// Monitors that run every second, each changing state every few seconds.
pub(super) const MONITORS: i64 = 40;

/// What the API has acknowledged.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) monitors: BTreeSet<i64>,
    pub(super) runs: BTreeSet<i64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_however_often_it_is_killed() {
    let kills: u32 = std::env::var("REVERE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(0x5eed);
    let receiver = Stub::start().await;
    receiver.answer(200, &[], Some("thanks"));
    let folder = tempfile::tempdir().unwrap();
    let home = Home::of(folder.path()).await;
    let config = format!(
        "{}FLAPPING_CHANGES = 0\nREVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{}/hook'}}}}}}\n",
        home.line, receiver.url
    );
    std::fs::write(folder.path().join("config.py"), config).unwrap();

    let client = client();
    let mut ledger = Ledger::default();
    let mut slowest_first_run = Duration::ZERO;
    for round in 0..=kills {
        let program = Program::start(folder.path());
        if round == 0 {
            for number in 0..MONITORS {
                let spec = flapping(number, 1);
                let made = eventually("it is made", async || create(&client, &program.base, &spec).await).await;
                ledger.monitors.insert(made);
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
        let owed = get(&client, &format!("{}/api/v1/deliveries?status=queued", program.base)).await?;
        owed["items"].as_array()?.is_empty().then_some(())
    })
    .await;
    program.terminate();

    let mut database = home.open(folder.path()).await;
    database.assert_sound().await;
    assert!(ledger.monitors.len() > MONITORS as usize, "nobody was at work");
    acknowledged_rows_are_there(&mut database, &ledger).await;
    every_tick_is_accounted_for(&mut database, 1..=MONITORS).await;
    let taken: Vec<Message> = receiver.taken().iter().map(|asked: &Asked| Message::read(&asked.json())).collect();
    let told = every_flip_is_told(&mut database, &taken, MONITORS as u64).await;
    println!("{} flips, {} notifications, {} repeats", told.flips, taken.len(), told.repeats);
    println!("{kills} kills; slowest first run after a restart: {slowest_first_run:?}");
    if kills >= 100 {
        assert!(slowest_first_run < Duration::from_secs(3), "{slowest_first_run:?}");
    }
}

/// Alarms and recovers in turn, with every third of its ticks, each monitor at its own moment. It is due every so many seconds, of
/// which a minute is a multiple.
pub(super) fn flapping(number: i64, period_s: i64) -> Value {
    let phase_s = 3 * period_s;
    let script = format!(
        "import time\nphase = int(time.time() + {number}) // {phase_s}\nreturn_value = phase\nif phase % 2:\n    raise MonitorFailure('phase %d' % phase)\n"
    );
    let seconds = (number % period_s..60).step_by(period_s as usize).map(|second| second.to_string());
    let schedule = match period_s {
        1 => "* * * * * *".to_owned(),
        _ => format!("{} * * * * *", seconds.collect::<Vec<_>>().join(",")),
    };
    json!({"name": format!("flapping {number}"), "schedule": schedule, "script": script})
}

/// The id, if the server lived to acknowledge it.
async fn create(client: &reqwest::Client, base: &str, spec: &Value) -> Option<i64> {
    acknowledged(client.post(format!("{base}/api/v1/monitors")).json(spec), 201).await
}

async fn run_now(client: &reqwest::Client, base: &str, id: i64) -> Option<i64> {
    acknowledged(client.post(format!("{base}/api/v1/monitors/{id}/run")).json(&json!({})), 200).await
}

/// What was done, if the server lived to say so, and had not too much else to do.
async fn acknowledged(request: reqwest::RequestBuilder, expected: u16) -> Option<i64> {
    let answer = request.send().await.ok()?;
    if answer.status() == 503 {
        return None;
    }
    assert_eq!(answer.status(), expected, "{}", answer.text().await.unwrap_or_default());
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

/// Those of them that are not there. They are asked for by so many at once that no answer is large.
async fn lost(database: &mut Sql, table: &str, acknowledged: &BTreeSet<i64>) -> Vec<i64> {
    let acknowledged: Vec<i64> = acknowledged.iter().copied().collect();
    let mut lost = Vec::new();
    for some in acknowledged.chunks(1000) {
        let list = some.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let rows = database.numbers(format!("select cast(id as text) from {table} where id in ({list})")).await;
        let there: HashSet<i64> = rows.into_iter().flatten().collect();
        lost.extend(some.iter().filter(|id| !there.contains(id)));
    }
    lost
}

pub(super) async fn acknowledged_rows_are_there(database: &mut Sql, ledger: &Ledger) {
    let monitors = lost(database, "monitors", &ledger.monitors).await;
    assert!(monitors.is_empty(), "acknowledged monitors that are gone: {monitors:?}");
    let runs = lost(database, "runs", &ledger.runs).await;
    assert!(runs.is_empty(), "acknowledged runs that are gone: {runs:?}");
}

/// A notification that was taken, as far as it matters here.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) key: String,
    /// The states that are told with it, because they could not be told while they lasted, oldest first.
    missed: Vec<String>,
}

impl Message {
    pub(super) fn read(told: &Value) -> Message {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let missed = told["missed"].as_array().into_iter().flatten().map(|missed| text(&missed["state"]));
        Message { key: text(&told["key"]), missed: missed.collect() }
    }
}

/// How much was told.
pub(super) struct Told {
    pub(super) flips: u64,
    /// Notifications that came again under a key that was seen before.
    pub(super) repeats: u64,
}

/// Every flip owed a notification that the receiver took, in order, under a key of its own, or is told with a later one; the
/// first success of a new monitor and its being switched off are told to nobody. `told` is what was taken, in the order in which it
/// was; fewer flips than `least` show nothing.
pub(super) async fn every_flip_is_told(database: &mut Sql, told: &[Message], least: u64) -> Told {
    let rows = "select f.id || ' ' || f.monitor_id || ' ' || f.old_state || ' ' || f.new_state || ' ' ||
             coalesce(d.status || ' ' || d.key, '') from flips f
         left join deliveries d on d.flip_id = f.id and d.instead_of is null order by f.monitor_id, f.at, f.id";
    // Where each key was seen first: who was stopped while it sent one may send it again when others are long told.
    let keys: HashMap<&str, usize> = told.iter().enumerate().rev().map(|(place, one)| (&*one.key, place)).collect();
    let mut owed: HashMap<String, Vec<(String, String)>> = HashMap::new();
    let (mut flips, mut seen) = (0, HashSet::new());
    for row in database.texts(rows).await {
        let [id, monitor, old, new, delivery @ ..] = &row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        if *new == "INACTIVE" || (*old, *new) == ("INACTIVE", "OK") {
            assert!(delivery.is_empty(), "flip {id} of monitor {monitor}: {row}");
            continue;
        }
        flips += 1;
        let ["sent", key] = delivery else { panic!("flip {id} of monitor {monitor} is not told: {row}") };
        assert!(seen.insert((*key).to_owned()), "flip {id}: a key that another flip has");
        owed.entry((*monitor).to_owned()).or_default().push(((*key).to_owned(), (*new).to_owned()));
    }
    for (monitor, flips) in &owed {
        let mut last = None;
        let mut untold: Vec<&str> = Vec::new();
        for (key, state) in flips {
            untold.push(state);
            let Some(place) = keys.get(&**key) else { continue };
            assert!(last < Some(*place), "monitor {monitor}: the flip of {key} was told before the one before it");
            last = Some(*place);
            let before = &untold[..untold.len() - 1];
            let with_it = &told[*place].missed;
            assert!(
                with_it.ends_with(&before.iter().map(|state| (*state).to_owned()).collect::<Vec<_>>()),
                "monitor {monitor}: before {key} {before:?} happened, and {with_it:?} was told with it"
            );
            untold.clear();
        }
        assert!(untold.is_empty(), "monitor {monitor}: the receiver never saw {untold:?}, of {flips:?}");
    }
    assert!(flips > least, "only {flips} flips: the test shows nothing");
    // A kill between the receiver's word and our note of it makes a repeat, under the same key; nothing else does.
    let strangers: Vec<_> = keys.keys().filter(|key| !seen.contains(**key)).collect();
    assert!(strangers.is_empty(), "told of flips that never happened: {strangers:?}");
    Told { flips, repeats: (told.len() - keys.len()) as u64 }
}
