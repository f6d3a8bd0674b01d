//! From due tick to durable row: how many runs a second the engine makes, and how late they begin when many are due at
//! once. `cargo bench -p revere --bench engine`; `-- quick` for a short look.
//!
//! Each measure is made with a runner that does nothing, which shows what the engine and the store cost, and with the
//! real sandbox running DESIGN's example script with its two source calls. The disk is the temporary folder's.
//!
//! Beside the sandbox stand two peers, measured in the same run on the same disk: what the original program did (the same
//! script by `exec` in one Python process, without any wall around it, one commit to a run), and a pool of two that starts
//! `python3 -I -S -c` for each due script.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

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

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use python::Python;
use revere::{
    engine::{Engine, EngineHandle, EngineParts, EngineSettings, Event, RunFault, RunScripts},
    metrics::Metrics,
    redact::Secrets,
    runner::{NamedSource, Runner, Script},
    sources::{Call, MethodDescription, Source, SourceFault, Value},
    store::{MonitorFilter, Store, StoreOptions},
};
use revere_model::{Asked, Clock, MonitorSpec, State, SystemClock};
use revere_sandbox::{KeepInstances, Limits, Options, Outcome, RunInputs, Sandbox};

const EXAMPLE: &str = "
total  = sources['graphite'].get_sum('sum(stats_counts.response.*)', '-10min')
errors = sources['graphite'].get_sum('stats_counts.response.500', '-10min')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))
";

fn main() {
    let quick = std::env::args().any(|arg| arg == "quick");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cores = std::thread::available_parallelism().unwrap();
        println!("{cores} cores, {}", if cfg!(debug_assertions) { "NOT optimised" } else { "optimised" });
        let sandbox_folder = tempfile::tempdir().unwrap();
        let python = Arc::new(runner(sandbox_folder.path()));
        let interpreters = python.clone();
        for (name, runner) in [("nothing", Arc::new(Nothing) as Arc<dyn RunScripts>), ("sandbox", python)] {
            // The first runs make the interpreters.
            backlog(runner.clone(), 50).await;
            let mut rates = Vec::new();
            for _ in 0..if quick { 1 } else { 3 } {
                let (rate, to_a_commit) = backlog(runner.clone(), if quick { 1000 } else { 10_000 }).await;
                println!("{name:>8}: {rate:>6.0} runs/s from due to durable, {to_a_commit:.1} runs to a commit");
                rates.push(rate);
            }
            rates.sort_by(f64::total_cmp);
            let rate = rates[rates.len() / 2];
            let late = same_second(runner.clone(), 1000).await;
            println!("{name:>8}: 1000 due in the same second: {}", late.words());
            if !quick {
                let many = same_second(runner, 10_000).await;
                println!("{name:>8}: 10,000 due in the same second: {}", many.words());
            }
            if name == "sandbox" {
                let stats = interpreters.sandbox().stats();
                println!(
                    "{name:>8}: interpreters: {} runs in kept ones, {} in new ones; thrown away: {} surplus, {} grown",
                    stats.runs_kept, stats.runs_fresh, stats.discarded_surplus, stats.discarded_grown
                );
                for (mode, words) in [("delete", "SQLite as it comes"), ("wal", "SQLite with WAL, synchronous=FULL")] {
                    let theirs = in_process(mode, if quick { 500 } else { 3000 });
                    println!(
                        "    peer: {theirs:>6.0} runs/s by exec in one Python, {words}; ratio {:.2}",
                        rate / theirs
                    );
                }
                let theirs = processes(1000);
                let ratio = late.last.as_secs_f64() / theirs.last.as_secs_f64();
                println!(
                    "    peer: a python3 for each of the 1000, two at a time: {}; ratio of the last {ratio:.2}",
                    theirs.words()
                );
            }
        }
    });
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

