//! The state machine of a monitor: what a run, switching off and switching on do to its state.
//!
//! A problem is `ALARM` or `ERROR`. So many failing runs in a row start one, so many passing runs in a row end it; the
//! very first run of an `INACTIVE` monitor that passes makes it `OK` at once, since there is nothing to be sure of.
//! A problem that becomes more or less severe flips, too, from its state to the same, and is as old as it was.
//! Knows nothing of time but to stamp it, and nothing of who is told: see [`crate::tell()`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorSpec, Severity, State};

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
    /// How severe a problem is that says nothing of it.
    pub default_severity: Severity,
}

impl From<&MonitorSpec> for Rules {
    fn from(spec: &MonitorSpec) -> Self {
        Rules {
            active: spec.active,
            alarm_after: spec.alarm_after,
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
        Status { state: State::Inactive, severity: None, state_since: created_at, failing_streak: 0, passing_streak: 0 }
    }

    fn unchanged(self) -> Transition {
        Transition { status: self, flip: None }
    }

    fn flipped(self, new: State, severity: Option<Severity>, at: Timestamp) -> Transition {
        let flip = Flip { old: self.state, old_severity: self.severity, new, severity };
        let state_since = if new == self.state { self.state_since } else { at };
        Transition { status: Status { state: new, severity, state_since, ..self }, flip: Some(flip) }
    }
}

/// What a run that ended at `at` with `outcome` does to a monitor; `severity` is what it says of a problem, if it does.
///
/// From `INACTIVE` the first `OK` counts at once. From `INACTIVE` and `OK` a failing run flips when the failing streak
/// reaches `alarm_after`. In a problem, a failing run of the other kind flips under the same condition, and passing runs
/// flip to `OK` when their streak reaches `recover_after`. A failing run of the same kind and another severity flips as one
/// of the other kind does. An outcome is never `INACTIVE`; if it were, nothing changes.
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
    let mut next = *status;
    if outcome.is_problem() {
        next.failing_streak = status.failing_streak.saturating_add(1);
        next.passing_streak = 0;
    } else {
        next.failing_streak = 0;
        next.passing_streak = status.passing_streak.saturating_add(1);
    }
    let severity = rules.severity_of(outcome, severity);
    let flips = (outcome, severity) != (status.state, status.severity)
        && match (status.state, outcome) {
            (_, State::Alarm | State::Error) => next.failing_streak >= rules.alarm_after,
            (State::Alarm | State::Error, _) => next.passing_streak >= rules.recover_after,
            (State::Ok | State::Inactive, _) => true,
        };
    if flips { next.flipped(outcome, severity, at) } else { next.unchanged() }
}

/// Switches a monitor off: it is `INACTIVE` at once and its streaks are forgotten. Twice is as good as once.
pub fn deactivate(status: &Status, at: Timestamp) -> Transition {
    let next = Status { failing_streak: 0, passing_streak: 0, ..*status };
    if status.state == State::Inactive { next.unchanged() } else { next.flipped(State::Inactive, None, at) }
}

