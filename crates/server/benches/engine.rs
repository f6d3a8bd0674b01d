//! From due tick to durable row: how many runs a second the engine makes, and how late they begin when many are due at
//! once. `cargo bench -p revere --bench engine`; `-- quick` for a short look.
//!
//! Each measure is made with a runner that does nothing, which shows what the engine and the store cost, and with the
//! real sandbox running DESIGN's example script with its two source calls; each on SQLite and on PostgreSQL (see
//! `support/databases.rs`; `-- sqlite` leaves it out), which take turns. The disk is the temporary folder's.
//!
//! Beside the sandbox stand two peers, measured in the same run on the same disk: what the original program did (the same
//! script by `exec` in one Python process, without any wall around it, one commit to a run), and a pool of two that starts
//! `python3 -I -S -c` for each due script.
//!
//! `REVERE_BENCH_OTHER=path` compares this build with another one instead, of any version, on SQLite: `path` is the executable of
//! its benchmark (`cargo bench -p revere --bench engine --no-run` says where it is; keep a copy). Both take turns rate by rate.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

#[path = "support/databases.rs"]
#[expect(dead_code, reason = "another benchmark uses the rest")]
mod databases;
#[path = "support/example_runner.rs"]
mod example_runner;
#[path = "support/other_build.rs"]
mod other_build;
#[path = "../../sandbox/benches/python/mod.rs"]
#[expect(dead_code, reason = "another benchmark uses the rest")]
mod python;

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use databases::{Databases, Fresh, Postgres};
use example_runner::{EXAMPLE, Nothing};
use jiff::{SignedDuration, Timestamp};
use other_build::OtherBuild;
use python::Python;
use revere::{
    engine::{Engine, EngineHandle, EngineParts, EngineSettings, Event, RunScripts},
    metrics::Metrics,
    redact::Secrets,
    runner::Runner,
    store::{Store, StoreOptions},
};
use revere_model::{Asked, Clock, MonitorSpec, State, SystemClock};
use tokio::{sync::broadcast::error::RecvError, time::timeout};

/// The least that PostgreSQL may make of what SQLite makes, with the sandbox.
const TARGET: f64 = 0.8;
/// The least that this version may make of what the version before made.
const TARGET_BESIDE_OTHER: f64 = 0.97;
/// No measure takes so long.
const LONGEST: Duration = Duration::from_secs(300);

fn main() {
    let quick = given("quick");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cores = std::thread::available_parallelism().unwrap();
        println!("{cores} cores, {}", if cfg!(debug_assertions) { "NOT optimised" } else { "optimised" });
        let sandbox_folder = tempfile::tempdir().unwrap();
        let python = Arc::new(example_runner::sandboxed(sandbox_folder.path()));
        if let Ok(other) = std::env::var("REVERE_BENCH_OTHER") {
            return beside_other(&other, &python, quick).await;
        }
        let mut databases = vec![Databases::Files];
        if !given("sqlite")
            && let Some(postgres) = Postgres::find().await
        {
            println!("{}", postgres.words().await);
            databases.push(Databases::Server(Box::new(postgres)));
        }
        for (name, runner) in runners(&python) {
            let rates = rates(&databases, name, &runner, quick).await;
            let mut late = Vec::new();
            for database in &databases {
                let label = label(name, database);
                let thousand = same_second(database, runner.clone(), 1000).await;
                println!("{label}: 1000 due in the same second: {}", thousand.words());
                late.push(thousand);
                if !quick {
                    let many = same_second(database, runner.clone(), 10_000).await;
                    println!("{label}: 10,000 due in the same second: {}", many.words());
                }
            }
            if name == "sandbox" {
                beside_peers(&python, rates[0], &late[0], quick);
            }
        }
    });
}

fn given(word: &str) -> bool {
    std::env::args().any(|arg| arg == word)
}

