//! What is there already of a change of state that has not come yet.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Runs that count toward a change of state that has not come yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// Whether they are failing runs, toward a problem, or passing ones, toward its end.
    pub failing: bool,
    /// How many there are.
    pub runs: u32,
    /// How many make the change.
    pub needed: u32,
    /// Of so many last runs; `None` is in a row.
    pub window: Option<u32>,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pending { failing, runs, needed, window } = self;
        let (kind, change) = if *failing { ("failing", "alarm") } else { ("passing", "OK") };
        match window {
            Some(window) => write!(f, "{runs} of the last {window} runs failed, {change} at {needed}"),
            None if *runs == 1 => write!(f, "1 {kind} run, {change} at {needed} in a row"),
            None => write!(f, "{runs} {kind} runs in a row, {change} at {needed}"),
        }
    }
}
