//! What a run that somebody asked for came to. Who is about something else of it than its outcome says so.

use std::time::Duration;

use jiff::Timestamp;
use revere::store::{RunResult, SourcesMet};
use revere_model::{MonitorId, RunKind, State};

/// A run of a monitor that began and ended at `at`.
pub(crate) fn manual_run(monitor: MonitorId, at: Timestamp, outcome: State) -> RunResult {
    RunResult {
        monitor_id: monitor,
        attempt: None,
        kind: RunKind::Manual,
        tick_at: at,
        started_at: at,
        finished_at: at,
        duration: Duration::from_micros(1500),
        outcome,
        severity: None,
        message: format!("came out {outcome}"),
        return_value: None,
        threshold: None,
        output: String::new(),
        traceback: None,
        seed: u64::MAX - 7,
        script_version: "0123".repeat(8),
        sources: SourcesMet::default(),
        entry: None,
    }
}
