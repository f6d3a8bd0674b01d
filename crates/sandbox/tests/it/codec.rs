//! Values through a real interpreter, both ways, and what a forger gains by bytes of its own: the end of its own run.

use std::sync::{Arc, Mutex};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use revere_model::State;
use revere_sandbox::{LimitKind, Outcome, Value};

use crate::support::{answers, block_on, request, run, sandbox, value};

#[path = "../../src/codec/strategy.rs"]
mod strategy;

/// Values per run; each is asked for once and sent back once.
const VALUES: usize = 450;

#[test]
fn any_value_comes_into_a_script_and_out_of_it_as_it_is() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..4 {
        let values: Vec<Value> =
            (0..VALUES).map(|_| strategy::value().new_tree(&mut runner).expect("a value").current()).collect();
        let (asked, sent) = (Arc::new(Mutex::new(values.clone().into_iter())), Arc::new(Mutex::new(Vec::new())));
        let back = sent.clone();
        let mut request = request(&format!(
            "graphite = sources['graphite']\nfor _ in range({VALUES}):\n    graphite.echo(graphite.get_sum('next'))"
        ));
        request.broker = answers(move |call| {
            Ok(match call.method.as_str() {
                "get_sum" => asked.lock().expect("nobody panicked").next().expect("as many as there are"),
                _ => {
                    back.lock().expect("nobody panicked").extend(call.args);
                    Value::Null
                }
            })
        });
        let outcome = block_on(sandbox().run(request)).expect("our own side works");
        assert_eq!(outcome.state, State::Ok, "{}", outcome.message);
        let sent = sent.lock().expect("nobody panicked");
        assert_eq!(sent.len(), VALUES);
        for (value, back) in values.iter().zip(sent.iter()) {
            assert_eq!(back, value);
            // As it would stand on a tape.
            let json = value.to_json().expect("not too deep");
            assert_eq!(&Value::from_json(&json).expect("our own JSON"), back);
        }
    }
}

/// Columns as databases have them: few words many times, and many once, so that places of texts are taken by others and won back.
#[test]
fn texts_that_come_again_are_what_they_were() {
    let text = |text: String| Value::Text(text);
    let word = |number: usize| match number % 5 {
        0 => Value::Null,
        1 => text("läuft seit dem letzten Neustart".to_owned()),
        2 => text("down".to_owned()),
        3 => text("up".to_owned()),
        _ => text("w".repeat(3 + number % 300)),
    };
    let row = |number: usize| {
        vec![
            ("id", Value::Int(number as i64)),
            ("name", text(format!("web{}", number % 700))),
            ("state", word(number)),
            ("price", Value::Decimal(format!("{}.50", 100 + number % 3))),
            ("day", Value::Date(format!("2026-03-{:02}", 1 + number % 28))),
        ]
    };
    let cells = |number: usize, most: usize| row(number).into_iter().take(most).map(|(_, cell)| cell).collect();
    let named = |number: usize| {
        let name = |(name, cell): (&str, Value)| (Value::Text(name.to_owned()), cell);
        Value::Dict(row(number).into_iter().map(name).collect())
    };
    // Keys that are at one place here and at another there.
    let nested = |number: usize| {
        let inner = (text("row".to_owned()), named(number));
        let others = (0..number % 4).map(|other| (text(format!("key{}", number % 3 + other)), Value::Int(7)));
        Value::Dict(others.chain([inner, (text("price".to_owned()), Value::Null)]).collect())
    };
    let long = 2000;
    for answer in [
        Value::List((0..long).map(|number| Value::Tuple(cells(number, 3))).collect()),
        Value::List((0..long).map(|number| Value::Tuple(cells(number, 5))).collect()),
        Value::List((0..long).map(named).collect()),
        Value::List((0..long).map(nested).collect()),
        Value::List((0..long).map(word).collect()),
        Value::Dict(vec![
            (text("down".to_owned()), Value::List((0..long).map(|number| Value::List(cells(number, 5))).collect())),
            (text("after".to_owned()), Value::List(vec![text("down".to_owned()), text("after".to_owned())])),
        ]),
    ] {
        let back = Arc::new(Mutex::new(Vec::new()));
        let (asked, sent) = (answer.clone(), back.clone());
        let mut request = request("graphite = sources['graphite']\ngraphite.echo(graphite.get_sum('all'))");
        request.broker = answers(move |call| {
            Ok(match call.method.as_str() {
                "get_sum" => asked.clone(),
                _ => {
                    sent.lock().expect("nobody panicked").extend(call.args);
                    Value::Null
                }
            })
        });
        let outcome = block_on(sandbox().run(request)).expect("our own side works");
        assert_eq!(outcome.state, State::Ok, "{}", outcome.message);
        assert!(*back.lock().expect("nobody panicked") == [answer]);
    }
}

