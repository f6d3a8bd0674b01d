//! The four states of a monitor, and sets of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a monitor is in. `ALARM` means the thing watched is wrong, `ERROR` that the check itself broke.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// The last runs passed.
    Ok,
    /// The script raised `MonitorFailure`.
    Alarm,
    /// The script failed in any other way, or hit a limit.
    Error,
    /// Not run yet, or switched off.
    Inactive,
}

impl State {
    /// All states, in the order people list them.
    pub const ALL: [State; 4] = [State::Ok, State::Alarm, State::Error, State::Inactive];

    /// The one spelling used in columns, JSON, URLs and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Alarm => "ALARM",
            State::Error => "ERROR",
            State::Inactive => "INACTIVE",
        }
    }

    /// Whether someone should look: `ALARM` or `ERROR`.
    pub const fn is_problem(self) -> bool {
        matches!(self, State::Alarm | State::Error)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is none of the four states.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a state; the states are OK, ALARM, ERROR and INACTIVE")]
pub struct ParseStateError(pub String);

impl FromStr for State {
    type Err = ParseStateError;

    /// Reads a state in either case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        State::ALL
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| ParseStateError(text.to_owned()))
    }
}

/// A set of states, for instance those an alert tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StateSet(u8);

impl StateSet {
    /// No state.
    pub const EMPTY: StateSet = StateSet(0);
    /// What an alert tells unless someone chose otherwise: `OK`, `ALARM`, `ERROR`.
    pub const DEFAULT_TOLD: StateSet = StateSet(0b0111);

    /// Whether `state` is in the set.
    pub const fn contains(self, state: State) -> bool {
        self.0 & (1 << state as u8) != 0
    }

    /// The set with `state` added.
    #[must_use]
    pub const fn with(self, state: State) -> Self {
        StateSet(self.0 | 1 << state as u8)
    }

    /// The states of the set, in [`State::ALL`]'s order.
    pub fn iter(self) -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(move |state| self.contains(*state))
    }
}

impl FromIterator<State> for StateSet {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        states.into_iter().fold(StateSet::EMPTY, StateSet::with)
    }
}

impl Serialize for StateSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for StateSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<State>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_in_either_case() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(state.as_str().to_lowercase().parse(), Ok(state));
        }
        assert!("DOWN".parse::<State>().is_err());
    }

    #[test]
    fn the_default_tells_everything_but_inactive() {
        let told: Vec<_> = StateSet::DEFAULT_TOLD.iter().collect();
        assert_eq!(told, [State::Ok, State::Alarm, State::Error]);
        assert_eq!(StateSet::EMPTY.with(State::Alarm).iter().count(), 1);
    }
}
