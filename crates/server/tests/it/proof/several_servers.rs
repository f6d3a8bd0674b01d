//! Three servers on one PostgreSQL, all of which are killed, stopped in the middle, ended in order and cut from a database that
//! crashes, at random, while people are at work: afterwards every due tick is one run or counted, nothing that was acknowledged is
//! missing, every flip is told, and no two runs of a monitor were at once.
//!
//! The shape of Jepsen's checker of Chronos. `REVERE_CHECKER_SECONDS` sets how long, `REVERE_CHECKER_SEED` what happens.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::{
    Program,
    database::every_tick_is_accounted_for,
    eventually, get,
    killed::{Ledger, MONITORS, acknowledged_rows_are_there, every_flip_is_told, flapping},
};
use crate::{
    alerts::stub::Stub,
    support::{PostgresServer, Sql, client},
};

const SERVERS: usize = 3;

/// Longer than a claim holds: its run may take two seconds, and its result one more.
const ASLEEP: Duration = Duration::from_millis(4500);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is done to whom, in the order in which it was done.
struct World {
    postgres: PostgresServer,
    folders: Vec<tempfile::TempDir>,
    servers: Vec<Option<Program>>,
    client: reqwest::Client,
    ledger: Ledger,
    random: rand_chacha::ChaCha8Rng,
    story: Vec<String>,
}

impl World {
    fn draw(&mut self, below: usize) -> usize {
        (self.random.next_u64() % below as u64) as usize
    }

    fn start(&mut self, place: usize) {
        if self.servers[place].is_none() {
            self.servers[place] = Some(Program::start(self.folders[place].path()));
        }
    }

    /// Somebody is at work at a server, as far as it answers.
    async fn work(&mut self, place: usize) {
        let Some(base) = self.servers[place].as_ref().map(|server| server.base.clone()) else { return };
        let spec = json!({"name": "made meanwhile", "schedule": "0 0 1 1 *", "script": "return_value = 1"});
        let made = self.client.post(format!("{base}/api/v1/monitors")).json(&spec).timeout(Duration::from_secs(2));
        let Ok(answer) = made.send().await else { return };
        if answer.status() != 201 {
            return;
        }
        let Some(id) = answer.json::<Value>().await.ok().and_then(|made| made["id"].as_i64()) else { return };
        self.ledger.monitors.insert(id);
        let run = self.client.post(format!("{base}/api/v1/monitors/{id}/run")).json(&json!({}));
        let Ok(answer) = run.timeout(Duration::from_secs(4)).send().await else { return };
        if answer.status() == 200
            && let Some(run) = answer.json::<Value>().await.ok().and_then(|run| run["id"].as_i64())
        {
            self.ledger.runs.insert(run);
        }
    }

    async fn mischief(&mut self) {
        let place = self.draw(SERVERS);
        let what = self.draw(10);
        match what {
            0..=2 => {
                self.story.push(format!("killed {place}"));
                if let Some(server) = self.servers[place].take() {
                    server.kill();
                }
                self.start(place);
            }
            3 | 4 => {
                self.story.push(format!("stopped {place} in the middle"));
                if let Some(server) = &self.servers[place] {
                    server.signal("STOP");
                }
                let until = Instant::now() + ASLEEP;
                while Instant::now() < until {
                    self.work((place + 1) % SERVERS).await;
                }
                if let Some(server) = &self.servers[place] {
                    server.signal("CONT");
                }
            }
            5 | 6 => {
                self.story.push(format!("ended {place} in order"));
                if let Some(server) = self.servers[place].take() {
                    server.terminate();
                }
                self.start(place);
            }
            7 => {
                self.story.push("crashed the database".to_owned());
                self.postgres.crash();
                self.work(place).await;
                self.postgres.start_again().await;
            }
            _ => {
                self.story.push(format!("worked at {place}"));
                for _ in 0..5 {
                    self.work(place).await;
                }
            }
        }
    }
}