#[test]
fn kinds_of_a_type_are_what_they_extend() {
    let script = "
import array, collections, decimal, enum, typing
class Text(str): pass
class Number(float): pass
class Level(enum.IntEnum): HIGH = 3
class Word(enum.StrEnum): UP = 'up'
class Point(typing.NamedTuple):
    x: int
    y: str
class Items(list): pass
values = [
    (Text('a'), 'a'), (Number(1.5), 1.5), (Level.HIGH, 3), (Word.UP, 'up'), (Point(1, 'b'), (1, 'b')), (Items([1]), [1]), (bytearray(b'c'), b'c'),
    (memoryview(b'defg')[::2], b'df'), (collections.OrderedDict(a=1), {'a': 1}), (collections.Counter('aab'), {'a': 2, 'b': 1}),
    ({Text('k'): {Level.HIGH: Text('v')}}, {'k': {3: 'v'}}), (collections.defaultdict(list, a=[Level.HIGH]), {'a': [3]}), (2**63, 2**63), ([True, 2**64], [True, 2**64]),
]
wrong = []
for sent, wanted in values:
    back = sources['graphite'].echo(sent)
    if type(back) is not type(wanted) or repr(back) != repr(wanted):
        wrong.append((sent, back))
sources['graphite'].echo(value=Text('n'))
return_value = repr(wrong)
";
    let outcome = run(script);
    assert_eq!(value(&outcome), "[]");
    assert_eq!(outcome.source_calls.last().map(|call| call.arguments.as_str()), Some("value='n'"));
}

#[test]
fn what_cannot_be_sent_is_said_in_the_same_words_as_ever() {
    let deep = "deep = []\nfor _ in range(98): deep = [deep]\n";
    let looped = "looped = []\nlooped += [looped, looped]\n";
    for (before, value, words) in [
        ("", "{1}", "TypeError: echo() cannot send a set to a source"),
        ("", "[frozenset()]", "TypeError: echo() cannot send a frozenset to a source"),
        ("", "2j", "TypeError: echo() cannot send a complex to a source"),
        ("", "...", "TypeError: echo() cannot send a ellipsis to a source"),
        ("", "(..., 2, '1.5')", "TypeError: echo() cannot send a ellipsis to a source"),
        ("", "{'a': StopIteration}", "TypeError: echo() cannot send a type to a source"),
        ("", "compile('1', 'x', 'exec')", "TypeError: echo() cannot send a code to a source"),
        ("import array\n", "array.array('i', [1])", "TypeError: echo() cannot send a array to a source"),
        ("", "slice(1)", "TypeError: echo() cannot send a slice to a source"),
        ("", "'ä\\ud800'", "ValueError: a text with a lone surrogate at position 1"),
        ("", "['', {'😀\\udfff': 1}]", "ValueError: a text with a lone surrogate at position 1"),
        (deep, "[deep]", "ValueError: a value nested more than 100 levels deep"),
        (looped, "looped", "ValueError: a value nested more than 100 levels deep"),
        ("", "10 ** 5000", "ValueError: Exceeds the limit (4300 digits) for integer string conversion"),
        ("", "'x' * 3_000_000", "ValueError: arguments larger than 2097152 bytes"),
    ] {
        let outcome = run(&format!("{before}sources['graphite'].echo({value})"));
        assert!(outcome.message.starts_with(words), "{value}: {}", outcome.message);
        assert_eq!(outcome.source_calls, [], "{value}");
    }
    assert_eq!(value(&run(&format!("{deep}return_value = repr(sources['graphite'].echo(deep) == deep)"))), "True");
}