fn runners(python: &Arc<Runner>) -> [(&'static str, Arc<dyn RunScripts>); 2] {
    [("nothing", Arc::new(Nothing)), ("sandbox", python.clone())]
}

/// The runner's name alone stands for SQLite: other builds look for it.
fn label(name: &str, database: &Databases) -> String {
    let words = match database {
        Databases::Files => name.to_owned(),
        Databases::Server(_) => format!("{name}, {}", database.engine()),
    };
    format!("{words:>22}")
}

/// The median rate of each database, in turns.
async fn rates(databases: &[Databases], name: &str, runner: &Arc<dyn RunScripts>, quick: bool) -> Vec<f64> {
    // The first runs make the interpreters.
    for database in databases {
        backlog(database, runner.clone(), 50, Watch::Events).await;
    }
    let mut rates = vec![Vec::new(); databases.len()];
    for _ in 0..if quick { 1 } else { 5 } {
        for (database, rates) in databases.iter().zip(&mut rates) {
            let (rate, to_a_commit) =
                backlog(database, runner.clone(), if quick { 1000 } else { 10_000 }, Watch::Events).await;
            let label = label(name, database);
            println!("{label}: {rate:>6.0} runs/s from due to durable, {to_a_commit:.1} runs to a commit");
            rates.push(rate);
        }
    }
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    if let [file, server] = medians[..] {
        let target = if name == "sandbox" { format!(" (target {TARGET})") } else { String::new() };
        println!(
            "{name:>22}: medians: SQLite {file:.0}, PostgreSQL {server:.0} runs/s; ratio {:.2}{target}",
            server / file
        );
    }
    medians
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// This build and another one, rate by rate.
async fn beside_other(path: &str, python: &Arc<Runner>, quick: bool) {
    let (turns, rates, monitors) = if quick { (1, 1, 1000) } else { (3, 3, 10_000) };
    let mut found: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for _ in 0..turns {
        let mut other = OtherBuild::start(path, if quick { &["quick", "sqlite"] } else { &["sqlite"] });
        for (name, runner) in runners(python) {
            backlog(&Databases::Files, runner.clone(), 50, Watch::Counts).await;
            for _ in 0..rates {
                let theirs = other.rate(name);
                let (ours, _) = backlog(&Databases::Files, runner.clone(), monitors, Watch::Counts).await;
                println!("{name:>8}: this one {ours:.0} runs/s, the other {theirs:.0}: {:.3}", ours / theirs);
                let (all_ours, all_theirs) = found.entry(name).or_default();
                all_ours.push(ours);
                all_theirs.push(theirs);
            }
        }
    }
    for (name, (ours, theirs)) in found {
        let turns = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect());
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{name:>8}: medians: this one {ours:.0} runs/s, the other {theirs:.0}; ratio {:.3}, median of the turns {turns:.3} \
             (target {TARGET_BESIDE_OTHER})",
            ours / theirs
        );
    }
}

/// What other programs make of the same.
fn beside_peers(python: &Runner, rate: f64, late: &Late, quick: bool) {
    let stats = python.sandbox().stats();
    println!(
        "interpreters: {} runs in kept ones, {} in new ones; thrown away: {} surplus, {} grown",
        stats.runs_kept, stats.runs_fresh, stats.discarded_surplus, stats.discarded_grown
    );
    for (mode, words) in [("delete", "SQLite as it comes"), ("wal", "SQLite with WAL, synchronous=FULL")] {
        let theirs = in_process(mode, if quick { 500 } else { 3000 });
        println!("peer: {theirs:>6.0} runs/s by exec in one Python, {words}; ratio {:.2}", rate / theirs);
    }
    let theirs = processes(1000);
    let ratio = late.last.as_secs_f64() / theirs.last.as_secs_f64();
    println!("peer: a python3 for each of the 1000, two at a time: {}; ratio of the last {ratio:.2}", theirs.words());
}

/// The original program's way: runs per second.
fn in_process(journal_mode: &str, runs: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("original.db");
    peer("in_process.py", &[database.to_str().unwrap(), &runs.to_string(), journal_mode])[0]
}

/// A process for each script.
fn processes(scripts: usize) -> Late {
    let seconds = peer("processes.py", &[&scripts.to_string()]);
    let [p50, p99, last, durable] = [0, 1, 2, 3].map(|place| Duration::from_secs_f64(seconds[place]));
    Late { p50, p99, last, durable }
}

/// Runs a Python peer with the example script; the numbers it prints.
fn peer(name: &str, arguments: &[&str]) -> Vec<f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name);
    let mut command = Command::new(&Python::fastest().path);
    command.args(["-I", "-S"]).arg(path).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(EXAMPLE.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name} failed");
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// How it is known that all runs are recorded.
#[derive(Clone, Copy)]
enum Watch {
    /// The engine says so of each, which costs next to nothing.
    Events,
    /// The database is asked every few milliseconds, as the benchmarks of earlier versions do: for who is compared with one.
    Counts,
}

