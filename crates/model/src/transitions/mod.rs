//! The state machine of a monitor: what a run, switching off and switching on do to its state.
//!
//! A problem is `ALARM` or `ERROR`. So many failing runs in a row, or of the last runs, start one, so many passing runs in
//! a row end it; the very first run of an `INACTIVE` monitor that passes makes it `OK` at once, since there is nothing
//! to be sure of. A problem that becomes more or less severe flips, too, from its state to the same, and is as old as
//! it was. Knows nothing of time but to stamp it, and nothing of who is told: see [`crate::tell()`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorSpec, Pending, Severity, State};

/// The most last runs that failures are counted among, and so the most that are remembered.
pub const MAX_ALARM_WINDOW: u32 = 60;

/// Where a monitor stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The state people see.
    pub state: State,
    /// How severe the problem is; `None` while there is none.
    pub severity: Option<Severity>,
    /// Since when it is in that state.
    pub state_since: Timestamp,
    /// Failing runs (`ALARM` and `ERROR` together) in a row up to now.
    pub failing_streak: u32,
    /// Passing runs in a row up to now.
    pub passing_streak: u32,
    /// Which of the last [`MAX_ALARM_WINDOW`] runs failed, a bit each, the lowest for the last one. Begins anew where a
    /// problem ends and where the monitor is switched off.
    pub recent_failures: u64,
}

/// What the author of a monitor decided that bears on its state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Whether the monitor is switched on. A run of one that is not (by hand, or begun before it was switched off)
    /// leaves it `INACTIVE`.
    pub active: bool,
    /// So many failing runs make a flip; 0 counts as 1.
    pub alarm_after: u32,
    /// Of so many last runs; `None` is in a row.
    pub alarm_window: Option<u32>,
    /// So many passing runs in a row end a problem; 0 counts as 1.
    pub recover_after: u32,
    /// How severe a problem is that says nothing of it.
    pub default_severity: Severity,
}

impl From<&MonitorSpec> for Rules {
    fn from(spec: &MonitorSpec) -> Self {
        Rules {
            active: spec.active,
            alarm_after: spec.alarm_after,
            alarm_window: spec.alarm_window,
            recover_after: spec.recover_after,
            default_severity: spec.default_severity,
        }
    }
}

/// A change of state, or of how severe a problem is: one of the two always differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flip {
    /// The state before.
    pub old: State,
    /// How severe that was; `None` where it was no problem.
    pub old_severity: Option<Severity>,
    /// The state after.
    pub new: State,
    /// How severe that is; `None` where it is no problem.
    pub severity: Option<Severity>,
}

impl Flip {
    /// How severe the problem is that this is about: the one that is there, else the one that ended.
    pub fn about(&self) -> Option<Severity> {
        self.severity.or(self.old_severity)
    }
}

/// What becomes of a status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The status from now on.
    pub status: Status,
    /// The change of state, if there is one.
    pub flip: Option<Flip>,
}

impl Rules {
    /// How severe `outcome` is, of which a run said `severity`; `None` where it is no problem.
    pub fn severity_of(&self, outcome: State, severity: Option<Severity>) -> Option<Severity> {
        outcome.is_problem().then(|| severity.unwrap_or(self.default_severity))
    }
}

impl Status {
    /// A monitor that has never run.
    pub fn new(created_at: Timestamp) -> Status {
        Status {
            state: State::Inactive,
            severity: None,
            state_since: created_at,
            failing_streak: 0,
            passing_streak: 0,
            recent_failures: 0,
        }
    }

    /// What it would take to change, where a part of that is there already.
    pub fn pending(&self, rules: &Rules) -> Option<Pending> {
        let Rules { alarm_after, alarm_window, recover_after, .. } = *rules;
        let pending = if self.state.is_problem() {
            Pending { failing: false, runs: self.passing_streak, needed: recover_after.max(1), window: None }
        } else {
            let runs = alarm_window.map_or(self.failing_streak, |window| self.failed_of_last(window));
            Pending { failing: true, runs, needed: alarm_after.max(1), window: alarm_window }
        };
        (rules.active && pending.runs > 0).then_some(pending)
    }