#[test]
fn an_answer_of_thirty_one_mebibytes_comes_and_one_of_thirty_three_does_not() {
    let answered = |answer: Value| -> Outcome {
        let mut request = request("return_value = len(sources['graphite'].get_sum('all'))");
        request.broker = answers(move |_| Ok(answer.clone()));
        block_on(sandbox().run(request)).expect("our own side works")
    };
    let texts = |mebibytes: usize| Value::List(vec![Value::Text("x".repeat((1 << 20) - 10)); mebibytes]);
    let bytes = |mebibytes: usize| Value::Bytes(vec![7; mebibytes << 20]);
    assert_eq!(value(&answered(texts(31))), "31");
    assert_eq!(value(&answered(bytes(31))), (31 << 20).to_string());
    for answer in [texts(33), bytes(33), Value::List(vec![Value::Float(0.5); 4 << 20])] {
        let outcome = answered(answer);
        assert_eq!(outcome.error.as_ref().and_then(|error| error.limit), Some(LimitKind::Answer), "{outcome:?}");
    }
}

/// The files of `tests/corpus/marshal`, by name.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/marshal");
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("a folder");
        (entry.file_name().into_string().expect("a plain name"), std::fs::read(entry.path()).expect("a file"))
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the corpus").map(file).collect();
    files.sort();
    files
}

fn literal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[test]
fn a_forged_request_is_refused_in_words_and_costs_nobody_anything() {
    for (name, bytes) in corpus() {
        let script = format!(
            "import revere_host\nfrom marshal import loads\nanswer = loads(revere_host.host_call(b'{}'))\n\
            return_value = repr(answer)",
            literal(&bytes)
        );
        let answer = value(&run(&script));
        if name.starts_with("bad") {
            let refused = answer.starts_with("('value', \"the request cannot be read: ")
                || answer.starts_with("('value', 'the request cannot be read: ")
                || answer.starts_with("('value', 'a text with a lone surrogate at position ")
                || answer.starts_with("('value', 'not a request that the host knows')");
            assert!(refused, "{name}: {answer}");
        }
    }
    assert_eq!(value(&run("return_value = 1")), "1");
}

/// Puts other bytes in the place of the result, on their way out of the interpreter.
const FORGES: &str = "
import sys
frame = sys._getframe()
while 'answer' not in frame.f_code.co_varnames: frame = frame.f_back
def forge(frame, event, argument):
    if 'answer' in frame.f_locals: frame.f_locals['answer'] = FORGED
    return forge
frame.f_trace = forge
sys.settrace(lambda *arguments: None)
return_value = 1
";

#[test]
fn a_forged_result_ends_its_own_run_and_is_said() {
    for (name, bytes) in corpus() {
        let script = format!("FORGED = b'{}'\n{FORGES}", literal(&bytes));
        let outcome = run(&script);
        if name == "good-outcome" {
            assert_eq!(value(&outcome), "0.5");
        } else if name == "good-outcome-odd" {
            assert_eq!(outcome.message, "the run's result is not one that a run can have");
        } else {
            assert_eq!(outcome.state, State::Error, "{name}: {outcome:?}");
            let kind = outcome.error.as_ref().map(|error| error.kind.as_str());
            assert_eq!(kind, Some("Crash"), "{name}: {}", outcome.message);
            let said =
                ["the run's result cannot be read: ", "the run's result is not one", "the run broke the interpreter"];
            assert!(said.iter().any(|words| outcome.message.starts_with(words)), "{name}: {}", outcome.message);
        }
    }
    assert_eq!(value(&run("return_value = 1")), "1");
}