/// Switches a monitor on, which changes nothing yet: it stays `INACTIVE` until its first run. Twice is as good as once.
pub fn activate(status: &Status) -> Transition {
    status.unchanged()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const ON: Rules = Rules { active: true, alarm_after: 1, recover_after: 1, default_severity: Severity::Critical };

    /// The states a monitor goes through, a letter each: `i` at first, then one per outcome (`o`, `a`, `e`).
    fn states(outcomes: &str, alarm_after: u32, recover_after: u32) -> String {
        let rules = Rules { alarm_after, recover_after, ..ON };
        let mut status = Status::new(START);
        let mut states = letter(status.state).to_string();
        for outcome in outcomes.chars() {
            let outcome = State::ALL.into_iter().find(|state| letter(*state) == outcome).unwrap();
            status = after_run(&status, outcome, None, START, &rules).status;
            states.push(letter(status.state));
        }
        states
    }

    fn letter(state: State) -> char {
        state.as_str().to_lowercase().chars().next().unwrap()
    }

    #[test]
    fn one_run_is_enough_unless_someone_asked_for_more() {
        assert_eq!(states("oaeoa", 1, 1), "ioaeoa");
        assert_eq!(states("a", 1, 1), "ia");
    }

    #[test]
    fn failing_runs_are_counted_together() {
        assert_eq!(states("aea", 3, 1), "iiia");
        assert_eq!(states("oaeoaee", 3, 1), "iooooooe");
        // In a problem the other kind counts at once, unless a passing run broke the streak.
        assert_eq!(states("aaae", 3, 1), "iiiae");
        assert_eq!(states("aaaoeea", 3, 2), "iiiaaaaa");
        assert_eq!(states("aaaoeee", 3, 2), "iiiaaaae");
    }

    #[test]
    fn passing_runs_end_a_problem_when_there_are_enough() {
        assert_eq!(states("aooaooo", 1, 3), "iaaaaaao");
        assert_eq!(states("o", 5, 5), "io");
    }

    #[test]
    fn switched_off_is_inactive_until_the_first_run_after_switching_on() {
        let rules = Rules { alarm_after: 2, ..ON };
        let failing = after_run(&Status::new(START), State::Alarm, None, START, &rules).status;
        let off = deactivate(&after_run(&failing, State::Alarm, None, START, &rules).status, START);
        let flip = off.flip.unwrap();
        assert_eq!((flip.old, flip.new, flip.severity), (State::Alarm, State::Inactive, None));
        assert_eq!(flip.about(), Some(Severity::Critical));
        assert_eq!(deactivate(&off.status, START), off.status.unchanged());

        // A run by hand, or one that was still going.
        let by_hand = after_run(&off.status, State::Ok, None, START, &Rules { active: false, ..rules });
        assert_eq!(by_hand, off.status.unchanged());

        // Old failures are not counted.
        let on = activate(&off.status).status;
        assert_eq!(on.state, State::Inactive);
        assert_eq!(after_run(&on, State::Alarm, None, START, &rules).flip, None);
        assert_eq!(after_run(&on, State::Ok, None, START, &rules).status.state, State::Ok);
    }

    #[test]
    fn a_problem_that_becomes_worse_or_better_flips_and_is_as_old_as_it_was() {
        let [warning, critical] = [Severity::Warning, Severity::Critical].map(Some);
        let later = START + SignedDuration::from_secs(9);
        let mild = after_run(&Status::new(START), State::Alarm, warning, START, &ON).status;
        assert_eq!((mild.state, mild.severity), (State::Alarm, warning));
        assert_eq!(after_run(&mild, State::Alarm, warning, later, &ON).flip, None);
        let worse = after_run(&mild, State::Alarm, None, later, &ON);
        let flip = Flip { old: State::Alarm, old_severity: warning, new: State::Alarm, severity: critical };
        assert_eq!((worse.flip, worse.status.state_since), (Some(flip), START));
        let ended = after_run(&worse.status, State::Ok, None, later, &ON);
        assert_eq!((ended.status.severity, ended.flip.unwrap().about()), (None, critical));
        // What the author says of all its problems: a broken check of little weight is no emergency.
        let light = Rules { default_severity: Severity::Warning, ..ON };
        assert_eq!(after_run(&Status::new(START), State::Error, None, START, &light).status.severity, warning);
        assert_eq!(after_run(&Status::new(START), State::Alarm, critical, START, &light).status.severity, critical);
    }

    #[derive(Clone, Debug)]
    enum Event {
        Run(State, Option<Severity>),
        Deactivate,
        Activate,
        Rules(u32, u32),
    }

    fn event() -> impl Strategy<Value = Event> {
        let outcome = prop::sample::select(vec![State::Ok, State::Alarm, State::Error]);
        let severity = prop::sample::select(Severity::ALL.to_vec());
        prop_oneof![
            12 => (outcome, prop::option::of(severity)).prop_map(|(outcome, severity)| Event::Run(outcome, severity)),
            1 => Just(Event::Deactivate),
            1 => Just(Event::Activate),
            1 => (0_u32..4, 0_u32..4).prop_map(|(alarm_after, recover_after)| Event::Rules(alarm_after, recover_after)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_laws_of_the_state_machine(events in prop::collection::vec(event(), 0..60)) {
            let mut rules = ON;
            let mut status = Status::new(START);
            let mut at = START;
            let (mut starts, mut ends) = (0, 0);
            // The outcomes since the monitor was last switched on.
            let mut outcomes: Vec<State> = Vec::new();
            for event in events {
                at += SignedDuration::from_secs(1);
                let before = status;
                let transition = match event {
                    Event::Run(outcome, severity) => {
                        if rules.active {
                            outcomes.push(outcome);
                        }
                        after_run(&status, outcome, severity, at, &rules)
                    }
                    Event::Deactivate => {
                        rules.active = false;
                        outcomes.clear();
                        deactivate(&status, at)
                    }
                    Event::Activate => {
                        rules.active = true;
                        activate(&status)
                    }
                    Event::Rules(alarm_after, recover_after) => {
                        rules = Rules { alarm_after, recover_after, ..rules };
                        status.unchanged()
                    }
                };
                status = transition.status;

                // A flip is a change, says so truly, and is when the state began.
                let whole = |status: Status| (status.state, status.severity);
                prop_assert_eq!(transition.flip.is_some(), whole(status) != whole(before));
                prop_assert_eq!(status.severity.is_some(), status.state.is_problem());
                if let Some(flip) = transition.flip {
                    prop_assert_eq!((flip.old, flip.old_severity), whole(before));
                    prop_assert_eq!((flip.new, flip.severity), whole(status));
                    starts += i32::from(flip.new.is_problem() && !flip.old.is_problem());
                    ends += i32::from(flip.old.is_problem() && !flip.new.is_problem());
                }
                prop_assert_eq!(status.state_since, if status.state == before.state { before.state_since } else { at });

                // Problems start and end in turn.
                prop_assert_eq!(starts - ends, i32::from(status.state.is_problem()));

                // Streaks are what they say.
                let streak = |problem| outcomes.iter().rev().take_while(|state| state.is_problem() == problem).count();
                prop_assert_eq!(status.failing_streak as usize, streak(true));
                prop_assert_eq!(status.passing_streak as usize, streak(false));

                // Switched off is INACTIVE; enough runs of a kind always show.
                if !rules.active {
                    prop_assert_eq!(status.state, State::Inactive);
                }
                if let (Event::Run(outcome, _), true) = (event, rules.active) {
                    let (streak, needed) = match outcome {
                        State::Ok => (status.passing_streak, rules.recover_after),
                        _ => (status.failing_streak, rules.alarm_after),
                    };
                    if streak >= needed {
                        prop_assert_eq!(status.state, outcome);
                    } else if before.state.is_problem() || outcome.is_problem() {
                        prop_assert_eq!(status.state, before.state);
                    }
                }
            }
        }

        #[test]
        fn with_one_of_each_the_state_is_the_last_outcome(outcomes in "[oae]{1,30}") {
            prop_assert_eq!(states(&outcomes, 1, 1), format!("i{outcomes}"));
        }
    }
}
