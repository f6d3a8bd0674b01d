//! Three servers, their database, the ways between them, and people who are at work at them.

mod mischief;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) use mischief::Mischief;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    lateness::Lateness,
    load::{CHANGED, period_s},
    pooler::Pooler,
    receiver::Receiver,
    way::Way,
};
use crate::{
    proof::{
        Program, eventually,
        killed::{Ledger, flapping},
    },
    support::{PATIENCE, PostgresServer, client},
};

pub(super) const SERVERS: usize = 3;

/// So many monitors that are made meanwhile are enough; then those that there are are run.
const MADE: usize = 1000;

/// So long anybody waits for an answer of a server that may be anything.
const SOON: Duration = Duration::from_secs(2);

/// Results that came after their claim had ended.
const SUPERSEDED: &str = "revere_runs_superseded_total ";

/// What the API last said of a monitor that people change; `None` where an answer was lost.
type Known = Option<(String, bool)>;

/// What a world is made of.
pub(super) struct Beginning<'a> {
    pub(super) seed: u64,
    /// Whether there is a pooler before the database.
    pub(super) pooled: bool,
    /// How many monitors run meanwhile.
    pub(super) monitors: i64,
    /// What the servers are.
    pub(super) executable: &'a Path,
    pub(super) receiver: &'a Receiver,
    /// Where a source is that takes its time.
    pub(super) source: &'a str,
}

pub(super) struct World {
    pub(super) postgres: PostgresServer,
    pub(super) client: reqwest::Client,
    /// The monitors that nobody changes, and how many seconds are between two ticks of each.
    pub(super) flapping: Vec<(i64, i64)>,
    pub(super) ledger: Ledger,
    pub(super) known: BTreeMap<i64, Known>,
    pub(super) deleted: BTreeSet<i64>,
    /// How often what was done.
    pub(super) acts: BTreeMap<&'static str, u64>,
    /// How many results came after their claim had ended, as far as servers that were killed could still be asked.
    pub(super) fenced: u64,
    /// What was done, in the order in which it was done; it is said where the end is not as it must be.
    story: Vec<String>,
    pub(super) is_proved: bool,
    pub(super) lateness: Lateness,
    made: Vec<i64>,
    _pooler: Option<Pooler>,
    ways: Vec<Way>,
    folders: Vec<tempfile::TempDir>,
    servers: Vec<Option<Program>>,
    executables: Vec<PathBuf>,
    random: rand_chacha::ChaCha8Rng,
    /// A transaction that looks at the database as it was.
    snapshot: Option<PgConnection>,
    edits: u64,
}

impl World {
    pub(super) async fn begin(beginning: Beginning<'_>) -> World {
        let postgres = PostgresServer::start(&[]).await;
        let pooler = match beginning.pooled {
            true => Some(Pooler::before(&postgres).await),
            false => None,
        };
        let socket = pooler.as_ref().map_or_else(|| postgres.socket(), Pooler::socket);
        let (mut ways, mut folders) = (Vec::new(), Vec::new());
        for place in 0..SERVERS {
            let (way, folder) = (Way::to(&socket).await, tempfile::tempdir().unwrap());
            // Each tells at an address of its own, by which the receiver knows it.
            let hook = format!("{}/{place}", beginning.receiver.url);
            configure(folder.path(), &way.url(), &hook, beginning.source);
            ways.push(way);
            folders.push(folder);
        }
        let lateness = Lateness::watch(postgres.options());
        let mut world = World {
            postgres,
            client: client(),
            flapping: Vec::new(),
            ledger: Ledger::default(),
            known: BTreeMap::new(),
            deleted: BTreeSet::new(),
            acts: BTreeMap::new(),
            fenced: 0,
            story: Vec::new(),
            is_proved: false,
            lateness,
            made: Vec::new(),
            _pooler: pooler,
            ways,
            folders,
            servers: (0..SERVERS).map(|_| None).collect(),
            executables: vec![beginning.executable.to_owned(); SERVERS],
            random: rand_chacha::ChaCha8Rng::seed_from_u64(beginning.seed),
            snapshot: None,
            edits: 0,
        };
        world.start_all();
        let url = format!("{}/api/v1/monitors", world.base(0));
        let unchanged = beginning.monitors - CHANGED;
        for number in 0..unchanged {
            let period = period_s(number, unchanged);
            let mut monitor = flapping(number, period);
            if number % 4 == 0 {
                let script = monitor["script"].as_str().unwrap();
                monitor["script"] = json!(format!("sources['slow'].get('/')\n{script}"));
            }
            let id = create(&world.client, &url, &monitor, PATIENCE).await.expect("nothing is wrong yet");
            world.ledger.monitors.insert(id);
            world.flapping.push((id, period));
        }
        for number in 0..CHANGED {
            let id = create(&world.client, &url, &changed(number), PATIENCE).await.expect("nothing is wrong yet");
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
            let (executable, folder) = (&self.executables[place], self.folders[place].path());
            self.servers[place] = Some(Program::start_as(executable, folder, environment));
        }
    }

