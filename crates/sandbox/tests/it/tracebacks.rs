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
