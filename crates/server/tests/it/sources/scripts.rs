//! What scripts see of sources: whole runs, in the sandbox, against the real services.

use std::time::{Duration, Instant};

use revere::{
    answer_memory::{self, AnswerMemory},
    runner::{NamedSource, Runner, RunnerParts, Script},
};
use revere_model::{ManualClock, ReturnValue, State};
use revere_sandbox::{KeepInstances, Limits, Options, Outcome, Sandbox, SandboxError};
use serde_json::json;

use super::{
    graphite::{feed, graphite, recently},
    server,
    services::{service, unique},
    *,
};
use crate::support::cache_dir;

fn limits() -> Limits {
    Limits { wall_time: PATIENCE, cpu_time: PATIENCE, ..Limits::default() }
}

/// A runner whose scripts have the source `src`.
fn runner(asked: &Asked, kind: &str) -> Runner {
    runner_within(asked, kind, limits())
}

fn runner_within(asked: &Asked, kind: &str, limits: Limits) -> Runner {
    runner_sharing(asked, kind, limits, AnswerMemory::of(1 << 30))
}

/// A runner whose answers share `answer_memory`.
fn runner_sharing(asked: &Asked, kind: &str, limits: Limits, answer_memory: AnswerMemory) -> Runner {
    let options = Options { cache_dir: cache_dir(), threads: 1, max_in_flight: 4, keep: KeepInstances::Auto };
    let named = NamedSource { kind: kind.to_owned(), description: String::new(), source: asked.source.clone() };
    Runner::new(RunnerParts {
        sandbox: Sandbox::open(options, &|_| {}).unwrap(),
        sources: BTreeMap::from([("src".to_owned(), named)]),
        answer_memory,
        past: None,
        limits,
        python_path: Vec::new(),
        clock: Arc::new(ManualClock::at(asked.now)),
        metrics: Arc::new(revere::metrics::Metrics::new(asked.now)),
        secrets: Secrets::default(),
    })
}

async fn run(runner: &Runner, script: &str) -> Outcome {
    runner.run(Script { text: script.to_owned(), ..Script::default() }).await.unwrap()
}

/// A script that only asserts: what it printed is what went wrong.
#[track_caller]
fn passes(outcome: &Outcome) {
    assert_eq!(outcome.state, State::Ok, "{}\n{:?}\n{}", outcome.message, outcome.error, outcome.output);
}

#[tokio::test]
async fn the_example_follows_a_really_fed_graphite() {
    let (asked, stem, begin) = (graphite(), unique("stats_counts"), recently());
    let script = format!(
        "total  = sources['src'].get_sum('sum({stem}.response.*)', '-10min')\n\
         errors = sources['src'].get_sum('{stem}.response.500', '-10min')\n\
         return_value = errors / total\n\
         if return_value >= .005:\n    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))\n"
    );
    let runner = runner(&asked, "graphite");
    feed(&asked, &format!("{stem}.response.200"), begin, &[Some(1000.0)]).await;
    feed(&asked, &format!("{stem}.response.500"), begin, &[Some(1.0)]).await;
    let outcome = run(&runner, &script).await;
    assert_eq!((outcome.state, outcome.message.as_str()), (State::Ok, "Monitor Passed"), "{outcome:?}");
    feed(&asked, &format!("{stem}.response.500"), begin, &[Some(24.0)]).await;
    let outcome = run(&runner, &script).await;
    assert_eq!((outcome.state, outcome.message.as_str()), (State::Alarm, "High number of error responses: 2.34%"));
    feed(&asked, &format!("{stem}.response.500"), begin, &[Some(0.0)]).await;
    assert_eq!(run(&runner, &script).await.return_value, Some(ReturnValue::Float(0.0)));
}

