//! Source calls: values survive both ways, faults say what happened, and a run that waits holds no thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::FutureExt;
use revere_sandbox::{HISTORY, KeepInstances, LimitKind, OWN, Options, RunRequest, SandboxError, SourceFault, Value};
use tokio::sync::Semaphore;

use crate::support::{Answers, answers, block_on, open, options, request, run, run_in, sandbox, value};

#[test]
fn values_of_every_type_survive_both_ways() {
    let script = "
import datetime, decimal, math, uuid
utc = datetime.timezone.utc
values = [
    None, True, 0, -(2**63), 2**100, 0.1, -0.0, float('inf'), '', 'ä\\0😀', b'\\x00\\xff', (1, (2,)), [1, [2]], {}, {'a': 1}, {1: 'a', (1, 2): None},
    {'$int': 'not a tag'}, decimal.Decimal('1.10'), decimal.Decimal('NaN'), uuid.UUID(int=5), datetime.date(2026, 2, 28), datetime.time(1, 2, 3, 4),
    datetime.datetime(2026, 1, 1, 1, 1, 1, 5), datetime.datetime(2026, 1, 1, tzinfo=utc), datetime.timedelta(days=-1, microseconds=1),
]
wrong = []
for value in values:
    back = sources['graphite'].echo(value)
    if type(back) is not type(value) or repr(back) != repr(value):
        wrong.append((value, back))
nan = sources['graphite'].echo(float('nan'))
return_value = repr(wrong) + str(math.isnan(nan))
";
    assert_eq!(value(&run(script)), "[]True");
}

#[test]
fn a_fault_of_a_source_is_a_source_error_that_can_be_caught() {
    let outcome = run("x = 1\nsources['graphite'].fail()");
    assert_eq!(outcome.message, "SourceError: graphite at metrics.example answered 503");
    assert_eq!(outcome.error.and_then(|error| error.line), Some(2));
    let caught = "try:\n    sources['graphite'].fail()\nexcept SourceError as error:\n    return_value = str(error)";
    assert_eq!(value(&run(caught)), "graphite at metrics.example answered 503");
}

#[test]
fn calls_that_do_not_fit_are_refused_before_anything_is_asked() {
    for (call, words) in [
        ("get_sum()", "TypeError: get_sum() missing 1 required argument: 'path'"),
        ("get_sum('a', until='b')", "TypeError: get_sum() got an unexpected keyword argument 'until'"),
        ("get_median('a')", "AttributeError: source 'graphite' (graphite) has no method 'get_median'; it has: "),
        ("get_sum(object())", "TypeError: get_sum() cannot send a object to a source"),
    ] {
        let outcome = run(&format!("sources['graphite'].{call}"));
        assert!(outcome.message.starts_with(words), "{call}: {}", outcome.message);
        assert_eq!(outcome.source_calls, [], "{call}");
    }
    let outcome = run("sources['graphite'].picky()");
    assert_eq!(outcome.message, "ValueError: from_date is not a date");
}

#[test]
fn a_plug_in_is_asked_by_names_only() {
    let outcome = run("return_value = sources['plugin'].echo('x')");
    assert_eq!(value(&outcome), "x");
    for call in [
        "getattr(sources['plugin'], 'x' * 1_000_000)()",
        "getattr(sources['plugin'], '\\x1b]0;title')()",
        "sources['plugin'].echo(**{'x' * 1_000_000: 1})",
    ] {
        let outcome = run(call);
        assert_eq!(outcome.state, revere_model::State::Error, "{call}: {}", outcome.message);
        assert_eq!(outcome.source_calls, [], "{call}");
    }
}

#[test]
fn an_answer_beyond_the_limit_ends_the_run() {
    let outcome = run("sources['graphite'].huge()");
    assert_eq!(outcome.error.as_ref().and_then(|error| error.limit), Some(LimitKind::Answer));
    assert_eq!(outcome.message, "answer limit reached: graphite.huge answered more than 32 MiB");
    let mut small = request("sources['graphite'].echo('x' * 2000)");
    small.limits.answer_bytes = 1000;
    let outcome = block_on(crate::support::sandbox().run(small)).expect("our own side works");
    assert_eq!(outcome.error.and_then(|error| error.limit), Some(LimitKind::Answer));
}

#[test]
fn a_run_that_waits_too_long_says_what_it_waited_for() {
    let mut request = request("sources['graphite'].get_sum('never')");
    request.broker = Arc::new(Answers(|_| std::future::pending().boxed()));
    request.limits.wall_time = Duration::from_millis(1000);
    let outcome = block_on(crate::support::sandbox().run(request)).expect("our own side works");
    assert_eq!(outcome.error.as_ref().and_then(|error| error.limit), Some(LimitKind::WallTime));
    assert_eq!(outcome.source_calls.len(), 1);
    assert_eq!(outcome.source_calls[0].answer, Err("no answer within the run's time".to_owned()));
    // That it took too long shows nothing of the source.
    assert_eq!((outcome.source_calls[0].ended_run, outcome.source_calls[0].available), (true, None));
}

