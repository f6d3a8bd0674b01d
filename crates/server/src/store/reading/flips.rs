//! Questions about changes of state. They are kept for ever: when runs are purged, the story remains.

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, ReturnValue, RunId, State};
use sqlx::sqlite::SqliteRow;

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
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
    /// After.
    pub new_state: State,
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
        let rows = sqlx::query("select * from flips where monitor_id = ? and id < ? order by id desc limit ?")
            .bind(monitor.0)
            .bind(before.map_or(i64::MAX, |flip| flip.0))
            .bind(limit)
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
        // Ids grow with time, so that the newest come without sorting all that there ever were.
        let rows =
            sqlx::query("select * from flips where monitor_id = ? and at >= ? and at < ? order by id desc limit ?")
                .bind(monitor.0)
                .bind(micros(from))
                .bind(micros(to))
                .bind(limit)
                .fetch_all(self.readers())
                .await?;
        rows.iter().rev().map(flip).collect()
    }

    /// Flips of all monitors, newest first, before `before`, at most `limit`.
    pub async fn all_flips(&self, before: Option<FlipId>, limit: u32) -> Result<Vec<RecordedFlip>, StoreError> {
        let rows = sqlx::query("select * from flips where id < ? order by id desc limit ?")
            .bind(before.map_or(i64::MAX, |flip| flip.0))
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(flip).collect()
    }
}

/// A row of `flips`.
pub(in crate::store) fn flip(row: &SqliteRow) -> Result<RecordedFlip, StoreError> {
    Ok(RecordedFlip {
        id: FlipId(row.int("id")?),
        monitor_id: MonitorId(row.int("monitor_id")?),
        at: row.at("at")?,
        old_state: row.state("old_state")?,
        new_state: row.state("new_state")?,
        message: row.text("message")?,
        return_value: row.value("return_value")?,
        run_id: row.int_or_none("run_id")?.map(RunId),
    })
}