fn configure(folder: &Path, url: &str, receiver: &Stub) {
    let config = format!(
        "DATABASE_URL = '{url}'\nRUN_TIMEOUT = 2\nCLAIM_MARGIN = 5\n\
         FLAPPING_CHANGES = 0\nREVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{}/hook'}}}}}}\n",
        receiver.url
    );
    std::fs::write(folder.join("config.py"), config).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_nothing_and_do_nothing_twice_whatever_is_done_to_them() {
    let life = Duration::from_secs(setting("REVERE_CHECKER_SECONDS", 20));
    let seed = setting("REVERE_CHECKER_SEED", 7);
    let receiver = Stub::start().await;
    receiver.answer(200, &[], Some("thanks"));
    let postgres = PostgresServer::start(&[]).await;
    let folders: Vec<_> = (0..SERVERS).map(|_| tempfile::tempdir().unwrap()).collect();
    for folder in &folders {
        configure(folder.path(), &postgres.url(), &receiver);
    }
    let mut world = World {
        postgres,
        folders,
        servers: (0..SERVERS).map(|_| None).collect(),
        client: client(),
        ledger: Ledger::default(),
        random: rand_chacha::ChaCha8Rng::seed_from_u64(seed),
        story: Vec::new(),
    };
    for place in 0..SERVERS {
        world.start(place);
    }
    let base = world.servers[0].as_ref().unwrap().base.clone();
    for number in 0..MONITORS {
        let made = world.client.post(format!("{base}/api/v1/monitors")).json(&flapping(number)).send().await.unwrap();
        assert_eq!(made.status(), 201);
        world.ledger.monitors.insert(made.json::<Value>().await.unwrap()["id"].as_i64().unwrap());
    }
    let began = Instant::now();
    while began.elapsed() < life {
        // What a third of all attempts meets is tried again.
        match world.draw(3) {
            0 => receiver.answer(503, &[], Some("busy")),
            _ => receiver.answer(200, &[], Some("thanks")),
        }
        world.mischief().await;
    }
    println!("seed {seed}: {}", world.story.join(", "));

    // A quiet end: all are there, what is owed goes out, then nothing changes any more.
    receiver.answer(200, &[], Some("thanks"));
    for place in 0..SERVERS {
        world.start(place);
    }
    let base = world.servers[1].as_ref().unwrap().base.clone();
    for id in 1..=MONITORS {
        let url = format!("{base}/api/v1/monitors/{id}");
        eventually("it is switched off", async || {
            let answer = world.client.patch(&url).json(&json!({"active": false})).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }
    eventually("everything owed is sent", async || {
        let owed = get(&world.client, &format!("{base}/api/v1/deliveries?status=owed")).await?;
        owed["items"].as_array()?.is_empty().then_some(())
    })
    .await;
    for server in &mut world.servers {
        server.take().unwrap().terminate();
    }

    let address = revere::store::PostgresAddress::read(&world.postgres.url(), None).unwrap();
    let mut database = Sql::at(&address.into()).await;
    acknowledged_rows_are_there(&mut database, &world.ledger).await;
    every_tick_is_accounted_for(&mut database, 1..=MONITORS).await;
    every_flip_is_told(&mut database, &receiver).await;
    no_two_runs_at_once(&mut database).await;
    assert_eq!(database.number("select count(*) from statuses where claimed_by is not null").await, 0);
    // Those that were killed are listed for a day; these left in order.
    let killed = world.story.iter().filter(|act| act.starts_with("killed")).count() as i64;
    assert!(database.number("select count(*) from nodes").await <= killed);
    let runs = database.number("select count(*) from runs where kind <> 'manual'").await;
    let missed = database.number("select cast(coalesce(sum(count), 0) as bigint) from gaps").await;
    println!("{runs} runs, {missed} ticks counted as missed or overlapped");
}

/// By the clock that all of them go by. A run that another server took over was never recorded.
async fn no_two_runs_at_once(database: &mut Sql) {
    let rows = "select monitor_id || ' ' || started_at || ' ' || duration_us from runs where kind <> 'manual'
         order by monitor_id, started_at";
    // What two servers may think different about the clock.
    const NOISE: i64 = 50_000;
    for pair in database.numbers(rows).await.windows(2) {
        let ([monitor, began, took], [same, next, _]) = (&pair[0][..], &pair[1][..]) else { panic!("{pair:?}") };
        assert!(monitor != same || began + took <= next + NOISE, "two runs of monitor {monitor} at once: {pair:?}");
    }
}
