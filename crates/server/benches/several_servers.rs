//! Three servers on one PostgreSQL against one of them, with the same places each, where runs wait for a source: how many runs a
//! second are made of a backlog. `cargo bench -p revere --bench several_servers`; `-- quick` for a short look. Which PostgreSQL
//! says `support/databases.rs`.
//!
//! Servers are the optimised binary. A source answers after 200 ms, so that one with 32 places can make 160 runs a second, and the
//! machine, which all of them share with the database, has little to do: places decide. What is counted is the middle of a backlog,
//! when all servers are up and none has run out of work; afterwards it is looked whether each monitor ran once.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

#[path = "support/databases.rs"]
#[expect(dead_code, reason = "another benchmark uses the rest")]
mod databases;
#[expect(dead_code, reason = "other benchmarks use the rest")]
mod support;

use std::time::{Duration, Instant};

use databases::Postgres;
use jiff::SignedDuration;
use revere::store::{PostgresAddress, Store, StoreOptions};
use revere_model::{Asked, Clock as _, MonitorSpec, State, SystemClock};
use support::{Client, Server, quick};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

/// Runs that may go on at once, for each server.
const PLACES: usize = 32;
/// How long the source takes.
const ANSWERS_AFTER: Duration = Duration::from_millis(200);
const SERVERS: usize = 3;
/// The least that they make of what one makes.
const TARGET: f64 = 2.5;

fn main() {
    println!("{}", support::machine());
    let runtime = Runtime::new().unwrap();
    let Some(postgres) = runtime.block_on(Postgres::find()) else { return };
    println!("{}", runtime.block_on(postgres.words()));
    let bench = Bench { source: runtime.block_on(slow_source()), postgres, runtime };
    let most = PLACES as f64 / ANSWERS_AFTER.as_secs_f64();
    println!("{PLACES} places a server, a source that answers after {ANSWERS_AFTER:?}: at most {most:.0} runs/s each");
    let seconds = if quick() { 5.0 } else { 25.0 };
    let (mut one, mut several) = (Vec::new(), Vec::new());
    for _ in 0..if quick() { 1 } else { 3 } {
        for (servers, rates) in [(1, &mut one), (SERVERS, &mut several)] {
            let made = bench.rate(servers, (most * seconds) as usize * servers);
            println!(
                "{servers} at once: {:.0} runs/s, the cores idle for {:.0} % of the time",
                made.rate,
                made.idle * 100.0
            );
            rates.push(made.rate);
        }
    }
    let [one, several] = [one, several].map(|mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        support::at(&rates, 0.5)
    });
    println!(
        "medians: one server {one:.0} runs/s, {SERVERS} servers {several:.0}; ratio {:.2} (target {TARGET})",
        several / one
    );
}

struct Bench {
    /// The port of the slow source.
    source: u16,
    postgres: Postgres,
    runtime: Runtime,
}

struct Made {
    /// Runs per second.
    rate: f64,
    /// How much of the time the cores had nothing to do.
    idle: f64,
}

impl Bench {
    /// So many servers work at a backlog of so many runs.
    fn rate(&self, servers: usize, runs: usize) -> Made {
        let name = Postgres::any_name();
        let url = self.runtime.block_on(self.postgres.made(&name));
        self.runtime.block_on(backlog(&url, runs));
        let folders: Vec<TempDir> = (0..servers).map(|_| self.folder(&url)).collect();
        let running: Vec<Server> = folders.iter().map(|folder| Server::start(folder.path())).collect();
        let begun = recorded(&running);
        let (began, idle) = (Instant::now(), Idle::read());
        let enough = begun + (runs as f64 - begun) * 0.8;
        until(&running, enough);
        let (rate, idle) = ((recorded(&running) - begun) / began.elapsed().as_secs_f64(), Idle::read().since(&idle));
        until(&running, runs as f64);
        let all = recorded(&running);
        drop(running);
        assert!((all - runs as f64).abs() < 0.5, "{all} runs of {runs} ticks");
        self.runtime.block_on(each_passed(&url, runs));
        self.runtime.block_on(self.postgres.take_away(&name));
        Made { rate, idle }
    }

    /// A server's own, with its configuration.
    fn folder(&self, url: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "DATABASE_URL = '{url}'\nMAX_RUNS_IN_FLIGHT = {PLACES}\n\
             REVERE_SOURCES = {{'slow': {{'type': 'http', 'config': {{'base_url': 'http://127.0.0.1:{}'}}}}}}\n",
            self.source
        );
        std::fs::write(folder.path().join("config.py"), config).unwrap();
        folder
    }
}

/// How many runs these servers count.
fn recorded(servers: &[Server]) -> f64 {
    let of_one = |server: &Server| {
        let text = Client::connect(server.port).text("/metrics");
        let lines = text.lines().filter(|line| line.starts_with("revere_runs_total"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>()
    };
    servers.iter().map(of_one).sum()
}

/// Waits until they count so many. To be asked costs them something.
fn until(servers: &[Server], runs: f64) {
    let began = Instant::now();
    while recorded(servers) < runs {
        assert!(began.elapsed() < Duration::from_secs(300), "{} of {runs} runs", recorded(servers));
        support::pause(Duration::from_millis(250));
    }
}

async fn open(url: &str) -> Store {
    Store::open(StoreOptions::new(PostgresAddress::read(url, None).unwrap())).await.unwrap()
}

/// Makes monitors that are all due already.
async fn backlog(url: &str, runs: usize) {
    let store = open(url).await;
    let spec = MonitorSpec {
        name: "m".to_owned(),
        script: "return_value = sources['slow'].get('/').status".to_owned(),
        schedule: "0 0 * * *".to_owned(),
        ..MonitorSpec::default()
    };
    let asked = Asked::by_the_server(SystemClock.now() - SignedDuration::from_hours(24));
    for begun in (0..runs).step_by(500) {
        let making = (begun..runs.min(begun + 500)).map(|_| store.create_monitor(&spec, &asked));
        futures_util::future::try_join_all(making).await.unwrap();
    }
    store.close().await;
}

async fn each_passed(url: &str, runs: usize) {
    let store = open(url).await;
    let counts = store.count_by_state().await.unwrap();
    assert_eq!(counts[&State::Ok], runs as u64, "a run is not what the script says: {counts:?}");
    store.close().await;
}

/// Answers each question, after a while; its port.
async fn slow_source() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever asks may go away.
            tokio::spawn(async move { drop(answer(stream).await) });
        }
    });
    port
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut question = Vec::new();
        while !question.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut question).await? == 0 {
                return Ok(());
            }
        }
        tokio::time::sleep(ANSWERS_AFTER).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok").await?;
    }
}

/// How long the cores had nothing to do, and how long there are.
struct Idle {
    idle: f64,
    all: f64,
}

impl Idle {
    fn read() -> Idle {
        let text = std::fs::read_to_string("/proc/stat").unwrap();
        let line = text.lines().next().unwrap();
        let times: Vec<f64> = line.split_whitespace().skip(1).take(8).map(|time| time.parse().unwrap()).collect();
        // Idle, and waiting for a disk.
        Idle { idle: times[3] + times[4], all: times.iter().sum() }
    }

    fn since(&self, before: &Idle) -> f64 {
        (self.idle - before.idle) / (self.all - before.all)
    }
}
