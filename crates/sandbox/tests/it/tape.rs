//! From its tape a run is the same again: on an interpreter that was put back, in either way, on a new one, and on one that
//! was made and compiled elsewhere.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt};
use proptest::{
    arbitrary::any,
    collection, sample,
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};
use revere_model::{ReturnValue, State};
use revere_sandbox::{
    Broker, Difference, KeepInstances, Options, Outcome, OutcomeField, Previous, Replay, RunRequest, Sandbox,
    SourceFault, Tape, TapedAnswer, TimeLimit, TimeOut, Value, charge,
};

use crate::support::{Answers, answers, block_on, fresh_sandbox, open, options, request, sandbox, untracked_sandbox};

/// A sandbox that found no compiled interpreter, as on another machine.
fn sandbox_elsewhere() -> &'static Sandbox {
    static ELSEWHERE: LazyLock<Sandbox> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let sandbox = open(Options { cache_dir: folder.path().join("cache"), ..options(KeepInstances::Auto) });
        assert!(!sandbox.stats().compiled_from_cache);
        sandbox
    });
    &ELSEWHERE
}

fn record(request: RunRequest) -> (Outcome, Tape) {
    block_on(sandbox().record(request)).expect("our own side works")
}

fn replay(sandbox: &Sandbox, tape: &Tape) -> Replay {
    block_on(sandbox.replay(tape)).expect("our own side works")
}

/// The tape as another machine reads it.
fn through_a_file(tape: &Tape) -> Tape {
    let json = tape.to_json().expect("it can be written");
    Tape::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{json}"))
}

/// What a tape promises to bring about again.
fn promised(outcome: &Outcome) -> String {
    let Outcome { state, message, return_value, output, error, .. } = outcome;
    let calls: Vec<_> = outcome.source_calls.iter().map(|c| (&c.source, &c.method, &c.arguments, c.duration)).collect();
    format!("{:#?}", (state, message, return_value, output, error, calls))
}

#[track_caller]
fn is_the_same_again(request: RunRequest, sandboxes: &[&Sandbox]) -> Tape {
    let script = request.script.clone();
    let (outcome, tape) = record(request);
    let tape = through_a_file(&tape);
    for sandbox in sandboxes {
        let replay = replay(sandbox, &tape);
        assert_eq!(replay.differences, [], "{script}");
        let replayed = replay.outcome.expect("every call was on the tape");
        assert_eq!(promised(&replayed), promised(&outcome), "{script}");
    }
    tape
}