#[tokio::test]
async fn rows_have_pythons_own_types() {
    let asked = source("database", json!({"connection_string": service("REVERE_TEST_POSTGRES_URL")}));
    let script = "\
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID
[row] = sources['src'].execute('''select 1.10::numeric, date '2026-01-02', timestamptz '2026-01-02 03:04:05+02', interval '90 s',
    '6ccd780c-baba-1026-9564-5b8c656024db'::uuid, '\\\\x00ff'::bytea, '{\"a\": [1, null]}'::jsonb, 'nan'::float8''')
assert row[:3] == (Decimal('1.10'), date(2026, 1, 2), datetime(2026, 1, 2, 1, 4, 5, tzinfo=timezone.utc)), row
assert row[3:7] == (timedelta(seconds=90), UUID('6ccd780c-baba-1026-9564-5b8c656024db'), b'\\x00\\xff', {'a': [1, None]}), row
assert row[7] != row[7]
back = sources['src'].execute('select %s, %s, %s', [row[0], row[2], row[5]])
assert back == [(row[0], row[2], row[5])], back
assert sources['src'].execute('select :n::int as n', {'n': 7}, as_dict=True) == [{'n': 7}]
try:
    sources['src'].execute('select frm')
except SourceError as error:
    assert str(error).startswith('column \"frm\" does not exist (42703)'), error
    assert \"; source 'src': execute('select frm')\" in str(error) and '(postgresql at 127.0.0.1' in str(error), error
else:
    assert False
try:
    sources['src'].execute('select %s', [])
except ValueError as error:
    assert 'placeholders in the statement: 1' in str(error), error
return_value = 1
";
    passes(&run(&runner(&asked, "database"), script).await);
}

#[tokio::test]
async fn an_http_answer_is_an_object() {
    let address = server::http(|head, _| match head.split(' ').nth(1).unwrap() {
        "/latin" => {
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=iso-8859-1\r\nconnection: close\r\n\r\ncaf\xe9"
                .to_vec()
        }
        "/missing" => server::status("404 Not Found", "text/html", "<p>nothing</p>"),
        _ => server::ok("application/json", "{\"queue\": 67}"),
    })
    .await;
    let asked = source("http", json!({"base_url": address}));
    let script = "\
page = sources['src'].get('x', params={'a': 1})
assert (page.status, page.status_code, page.ok, page.reason) == (200, 200, True, 'OK')
assert page.json() == {'queue': 67} and page.text == '{\"queue\": 67}' and page.content == b'{\"queue\": 67}'
assert page.headers['Content-Type'] == 'application/json' and 'CONTENT-type' in page.headers and page.headers.get('x') is None
assert page.elapsed > 0 and page.url.endswith('/x?a=1') and page.tls is None
page.raise_for_status()
assert repr(page) == '<response 200 OK>'
latin = sources['src'].get('latin')
assert (latin.text, latin.content) == ('caf\\u00e9', b'caf\\xe9')
missing = sources['src'].get('missing')
assert not missing.ok
try:
    missing.json()
except ValueError as error:
    assert '/missing is no JSON' in str(error), error
return_value = page.elapsed
missing.raise_for_status()
";
    let outcome = run(&runner(&asked, "http"), script).await;
    let expected = format!("SourceError: {address}/missing answered 404 Not Found (line ");
    assert!(outcome.message.starts_with(&expected), "{outcome:?}");
}

#[tokio::test]
async fn the_end_of_a_certificate_is_a_datetime() {
    let (port, pem) = server::https(server::ok("text/plain", "secure"), (2026, 7, 11));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let config = json!({"base_url": format!("https://localhost:{port}"), "verify_ssl": false});
    let asked = source_in("http", config, folder.path());
    let script = "\
tls = sources['src'].get().tls
assert str(tls.not_after) == '2026-07-11 00:00:00+00:00', tls.not_after
return_value = tls.days_left
if tls.days_left < 14:
    raise MonitorFailure(repr(tls))
";
    let outcome = run(&runner(&asked, "http"), script).await;
    assert_eq!(
        (outcome.message.as_str(), outcome.return_value),
        ("<tls until 2026-07-11, 9.5 days left>", Some(ReturnValue::Float(9.5)))
    );
}

