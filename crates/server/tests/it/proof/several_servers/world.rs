//! Three servers, their database, the ways between them, and everything that happens to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{pooler::Pooler, way::Way};
use crate::{
    alerts::stub::Stub,
    proof::{
        Program,
        killed::{Ledger, MONITORS, flapping},
    },
    support::{PostgresServer, client},
};

pub(super) const SERVERS: usize = 3;

/// Monitors that people change while they run: made, edited, paused, run by hand and deleted.
const CHANGED: i64 = 6;

/// Longer than a claim holds: its run may take two seconds, and its result five more.
const ASLEEP: Duration = Duration::from_millis(7500);

/// What makes a clock wrong; Debian has it in the package `libfaketime`.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// What the API last said of a monitor that people change; `None` where an answer was lost.
type Known = Option<(String, bool)>;

pub(super) struct World {
    pub(super) postgres: PostgresServer,
    pub(super) client: reqwest::Client,
    pub(super) ledger: Ledger,
    pub(super) known: BTreeMap<i64, Known>,
    pub(super) deleted: BTreeSet<i64>,
    /// What was done, in the order in which it was done.
    pub(super) story: Vec<String>,
    _pooler: Option<Pooler>,
    ways: Vec<Way>,
    folders: Vec<tempfile::TempDir>,
    servers: Vec<Option<Program>>,
    random: rand_chacha::ChaCha8Rng,
    /// A transaction that looks at the database as it was.
    snapshot: Option<PgConnection>,
    edits: u64,
}

impl World {
    pub(super) async fn begin(seed: u64, pooled: bool, receiver: &Stub, source: &str) -> World {
        let postgres = PostgresServer::start(&[]).await;
        let pooler = match pooled {
            true => Some(Pooler::before(&postgres).await),
            false => None,
        };
        let socket = pooler.as_ref().map_or_else(|| postgres.socket(), Pooler::socket);
        let (mut ways, mut folders) = (Vec::new(), Vec::new());
        for _ in 0..SERVERS {
            let (way, folder) = (Way::to(&socket).await, tempfile::tempdir().unwrap());
            configure(folder.path(), &way.url(), receiver, source);
            ways.push(way);
            folders.push(folder);
        }
        let mut world = World {
            postgres,
            client: client(),
            ledger: Ledger::default(),
            known: BTreeMap::new(),
            deleted: BTreeSet::new(),
            story: Vec::new(),
            _pooler: pooler,
            ways,
            folders,
            servers: (0..SERVERS).map(|_| None).collect(),
            random: rand_chacha::ChaCha8Rng::seed_from_u64(seed),
            snapshot: None,
            edits: 0,
        };
        world.start_all();
        let url = format!("{}/api/v1/monitors", world.base(0));
        for number in 0..MONITORS {
            let mut monitor = flapping(number);
            if number % 4 == 0 {
                let script = monitor["script"].as_str().unwrap();
                monitor["script"] = json!(format!("sources['slow'].get('/')\n{script}"));
            }
            let id = create(&world.client, &url, &monitor).await.expect("nothing is wrong yet");
            world.ledger.monitors.insert(id);
        }
        for number in 0..CHANGED {
            let id = create(&world.client, &url, &changed(number)).await.expect("nothing is wrong yet");
            world.ledger.monitors.insert(id);
            world.known.insert(id, Some((String::new(), true)));
        }
        world
    }

    fn draw(&mut self, below: usize) -> usize {
        (self.random.next_u64() % below as u64) as usize
    }

    /// Where a server answers.
    pub(super) fn base(&self, place: usize) -> String {
        self.servers[place].as_ref().expect("it was started").base.clone()
    }

    pub(super) fn start_all(&mut self) {
        for place in 0..SERVERS {
            self.start(place, &[]);
        }
    }

    fn start(&mut self, place: usize, environment: &[(&str, &str)]) {
        if self.servers[place].is_none() {
            self.servers[place] = Some(Program::start_in(self.folders[place].path(), environment));
        }
    }

    /// How many results came after their claim had ended, at the servers as they were started last.
    pub(super) async fn superseded(&self) -> u64 {
        let mut all = 0;
        for place in 0..SERVERS {
            let url = format!("{}/metrics", self.base(place));
            let answer = self.client.get(&url).send().await.unwrap();
            let (status, page) = (answer.status(), answer.text().await.unwrap());
            let count = page.lines().find_map(|line| line.strip_prefix("revere_runs_superseded_total "));
            let count = count.unwrap_or_else(|| panic!("{url} answers {status}: {page}"));
            all += count.parse::<u64>().unwrap();
        }
        all
    }

    /// Ends every server in order.
    pub(super) fn end_all(&mut self) {
        for server in &mut self.servers {
            server.take().expect("it was started").terminate();
        }
    }

    /// Nothing is wrong any more.
    pub(super) async fn quiet(&mut self) {
        self.snapshot = None;
        for way in &self.ways {
            way.mend(false);
        }
        self.start_all();
    }

