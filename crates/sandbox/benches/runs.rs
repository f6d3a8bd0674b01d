//! A pristine, limited run of the README's monitor, two source calls included, against a fresh `python3 -I -S -c` that
//! computes the same: `cargo bench -p revere-sandbox`. Rounds of all contestants take turns, so that a machine whose speed drifts
//! is equally fast for each. Prints medians and ratios; needs `python3` for its peer. `-- written_pages` asks for one of
//! them, for a profiler or to compare two builds. On a machine with other work the processor time of a run says more than its rate.
//! One contestant is the same monitor at a bad time: it fails, and where is told.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

mod python;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt};
use revere_model::{State, SystemClock};
use revere_sandbox::{
    Broker, KeepInstances, Limits, MethodDescription, Options, RunRequest, Sandbox, SourceCall, SourceDescription,
    SourceFault, Value,
};
use rustix::time::{ClockId, clock_gettime};

use python::Python;

const MONITOR: &str = "
total  = sources['graphite'].get_sum('sum(stats_counts.response.*)', '-10min')
errors = sources['graphite'].get_sum('stats_counts.response.500', '-10min')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))
";

/// What stands before it for the peer: a source that answers the same at once.
const PEER: &str = "
class MonitorFailure(Exception): pass
class Graphite:
    def get_sum(self, path, from_date=None, to_date=None): return 0.1 if path.endswith('500') else 120.0
sources = {'graphite': Graphite()}
";

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);

/// Answers at once, so that only the sandbox is measured.
struct AtOnce;

impl Broker for AtOnce {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        let errors = call.args.first().and_then(Value::as_text).is_some_and(|path| path.ends_with("500"));
        async move { Ok(Value::Float(if errors { 0.1 } else { 120.0 })) }.boxed()
    }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let python = Python::fastest();
    println!("the peer: {}", python.words());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, {}", if cfg!(debug_assertions) { "NOT optimised" } else { "optimised" });
    let asked_for: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let takes_part = |name: &str| asked_for.is_empty() || asked_for.iter().any(|asked| asked == name);
    for at_once in [1, 2] {
        let kept = sandbox(at_once, KeepInstances::Auto);
        let searched = sandbox(at_once, KeepInstances::WithoutTracking);
        let fresh = sandbox(at_once, KeepInstances::Never);
        let failing = MONITOR.replace(".005", ".0005");
        let passes = |sandbox| runtime.block_on(sandboxed(sandbox, at_once, MONITOR, State::Ok));
        let contestants: [(&str, &dyn Fn() -> Rate); 5] = [
            (kept.stats().reset_by.as_str(), &|| passes(&kept)),
            ("failing", &|| runtime.block_on(sandboxed(&kept, at_once, &failing, State::Alarm))),
            (searched.stats().reset_by.as_str(), &|| passes(&searched)),
            (fresh.stats().reset_by.as_str(), &|| passes(&fresh)),
            ("python3", &|| processes(&python, at_once)),
        ];
        let mut rates = BTreeMap::<usize, Vec<Rate>>::new();
        for _ in 0..ROUNDS {
            for (index, (_, round)) in contestants.iter().enumerate().filter(|(_, (name, _))| takes_part(name)) {
                rates.entry(index).or_default().push(round());
            }
        }
        println!("\n{at_once} at once         runs/s    us/run  cpu us/run   times python3");
        let peer = rates.get(&4).map(|rates| median(rates));
        for (index, rates) in &rates {
            let (name, rate) = (contestants[*index].0, median(rates));
            let wall_us = at_once as f64 * 1e6 / rate.per_second;
            let cpu_us = rate.cpu_us.map_or_else(String::new, |us| format!("{us:.0}"));
            let times = peer.map_or_else(String::new, |peer| format!("{:.1}", rate.per_second / peer.per_second));
            println!("{name:<15} {:>8.0} {wall_us:>9.0} {cpu_us:>11} {times:>15}", rate.per_second);
        }
        if let (Some(passing), Some(failing)) = (rates.get(&0), rates.get(&1)) {
            let times = median(passing).per_second / median(failing).per_second;
            println!("a failing run takes {times:.2} times as long as a passing one");
        }
    }
}

fn sandbox(threads: usize, keep: KeepInstances) -> Sandbox {
    let cache_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/revere-cache");
    Sandbox::open(Options { cache_dir, threads, max_in_flight: 64, keep }, &|_| {}).expect("a sandbox")
}

/// What one round showed.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    /// Microseconds of processor time each; of a process's children nothing is known.
    cpu_us: Option<f64>,
}

fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Runs per second with `at_once` of them going on.
async fn sandboxed(sandbox: &Sandbox, at_once: usize, script: &str, expected: State) -> Rate {
    let cpu_began = cpu_time();
    let done = Arc::new(AtomicUsize::new(0));
    let (sources, clock) = (sources(), Arc::new(SystemClock));
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (sandbox, done, sources, clock) = (sandbox.clone(), done.clone(), sources.clone(), clock.clone());
        let script = script.to_owned();
        workers.spawn(async move {
            while began.elapsed() < ROUND {
                let request = RunRequest {
                    script: script.clone(),
                    sources: sources.clone(),
                    previous: None,
                    seed: done.fetch_add(1, Ordering::Relaxed) as u64,
                    clock: clock.clone(),
                    limits: Limits::default(),
                    python_path: Arc::default(),
                    broker: Arc::new(AtOnce),
                };
                let outcome = sandbox.run(request).await.expect("our own side works");
                assert_eq!((outcome.state, outcome.source_calls.len()), (expected, 2), "{outcome:?}");
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.expect("no panic");
    }
    let runs = done.load(Ordering::Relaxed) as f64;
    Rate { per_second: runs / began.elapsed().as_secs_f64(), cpu_us: Some((cpu_time() - cpu_began) * 1e6 / runs) }
}

/// Processes per second, `at_once` of them beside each other.
fn processes(python: &Python, at_once: usize) -> Rate {
    let script = format!("{PEER}{MONITOR}");
    let began = Instant::now();
    let counts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while began.elapsed() < ROUND {
                        let ended = python.command(&script).status();
                        assert!(ended.expect("python3 runs").success());
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum::<usize>()
    });
    Rate { per_second: counts as f64 / began.elapsed().as_secs_f64(), cpu_us: None }
}

fn sources() -> Arc<BTreeMap<String, SourceDescription>> {
    let get_sum = MethodDescription {
        name: "get_sum".to_owned(),
        signature: "(path, from_date=None, to_date=None)".to_owned(),
        doc: "The sum.".to_owned(),
    };
    let graphite =
        SourceDescription { kind: "graphite".to_owned(), description: String::new(), methods: vec![get_sum] };
    Arc::new(BTreeMap::from([("graphite".to_owned(), graphite)]))
}

/// The medians of either.
fn median(rates: &[Rate]) -> Rate {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let per_second = middle(rates.iter().map(|rate| rate.per_second).collect()).expect("a round");
    Rate { per_second, cpu_us: middle(rates.iter().filter_map(|rate| rate.cpu_us).collect()) }
}
