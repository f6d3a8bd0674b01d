//! Claims that end without a result: handed back, or taken back from servers that are gone. Their ticks stay owed.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{Gap, GapReason, MonitorId};
use sqlx::SqliteConnection;

use crate::store::{
    Store, StoreError,
    columns::{instant, micros},
    ticks::gaps,
};

/// A claim given back without a result.
#[derive(Clone, PartialEq, Debug)]
pub struct HandedBack {
    /// Whose tick.
    pub monitor_id: MonitorId,
    /// The claim.
    pub attempt: i64,
    /// Our fault, in words, if it was one; `None` when the server stops.
    pub fault: Option<String>,
    /// When the tick may be tried again.
    pub retry_at: Timestamp,
}

/// How long taking back waits for a lock: a start does not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was taken back from servers that are gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TakenBack {
    /// Ticks they had claimed.
    pub runs: u64,
    /// Deliveries they had claimed.
    pub deliveries: u64,
}

impl Store {
    /// Gives claims back without a result. The ticks stay owed and are run as catch-up; of a monitor that was switched
    /// off meanwhile they are counted as missed. Waits for a locked or full disk as long as it takes.
    pub async fn hand_back(&self, claims: Vec<HandedBack>) -> Result<(), StoreError> {
        self.write_patiently(move |connection| {
            Box::pin(async move {
                for claim in &claims {
                    let row: Option<(i64,)> = sqlx::query_as(
                        "select claimed_tick_at from statuses
                         where monitor_id = ? and attempt = ? and claimed_by is not null",
                    )
                    .bind(claim.monitor_id.0)
                    .bind(claim.attempt)
                    .fetch_optional(&mut *connection)
                    .await?;
                    let Some((tick,)) = row else { continue };
                    release(connection, claim.monitor_id, tick, micros(claim.retry_at), claim.fault.as_deref()).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Gives back everything that `node` has claimed and not settled, runs and deliveries, because it stops. Answers how
    /// much.
    pub async fn release_node(&self, node: &str, now: Timestamp) -> Result<u64, StoreError> {
        let node = node.to_owned();
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let rows: Vec<(i64, i64)> =
                    sqlx::query_as("select monitor_id, claimed_tick_at from statuses where claimed_by = ?")
                        .bind(&node)
                        .fetch_all(&mut *connection)
                        .await?;
                for (monitor, tick) in &rows {
                    release(connection, MonitorId(*monitor), *tick, *tick, None).await?;
                }
                let deliveries = sqlx::query(
                    "update deliveries set claimed_by = null, next_attempt_at = min(next_attempt_at, ?)
                     where status = 'owed' and claimed_by = ?",
                )
                .bind(micros(now))
                .bind(&node)
                .execute(connection)
                .await?;
                Ok(rows.len() as u64 + deliveries.rows_affected())
            })
        })
        .await
    }

    /// Takes back what servers that are gone had claimed; their ticks and deliveries are due at once. A server that cannot
    /// have the database, because its lock file is ours, is gone; where others may have it, one is taken for gone when the
    /// time of its claim is over. Writes nothing where there is nothing to be taken back.
    pub async fn take_back(&self, node: &str, now: Timestamp) -> Result<TakenBack, StoreError> {
        // A delivery whose time is over is due by itself.
        const RUNS: &str = "select monitor_id, claimed_tick_at from statuses
             where claimed_by is not null and claimed_by <> ?1 and (?2 or lease_until < ?3)";
        const DELIVERIES: &str = "status = 'owed' and claimed_by is not null and claimed_by <> ?1 and ?2";
        let alone = self.0.alone;
        let any: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "select exists ({RUNS}) or exists (select 1 from deliveries where {DELIVERIES})"
        )))
        .bind(node)
        .bind(alone)
        .bind(micros(now))
        .fetch_one(self.engine_readers())
        .await?;
        if !any {
            return Ok(TakenBack::default());
        }
        let node = node.to_owned();
        let write = self.0.queue.write(Some(PATIENCE), move |connection| {
            Box::pin(async move {
                let rows: Vec<(i64, i64)> =
                    sqlx::query_as(RUNS).bind(&node).bind(alone).bind(micros(now)).fetch_all(&mut *connection).await?;
                for (monitor, tick) in &rows {
                    release(connection, MonitorId(*monitor), *tick, *tick, None).await?;
                }
                let deliveries = sqlx::query(sqlx::AssertSqlSafe(format!(
                    "update deliveries set claimed_by = null, next_attempt_at = min(next_attempt_at, ?3)
                     where {DELIVERIES}"
                )))
                .bind(&node)
                .bind(alone)
                .bind(micros(now))
                .execute(connection)
                .await?;
                Ok(TakenBack { runs: rows.len() as u64, deliveries: deliveries.rows_affected() })
            })
        });
        write.await
    }
}

/// Lets go of a claim: the tick is owed, or missed if the monitor is off.
async fn release(
    connection: &mut SqliteConnection,
    monitor: MonitorId,
    tick: i64,
    retry_at: i64,
    fault: Option<&str>,
) -> Result<(), StoreError> {
    let active: Option<bool> = sqlx::query_scalar("select active from monitors where id = ? and deleted_at is null")
        .bind(monitor.0)
        .fetch_optional(&mut *connection)
        .await?;
    let (owed, missed) = match active {
        Some(true) => (Some(tick), 0),
        Some(false) => (None, 1),
        None => (None, 0),
    };
    sqlx::query(
        "update statuses set claimed_by = null, claimed_tick_at = null, lease_until = null, owed_tick_at = ?2,
             due_at = case when ?2 is null then due_at else min(?3, coalesce(next_tick_at, ?3)) end,
             fault = coalesce(?4, fault), fault_count = fault_count + (?4 is not null),
             missed_ticks = missed_ticks + ?5
         where monitor_id = ?1",
    )
    .bind(monitor.0)
    .bind(owed)
    .bind(retry_at)
    .bind(fault)
    .bind(missed)
    .execute(&mut *connection)
    .await?;
    if missed > 0 {
        let tick = instant(tick)?;
        let gap =
            Gap { monitor_id: monitor, reason: GapReason::Missed, first_tick_at: tick, last_tick_at: tick, count: 1 };
        gaps::insert(connection, &[&gap]).await?;
    }
    Ok(())
}
