//! Tracebacks are written from frames where they are plain; what people see is to the letter what Python itself writes.

use std::time::Duration;

use revere_model::State;
use revere_sandbox::Limits;

use crate::support::{request, run, run_in, sandbox, value};

const CORPUS: &str = include_str!("tracebacks.py");

/// Compares what `sources` (Python) yields: how many failures, and how many of them were plain.
fn compare(sources: &str) -> (u32, u32) {
    let script = format!(
        "{CORPUS}\ncount, plain, different = compared({sources})\n\
         for text in different[:3]: print(text)\n\
         return_value = '%d %d %d' % (count, plain, len(different))\n"
    );
    let mut request = request(&script);
    let long = Duration::from_secs(600);
    request.limits = Limits { wall_time: long, cpu_time: long, memory_bytes: 512 << 20, ..Limits::default() };
    let outcome = run_in(sandbox(), request);
    let text = value(&outcome);
    let numbers: Vec<u32> = text.split(' ').map(|number| number.parse().expect("a number")).collect();
    assert_eq!(numbers[2], 0, "of {} texts these differ, and others:\n{}", numbers[0], outcome.output);
    (numbers[0], numbers[1])
}

#[test]
fn what_is_odd_reads_as_python_writes_it() {
    let (count, plain) = compare("ODD");
    assert!(count > 165 && plain > 110, "{count} compared, {plain} of them plain");
}

/// One of 29 parts of the combinations; `REVERE_ALL_TRACEBACKS=1` for all of them, which takes minutes.
#[test]
fn whatever_fails_wherever_reads_as_python_writes_it() {
    let every = std::env::var_os("REVERE_ALL_TRACEBACKS").is_some();
    let parts = if every { 0..29 } else { 3..4 };
    for part in parts {
        let (count, plain) = compare(&format!("combined({part}, 29)"));
        assert!(count > 400 && plain > count * 9 / 10, "{count} compared, {plain} of them plain");
    }
}

#[test]
fn a_failing_monitor_says_where() {
    let outcome =
        run("def check(load):\n    if load > 2:\n        raise MonitorFailure('load is %d' % load)\n\ncheck(3)\n");
    assert_eq!(outcome.state, State::Alarm);
    assert_eq!(
        outcome.error.unwrap().traceback.as_deref(),
        Some(
            "Traceback (most recent call last):\n  File \"monitor.py\", line 5, in <module>\n    check(3)\n    ~~~~~^^^\n  \
             File \"monitor.py\", line 3, in check\n    raise MonitorFailure('load is %d' % load)\n\
             revere_failures.MonitorFailure: load is 3\n"
        )
    );
}

/// Each begins in its second line, so that the first has room for what makes the short way impassable.
const FAILURES: [&str; 29] = [
    "raise MonitorFailure('load is %d' % 3)",
    "raise MonitorFailure('')",
    "raise MonitorFailure('x', severity='critical')",
    "raise MonitorFailure('größer \\ud800')",
    "raise MonitorFailure('a\\nb' * 40_000)",
    "raise MonitorFailure",
    "raise MonitorFailure('a', 'b')",
    "raise MonitorFailure(7)",
    "if True:\n\traise MonitorFailure('in a block')  ",
    "if True: raise MonitorFailure('beside something')",
    "raise MonitorFailure('a'); pass",
    "raise MonitorFailure('a')  # and why",
    "raise MonitorFailure(\n    'over lines')",
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise MonitorFailure('with a context')",
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise MonitorFailure('x') from None",
    "raise MonitorFailure('x') from ValueError('why')",
    "def check():\n    raise MonitorFailure('deep')\ncheck()",
    "exec(\"raise MonitorFailure('made')\")",
    "class Own(MonitorFailure):\n    severity = 'warning'\nraise Own('own')",
    "MonitorFailure.severity = 'critical'\nraise MonitorFailure('x')",
    "MonitorFailure.__module__ = 'mine'\nraise MonitorFailure('x')",
    "MonitorFailure.__name__ = MonitorFailure.__qualname__ = 'Mine'\nraise MonitorFailure('x')",
    "MonitorFailure.__str__ = lambda self: 'another text'\nraise MonitorFailure('x')",
    "error = MonitorFailure('x')\nerror.add_note('a note')\nraise error",
    "error = MonitorFailure('x')\nerror.severity = 'nobody knows'\nraise error",
    "import linecache\nlinecache.cache['monitor.py'][2][3] = 'another line'\nraise MonitorFailure('x')",
    "import linecache\nlinecache.cache.clear()\nraise MonitorFailure('x')",
    "error = MonitorFailure('x')\ntry:\n    raise error\nexcept MonitorFailure:\n    raise",
    "error = MonitorFailure('x')\ntry:\n    raise error\nexcept MonitorFailure:\n    pass\nraise error",
];

#[test]
fn a_plain_failure_is_told_as_any_other() {
    let long_line = format!("raise MonitorFailure({})", "'ab' ".repeat(600));
    for failure in FAILURES.into_iter().chain([long_line.as_str()]) {
        let [short, long] = ["pass", "MonitorFailure.is_as_made = False"].map(|first| {
            let script = format!("{first}\n{failure}\n");
            // The first run compiles it, later ones find it compiled.
            let told = [run(&script), run(&script), run(&script)].map(|outcome| {
                assert_eq!(outcome.state, State::Alarm, "{failure}: {outcome:?}");
                (outcome.message, outcome.severity, outcome.error)
            });
            assert!(told[0] == told[1] && told[1] == told[2], "{failure}: {told:?}");
            told.into_iter().next()
        });
        assert_eq!(short, long, "{failure}");
    }
}

#[test]
fn what_nearly_every_monitor_does_goes_the_short_way() {
    let heading = "import revere_failures\nrevere_failures.HEADING = 'the short way\\n'\n";
    let goes_it = |failure: &str| {
        let error = run(&format!("{heading}{failure}\n")).error.expect("it fails");
        error.traceback.is_some_and(|text| text.starts_with("the short way\n"))
    };
    assert!(goes_it("raise MonitorFailure('load is %d' % 3)"));
    assert!(goes_it("if True:\n    raise MonitorFailure('a text', severity='warning')"));
    assert!(!goes_it("raise MonitorFailure('a', 'b')"));
    assert!(!goes_it("def check():\n    raise MonitorFailure('deep')\ncheck()"));
}
