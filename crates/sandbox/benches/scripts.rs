//! Some thirty scripts, one after another, in two builds of this benchmark: how much faster is this one?
//!
//! `REVERE_BENCH_OTHER=path cargo bench --workspace --bench scripts`, where `path` is the executable of another build, say
//! one with another artefact of `guest/` (`cargo bench --bench scripts --no-run` says where it is; keep a copy). Both hold
//! their sandbox ready and take turns script by script, so that a machine whose speed drifts is equally fast for each.
//! Of many runs the fastest counts: what others do on the machine only ever adds to it. Without another build it prints
//! this one's times.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt};
use revere_model::{State, SystemClock};
use revere_sandbox::{
    Broker, KeepInstances, Limits, MethodDescription, Options, RunRequest, Sandbox, SourceCall, SourceDescription,
    SourceFault, Value,
};

const SCRIPTS: &str = include_str!("scripts.py");
const ROUNDS: usize = 15;
/// Says to the other build that it shall answer numbers of scripts with times.
const ANSWERS: &str = "REVERE_BENCH_ANSWERS";

fn main() {
    let scripts = scripts();
    let runner = Runner::new();
    if std::env::var_os(ANSWERS).is_some() {
        return answer(&runner, &scripts);
    }
    let mut other = std::env::var("REVERE_BENCH_OTHER").ok().map(|path| Other::start(&path));
    println!("{:<16} {:>9} {:>9} {:>7}", "", "this, us", "other, us", "ratio");
    let mut ratios = Vec::new();
    for (number, (name, script)) in scripts.iter().enumerate() {
        let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            ours = ours.min(runner.fastest(name, script));
            if let Some(other) = &mut other {
                theirs = theirs.min(other.fastest(number));
            }
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        if other.is_some() {
            let ratio = micros(theirs) / micros(ours);
            ratios.push(ratio.ln());
            println!("{name:<16} {:>9.0} {:>9.0} {ratio:>7.3}", micros(ours), micros(theirs));
        } else {
            println!("{name:<16} {:>9.0}", micros(ours));
        }
    }
    if other.is_some() {
        let mean = (ratios.iter().sum::<f64>() / ratios.len() as f64).exp();
        println!("this one is {mean:.3} times as fast as the other (geometric mean of {} scripts)", ratios.len());
    }
}

fn scripts() -> Vec<(&'static str, &'static str)> {
    SCRIPTS.split("\n#: ").skip(1).map(|part| part.split_once('\n').expect("a name and a script")).collect()
}

fn answer(runner: &Runner, scripts: &[(&str, &str)]) {
    for line in std::io::stdin().lines() {
        let number: usize = line.expect("a line").parse().expect("a number");
        let (name, script) = scripts[number];
        println!("{}", runner.fastest(name, script).as_nanos());
    }
}

/// The other build.
struct Other {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn start(path: &str) -> Other {
        let mut command = Command::new(path);
        command.env(ANSWERS, "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the other build starts");
        let asks = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Other { child, asks, answers }
    }

    fn fastest(&mut self, number: usize) -> Duration {
        writeln!(self.asks, "{number}").expect("the other build listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the other build answers");
        Duration::from_nanos(line.trim().parse().expect("a time"))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Runner {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
}

impl Runner {
    fn new() -> Runner {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let cache_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/revere-cache");
        let options = Options { cache_dir, threads: 1, max_in_flight: 4, keep: KeepInstances::Auto };
        Runner { runtime, sandbox: Sandbox::open(options, &|_| {}).expect("a sandbox") }
    }

    /// The shortest of a few runs; of a short script, of many.
    fn fastest(&self, name: &str, script: &str) -> Duration {
        let expected = match name {
            "alarm" => State::Alarm,
            "error" => State::Error,
            _ => State::Ok,
        };
        let (mut fastest, began) = (Duration::MAX, Instant::now());
        for round in 0..20 {
            let request = request(script);
            let start = Instant::now();
            let outcome = self.runtime.block_on(self.sandbox.run(request)).expect("our own side works");
            let took = start.elapsed();
            assert_eq!(outcome.state, expected, "{name}: {outcome:?}");
            // The first two compile it.
            if round > 1 {
                fastest = fastest.min(took);
            }
            if round > 3 && began.elapsed() > Duration::from_millis(30) {
                break;
            }
        }
        fastest
    }
}

fn request(script: &str) -> RunRequest {
    RunRequest {
        script: script.to_owned(),
        sources: sources(),
        previous: None,
        seed: 7,
        clock: Arc::new(SystemClock),
        limits: Limits::default(),
        python_path: Arc::default(),
        broker: Arc::new(AtOnce),
    }
}

/// Answers at once.
struct AtOnce;

impl Broker for AtOnce {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        let errors = call.args.first().and_then(Value::as_text).is_some_and(|path| path.ends_with("500"));
        async move {
            Ok(match call.method.as_str() {
                "rows" => Value::List((0..1000).map(row).collect()),
                _ => Value::Float(if errors { 0.1 } else { 120.0 }),
            })
        }
        .boxed()
    }
}

fn row(number: i64) -> Value {
    let host = Value::Text(format!("web{}", number % 40));
    Value::Tuple(vec![host, Value::Text("up".to_owned()), Value::Float(number as f64 / 3.0)])
}

fn sources() -> Arc<BTreeMap<String, SourceDescription>> {
    let method = |name: &str, signature: &str| MethodDescription {
        name: name.to_owned(),
        signature: signature.to_owned(),
        doc: String::new(),
    };
    let methods = vec![method("get_sum", "(path, from_date=None, to_date=None)"), method("rows", "()")];
    let graphite = SourceDescription { kind: "graphite".to_owned(), description: String::new(), methods };
    Arc::new(BTreeMap::from([("graphite".to_owned(), graphite)]))
}
