//! Four weeks of runs that were never made, as if the demo had been there all along.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{ReturnValue, Rules, RunKind, Schedule, State, Status, after_run, deactivate, zone};

use super::examples::{EXAMPLES, Example, Past as Gave};
use crate::{
    sources::demo::world::World,
    store::{ImportedChange, ImportedMonitor, ImportedRun, Past},
};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
/// How far back it goes.
const WEEKS: i64 = 28 * DAY;
/// A monitor that is off was switched off so long ago.
const OFF_FOR: i64 = 5 * DAY;

/// The example monitors with their history up to `now`.
pub(super) fn monitors(world: &World, now: Timestamp) -> Vec<ImportedMonitor> {
    // One thread each: most of the time is arithmetic.
    std::thread::scope(|scope| {
        let threads: Vec<_> = EXAMPLES.iter().map(|example| scope.spawn(|| monitor(example, world, now))).collect();
        threads.into_iter().map(|thread| thread.join().expect("arithmetic on a made-up world does not panic")).collect()
    })
}

fn monitor(example: &Example, world: &World, now: Timestamp) -> ImportedMonitor {
    let spec = example.spec();
    let now_s = now.as_second();
    let end = if example.active { now_s } else { now_s - OFF_FOR };
    let instants = instants(example, now_s - WEEKS, end);
    let rules = Rules { active: true, ..Rules::from(&spec) };
    let mut status = Status::new(stamp(instants.first().copied().unwrap_or(end)));
    let mut history = Vec::with_capacity(instants.len() + 1);
    for at in instants {
        let gave = (example.past)(world, at);
        let at = stamp(at);
        let next = after_run(&status, gave.outcome, None, at, &rules).status;
        history.push(Past::Run(run(gave, at, status.state, next.state)));
        status = next;
    }
    if !example.active {
        let at = stamp(end);
        let message = "Switched off".to_owned();
        history.push(Past::Change(ImportedChange { at, old_state: status.state, new_state: State::Inactive, message }));
        status = deactivate(&status, at).status;
    }
    ImportedMonitor { id: None, spec, state: status.state, heard: State::Inactive, history }
}

/// When it ran: seldom schedules as they are, busy ones thinned out, and closer together in the last day.
fn instants(example: &Example, from: i64, to: i64) -> Vec<i64> {
    let schedule: Schedule = example.schedule.parse().expect("the examples' schedules are right, as a test shows");
    let zone = zone(example.timezone).expect("the examples' time zones exist, as a test shows");
    let mut instants = Vec::new();
    let mut at = stamp(from);
    while let Some(tick) = schedule.after(at, &zone).filter(|tick| tick.as_second() <= to) {
        instants.push(tick.as_second());
        let apart = if tick.as_second() >= to - DAY { MINUTE } else { 10 * MINUTE };
        at = stamp(tick.as_second() + apart - 1);
    }
    instants
}

fn run(gave: Gave, at: Timestamp, old_state: State, new_state: State) -> ImportedRun {
    let Gave { outcome, message, value, output, traceback } = gave;
    // Some runs take longer than others; from the value, so that it is the same every time.
    let spread = value.as_ref().and_then(ReturnValue::as_number).map_or(3, |value| (value.abs() * 1000.0) as u64 % 7);
    ImportedRun {
        kind: RunKind::Scheduled,
        at,
        duration: Duration::from_micros(900 + 350 * spread),
        outcome,
        old_state,
        new_state,
        message: message.unwrap_or_else(|| "Monitor Passed".to_owned()),
        return_value: value,
        output,
        traceback,
    }
}

fn stamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("weeks around now are within the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_772_000_000;

    #[test]
    fn every_example_is_a_monitor_that_could_be_saved() {
        for example in EXAMPLES {
            assert_eq!(example.spec().faults(), [], "{}", example.name);
        }
    }

    #[test]
    fn history_is_long_consistent_and_has_stories() {
        let world = World { live_since: Some(NOW) };
        let monitors = monitors(&world, stamp(NOW));
        let mut flips = 0;
        for monitor in &monitors {
            let name = &monitor.spec.name;
            let mut state = State::Inactive;
            let mut last = stamp(NOW - WEEKS - DAY);
            for past in &monitor.history {
                let (at, old, new) = match past {
                    Past::Run(run) => (run.at, run.old_state, run.new_state),
                    Past::Change(change) => (change.at, change.old_state, change.new_state),
                };
                assert!(at > last && at <= stamp(NOW), "{name}: {at} after {last}");
                assert_eq!(old, state, "{name} at {at}");
                flips += usize::from(old != new);
                (state, last) = (new, at);
            }
            assert_eq!(monitor.state, state, "{name}");
            assert!(monitor.history.len() >= 18, "{name}: {}", monitor.history.len());
        }
        let runs: usize = monitors.iter().map(|monitor| monitor.history.len()).sum();
        assert!((40_000..90_000).contains(&runs), "{runs} runs");
        assert!((60..400).contains(&flips), "{flips} flips");
        let states: Vec<State> = monitors.iter().map(|monitor| monitor.state).collect();
        assert!(states.iter().filter(|state| **state == State::Ok).count() >= 9, "it begins in peace: {states:?}");
        assert!(states.contains(&State::Error) && states.contains(&State::Inactive), "{states:?}");
    }
}