/// RFC 5280's "never" is the last second of Python's calendar, and a script can compare it.
#[tokio::test]
async fn a_certificate_without_an_end_has_the_last_second_of_the_calendar() {
    let (port, pem) = server::https_without_end(server::ok("text/plain", "secure"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let config = json!({"base_url": format!("https://localhost:{port}"), "ca_file": "ca.pem"});
    let asked = source_in("http", config, folder.path());
    let script = "\
import datetime
tls = sources['src'].get().tls
last = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)
assert tls.not_after == last, tls.not_after
return_value = tls.days_left
if tls.days_left < 14:
    raise MonitorFailure(repr(tls))
";
    let outcome = run(&runner(&asked, "http"), script).await;
    passes(&outcome);
    assert_eq!(outcome.return_value, Some(ReturnValue::Float(2_912_261.5)));
}

/// Before a plug-in has described itself its methods are unknown; calls reach it all the same, and then they are known.
#[tokio::test]
async fn a_plug_in_is_asked_before_it_has_described_itself() {
    let program = format!("{}/tests/it/sources/fixtures/counter.py", env!("CARGO_MANIFEST_DIR"));
    let asked = source("command", json!({"command": ["python3", program]}));
    let runner = runner(&asked, "command");
    passes(&run(&runner, "assert sources['src'].count(by=2)['count'] == 2").await);
    let outcome = run(&runner, "sources['src'].nothing()").await;
    says(&outcome.message, &["AttributeError: source 'src' (command) has no method 'nothing'; it has: count, echo"]);
    let outcome = run(&runner, "sources['src'].count(1, 2)").await;
    says(&outcome.message, &["TypeError: count() takes from 0 to 1 positional argument but 2 were given"]);
}

/// A source that computes, as reading a large answer does.
struct Busy;

#[async_trait::async_trait]
impl sources::Source for Busy {
    fn methods(&self) -> Vec<sources::MethodDescription> {
        vec![sources::MethodDescription { name: "work".into(), signature: "()".into(), doc: String::new() }]
    }

    async fn call(&self, _: Call) -> Result<Value, SourceFault> {
        let began = Instant::now();
        let mut sum = 0u64;
        while began.elapsed() < Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        Ok(Value::Int(1))
    }

    async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
        Ok(())
    }
}

/// What the server computes for a call is the run's, though another thread does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_servers_work_for_a_call_counts_toward_the_runs_processor_time() {
    let asked = Asked { source: Arc::new(Busy), ..source("demo", json!({})) };
    let runner = runner_within(&asked, "busy", Limits { cpu_time: Duration::from_millis(100), ..limits() });
    let outcome = run(&runner, "for turn in range(900):\n    sources['src'].work()\n    sum(range(50_000))").await;
    let limit = outcome.error.as_ref().and_then(|error| error.limit);
    assert_eq!(limit, Some(revere_sandbox::LimitKind::CpuTime), "{} calls", outcome.source_calls.len());
}

/// What was asked for by a name of a million characters was compared with every name there is: five seconds of the
/// server's a call. A short name shows what the rest costs.
#[tokio::test]
async fn a_name_of_a_million_characters_costs_little_and_counts() {
    let demo = source("demo", json!({}));
    let calling = |call: &str, length: u32| {
        format!(
            "name, said = 'x' * {length}, ''\nfor turn in range(10):\n    try:\n        {call}\n    \
             except Exception as error:\n        said = str(error)\nassert ('xxxxx' in said or 'at most' in said) and len(said) < 5000, said[:200]\n"
        )
    };
    let whole = runner(&demo, "demo");
    for call in [
        "sources['src'].get_sum(name)",
        "sources['src'].get_text(name)",
        "sources['src'].get_sum('shop.orders', from_date=name)",
        "sources['src'].get_sum('shop.orders', **{name: 1})",
        "getattr(sources['src'], name)()",
        "sources[name]",
    ] {
        let mut spent = Vec::new();
        for length in [100, 1_000_000] {
            let outcome = run(&whole, &calling(call, length)).await;
            passes(&outcome);
            spent.push(outcome.cpu_time.max(Duration::from_millis(2)));
        }
        assert!(spent[1] < 300 * spent[0], "{call}: {spent:?}");
    }
    let limited = runner_within(&demo, "demo", Limits { cpu_time: Duration::from_millis(100), ..limits() });
    let outcome =
        run(&limited, &calling("sources['src'].get_sum(name)", 1_000_000).replace("range(10)", "range(900)")).await;
    let limit = outcome.error.as_ref().and_then(|error| error.limit);
    assert_eq!(limit, Some(revere_sandbox::LimitKind::CpuTime), "{} calls", outcome.source_calls.len());
}

