//! Questions about changes of state. They are kept for ever: when runs are purged, the story remains.

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, ReturnValue, RunId, Severity, State};

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbRow},
};

/// A change of a monitor's state.
#[derive(Clone, PartialEq, Debug)]
pub struct RecordedFlip {
    /// Its row.
    pub id: FlipId,
    /// Whose state.
    pub monitor_id: MonitorId,
    /// When it was found.
    pub at: Timestamp,
    /// Before.
    pub old_state: State,
    /// How severe that was; `None` where it was no problem.
    pub old_severity: Option<Severity>,
    /// After.
    pub new_state: State,
    /// How severe that is; `None` where it is no problem.
    pub severity: Option<Severity>,
    /// The message of the run that found it, or what a person did.
    pub message: String,
    /// The value of that run.
    pub return_value: Option<ReturnValue>,
    /// That run; `None` where a person caused it. The run itself may have been purged.
    pub run_id: Option<RunId>,
}

impl Store {
    /// Flips of a monitor, newest first, before `before`, at most `limit`.
    pub async fn flips(
        &self,
        monitor: MonitorId,
        before: Option<FlipId>,
        limit: u32,
    ) -> Result<Vec<RecordedFlip>, StoreError> {
        let rows = db::query("select * from flips where monitor_id = $1 and id < $2 order by id desc limit $3")
            .bind(monitor.0)
            .bind(before.map_or(i64::MAX, |flip| flip.0))
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(flip).collect()
    }

    /// Flips of a monitor from `from` until before `to`, oldest first; of more than `limit` the newest.
    pub async fn flips_between(
        &self,
        monitor: MonitorId,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<RecordedFlip>, StoreError> {
        let rows = db::query(
            "select * from flips where monitor_id = $1 and at >= $2 and at < $3 order by at desc, id desc limit $4",
        )
        .bind(monitor.0)
        .bind(micros(from))
        .bind(micros(to))
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        rows.iter().rev().map(flip).collect()
    }
}

/// A row of `flips`.
pub(in crate::store) fn flip(row: &DbRow) -> Result<RecordedFlip, StoreError> {
    let (old_state, new_state) = (row.state("old_state")?, row.state("new_state")?);
    Ok(RecordedFlip {
        id: FlipId(row.int("id")?),
        monitor_id: MonitorId(row.int("monitor_id")?),
        at: row.at("at")?,
        old_state,
        old_severity: row.severity("old_severity", Some(old_state))?,
        new_state,
        severity: row.severity("severity", Some(new_state))?,
        message: row.text("message")?,
        return_value: row.value_shown("return_value")?,
        run_id: row.int_or_none("run_id")?.map(RunId),
    })
}