/// Monitors that are all due already: runs per second until all are recorded, and how many shared a commit.
async fn backlog(databases: &Databases, runner: Arc<dyn RunScripts>, monitors: usize, watch: Watch) -> (f64, f64) {
    let (store, fresh) = open(databases).await;
    let yesterday = SystemClock.now() - SignedDuration::from_hours(24);
    create(&store, monitors, "0 0 * * *", yesterday).await;
    let before = store.health();
    let began = Instant::now();
    let engine = start(&store, runner).await;
    match watch {
        Watch::Events => all_recorded(&engine, &store, monitors).await,
        Watch::Counts => {
            while store.count_by_state().await.unwrap()[&State::Inactive] > 0 {
                assert!(began.elapsed() < LONGEST, "{:?}", store.count_by_state().await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    let took = began.elapsed();
    assert_eq!(store.count_by_state().await.unwrap()[&State::Ok], monitors as u64, "a run is not what the script says");
    let commits = store.health().commits - before.commits;
    end(databases, fresh, engine, store).await;
    (monitors as f64 / took.as_secs_f64(), monitors as f64 / commits as f64)
}

/// Waits until so many runs are recorded.
async fn all_recorded(engine: &EngineHandle, store: &Store, monitors: usize) {
    let mut events = engine.events();
    let began = Instant::now();
    let mut recorded = 0;
    while recorded < monitors as u64 {
        match timeout(Duration::from_millis(200), events.recv()).await {
            Ok(Ok(Event::Run { .. })) => recorded += 1,
            Ok(Ok(_)) => {}
            Ok(Err(RecvError::Lagged(missed))) => recorded += missed,
            Ok(Err(RecvError::Closed)) => panic!("the engine ended"),
            // The first ones may have been recorded before anybody watched.
            Err(_) => {
                let counts = store.count_by_state().await.unwrap();
                assert!(began.elapsed() < LONGEST, "{counts:?}");
                if counts[&State::Inactive] == 0 {
                    return;
                }
            }
        }
    }
}

/// How long after their tick runs began, and when the last was durable.
struct Late {
    p50: Duration,
    p99: Duration,
    last: Duration,
    durable: Duration,
}

impl Late {
    fn words(&self) -> String {
        let [p50, p99, last, durable] = [self.p50, self.p99, self.last, self.durable].map(|time| time.as_millis());
        format!("began p50 {p50} ms, p99 {p99} ms, last {last} ms after the tick; all done after {durable} ms")
    }
}

/// Monitors that come due in the same second: how late they began, and when the last was durable.
async fn same_second(databases: &Databases, runner: Arc<dyn RunScripts>, monitors: usize) -> Late {
    let (store, fresh) = open(databases).await;
    let engine = start(&store, runner).await;
    // How long it takes to make them is seen by some that are not due for long.
    let began = Instant::now();
    create(&store, 200, "0 0 1 1 *", SystemClock.now()).await;
    let time_to_make = (began.elapsed().as_secs_f64() / 200.0 * monitors as f64).ceil() as i64;
    let now = SystemClock.now();
    let tick = now.round(jiff::Unit::Second).unwrap() + SignedDuration::from_secs(5 + time_to_make * 3);
    let (second, minute) = (tick.as_second().rem_euclid(60), tick.as_second().rem_euclid(3600) / 60);
    create(&store, monitors, &format!("{second} {minute} * * * *"), now).await;
    assert!(SystemClock.now() < tick, "making the monitors took too long");
    let mut events = engine.events();
    engine.wake();
    let mut late: Vec<Duration> = Vec::new();
    let mut last = Duration::ZERO;
    while late.len() < monitors {
        match events.recv().await {
            Ok(Event::Run { run, .. }) => {
                let began = run.started_at.duration_since(run.tick_at);
                // The clock of a database is known to some part of a millisecond.
                assert!(began > SignedDuration::from_millis(-5), "a run began early: {began:?}");
                late.push(began.try_into().unwrap_or_default());
                last = SystemClock.now().duration_since(tick).try_into().unwrap();
            }
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    end(databases, fresh, engine, store).await;
    late.sort_unstable();
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    Late { p50: at(0.5), p99: at(0.99), last: at(1.0), durable: last }
}

/// A store on a database that nothing is in.
async fn open(databases: &Databases) -> (Store, Fresh) {
    let fresh = databases.fresh().await;
    let store = Store::open(StoreOptions::new(fresh.place.clone())).await.unwrap();
    store.get_ready().await;
    (store, fresh)
}

async fn end(databases: &Databases, fresh: Fresh, engine: EngineHandle, store: Store) {
    engine.stop(Duration::from_secs(10)).await;
    store.close().await;
    databases.forget(fresh).await;
}

async fn create(store: &Store, count: usize, schedule: &str, now: Timestamp) {
    let spec = MonitorSpec {
        name: "m".to_owned(),
        script: EXAMPLE.to_owned(),
        schedule: schedule.to_owned(),
        ..MonitorSpec::default()
    };
    let asked = Asked::by_the_server(now);
    for begun in (0..count).step_by(500) {
        let making = (begun..count.min(begun + 500)).map(|_| store.create_monitor(&spec, &asked));
        futures_util::future::try_join_all(making).await.unwrap();
    }
}

async fn start(store: &Store, runner: Arc<dyn RunScripts>) -> EngineHandle {
    // As the server does.
    let clock: Arc<dyn Clock> = match store.clock().await.unwrap() {
        Some(clock) => Arc::new(clock),
        None => Arc::new(SystemClock),
    };
    let parts = EngineParts {
        store: store.clone(),
        runner,
        channels: BTreeMap::new(),
        clock,
        metrics: Arc::new(Metrics::new(SystemClock.now())),
        secrets: Secrets::default(),
        random: Arc::new(draw),
        settings: EngineSettings::default(),
    };
    Engine::start(parts).await.unwrap()
}

fn draw() -> u64 {
    static STATE: Mutex<u64> = Mutex::new(1);
    let mut state = STATE.lock().unwrap();
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state
}
