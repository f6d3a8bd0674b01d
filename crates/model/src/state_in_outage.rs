//! What the author of a monitor wants its state to be while a source is down.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a monitor's state is while a source that it needs is down.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateInOutage {
    /// `ERROR`, as of every run that could not find out.
    #[default]
    Error,
    /// What it was before.
    Keep,
    /// `OK`.
    Ok,
}

impl StateInOutage {
    /// All of them.
    pub const ALL: [StateInOutage; 3] = [StateInOutage::Error, StateInOutage::Keep, StateInOutage::Ok];

    /// The one spelling used in columns, JSON and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            StateInOutage::Error => "error",
            StateInOutage::Keep => "keep",
            StateInOutage::Ok => "ok",
        }
    }
}

impl fmt::Display for StateInOutage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is no state in an outage.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a state in an outage; these are error, keep and ok")]
pub struct ParseStateInOutageError(pub String);

impl FromStr for StateInOutage {
    type Err = ParseStateInOutageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = StateInOutage::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| ParseStateInOutageError(text.to_owned()))
    }
}