#[test]
fn a_thousand_runs_wait_on_a_slow_source_without_a_thousand_threads() {
    const RUNS: usize = 1000;
    let sandbox = open(Options { max_in_flight: RUNS, ..options(KeepInstances::Auto) });
    let (waiting, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let broker = {
        let (waiting, gate) = (waiting.clone(), gate.clone());
        Arc::new(Answers(move |_| {
            let gate = gate.clone();
            waiting.fetch_add(1, Ordering::SeqCst);
            async move { gate.acquire().await.map(|_| Value::Int(7)).map_err(|_| unreachable!("it is not closed")) }
                .boxed()
        }))
    };
    block_on(async {
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..RUNS {
            let mut request = request("return_value = sources['graphite'].get_sum('slow')");
            request.broker = broker.clone();
            request.limits.wall_time = Duration::from_secs(120);
            let sandbox = sandbox.clone();
            runs.spawn(async move { sandbox.run(request).await });
        }
        // The guests need the processors more than whoever looks whether all of them wait.
        let patience = std::time::Instant::now() + Duration::from_secs(120);
        while waiting.load(Ordering::SeqCst) < RUNS {
            assert!(std::time::Instant::now() < patience, "{} of {RUNS} wait", waiting.load(Ordering::SeqCst));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let threads = std::fs::read_dir("/proc/self/task").expect("a list of threads").count();
        assert!(threads < 32, "{threads} threads while {RUNS} runs wait");
        gate.add_permits(RUNS);
        while let Some(ended) = runs.join_next().await {
            assert_eq!(value(&ended.expect("no panic").expect("our own side works")), "7");
        }
    });
}

#[test]
fn a_call_that_the_server_could_not_make_is_no_outcome_and_cannot_be_caught() {
    let script = "try:\n    sources['graphite'].fail()\nexcept BaseException:\n    pass\nreturn_value = 1";
    let mut asked = request(script);
    asked.broker = answers(|_| Err(SourceFault::Ours("no file descriptor left".into())));
    let error = block_on(crate::support::sandbox().run(asked)).expect_err("not a run");
    assert!(matches!(error, SandboxError::Server(_)), "{error:?}");
    assert_eq!(error.to_string(), "no file descriptor left");
    assert_eq!(value(&run("return_value = 2")), "2", "the sandbox goes on");
}

#[test]
fn the_past_is_asked_of_the_broker_and_shown_as_runs() {
    let past = |at: &str, state: &str, value: Value| {
        Value::Tuple(vec![Value::DateTime(at.into()), Value::Text(state.into()), value])
    };
    let broker = answers(move |call| {
        assert_eq!((call.source.as_str(), call.method.as_str()), (OWN, HISTORY));
        Ok(Value::List(vec![
            past("2026-02-22T12:00:00.000000+00:00", "OK", Value::Int(1)),
            past("2026-02-22T12:01:00.500000+00:00", "ALARM", Value::Text("two".into())),
            past("2026-02-22T12:02:00.000000+00:00", "OK", Value::Null),
        ]))
    });
    let script = "
first, second, third = history('-7d', until='now')
return_value = repr((first.return_value, second['state'], second.at.microsecond, third.get('return_value'), [*first], 'at' in third))
";
    let outcome = run_in(sandbox(), RunRequest { broker, ..request(script) });
    assert_eq!(value(&outcome), "(1, 'ALARM', 500000, None, ['at', 'state', 'return_value'], True)");
    let made = &outcome.source_calls[0];
    assert_eq!((made.source.as_str(), made.method.as_str(), made.arguments.as_str()), ("", "history", "'-7d', 'now'"));
    // What is forged gets no further.
    let forged = run("import revere_sources\nrevere_sources.Method('', 'forget')()");
    assert_eq!(forged.message, "AttributeError: a monitor has no such method");
}

/// Which call a source's fault came from that ended a run, and not merely which call was the last.
#[test]
fn the_call_by_which_a_run_ended_is_marked() {
    let ended_by = |script: &str| {
        let mut asked = request(script);
        asked.broker = answers(|call| match call.args.first().and_then(Value::as_text) {
            Some("well") => Ok(Value::Int(1)),
            Some(path) => Err(SourceFault::Unavailable(format!("no connection for {path}"))),
            None => Err(SourceFault::Failed("nothing asked".into())),
        });
        let outcome = block_on(crate::support::sandbox().run(asked)).expect("our own side works");
        let calls = outcome.source_calls.iter().filter(|call| call.ended_run);
        calls.map(|call| call.arguments.clone()).collect::<Vec<_>>().join(" ")
    };
    let trying =
        |then: &str| format!("try:\n    sources['graphite'].get_sum('a')\nexcept SourceError as error:\n    {then}\n");
    let last = "\ntry:\n    sources['graphite'].get_sum('b')\nexcept SourceError:\n    pass\n";
    for (script, by) in [
        ("sources['graphite'].get_sum('a')".to_owned(), "'a'"),
        ("sources['graphite'].get_sum('well')\nsources['graphite'].get_sum('a')".to_owned(), "'a'"),
        (trying("raise"), "'a'"),
        (trying("raise ValueError('no data') from error"), "'a'"),
        (trying("raise ValueError('no data')"), "'a'"),
        (trying("{}['by the way']"), "'a'"),
        (trying("first = error") + last + "raise first", "'a'"),
        (trying("first = error") + last + "raise ValueError('no data') from first", "'a'"),
        // The author's own words, and other faults that have nothing to do with it.
        (trying("raise ValueError('no data') from None"), ""),
        (trying("pass") + "1 / 0", ""),
        (trying("pass") + "raise SourceError('no connection for b')", ""),
        (trying("pass") + "sources['graphite'].get_sum('well')", ""),
        ("raise SourceError('no connection for a')".to_owned(), ""),
        // What cannot be read back is no text of a source's.
        (trying("raise SourceError('\\ud800')"), ""),
        (trying("raise SourceError(7)"), ""),
    ] {
        assert_eq!(ended_by(&script), by, "{script}");
    }
}
