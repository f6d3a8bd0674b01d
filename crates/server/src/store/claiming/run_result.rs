//! What a run did, as it is given to the store, and what became of that.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, Run, RunKind, Severity, State};

use crate::store::{RecordedFlip, audit::AuditEntry, telling::outages::SourcesMet};

/// What a run did, to be recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct RunResult {
    /// Whose run.
    pub monitor_id: MonitorId,
    /// The claim it was run under; `None` for a manual run, which needs none.
    pub attempt: Option<i64>,
    /// Why it happened.
    pub kind: RunKind,
    /// Its tick; for a manual run, when it was asked for.
    pub tick_at: Timestamp,
    /// When the script began: what its clock showed first.
    pub started_at: Timestamp,
    /// When its result was known: the moment a flip is dated with.
    pub finished_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// `OK`, `ALARM` or `ERROR`.
    pub outcome: State,
    /// How severe the run says the problem is; `None` where it does not say, or found none.
    pub severity: Option<Severity>,
    /// What people read.
    pub message: String,
    /// What the script left in `return_value`.
    pub return_value: Option<ReturnValue>,
    /// What the script left in `threshold`.
    pub threshold: Option<f64>,
    /// What it printed.
    pub output: String,
    /// Its traceback.
    pub traceback: Option<String>,
    /// What its randomness was drawn from.
    pub seed: u64,
    /// Which script it was.
    pub script_version: String,
    /// What it showed of the sources that it asked.
    pub sources: SourcesMet,
    /// For a run at someone's word: the row of the audit that is written with it.
    pub entry: Option<Box<AuditEntry>>,
}

/// What became of a result.
#[derive(Clone, PartialEq, Debug)]
pub enum Committed {
    /// It is recorded, durably.
    Recorded {
        /// As it is kept.
        run: Box<Run>,
        /// The change of state, if it made one.
        flip: Option<Box<RecordedFlip>>,
        /// The alerts that owe a delivery for it.
        owed: Vec<String>,
    },
    /// Its claim is no longer in force: the tick was handed back or claimed anew, and is accounted for there.
    Superseded,
    /// The monitor was deleted meanwhile.
    Gone,
}
