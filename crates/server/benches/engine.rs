//! From due tick to durable row: how many runs a second the engine makes, and how late they begin when many are due at
//! once. `cargo bench -p revere --bench engine`; `-- quick` for a short look.
//!
//! Each measure is made with a runner that does nothing, which shows what the engine and the store cost, and with the
//! real sandbox running DESIGN's example script with its two source calls. The disk is the temporary folder's.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use revere::{
    engine::{Engine, EngineHandle, Event, Parts, RunFault, RunScripts, Settings},
    metrics::Metrics,
    redact::Secrets,
    runner::{NamedSource, Runner, Script},
    sources::{Call, MethodDescription, Source, SourceFault, Value},
    store::{MonitorFilter, Store, StoreOptions},
};
use revere_model::{Clock, MonitorSpec, State, SystemClock};
use revere_sandbox::{KeepInstances, Limits, Options, Outcome, Sandbox};

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
        let python: Arc<dyn RunScripts> = Arc::new(runner(sandbox_folder.path()));
        for (name, runner) in [("nothing", Arc::new(Nothing) as Arc<dyn RunScripts>), ("python", python)] {
            // The first runs make the interpreters.
            backlog(runner.clone(), 50).await;
            let (took, commits) = backlog(runner.clone(), if quick { 1000 } else { 10_000 }).await;
            println!("{name:>8}: backlog     {took}, {commits}");
            let late = same_second(runner, 1000).await;
            println!("{name:>8}: 1000 due in the same second: {late}");
        }
    });
}

/// Monitors that are all due already: runs per second until all are recorded.
async fn backlog(runner: Arc<dyn RunScripts>, monitors: usize) -> (String, String) {
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
    let rate = monitors as f64 / took.as_secs_f64();
    (format!("{rate:>6.0} runs/s durable"), format!("{:.1} runs to a commit", monitors as f64 / commits as f64))
}

/// Monitors that come due in the same second: how late they began, and when the last was durable.
async fn same_second(runner: Arc<dyn RunScripts>, monitors: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path().join("revere.db"))).await.unwrap();
    let engine = start(&store, runner).await;
    let now = SystemClock.now();
    let tick = now.round(jiff::Unit::Second).unwrap() + SignedDuration::from_secs(2);
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
    format!(
        "began p50 {:.0?} p99 {:.0?} last {:.0?} after the tick; all durable after {last:.0?}",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

async fn create(store: &Store, count: usize, schedule: &str, now: Timestamp) {
    let spec = MonitorSpec {
        name: "m".to_owned(),
        description: String::new(),
        script: EXAMPLE.to_owned(),
        schedule: schedule.to_owned(),
        timezone: "UTC".to_owned(),
        active: true,
        retain_days: None,
        timeout_s: None,
        tags: Vec::new(),
        alarm_after: 1,
        recover_after: 1,
    };
    let making = (0..count).map(|_| store.create_monitor(&spec, now));
    futures_util::future::try_join_all(making).await.unwrap();
}

async fn start(store: &Store, runner: Arc<dyn RunScripts>) -> EngineHandle {
    let parts = Parts {
        store: store.clone(),
        runner,
        channels: BTreeMap::new(),
        clock: Arc::new(SystemClock),
        metrics: Arc::new(Metrics::new(SystemClock.now())),
        secrets: Secrets::default(),
        random: Arc::new(draw),
        settings: Settings::default(),
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
            message: "Monitor Passed".to_owned(),
            return_value: None,
            output: String::new(),
            error: None,
            source_calls: Vec::new(),
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
    Runner::new(revere::runner::Parts {
        sandbox,
        sources: [("graphite".to_owned(), graphite)].into(),
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
