//! Who must be told: one decision for one alert and one monitor.
//!
//! The store remembers, per (alert, monitor), what was [`Told`]. Whenever something happened that bears on it (a flip, a
//! mute that began or ended, the alert switched on or off or its states changed) it asks [`tell()`], and writes the
//! answer in the same transaction. Asking again without cause is harmless: the answer is silence, and nothing changes.
//! Whoever wants to know who would be told asks the same function.
//!
//! # The rule
//!
//! Told follows the monitor's state. Where the two differ and nothing mutes it, the alert owes a delivery if it is for this
//! monitor and tells that state, and follows in silence if not. A mute holds told where it is, so a problem that began and
//! ended inside one is never told, and one that outlives it is told at its end. Beyond that:
//!
//! - What people heard last and was not `OK` stays [`Told::open`] until they hear something else, so every problem told
//!   gets exactly one end told (`OK`, or `INACTIVE` where the alert tells it), even if the monitor was switched off and
//!   on in between in silence. While `ALARM` is open, `ALARM` is not told again.
//! - `OK` is told only as the end of something: of what is open, or of a problem of a kind the alert does not tell. So a
//!   new monitor's first success, and one after being switched off in silence, are not told.
//! - If the alert does not tell `OK`, a problem is over when the monitor is `OK`: the next one is told anew.
//! - Which monitors and severities an alert is for decides about problems. The end goes wherever the problem was told,
//!   whatever was chosen meanwhile; where it was not told because it was for others, its end is not told either.
//! - A problem that becomes more severe than what people heard is told once more; one that becomes less severe is not.
//! - An alert that is switched off tells nothing, muted or not. Of monitors of which nothing is open told follows in silence:
//!   switching it on makes no storm. What was told before stays open where it is: once the alert is on again it tells what has
//!   become of it, if that is another state by then.
//! - A change of what an alert tells, or of who tells a monitor, has effect from the next flip on; it tells nothing by
//!   itself. Only a problem that was held back, and of which nobody has heard, is told by those who are for it when nothing holds
//!   it back any more.
//!
//! # The state before, in the text of a delivery
//!
//! Normally the flip's `old` state and [`Told::last_heard`] are the same. They differ when flips were held by a mute or
//! passed over in silence. The record of a delivery keeps the flip's; the text for people names the last heard.

mod routing;
mod verdict;

pub use routing::{AlertRules, Subject, Switch, UNREADABLE_TAGS};
use serde::{Deserialize, Serialize};
pub use verdict::{Decision, ParseSilenceError, Silence, Verdict};

use crate::{Severity, State};

/// What one alert has told of one monitor. The default is that of a new monitor: nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The state up to which everything was told or passed over in silence; `None` for a monitor not looked at yet.
    pub state: Option<State>,
    /// How severe it was then, if that is a problem.
    pub severity: Option<Severity>,
    /// What people heard last and still holds as far as they know: `ALARM`, `ERROR` or `INACTIVE`, never `OK`.
    pub open: Option<State>,
    /// How severe they heard it was, if that is a problem.
    pub open_severity: Option<Severity>,
}

impl Told {
    /// For an alert that is new to a monitor which has a state already: it follows from there, and tells nothing now.
    pub fn from_now(state: State, severity: Option<Severity>) -> Told {
        let severity = severity.filter(|_| state.is_problem());
        Told { state: Some(state), severity, open: None, open_severity: None }
    }

    /// The state people take the monitor to be in, for the "from" of a text: what is open, else what was told or passed
    /// over last, else `INACTIVE`.
    pub fn last_heard(&self) -> State {
        self.open.or(self.state).unwrap_or(State::Inactive)
    }

    /// How severe that was.
    pub fn last_severity(&self) -> Option<Severity> {
        if self.open.is_some() { self.open_severity } else { self.severity }
    }

    /// Whether a problem was told whose end was not.
    pub fn has_open_problem(&self) -> bool {
        self.open.is_some_and(State::is_problem)
    }

    fn silent(self, why: Silence) -> Decision {
        Decision { told: self, verdict: Verdict::Silent(why) }
    }
}

/// Decides what `alert` owes of a monitor: given what it told of it, how the monitor is now, and what holds things back at
/// this moment, if anything does.
pub fn tell(told: &Told, alert: &AlertRules<'_>, subject: &Subject<'_>, held: Option<Silence>) -> Decision {
    let (state, severity) = (subject.state, subject.problem());
    let off = match alert.switch {
        Switch::On => None,
        Switch::Off => Some(Silence::SwitchedOff),
        Switch::OffInConfig => Some(Silence::OffInConfig),
    };
    if let Some(why) = off {
        // Whoever heard of something hears what became of it once the alert is on again.
        return if told.open.is_some() { *told } else { Told::from_now(state, severity) }.silent(why);
    }
    if told.state == Some(state) && told.severity == severity {
        return told.silent(match state {
            _ if told.open == Some(state) => Silence::ToldBefore,
            State::Ok => Silence::NothingToEnd,
            _ => Silence::PassedOver,
        });
    }
    let followed = Told { state: Some(state), severity, ..*told };
    let ends = !state.is_problem() && told.open.is_some();
    if let Some(why) = alert.elsewhere(subject)
        && !ends
    {
        return followed.silent(why);
    }
    if let Some(why) = held {
        return told.silent(why);
    }
    let heard = told.open == Some(state);
    let why = match state {
        _ if !alert.states.contains(state) => Some(Silence::NotThisState),
        State::Alarm | State::Error if !heard || severity > told.open_severity => None,
        State::Alarm | State::Error if severity < told.open_severity => Some(Silence::LessSevere),
        State::Ok if told.open.is_some() => None,
        State::Ok if told.state.is_some_and(|was| was.is_problem() && !alert.states.contains(was)) => None,
        // Monitors are born INACTIVE: for one not looked at yet that is no change.
        State::Inactive if !heard && told.state.is_some() => None,
        State::Ok | State::Inactive if !heard => Some(Silence::NothingToEnd),
        _ => Some(Silence::ToldBefore),
    };
    let (open, open_severity) = match (state, why) {
        (State::Ok, _) => (None, None),
        (_, None) => (Some(state), severity),
        (_, Some(_)) => (told.open, told.open_severity),
    };
    let verdict = why.map_or(Verdict::Owed, Verdict::Silent);
    Decision { told: Told { open, open_severity, ..followed }, verdict }
}

/// Whether somebody could expect to hear of a change from `old` to `new`, so that a decision not to tell it is worth keeping:
/// of every problem and of its end, and of `INACTIVE` from an alert that tells it. That a new monitor passes, or a good one
/// is paused, is no news to anybody.
pub fn is_expected(told: &Told, alert: &AlertRules<'_>, old: State, new: State) -> bool {
    match new {
        State::Alarm | State::Error => true,
        State::Ok => old.is_problem() || told.open.is_some(),
        State::Inactive => old.is_problem() || alert.states.contains(State::Inactive),
    }
}

#[cfg(test)]
mod tests;
