//! What a source call costs a run, and what an answer of a thousand rows costs it: `cargo bench -p revere-sandbox --bench calls`.
//! The source answers at once, so that only the way there and back is measured, in processor time. Runs with and without
//! the calls take turns, and what is printed is the difference, so that what every run costs is not in it. Prints medians.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt};
use revere_model::{State, SystemClock};
use revere_sandbox::{
    Broker, KeepInstances, Limits, MethodDescription, Options, RunRequest, Sandbox, SourceCall, SourceDescription,
    SourceFault, Value,
};

const ROUNDS: usize = 301;
const ROWS: usize = 1000;

/// What is measured: its name, how often the script does it in one run, and what it does.
const MEASURED: [(&str, usize, &str); 9] = [
    ("a call, one text", 100, "get_sum('stats_counts.response.500')"),
    ("a call, two texts and a number", 100, "get_sum('stats_counts.response.500', '-10min', to_date=17)"),
    ("a call with a datetime", 100, "get_sum('stats_counts.response.500', moment)"),
    ("1,000 datapoints", 1, "datapoints()"),
    ("1,000 rows, numbers and texts", 1, "plain()"),
    ("1,000 rows, also Decimal and datetime", 1, "typed()"),
    ("1,000 dicts, numbers and texts", 1, "plain(as_dict=True)"),
    ("1,000 dicts, also Decimal and datetime", 1, "typed(as_dict=True)"),
    ("1,000 rows as arguments", 1, "get_sum(rows)"),
];

/// Answers with values that were made before.
struct Answers {
    made: Mutex<Vec<Value>>,
}

impl Broker for Answers {
    fn call(&self, _: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        let answer = self.made.lock().expect("nobody panicked").pop().expect("as many as there are calls");
        async move { Ok(answer) }.boxed()
    }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let cache_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/revere-cache");
    let sandbox =
        Sandbox::open(Options { cache_dir, threads: 1, max_in_flight: 4, keep: KeepInstances::Auto }, &|_| {})
            .expect("a sandbox");
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    println!("{:<42} {:>10}", "", "us");
    for (name, times, call) in MEASURED {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let setup = "import datetime\nmoment = datetime.datetime(2026, 1, 2, 3, 4, 5)\ngraphite = sources['graphite']\n\
            rows = [(number, 'web%d' % number, number / 4, None) for number in range(1000)]\n";
        let script = |body: &str| format!("{setup}for _ in range({times}):\n    {body}\n");
        let scripts = [script("pass"), script(&format!("graphite.{call}"))];
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (script, took) in scripts.iter().zip(&mut took) {
                let made = Mutex::new((0..times).map(|_| answer(call)).collect());
                took.push(runtime.block_on(run(&sandbox, script, Arc::new(Answers { made }))));
            }
        }
        let [without, with] = took.map(median);
        println!("{name:<42} {:>10.1}", (with.as_secs_f64() - without.as_secs_f64()) * 1e6 / times as f64);
    }
}

async fn run(sandbox: &Sandbox, script: &str, broker: Arc<Answers>) -> Duration {
    let request = RunRequest {
        script: script.to_owned(),
        sources: sources(),
        previous: None,
        seed: 1,
        clock: Arc::new(SystemClock),
        limits: Limits::default(),
        python_path: Arc::default(),
        broker,
    };
    let outcome = sandbox.run(request).await.expect("our own side works");
    assert_eq!(outcome.state, State::Ok, "{outcome:?}");
    outcome.cpu_time
}

fn answer(call: &str) -> Value {
    let text = |text: String| Value::Text(text);
    let row = |number: usize, typed: bool| {
        let mut row = vec![
            ("id", Value::Int(number as i64)),
            ("name", text(format!("web{number}"))),
            ("load", Value::Float(number as f64 / 4.0)),
            ("note", if number.is_multiple_of(3) { Value::Null } else { text("up since the last restart".to_owned()) }),
        ];
        if typed {
            let at = format!("2026-03-01T{:02}:{:02}:00+00:00", number / 60 % 24, number % 60);
            row.push(("price", Value::Decimal(format!("{number}.50"))));
            row.push(("at", Value::DateTime(at)));
        }
        row
    };
    let typed = call.starts_with("typed");
    let point = |number: usize| Value::Tuple(vec![Value::Float(number as f64), Value::Int(1_700_000_000)]);
    let tuple = |number| Value::Tuple(row(number, typed).into_iter().map(|(_, cell)| cell).collect());
    let named = |(name, cell): (&str, Value)| (text(name.to_owned()), cell);
    let dict = |number| Value::Dict(row(number, typed).into_iter().map(named).collect());
    match call {
        _ if call.starts_with("get_sum") => Value::Float(1.5),
        _ if call.starts_with("datapoints") => Value::List((0..ROWS).map(point).collect()),
        _ if call.contains("as_dict") => Value::List((0..ROWS).map(dict).collect()),
        _ => Value::List((0..ROWS).map(tuple).collect()),
    }
}

fn sources() -> Arc<BTreeMap<String, SourceDescription>> {
    let method = |name: &str, signature: &str| MethodDescription {
        name: name.to_owned(),
        signature: signature.to_owned(),
        doc: String::new(),
    };
    let methods = vec![
        method("get_sum", "(path, from_date=None, to_date=None)"),
        method("datapoints", "()"),
        method("plain", "(as_dict=False)"),
        method("typed", "(as_dict=False)"),
    ];
    let graphite = SourceDescription { kind: "graphite".to_owned(), description: String::new(), methods };
    Arc::new(BTreeMap::from([("graphite".to_owned(), graphite)]))
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() / 2]
}