    fn failed_of_last(&self, runs: u32) -> u32 {
        let kept = (1_u64 << runs.min(MAX_ALARM_WINDOW)) - 1;
        (self.recent_failures & kept).count_ones()
    }

    /// The status after a run that failed or passed, before it is asked whether that flips.
    fn counted(self, failed: bool) -> Status {
        let kept = (1_u64 << MAX_ALARM_WINDOW) - 1;
        let recent_failures = (self.recent_failures << 1 | u64::from(failed)) & kept;
        let (failing_streak, passing_streak) = if failed {
            (self.failing_streak.saturating_add(1), 0)
        } else {
            (0, self.passing_streak.saturating_add(1))
        };
        Status { failing_streak, passing_streak, recent_failures, ..self }
    }

    /// Whether a failing run, counted already, makes a problem. A window makes that sooner, never later: a streak that is
    /// long enough always does.
    fn fails_enough(&self, rules: &Rules) -> bool {
        self.failing_streak >= rules.alarm_after
            || rules.alarm_window.is_some_and(|window| self.failed_of_last(window) >= rules.alarm_after)
    }

    fn unchanged(self) -> Transition {
        Transition { status: self, flip: None }
    }

    fn flipped(self, new: State, severity: Option<Severity>, at: Timestamp) -> Transition {
        let flip = Flip { old: self.state, old_severity: self.severity, new, severity };
        let state_since = if new == self.state { self.state_since } else { at };
        // What made a problem that has ended does not count toward the next one.
        let ended = self.state.is_problem() && !new.is_problem();
        let recent_failures = if ended { 0 } else { self.recent_failures };
        Transition { status: Status { state: new, severity, state_since, recent_failures, ..self }, flip: Some(flip) }
    }
}

/// What a run that ended at `at` with `outcome` does to a monitor; `severity` is what it says of a problem, if it does.
///
/// From `INACTIVE` the first `OK` counts at once. From `INACTIVE` and `OK` a failing run flips when the failing streak
/// reaches `alarm_after`, or, if there is an `alarm_window`, when so many of its last runs failed: any run that is recorded
/// is one of them, whatever the rules were when it was, since the last problem ended or the monitor was switched on. In
/// a problem, a failing run of the other kind flips under the same condition, and passing runs flip to `OK` when their
/// streak reaches `recover_after`. A failing run of the same kind and another severity flips as one of the other kind
/// does. An outcome is never `INACTIVE`; if it were, nothing changes.
pub fn after_run(
    status: &Status,
    outcome: State,
    severity: Option<Severity>,
    at: Timestamp,
    rules: &Rules,
) -> Transition {
    if !rules.active || outcome == State::Inactive {
        return status.unchanged();
    }
    let next = status.counted(outcome.is_problem());
    let severity = rules.severity_of(outcome, severity);
    let flips = (outcome, severity) != (status.state, status.severity)
        && match (status.state, outcome) {
            (_, State::Alarm | State::Error) => next.fails_enough(rules),
            (State::Alarm | State::Error, _) => next.passing_streak >= rules.recover_after,
            (State::Ok | State::Inactive, _) => true,
        };
    if flips { next.flipped(outcome, severity, at) } else { next.unchanged() }
}

/// Switches a monitor off: it is `INACTIVE` at once and the runs that were counted are forgotten. Twice is as good as once.
pub fn deactivate(status: &Status, at: Timestamp) -> Transition {
    let next = Status { failing_streak: 0, passing_streak: 0, recent_failures: 0, ..*status };
    if status.state == State::Inactive { next.unchanged() } else { next.flipped(State::Inactive, None, at) }
}

/// Switches a monitor on, which changes nothing yet: it stays `INACTIVE` until its first run. Twice is as good as once.
pub fn activate(status: &Status) -> Transition {
    status.unchanged()
}

#[cfg(test)]
mod tests;