/// What all answers may hold together is a bound of the server: whoever meets it has no result, rather than a wrong one.
#[tokio::test]
async fn answers_that_hold_too_much_together_are_no_result_of_their_monitor() {
    let memory = AnswerMemory::of(4 << 20);
    let rows = "sources['src'].execute(\"with recursive n(i) as (select 1 union all select i + 1 from n where i < %d) select i, hex(zeroblob(500)) from n\")";
    let database = source("database", json!({"connection_string": "sqlite://"}));
    let runner = runner_sharing(&database, "database", limits(), memory.clone());
    passes(&run(&runner, &format!("assert len({}) == 9000", rows.replace("%d", "9000"))).await);
    assert_eq!(memory.used(), 0, "an answer that is alone comes, however large");

    // Another run's answer is coming in.
    let (begun, began) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let beside = memory.clone();
    let beside = tokio::spawn(async move {
        let coming_in = async {
            answer_memory::count(1)?;
            begun.send(()).unwrap();
            let _ = ended.await;
            Ok(())
        };
        beside.during(Instant::now() + Duration::from_secs(600), coming_in).await
    });
    began.await.unwrap();
    passes(&run(&runner, &format!("assert len({}) == 1000", rows.replace("%d", "1000"))).await);
    let script = Script { text: rows.replace("%d", "9000"), ..Script::default() };
    match runner.run(script).await {
        Err(SandboxError::Server(text)) => says(&text, &["4 MiB together", "ANSWERS_IN_FLIGHT_MB"]),
        other => panic!("{other:?}"),
    }
    assert_eq!(memory.used(), 1);

    let body = "x".repeat(5 << 20);
    let address = server::http(move |_, _| server::ok("text/plain", &body)).await;
    let http = source("http", json!({"base_url": address}));
    let runner = runner_sharing(&http, "http", limits(), memory.clone());
    let script = Script { text: "sources['src'].get()".to_owned(), ..Script::default() };
    match runner.run(script).await {
        Err(SandboxError::Server(text)) => says(&text, &["ANSWERS_IN_FLIGHT_MB"]),
        other => panic!("{other:?}"),
    }
    end.send(()).unwrap();
    assert_eq!(beside.await.unwrap(), Ok(()));
    assert_eq!(memory.used(), 0);
}

/// The last second of the calendar is a datetime in a script, and goes back as one.
#[tokio::test]
async fn a_script_sees_the_ends_of_the_calendar() {
    let database = super::postgres::postgres(json!({}));
    let script = "\
from datetime import date, datetime, timezone
row, = sources['src'].execute(\"select date '9999-12-31', timestamp '9999-12-31 23:59:59', timestamptz '9999-12-31 23:59:59+00', date '0001-01-01', date 'infinity'\")
assert row == (date.max, datetime(9999, 12, 31, 23, 59, 59), datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc), date.min, 'infinity'), row
assert sources['src'].execute('select %s::timestamp, %s::date', [datetime.max, date.max]) == [(datetime.max, date.max)]
";
    passes(&run(&runner(&database, "database"), script).await);
}
