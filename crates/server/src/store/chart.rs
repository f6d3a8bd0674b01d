//! What charts are drawn from: a monitor's runs within a stretch of time, in order, as little of each as possible.

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use revere_model::{MonitorId, RunId, State};

use super::{
    SeriesPoint, Store, StoreError,
    rows::{instant, micros, value_from, word},
};

impl Store {
    /// Hands every run that began from `from` until before `to` to `take`, oldest first.
    pub async fn each_point(
        &self,
        monitor: MonitorId,
        from: Timestamp,
        to: Timestamp,
        mut take: impl FnMut(SeriesPoint) + Send,
    ) -> Result<(), StoreError> {
        let mut rows = sqlx::query_as::<_, (i64, String, Option<String>)>(
            "select started_at, new_state, return_value from runs
             where monitor_id = ? and started_at >= ? and started_at < ? order by started_at",
        )
        .bind(monitor.0)
        .bind(micros(from))
        .bind(micros(to))
        .fetch(self.readers());
        while let Some((at, state, value)) = rows.try_next().await? {
            take(SeriesPoint { at: instant(at)?, state: word::<State>(&state)?, value: value_from(value)? });
        }
        Ok(())
    }

    /// When the oldest run that is still kept began.
    pub async fn oldest_run(&self, monitor: MonitorId) -> Result<Option<Timestamp>, StoreError> {
        let oldest: Option<i64> = sqlx::query_scalar("select min(started_at) from runs where monitor_id = ?")
            .bind(monitor.0)
            .fetch_one(self.readers())
            .await?;
        oldest.map(instant).transpose()
    }

    /// The first run that began at `at` or later.
    pub async fn first_run_from(&self, monitor: MonitorId, at: Timestamp) -> Result<Option<RunId>, StoreError> {
        let id: Option<i64> = sqlx::query_scalar(
            "select id from runs where monitor_id = ? and started_at >= ? order by started_at, id limit 1",
        )
        .bind(monitor.0)
        .bind(micros(at))
        .fetch_optional(self.readers())
        .await?;
        Ok(id.map(RunId))
    }
}