    /// Somebody is at work at a server, as far as it answers.
    async fn work(&mut self, place: usize) {
        let base = self.base(place);
        let spec = json!({"name": "made meanwhile", "schedule": "0 0 1 1 *", "script": "return_value = 1"});
        let Some(id) = create(&self.client, &format!("{base}/api/v1/monitors"), &spec).await else { return };
        self.ledger.monitors.insert(id);
        let run = self.client.post(format!("{base}/api/v1/monitors/{id}/run")).json(&json!({}));
        if let Ok(answer) = run.timeout(Duration::from_secs(4)).send().await
            && answer.status() == 200
            && let Some(run) = answer.json::<Value>().await.ok().and_then(|run| run["id"].as_i64())
        {
            self.ledger.runs.insert(run);
        }
    }

    /// Somebody edits, pauses, resumes or deletes a monitor that runs every second, at a server that may not answer.
    async fn change(&mut self, place: usize) {
        let which = self.draw(CHANGED as usize);
        let Some(id) = self.known.keys().copied().nth(which) else { return };
        let url = format!("{}/api/v1/monitors/{id}", self.base(place));
        if self.known.len() > 2 && self.draw(6) == 0 {
            let was = self.known.remove(&id);
            match self.client.delete(url).timeout(Duration::from_secs(2)).send().await {
                Ok(answer) if answer.status() == 204 => _ = self.deleted.insert(id),
                // It was refused, and is there as before.
                Ok(answer) if answer.status().is_client_error() => _ = self.known.insert(id, was.flatten()),
                _ => {}
            }
            return;
        }
        self.edits += 1;
        let (description, active) = (format!("edit {}", self.edits), self.draw(3) > 0);
        self.known.insert(id, None);
        let edit = self.client.patch(url).json(&json!({"description": description, "active": active}));
        if let Ok(answer) = edit.timeout(Duration::from_secs(2)).send().await
            && answer.status() == 200
        {
            self.known.insert(id, Some((description, active)));
        }
    }

    async fn people(&mut self, place: usize) {
        self.work(place).await;
        self.change(place).await;
    }

    /// Everybody is at work for a while, at all servers but this one.
    async fn people_elsewhere(&mut self, place: usize, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            let other = (place + 1 + self.draw(SERVERS - 1)) % SERVERS;
            self.people(other).await;
        }
    }

    /// One thing happens.
    pub(super) async fn mischief(&mut self) {
        let place = self.draw(SERVERS);
        match self.draw(12) {
            0 | 1 => {
                self.story.push(format!("killed {place}"));
                self.servers[place].take().expect("it was started").kill();
                self.start(place, &[]);
            }
            2 | 3 => {
                self.story.push(format!("stopped {place} in the middle"));
                self.servers[place].as_ref().expect("it was started").signal("STOP");
                self.people_elsewhere(place, ASLEEP).await;
                self.servers[place].as_ref().expect("it was started").signal("CONT");
            }
            4 => {
                self.story.push(format!("ended {place} in order"));
                self.servers[place].take().expect("it was started").terminate();
                self.start(place, &[]);
            }
            5 => {
                self.story.push("crashed the database".to_owned());
                self.postgres.crash();
                self.snapshot = None;
                self.people(place).await;
                self.postgres.start_again().await;
            }
            6 | 7 => {
                let forgets = self.draw(2) == 0;
                self.story.push(format!("cut {place} off{}", if forgets { ", for good" } else { "" }));
                self.ways[place].cut();
                self.people(place).await;
                let time = ASLEEP / [1, 10][self.draw(2)];
                self.people_elsewhere(place, time).await;
                self.ways[place].mend(forgets);
            }
            8 => {
                let clock = ["+3600s", "-3600s"][self.draw(2)];
                self.story.push(format!("started {place} with its clock at {clock}"));
                self.servers[place].take().expect("it was started").terminate();
                let wrong = [("LD_PRELOAD", FAKETIME), ("FAKETIME", clock), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
                self.start(place, &wrong);
            }
            9 => {
                self.story.push("held a snapshot".to_owned());
                let mut connection = self.postgres.connect().await;
                let sql = "begin isolation level repeatable read; select count(*) from runs";
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                self.snapshot = Some(connection);
            }
            _ => {
                self.story.push(format!("worked at {place}"));
                for _ in 0..5 {
                    self.people(place).await;
                }
            }
        }
    }
}

/// The id, if the server lived to acknowledge it.
async fn create(client: &reqwest::Client, url: &str, spec: &Value) -> Option<i64> {
    let answer = client.post(url).json(spec).timeout(Duration::from_secs(2)).send().await.ok()?;
    if answer.status() != 201 {
        return None;
    }
    answer.json::<Value>().await.ok()?["id"].as_i64()
}

fn changed(number: i64) -> Value {
    json!({"name": format!("changed {number}"), "schedule": "* * * * * *", "script": "return_value = 1"})
}

fn configure(folder: &Path, url: &str, receiver: &Stub, source: &str) {
    let config = format!(
        "DATABASE_URL = '{url}'\nRUN_TIMEOUT = 2\nCLAIM_MARGIN = 5\nFLAPPING_CHANGES = 0\n\
         REVERE_SOURCES = {{'slow': {{'type': 'http', 'config': {{'base_url': '{source}'}}}}}}\n\
         REVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{}/hook'}}}}}}\n",
        receiver.url
    );
    std::fs::write(folder.join("config.py"), config).unwrap();
}