/// Answers that depend on what is asked, of every kind there is.
fn all_kinds_of_answers() -> Arc<dyn Broker> {
    answers(|call| {
        if call.method == "now" {
            return Ok(Value::DateTime(call.now.to_string().trim_end_matches('Z').to_owned() + "+00:00"));
        }
        let seed: u64 = format!("{:?}{:?}", call.method, call.args)
            .bytes()
            .fold(7, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let text = |text: &str| Value::Text(text.to_owned());
        Ok(match seed % 16 {
            0 => Value::Null,
            1 => Value::Float(seed as f64 / 1e7),
            2 => Value::Int(seed as i64),
            3 => Value::BigInt(format!("-{seed}0000000000")),
            4 => Value::Float(f64::NAN),
            5 => text("\u{1f600} \\\" \u{7f}"),
            6 => Value::Bytes(seed.to_le_bytes().to_vec()),
            7 => Value::List(vec![Value::Tuple(vec![Value::Int(1), Value::Decimal("1.50".to_owned())]); 3]),
            8 => Value::Dict(vec![(text("$a"), Value::Null), (Value::Int(2), text("b"))]),
            9 => Value::Duration(seed as i64 % 1_000_000_000),
            10 => Value::Date("2024-02-29".to_owned()),
            11 => return Err(SourceFault::Failed(format!("no answer to {seed}"))),
            12 => return Err(SourceFault::BadArguments("not that".to_owned())),
            13 => return Err(SourceFault::TooLarge(call.answer_bytes)),
            14 => (0..150).fold(Value::Null, |value, _| Value::List(vec![value])),
            _ => call.args.into_iter().next().unwrap_or(Value::Null),
        })
    })
}

/// Scripts from a grammar: everything whose value a tape has to keep, in any order and any nesting.
fn scripts() -> impl proptest::strategy::Strategy<Value = String> {
    let expression = sample::select(vec![
        "x",
        "repr(x)[:50]",
        "[x, 1]",
        "len(seen)",
        "time.time()",
        "time.monotonic()",
        "time.perf_counter_ns()",
        "datetime.datetime.now(datetime.timezone.utc).isoformat()",
        "random.random()",
        "uuid.uuid4().hex",
        "os.urandom(3)",
        "secrets.token_hex(4)",
        "hash('text')",
        "id(object())",
        "object()",
        "list({'b', 'a', 'c', object, 3})",
        "{object() for _ in range(3)}",
        "previous and (previous.state, previous.return_value, previous.at)",
        "float('inf') - float('inf')",
        "math.copysign(1, float('inf') * 0)",
        "struct.pack('d', float('inf') - float('inf'))",
        "helper.answer(3)",
        "sources['plugin'].ask.__doc__",
    ]);
    let simple = (0..14, expression).prop_map(|(kind, e)| match kind {
        0 | 1 => format!("x = {e}"),
        2 => format!("print({e})"),
        3 | 4 => format!("x = sources['plugin'].ask({e})"),
        5 => format!("x = sources['plugin'].ask({e}, key=len(seen))"),
        6 => "x = sources['plugin'].now()".to_owned(),
        7 => "time.sleep(0.001)".to_owned(),
        8 => format!("return_value = repr({e})"),
        9 => format!("raise MonitorFailure({e})"),
        10 => format!("raise ValueError({e})"),
        11 => "x = 1 / len([])".to_owned(),
        12 => "import no_such_module".to_owned(),
        _ => format!("x = sources['graphite'].get_sum({e}, 1, 2, 3)"),
    });
    let statement = simple.prop_recursive(3, 12, 3, |inner| {
        let block = collection::vec(inner, 1..3).prop_map(|statements| statements.join("\n").replace('\n', "\n    "));
        (0..4, block).prop_map(|(kind, block)| match kind {
            0 => format!("for _ in range(3):\n    {block}\n    seen.append(x)"),
            1 | 2 => format!("try:\n    {block}\nexcept Exception as error:\n    print(repr(error))"),
            _ => format!("def f(x):\n    {block}\n    return x\nx = f(x)"),
        })
    });
    collection::vec(statement, 1..8).prop_map(|statements| {
        format!(
            "import datetime, helper, math, os, random, secrets, struct, time, uuid\nx = None\nseen = []\n{}\n\
             print(time.monotonic(), random.random())\n",
            statements.join("\nseen.append(x)\n")
        )
    })
}

fn with_helpers(script: &str, folder: &Path) -> RunRequest {
    let mut request = request(script);
    request.python_path = Arc::from([folder.to_owned()]);
    request.broker = all_kinds_of_answers();
    request.previous = Some(Previous {
        state: State::Alarm,
        return_value: Some(ReturnValue::Float(0.1 + 0.2)),
        message: "it was so".to_owned(),
        at: "2026-03-01T11:59:00.123456Z".parse().expect("a timestamp"),
    });
    request
}

#[test]
fn any_script_does_the_same_from_its_tape() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("helper.py"), "import time\ndef answer(n): return n * 2, time.time()\n").unwrap();
    std::fs::write(folder.path().join("broken.py"), b"\xff").unwrap();
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(scripts(), any::<u64>(), 0..4), |(script, seed, runs_before)| {
        for _ in 0..runs_before {
            block_on(sandbox().run(with_helpers(&script, folder.path()))).expect("our own side works");
        }
        let mut request = with_helpers(&script, folder.path());
        request.seed = seed;
        is_the_same_again(request, &[sandbox(), untracked_sandbox(), fresh_sandbox(), sandbox_elsewhere()]);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_run_that_its_time_ended_ends_there_again() {
    let with = |script: &str, limit_ms| {
        let mut request = request(script);
        request.limits.wall_time = Duration::from_millis(limit_ms);
        request.broker = Arc::new(Never);
        request
    };
    let again = |request| is_the_same_again(request, &[sandbox(), untracked_sandbox(), fresh_sandbox()]);
    let sleeps = "import time\nprint(1)\ntime.sleep(0.01)\nprint(2)\ntime.sleep(60)\nprint(3)";
    let tape = again(with(sleeps, 2000));
    assert_eq!(tape.time_out, Some(TimeOut { limit: TimeLimit::WallTime, waits: 2, waiting: true }));
    let tape = again(with("print(1)\nsources['plugin'].ask()\nprint(2)", 2000));
    assert_eq!((tape.outcome.output.as_str(), &tape.calls[0].answer), ("1\n", &TapedAnswer::Nothing));
    let tape = again(with("import time\ntime.sleep(0.01)\nprint(1)\nwhile True: pass", 2000));
    assert_eq!(tape.time_out, Some(TimeOut { limit: TimeLimit::WallTime, waits: 1, waiting: false }));
    // What a call costs outside counts toward the processor time, also where nothing is computed any more.
    let mut request = with("sources['plugin'].ask()\nwhile True: pass", 20_000);
    request.limits.cpu_time = Duration::from_secs(3600);
    let costly = |_| async { charge(Duration::from_secs(3600)) }.map(|()| Ok(Value::Null)).boxed();
    request.broker = Arc::new(Answers(costly));
    let tape = again(request);
    assert_eq!(tape.time_out, Some(TimeOut { limit: TimeLimit::CpuTime, waits: 1, waiting: false }));
    assert_eq!(tape.calls[0].cpu_time, Duration::from_secs(3600));
}

#[test]
fn a_replay_waits_for_nothing() {
    let mut tape = record(request("import time\ntime.sleep(0.001)\nreturn_value = time.monotonic()")).1;
    tape.script = tape.script.replace("0.001", "36_000");
    // Had it waited, its limit of 20 s would have ended it.
    let replayed = replay(sandbox(), &tape).outcome.expect("an outcome");
    assert!(matches!(replayed.return_value, Some(ReturnValue::Float(seconds)) if seconds >= 36_000.0), "{replayed:?}");
}

/// Never answers.
struct Never;

impl Broker for Never {
    fn call(&self, _: revere_sandbox::SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        Box::pin(std::future::pending())
    }
}

/// Each question depends on the answer before it.
const CHAIN: &str = "
x = 'begin'
for i in range(4):
    x = sources['plugin'].ask(x, i)
return_value = x
";

fn chain() -> Tape {
    let mut request = request(CHAIN);
    request.broker = answers(|call| match (call.args.first(), call.args.get(1)) {
        (Some(Value::Text(text)), Some(Value::Int(number))) => Ok(Value::Text(format!("{text} {number}"))),
        _ => Err(SourceFault::BadArguments("a text and a number".to_owned())),
    });
    record(request).1
}

#[test]
fn one_byte_of_an_answer_flipped_names_the_first_call_that_differs() {
    let json = chain().to_json().expect("it can be written");
    for number in 1..=4usize {
        let answered = (0..number).fold("begin".to_owned(), |text, i| format!("{text} {i}"));
        let answer = format!("\"answer\": \"{answered}\"");
        assert_eq!(json.matches(&answer).count(), 1, "{json}");
        let flipped = json.replace(&answer, &answer.replacen("begin", "bfgin", 1));
        let tape = Tape::from_json(flipped.as_bytes()).expect("a tape");
        assert_eq!(
            tape.calls.iter().map(|call| call.edited).collect::<Vec<_>>(),
            (1..=4).map(|n| n == number).collect::<Vec<_>>()
        );
        let Replay { outcome, differences } = replay(sandbox(), &tape);
        match &differences[..] {
            [Difference::Call { number: named, made: Some(made), taped: Some(taped) }] => {
                assert_eq!((*named, outcome), (number + 1, None));
                assert!(made.to_string().starts_with("plugin.ask('bfgin"), "{made}");
                assert!(taped.to_string().starts_with("plugin.ask('begin"), "{taped}");
            }
            // Nothing is asked after the last answer.
            [Difference::Outcome { field: OutcomeField::ReturnValue, taped, replayed }] => {
                assert_eq!((number, taped.as_str()), (4, "\"begin 0 1 2 3\""));
                assert_eq!(replayed, "\"bfgin 0 1 2 3\"");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_call_that_is_gone_from_the_tape_is_named() {
    for number in 1..=4usize {
        let mut tape = chain();
        tape.calls.remove(number - 1);
        let Replay { outcome, differences } = replay(sandbox(), &tape);
        let [Difference::Call { number: named, made: Some(made), .. }] = &differences[..] else {
            panic!("{differences:?}")
        };
        assert_eq!((*named, outcome), (number, None));
        assert!(made.to_string().ends_with(&format!(", {})", number - 1)), "{made}");
    }
    let mut tape = chain();
    tape.calls.push(tape.calls[0].clone());
    let Replay { outcome, differences } = replay(sandbox(), &tape);
    let [Difference::Call { number: 5, made: None, taped: Some(taped) }] = &differences[..] else {
        panic!("{differences:?}")
    };
    assert_eq!((taped.to_string().as_str(), outcome.map(|o| o.state)), ("plugin.ask('begin', 0)", Some(State::Ok)));
}

#[test]
fn what_is_no_tape_is_refused_in_words() {
    let json = chain().to_json().expect("it can be written");
    let refused = |text: &str| Tape::from_json(text.as_bytes()).expect_err("it is refused").to_string();
    let changed = |from: &str, to: &str| {
        assert!(json.contains(from), "{from} in {json}");
        refused(&json.replacen(from, to, 1))
    };
    assert!(refused("return_value = 1").starts_with("this is not a tape: "));
    assert!(refused("{}").starts_with("this is not a tape: it has no \"format\""));
    assert!(refused("[1]").starts_with("this is not a tape: "));
    assert!(
        changed("\"version\": 1", "\"version\": 2")
            .starts_with("this is a tape of version 2, and this Revere reads version 1")
    );
    assert!(changed("\"seed\": \"7\"", "\"seed\": \"x\"").contains("seed: \"x\""));
    assert!(changed("\"seed\"", "\"sede\"").contains("sede"));
    assert!(changed("\"wall_time_s\": 20.0", "\"wall_time_s\": 1e9").contains("limits.wall_time_s"));
    assert!(changed("\"answer\": \"begin 0\"", "\"answer\": {\"$date\": 5}").contains("call 1: answer: "));
    assert!(changed("\"answer\": \"begin 0\",", "").contains("call 1: either an answer or a fault"));
}

#[test]
fn a_tape_keeps_its_words() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("helper.py"), "LIMIT = 3\n").unwrap();
    let script = "import helper, time\nx = sources['graphite'].get_sum('a.b', to_date='-1min')\ntime.sleep(0.001)\n\
                  try: sources['graphite'].fail()\nexcept SourceError: pass\nreturn_value = x + helper.LIMIT\n";
    let mut request = with_helpers(script, folder.path());
    request.broker = crate::support::usual_answers();
    let json = record(request).1.to_json().expect("it can be written");
    let mut tape: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for (pointer, plain) in
        [("/made_by", "..."), ("/guest", "..."), ("/prelude", "..."), ("/helpers/helper/module/file", "...")]
    {
        *tape.pointer_mut(pointer).expect(pointer) = plain.into();
    }
    for (index, call) in tape["calls"].as_array_mut().expect("a list").iter_mut().enumerate() {
        for name in ["at_us", "duration_us", "cpu_us", "checksum"] {
            call[name] = index.into();
        }
    }
    tape["sources"] = "...".into();
    let expected = serde_json::json!({
        "format": "revere-tape", "version": 1, "made_by": "...", "guest": "...", "prelude": "...",
        "script_version": revere_sandbox::script_version(script), "compiled_before": false,
        "instant": "2026-03-01T12:00:00Z", "clock_step_ns": 1000, "seed": "7",
        "previous": {
            "state": "ALARM", "return_value": 0.30000000000000004, "message": "it was so",
            "at": "2026-03-01T11:59:00.123456Z",
        },
        "limits": {
            "wall_time_s": 20.0, "cpu_time_s": 10.0, "memory_bytes": 268_435_456, "source_calls": 1000,
            "answer_bytes": 33_554_432, "output_bytes": 65_536, "message_bytes": 8192, "value_bytes": 8192,
        },
        "sources": "...",
        "helpers": {"helper": {"module": {"file": "...", "source": "LIMIT = 3\n", "package": false}}},
        "script": script,
        "calls": [
            {
                "source": "graphite", "method": "get_sum", "args": ["a.b"], "kwargs": {"to_date": "-1min"}, "at_us": 0,
                "duration_us": 0, "cpu_us": 0, "answer": 120.0, "checksum": 0,
            },
            {
                "source": "graphite", "method": "fail", "args": [], "kwargs": {}, "at_us": 1, "duration_us": 1,
                "cpu_us": 1,
                "fault": {"kind": "failed", "text": "graphite at metrics.example answered 503"}, "checksum": 1,
            },
        ],
        "time_out": null,
        "outcome": {
            "state": "OK", "message": "Monitor Passed", "return_value": 123.0, "output": "", "traceback": null,
        },
        "redacted": [],
    });
    assert_eq!(format!("{tape:#}"), format!("{expected:#}"));
}

/// Wherever a text can stand on a tape, and whatever its type.
#[test]
fn secrets_are_taken_out_wherever_they_stand() {
    const SECRET: &str = "31415926";
    let text = || Value::Text(format!("a {SECRET} b"));
    let mut tape = chain();
    let method = &mut tape.sources.get_mut("graphite").expect("a source").methods[0];
    (method.doc, method.signature) = (SECRET.to_owned(), format!("(key={SECRET:?})"));
    tape.script += &format!("# {SECRET}");
    tape.helpers = Some([("h".to_owned(), Err(SECRET.to_owned()))].into());
    tape.previous = Some(Previous {
        state: State::Ok,
        return_value: Some(ReturnValue::Int(31_415_926)),
        message: SECRET.to_owned(),
        at: tape.instant,
    });
    tape.calls[0].kwargs = vec![(SECRET.to_owned(), Value::Float(31_415_926.5))];
    let in_bytes = [b"\xff\xc3".as_slice(), SECRET.as_bytes(), b"\xfe"].concat();
    tape.calls[1].answer = TapedAnswer::Value(Value::Dict(vec![
        (text(), Value::Tuple(vec![Value::Int(31_415_926), Value::Decimal(format!("{SECRET}.5"))])),
        (Value::Bytes(in_bytes), Value::List(vec![Value::BigInt(format!("{SECRET}{SECRET}{SECRET}"))])),
    ]));
    tape.calls[2].answer = TapedAnswer::Fault(SourceFault::Failed(SECRET.to_owned()));
    tape.outcome.return_value = Some(ReturnValue::Text(SECRET.to_owned()));
    (tape.outcome.output, tape.outcome.traceback) = (SECRET.to_owned(), Some(SECRET.to_owned()));
    tape.redact(&|text| match text.contains(SECRET) {
        true => text.replace(SECRET, "[redacted]").into(),
        false => text.into(),
    });
    let json = tape.to_json().expect("it can be written");
    assert!(!json.contains(SECRET), "{json}");
    let places = ["script", "previous", "helpers.h", "sources.graphite", "calls[0]", "calls[1]", "calls[2]", "outcome"];
    assert_eq!(tape.redacted, places);
    let TapedAnswer::Value(Value::Dict(items)) = &through_a_file(&tape).calls[1].answer else { panic!("{json}") };
    assert_eq!(items[1].0, Value::Bytes(b"\xff\xc3[redacted]\xfe".to_vec()), "what was no text is as it was");
}

#[test]
fn the_past_and_the_threshold_are_on_the_tape() {
    let script = "before = history('-1h')\nthreshold = 1.5 * len(before)\nreturn_value = before[0].return_value";
    let row = vec![Value::DateTime("2026-03-01T11:00:00+00:00".into()), Value::Text("OK".into()), Value::Float(0.1)];
    let broker = answers(move |_| Ok(Value::List(vec![Value::Tuple(row.clone()); 3])));
    let tape = is_the_same_again(RunRequest { broker, ..request(script) }, &[sandbox(), fresh_sandbox()]);
    assert_eq!((tape.calls[0].source.as_str(), tape.calls[0].method.as_str()), ("", "history"));
    assert_eq!(tape.outcome.threshold, Some(4.5));
    let mut other = tape.clone();
    other.outcome.threshold = None;
    other.calls[0].args = vec![Value::Text("-2h".into())];
    let differences = replay(sandbox(), &through_a_file(&other)).differences;
    assert!(
        differences.iter().any(
            |one| matches!(one, Difference::Call { made: Some(made), .. } if made.to_string() == "history('-1h')")
        ),
        "{differences:?}"
    );
    other.calls = tape.calls.clone();
    let differences = replay(sandbox(), &through_a_file(&other)).differences;
    assert_eq!(
        differences,
        [Difference::Outcome { field: OutcomeField::Threshold, taped: "none".into(), replayed: "4.5".into() }]
    );
}