    /// Takes a server out of here, with what it has counted.
    async fn take(&mut self, place: usize) -> Program {
        self.fenced += self.counted(place, SUPERSEDED, "").await.unwrap_or(0);
        self.servers[place].take().expect("it was started")
    }

    /// What a server has counted since it was started, in all lines that begin so and have this in them.
    pub(super) async fn counted(&self, place: usize, name: &str, part: &str) -> Option<u64> {
        let url = format!("{}/metrics", self.base(place));
        let answer = self.client.get(url).timeout(SOON).send().await.ok()?;
        let page = answer.error_for_status().ok()?.text().await.ok()?;
        let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(part));
        let counts: Option<Vec<u64>> = lines.map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
        counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
    }

    /// Ends every server in order; answers what they said.
    pub(super) async fn end_all(&mut self) -> Vec<String> {
        let mut logs = Vec::new();
        for place in 0..SERVERS {
            self.fenced += eventually("it has counted", async || self.counted(place, SUPERSEDED, "").await).await;
            logs.push(self.servers[place].take().expect("it was started").stop());
        }
        logs
    }

    /// Ends a server in order and starts another version in its place; answers what the one before said.
    pub(super) async fn exchange(&mut self, place: usize, executable: &Path) -> String {
        let log = self.take(place).await.stop();
        self.executables[place] = executable.to_owned();
        self.start(place, &[]);
        log
    }

    /// Where a server has its configuration.
    pub(super) fn folder(&self, place: usize) -> &Path {
        self.folders[place].path()
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
        let id = if self.made.len() < MADE {
            let spec = json!({"name": "made meanwhile", "schedule": "0 0 1 1 *", "script": "return_value = 1"});
            let Some(id) = create(&self.client, &format!("{base}/api/v1/monitors"), &spec, SOON).await else { return };
            self.ledger.monitors.insert(id);
            self.made.push(id);
            id
        } else {
            let which = self.draw(MADE);
            self.made[which]
        };
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
            match self.client.delete(url).timeout(SOON).send().await {
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
        if let Ok(answer) = edit.timeout(SOON).send().await
            && answer.status() == 200
        {
            self.known.insert(id, Some((description, active)));
        }
    }

    /// People are at work at a server: one makes a monitor and runs it, another changes one.
    pub(super) async fn people(&mut self, place: usize) {
        self.work(place).await;
        self.change(place).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.is_proved {
            println!("what was done: {}", self.story.join(", "));
        }
    }
}

/// The id, if the server lived to acknowledge it in this time.
async fn create(client: &reqwest::Client, url: &str, spec: &Value, within: Duration) -> Option<i64> {
    let answer = client.post(url).json(spec).timeout(within).send().await.ok()?;
    if answer.status() != 201 {
        return None;
    }
    answer.json::<Value>().await.ok()?["id"].as_i64()
}

fn changed(number: i64) -> Value {
    json!({"name": format!("changed {number}"), "schedule": "* * * * * *", "script": "return_value = 1"})
}

fn configure(folder: &Path, url: &str, hook: &str, source: &str) {
    let config = format!(
        "DATABASE_URL = '{url}'\nRUN_TIMEOUT = 2\nCLAIM_MARGIN = 5\nFLAPPING_CHANGES = 0\n\
         REVERE_SOURCES = {{'slow': {{'type': 'http', 'config': {{'base_url': '{source}'}}}}}}\n\
         REVERE_ALERTS = {{'hook': {{'type': 'webhook', 'config': {{'url': '{hook}'}}}}}}\n"
    );
    std::fs::write(folder.join("config.py"), config).unwrap();
}
