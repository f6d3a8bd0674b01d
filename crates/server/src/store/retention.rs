//! Forgetting, in small pieces, so that no other write waits long: runs, gaps and deliveries beyond their monitor's days,
//! and what deleted monitors leave behind. Flips stay, and so do each monitor's last run and what is still owed.

use jiff::{SignedDuration, Timestamp};
use revere_model::{MonitorId, State};
use sqlx::SqliteConnection;

use crate::store::{Store, StoreError, columns::micros};

impl Store {
    /// The monitors whose history is not kept for ever, after `after`, at most `limit`, each with its days.
    pub async fn monitors_to_purge(
        &self,
        after: Option<MonitorId>,
        limit: u32,
    ) -> Result<Vec<(MonitorId, u32)>, StoreError> {
        let rows: Vec<(i64, u32)> = sqlx::query_as(
            "select id, retain_days from monitors where retain_days is not null and deleted_at is null and id > ?
             order by id limit ?",
        )
        .bind(after.map_or(0, |id| id.0))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        Ok(rows.into_iter().map(|(id, days)| (MonitorId(id), days)).collect())
    }

    /// Purges at most `limit` runs of a monitor that began more than `days` days before `now`, the oldest first; never
    /// the last one. Answers how many.
    pub async fn purge_runs(
        &self,
        monitor: MonitorId,
        days: u32,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let cutoff = cutoff(days, now);
        // Looking is free of locks: most of the time there is nothing to do.
        let mut old = Vec::new();
        for state in State::ALL {
            let ids: Vec<(i64, i64)> = sqlx::query_as(
                "select id, started_at from runs where monitor_id = ? and new_state = ? order by id limit ?",
            )
            .bind(monitor.0)
            .bind(state.as_str())
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
            old.extend(ids.into_iter().take_while(|(_, at)| *at < micros(cutoff)).map(|(id, _)| id));
        }
        old.sort_unstable();
        old.truncate(limit as usize);
        if let Some(last) = self.last_run_id(monitor).await? {
            old.retain(|id| *id != last);
        }
        self.purge("delete from runs where id in (select value from json_each(?))", old).await
    }

    /// Purges at most `limit` gaps of a monitor whose last tick lies more than `days` days before `now`. The counters on
    /// the monitor go on counting from its beginning. Answers how many.
    pub async fn purge_gaps(
        &self,
        monitor: MonitorId,
        days: u32,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let gaps: Vec<(i64, i64)> =
            sqlx::query_as("select id, last_tick_at from gaps where monitor_id = ? order by id limit ?")
                .bind(monitor.0)
                .bind(limit)
                .fetch_all(self.readers())
                .await?;
        let cutoff = micros(cutoff(days, now));
        let old = gaps.into_iter().take_while(|(_, at)| *at < cutoff).map(|(id, _)| id).collect();
        self.purge("delete from gaps where id in (select value from json_each(?))", old).await
    }

    /// Purges at most `limit` deliveries of a monitor that came to be owed more than `days` days before `now` and are
    /// settled; one that another is told instead of goes after that other one. Answers how many.
    pub async fn purge_deliveries(
        &self,
        monitor: MonitorId,
        days: u32,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let deliveries: Vec<(i64, i64, bool)> = sqlx::query_as(
            "select id, created_at, status <> 'owed' and not exists
                 (select 1 from deliveries instead where instead.instead_of = deliveries.id)
             from deliveries where monitor_id = ? order by id limit ?",
        )
        .bind(monitor.0)
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        let cutoff = micros(cutoff(days, now));
        let old = deliveries.into_iter().take_while(|(_, at, _)| *at < cutoff);
        let old = old.filter(|(.., may_go)| *may_go).map(|(id, ..)| id).collect();
        self.purge("delete from deliveries where id in (select value from json_each(?)) and status <> 'owed'", old)
            .await
    }

    async fn purge(&self, sql: &'static str, ids: Vec<i64>) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let ids = serde_json::to_string(&ids).expect("a list of numbers always has a JSON form");
        self.write(move |connection| {
            Box::pin(async move { Ok(sqlx::query(sql).bind(ids).execute(connection).await?.rows_affected()) })
        })
        .await
    }

    /// Removes at most `limit` rows of what deleted monitors left, and their own row when nothing is left and nothing is
    /// owed. Answers how many rows; 0 when there is nothing to do now.
    pub async fn purge_deleted(&self, limit: u32) -> Result<u64, StoreError> {
        let deleted: Vec<i64> =
            sqlx::query_scalar("select id from monitors where deleted_at is not null order by id limit 100")
                .fetch_all(self.readers())
                .await?;
        for monitor in deleted {
            let removed = self
                .write(move |connection| Box::pin(async move { purge_one(connection, monitor, limit).await }))
                .await?;
            if removed > 0 {
                return Ok(removed);
            }
        }
        Ok(0)
    }

    async fn last_run_id(&self, monitor: MonitorId) -> Result<Option<i64>, StoreError> {
        let mut last = None;
        for state in State::ALL {
            let id: Option<i64> = sqlx::query_scalar("select max(id) from runs where monitor_id = ? and new_state = ?")
                .bind(monitor.0)
                .bind(state.as_str())
                .fetch_one(self.readers())
                .await?;
            last = last.max(id);
        }
        Ok(last)
    }
}

fn cutoff(days: u32, now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

async fn purge_one(connection: &mut SqliteConnection, monitor: i64, limit: u32) -> Result<u64, StoreError> {
    // What is owed is still told: the monitor is gone, the problem was real.
    let steps = [
        "delete from runs where id in (select id from runs where monitor_id = ? limit ?)",
        "delete from gaps where id in (select id from gaps where monitor_id = ? limit ?)",
        "delete from deliveries where id in (select d.id from deliveries d where d.monitor_id = ? and d.status <> 'owed'
             and not exists (select 1 from deliveries i where i.instead_of = d.id) limit ?)",
        "delete from flips where id in (select f.id from flips f where f.monitor_id = ?
             and not exists (select 1 from deliveries d where d.flip_id = f.id) limit ?)",
    ];
    for step in steps {
        let removed = sqlx::query(step).bind(monitor).bind(limit).execute(&mut *connection).await?;
        if removed.rows_affected() > 0 {
            return Ok(removed.rows_affected());
        }
    }
    let owed: i64 = sqlx::query_scalar("select count(*) from deliveries where monitor_id = ?")
        .bind(monitor)
        .fetch_one(&mut *connection)
        .await?;
    if owed > 0 {
        return Ok(0);
    }
    let mut removed = 0;
    for step in [
        "delete from told where monitor_id = ?",
        "delete from tags where monitor_id = ?",
        "delete from uses where monitor_id = ?",
        "delete from statuses where monitor_id = ?",
        "delete from monitors where id = ?",
    ] {
        removed += sqlx::query(step).bind(monitor).execute(&mut *connection).await?.rows_affected();
    }
    Ok(removed)
}
