//! One run as it is kept, and ticks that had none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorId, RunId, Severity, State};

/// The value a script left in `return_value`, as it is recorded and charted.
///
/// JSON: a number or a string. Non-finite floats and integers beyond 64 bits are kept as text, so the same value reads
/// the same in SQLite, PostgreSQL and JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReturnValue {
    /// A Python int within 64 bits, or a bool as 0 or 1.
    Int(i64),
    /// A finite Python float.
    Float(f64),
    /// A str, cut at its limit with a mark.
    Text(String),
}

impl ReturnValue {
    /// The number to chart, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            ReturnValue::Int(int) => Some(*int as f64),
            ReturnValue::Float(float) => Some(*float),
            ReturnValue::Text(_) => None,
        }
    }
}

impl std::fmt::Display for ReturnValue {
    /// As a person would write it: `67`, `0.25`, the text itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReturnValue::Int(int) => int.fmt(f),
            ReturnValue::Float(float) => float.fmt(f),
            ReturnValue::Text(text) => f.write_str(text),
        }
    }
}

/// Why a run happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Its tick came.
    Scheduled,
    /// The last of several missed ticks, or one interrupted by a stop, run as soon as possible.
    CatchUp,
    /// A person or a program asked for it.
    Manual,
    /// Imported from the original program's database.
    Imported,
}

/// A recorded run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Its row.
    pub id: RunId,
    /// Whose run.
    pub monitor_id: MonitorId,
    /// Why it happened.
    pub kind: RunKind,
    /// The scheduled instant; for a manual run, when it was asked for.
    pub tick_at: Timestamp,
    /// When the script began: what its clock showed first.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// What the script did: `OK`, `ALARM` or `ERROR`. Differs from `new_state` while failures are still being counted.
    pub outcome: State,
    /// How severe the problem is that it found; `None` where it found none.
    pub severity: Option<Severity>,
    /// The monitor's state before.
    pub old_state: State,
    /// The monitor's state after.
    pub new_state: State,
    /// What people read: the failure's text, or `Monitor Passed`.
    pub message: String,
    /// What the script left in `return_value`.
    pub return_value: Option<ReturnValue>,
    /// What the script left in `threshold`: what it compared its value with.
    pub threshold: Option<f64>,
    /// What the script printed, bounded.
    pub output: String,
    /// The Python traceback of an `ERROR`.
    pub traceback: Option<String>,
    /// What its randomness was drawn from, where it is known.
    pub seed: Option<u64>,
    /// Which script it was, where it is known: the same text has the same version.
    pub script_version: Option<String>,
}

/// Why ticks had no run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The server was down or could not keep up.
    Missed,
    /// The previous run was still going.
    Overlapped,
}

/// Consecutive ticks without a run of their own. Together with the runs, every tick is accounted for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// Whose ticks.
    pub monitor_id: MonitorId,
    /// Why.
    pub reason: GapReason,
    /// The first of them.
    pub first_tick_at: Timestamp,
    /// The last of them.
    pub last_tick_at: Timestamp,
    /// How many.
    pub count: i64,
}
