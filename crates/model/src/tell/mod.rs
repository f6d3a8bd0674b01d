//! Who must be told: one decision for one alert and one monitor.
//!
//! The store remembers, per (alert, monitor), what was [`Told`]. Whenever something happened that bears on it (a flip, a
//! mute that began or ended, the alert switched on or off or its states changed) it asks [`tell()`], and writes the
//! answer in the same transaction. Asking again without cause is harmless: the answer is [`Tell::Nothing`], or
//! [`Tell::Held`] as long as the mute lasts.
//!
//! # The rule
//!
//! Told follows the monitor's state. Where the two differ and nothing mutes it, the alert owes a delivery if it tells
//! that state, and follows in silence if it does not. A mute holds told where it is, so a problem that began and ended
//! inside one is never told, and one that outlives it is told at its end. Beyond that:
//!
//! - What people heard last and was not `OK` stays [`Told::open`] until they hear something else, so every problem told
//!   gets exactly one end told (`OK`, or `INACTIVE` where the alert tells it), even if the monitor was switched off and
//!   on in between in silence. While `ALARM` is open, `ALARM` is not told again.
//! - `OK` is told only as the end of something: of what is open, or of a problem of a kind the alert does not tell. So a
//!   new monitor's first success, and one after being switched off in silence, are not told.
//! - If the alert does not tell `OK`, a problem is over when the monitor is `OK`: the next one is told anew.
//! - An alert that is switched off tells nothing, muted or not. Told follows in silence and nothing stays open: switching
//!   it on makes no storm, and a problem told before is not ended later.
//! - A change of the states an alert tells has effect from the next flip on; it tells nothing by itself.
//!
//! # The state before, in the text of a delivery
//!
//! Normally the flip's `old` state and [`Told::last_heard`] are the same. They differ when flips were held by a mute or
//! passed over in silence. The record of a delivery keeps the flip's; the text for people names the last heard.

use serde::{Deserialize, Serialize};

use crate::{State, StateSet};

/// What one alert has told of one monitor. The default is that of a new monitor: nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The state up to which everything was told or passed over in silence; `None` for a monitor not looked at yet.
    pub state: Option<State>,
    /// What people heard last and still holds as far as they know: `ALARM`, `ERROR` or `INACTIVE`, never `OK`.
    pub open: Option<State>,
}

impl Told {
    /// For an alert that is new to a monitor which has a state already: it follows from there, and tells nothing now.
    pub const fn from_now(current: State) -> Told {
        Told { state: Some(current), open: None }
    }

    /// The state people take the monitor to be in, for the "from" of a text: what is open, else what was told or passed
    /// over last, else `INACTIVE`.
    pub fn last_heard(&self) -> State {
        self.open.or(self.state).unwrap_or(State::Inactive)
    }

    /// Whether a problem was told whose end was not.
    pub fn has_open_problem(&self) -> bool {
        self.open.is_some_and(State::is_problem)
    }
}

/// What is to be done about one alert and one monitor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tell {
    /// Nothing: told and current agree.
    Nothing,
    /// Nothing now: a mute holds it. Ask again when the mute ends.
    Held,
    /// Store this as told; no delivery.
    Silently(Told),
    /// Store this as told and a delivery of the current state with it, in one transaction.
    Owe(Told),
}

/// Decides what an alert owes, given what it told, the states it tells, whether it is switched on, whether anything
/// mutes this alert for this monitor, and the monitor's current state.
pub fn tell(told: &Told, tells: StateSet, enabled: bool, muted: bool, current: State) -> Tell {
    if !enabled {
        let forgotten = Told::from_now(current);
        return if *told == forgotten { Tell::Nothing } else { Tell::Silently(forgotten) };
    }
    if told.state == Some(current) {
        return Tell::Nothing;
    }
    if muted {
        return Tell::Held;
    }
    let owed = tells.contains(current)
        && told.open != Some(current)
        && match current {
            State::Alarm | State::Error => true,
            State::Ok => told.open.is_some() || told.state.is_some_and(|was| was.is_problem() && !tells.contains(was)),
            // Monitors are born INACTIVE: for one not looked at yet that is no change.
            State::Inactive => told.state.is_some(),
        };
    let open = match current {
        State::Ok => None,
        _ if owed => Some(current),
        _ => told.open,
    };
    let next = Told { state: Some(current), open };
    if owed { Tell::Owe(next) } else { Tell::Silently(next) }
}

#[cfg(test)]
mod tests;
