//! A monitor: what its author wrote, and what Revere knows of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorId, State};

/// What the author of a monitor decides. [`MonitorSpec::faults`] judges it before it is stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MonitorSpec {
    /// Shown everywhere; not empty, one line.
    pub name: String,
    /// For the reader of an alert: what it watches, what to do.
    pub description: String,
    /// Python; see the user guide.
    pub script: String,
    /// Crontab syntax, five fields, or six with seconds first.
    pub schedule: String,
    /// IANA time zone the schedule is read in.
    pub timezone: String,
    /// Whether it runs on its schedule.
    pub active: bool,
    /// Runs older than this many days are purged, and with them gaps and settled deliveries; `None` keeps them for ever.
    pub retain_days: Option<u32>,
    /// Wall-clock limit of one run in seconds; `None` is the server's default.
    pub timeout_s: Option<f64>,
    /// Free words to find and group monitors by.
    pub tags: Vec<String>,
    /// So many failing runs in a row make a flip; at least 1.
    pub alarm_after: u32,
    /// So many passing runs in a row end a problem; at least 1.
    pub recover_after: u32,
}

/// A stored monitor.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Monitor {
    /// Its row.
    pub id: MonitorId,
    /// Grows by one with every saved edit; an edit names the version it started from.
    pub version: i64,
    /// What its author wrote.
    pub spec: MonitorSpec,
    /// The state it is in.
    pub state: State,
    /// Since when it is in that state.
    pub state_since: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its author last changed it.
    pub updated_at: Timestamp,
    /// Start of the last recorded run.
    pub last_run_at: Option<Timestamp>,
    /// Message of the last recorded run.
    pub last_message: Option<String>,
    /// Value of the last recorded run.
    pub last_value: Option<crate::ReturnValue>,
    /// The next tick; `None` while it is not active.
    pub next_run_at: Option<Timestamp>,
    /// Ticks that were missed (server down or too busy), ever.
    pub missed_ticks: i64,
    /// Ticks that found the previous run still going, ever.
    pub overlapped_ticks: i64,
    /// Why it is not run although it is active, or why its last tick has no result yet: a fault of Revere, never of
    /// what is monitored. `None` is well.
    pub fault: Option<String>,
}