/// Monitors that are all due already: runs per second until all are recorded, and how many shared a commit.
async fn backlog(runner: Arc<dyn RunScripts>, monitors: usize) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path().join("revere.db"))).await.unwrap();
    let yesterday = SystemClock.now() - SignedDuration::from_hours(24);
    create(&store, monitors, "0 0 * * *", yesterday).await;
    let before = store.health();
    let began = Instant::now();
    let engine = start(&store, runner).await;
    while store.count_by_state().await.unwrap()[&State::Inactive] > 0 {
        assert!(began.elapsed() < Duration::from_secs(300), "{:?}", store.count_by_state().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let problems = State::ALL.into_iter().filter(|state| state.is_problem()).collect();
    let bad = MonitorFilter { states: Some(problems), limit: 1, ..MonitorFilter::default() };
    assert_eq!(store.monitors(&bad).await.unwrap(), [], "a run did not come out as the script says");
    let commits = store.health().commits - before.commits;
    engine.stop(Duration::from_secs(10)).await;
    store.close().await;
    (monitors as f64 / took.as_secs_f64(), monitors as f64 / commits as f64)
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
async fn same_second(runner: Arc<dyn RunScripts>, monitors: usize) -> Late {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path().join("revere.db"))).await.unwrap();
    let engine = start(&store, runner).await;
    let now = SystemClock.now();
    // Time to make them.
    let ahead = SignedDuration::from_secs(2 + (monitors / 500) as i64);
    let tick = now.round(jiff::Unit::Second).unwrap() + ahead;
    let second = tick.as_second().rem_euclid(60);
    create(&store, monitors, &format!("{second} * * * * *"), now).await;
    assert!(SystemClock.now() < tick, "making the monitors took too long");
    let mut events = engine.events();
    engine.wake();
    let mut late: Vec<Duration> = Vec::new();
    let mut last = Duration::ZERO;
    while late.len() < monitors {
        match events.recv().await {
            Ok(Event::Run { run, .. }) => {
                late.push(run.started_at.duration_since(run.tick_at).try_into().expect("a run began early"));
                last = SystemClock.now().duration_since(tick).try_into().unwrap();
            }
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    engine.stop(Duration::from_secs(10)).await;
    store.close().await;
    late.sort_unstable();
    let at = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    Late { p50: at(0.5), p99: at(0.99), last: at(1.0), durable: last }
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
    let parts = EngineParts {
        store: store.clone(),
        runner,
        channels: BTreeMap::new(),
        clock: Arc::new(SystemClock),
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

/// Does nothing, at once.
struct Nothing;

impl RunScripts for Nothing {
    fn run(&self, _: Script) -> BoxFuture<'static, Result<Outcome, RunFault>> {
        Box::pin(std::future::ready(Ok(Outcome {
            state: State::Ok,
            severity: None,
            message: "Monitor Passed".to_owned(),
            return_value: None,
            threshold: None,
            output: String::new(),
            error: None,
            source_calls: Vec::new(),
            inputs: RunInputs { instant: SystemClock.now(), seed: 7, script_version: "0123".repeat(8) },
            duration: Duration::ZERO,
            cpu_time: Duration::ZERO,
            memory_bytes: 0,
        })))
    }
}

fn runner(cache: &Path) -> Runner {
    let options = Options {
        cache_dir: cache.to_owned(),
        threads: std::thread::available_parallelism().unwrap().get(),
        max_in_flight: 300,
        keep: KeepInstances::Auto,
    };
    let sandbox = Sandbox::open(options, &|step| println!("sandbox: {step:?}")).unwrap();
    let graphite = NamedSource { kind: "graphite".to_owned(), description: String::new(), source: Arc::new(Instantly) };
    Runner::new(revere::runner::RunnerParts {
        sandbox,
        sources: [("graphite".to_owned(), graphite)].into(),
        answer_memory: revere::answer_memory::AnswerMemory::of(1 << 30),
        past: None,
        limits: Limits::default(),
        python_path: Vec::new(),
        clock: Arc::new(SystemClock),
        metrics: Arc::new(Metrics::new(SystemClock.now())),
        secrets: Secrets::default(),
    })
}

/// A source that answers at once: what it costs is not what is measured.
struct Instantly;

#[async_trait]
impl Source for Instantly {
    fn methods(&self) -> Vec<MethodDescription> {
        vec![MethodDescription {
            name: "get_sum".to_owned(),
            signature: "(path, from_date=None, to_date=None)".to_owned(),
            doc: "A sum.".to_owned(),
        }]
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        let errors = call.args.iter().any(|arg| matches!(arg, Value::Text(text) if text.ends_with("500")));
        Ok(Value::Float(if errors { 3.0 } else { 100_000.0 }))
    }

    async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
        Ok(())
    }
}
