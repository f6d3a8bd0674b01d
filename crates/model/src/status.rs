//! The state machine of a monitor: what a run, switching off and switching on do to its state.
//!
//! A problem is `ALARM` or `ERROR`. So many failing runs in a row start one, so many passing runs in a row end it; the
//! very first run of an `INACTIVE` monitor that passes makes it `OK` at once, since there is nothing to be sure of.
//! Knows nothing of time but to stamp it, and nothing of who is told: see [`crate::tell()`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorSpec, State};

/// Where a monitor stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The state people see.
    pub state: State,
    /// Since when it is in that state.
    pub state_since: Timestamp,
    /// Failing runs (`ALARM` and `ERROR` together) in a row up to now.
    pub failing_streak: u32,
    /// Passing runs in a row up to now.
    pub passing_streak: u32,
}

/// What the author of a monitor decided that bears on its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether the monitor is switched on. A run of one that is not (by hand, or begun before it was switched off)
    /// leaves it `INACTIVE`.
    pub active: bool,
    /// So many failing runs in a row make a flip; 0 counts as 1.
    pub alarm_after: u32,
    /// So many passing runs in a row end a problem; 0 counts as 1.
    pub recover_after: u32,
}

impl From<&MonitorSpec> for Rules {
    fn from(spec: &MonitorSpec) -> Self {
        Rules { active: spec.active, alarm_after: spec.alarm_after, recover_after: spec.recover_after }
    }
}

/// A change of state; the two always differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flip {
    /// The state before.
    pub old: State,
    /// The state after.
    pub new: State,
}

/// What becomes of a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The status from now on.
    pub status: Status,
    /// The change of state, if there is one.
    pub flip: Option<Flip>,
}

impl Status {
    /// A monitor that has never run.
    pub fn new(created_at: Timestamp) -> Status {
        Status { state: State::Inactive, state_since: created_at, failing_streak: 0, passing_streak: 0 }
    }

    fn unchanged(self) -> Transition {
        Transition { status: self, flip: None }
    }

    fn flipped(self, new: State, at: Timestamp) -> Transition {
        let flip = Flip { old: self.state, new };
        Transition { status: Status { state: new, state_since: at, ..self }, flip: Some(flip) }
    }
}

/// What a run that ended at `at` with `outcome` does to a monitor.
///
/// From `INACTIVE` the first `OK` counts at once. From `INACTIVE` and `OK` a failing run flips when the failing streak
/// reaches `alarm_after`. In a problem, a failing run of the other kind flips under the same condition, and passing runs
/// flip to `OK` when their streak reaches `recover_after`. An outcome is never `INACTIVE`; if it were, nothing changes.
pub fn after_run(status: &Status, outcome: State, at: Timestamp, rules: &Rules) -> Transition {
    if !rules.active || outcome == State::Inactive {
        return status.unchanged();
    }
    let mut next = *status;
    if outcome.is_problem() {
        next.failing_streak = status.failing_streak.saturating_add(1);
        next.passing_streak = 0;
    } else {
        next.failing_streak = 0;
        next.passing_streak = status.passing_streak.saturating_add(1);
    }
    let flips = outcome != status.state
        && match (status.state, outcome) {
            (_, State::Alarm | State::Error) => next.failing_streak >= rules.alarm_after,
            (State::Alarm | State::Error, _) => next.passing_streak >= rules.recover_after,
            (State::Ok | State::Inactive, _) => true,
        };
    if flips { next.flipped(outcome, at) } else { next.unchanged() }
}

/// Switches a monitor off: it is `INACTIVE` at once and its streaks are forgotten. Twice is as good as once.
pub fn deactivate(status: &Status, at: Timestamp) -> Transition {
    let next = Status { failing_streak: 0, passing_streak: 0, ..*status };
    if status.state == State::Inactive { next.unchanged() } else { next.flipped(State::Inactive, at) }
}

/// Switches a monitor on: it stays `INACTIVE` until its first run. One that is on already is left as it is.
pub fn activate(status: &Status) -> Transition {
    if status.state == State::Inactive {
        Status { failing_streak: 0, passing_streak: 0, ..*status }.unchanged()
    } else {
        status.unchanged()
    }
}
