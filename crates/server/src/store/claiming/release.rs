//! Claims that end without a result: handed back, or taken back from servers that are gone. Their ticks stay owed.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{Gap, GapReason, MonitorId};

use crate::store::{
    Store, StoreError,
    columns::{ids_text, instant, micros},
    database::{self as db, DbConnection, DbRow, FromRow, sql_pieces},
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
    pub async fn hand_back(&self, mut claims: Vec<HandedBack>) -> Result<(), StoreError> {
        claims.sort_unstable_by_key(|claim| claim.monitor_id);
        let in_force = format!(
            "select claimed_tick_at from dues where monitor_id = $1 and attempt = $2 and claimed_by is not null {}",
            sql_pieces::KEEPING
        );
        let monitors = claims.iter().map(|claim| claim.monitor_id).collect();
        self.write_patiently_about(monitors, move |connection| {
            Box::pin(async move {
                for claim in &claims {
                    let tick: Option<i64> = db::query_scalar(db::AssertSqlSafe(in_force.clone()))
                        .bind(claim.monitor_id.0)
                        .bind(claim.attempt)
                        .fetch_optional(&mut *connection)
                        .await?;
                    let Some(tick) = tick else { continue };
                    let held = Held { monitor_id: claim.monitor_id, attempt: claim.attempt, tick };
                    release(connection, &held, micros(claim.retry_at), claim.fault.as_deref()).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Gives back everything that `node` has claimed and not settled, runs and deliveries, because it stops. Answers how
    /// much.
    pub async fn release_node(&self, node: &str, now: Timestamp) -> Result<u64, StoreError> {
        // Claims have a queue of their own, and what a task that is stopped was about to claim is claimed all the same: that is there
        // once whatever comes after it is done.
        if let Some(claims) = &self.0.claims {
            claims.write(None, |_| Box::pin(async { Ok(()) })).await?;
        }
        let its_own = format!(
            "select monitor_id, attempt, claimed_tick_at from dues where claimed_by = $1 and monitor_id {} order by monitor_id {}",
            sql_pieces::among("$2"),
            sql_pieces::KEEPING
        );
        let mut all = 0;
        loop {
            let monitors: Vec<i64> = db::query_scalar("select monitor_id from dues where claimed_by = $1")
                .bind(node)
                .fetch_all(self.engine_readers())
                .await?;
            let monitors: Vec<MonitorId> = monitors.into_iter().map(MonitorId).collect();
            let (ids, node, its_own) = (ids_text(monitors.iter().copied()), node.to_owned(), its_own.clone());
            let released = self.write_patiently_about(monitors, move |connection| {
                Box::pin(async move {
                    let held: Vec<Held> = db::query_as(db::AssertSqlSafe(its_own))
                        .bind(&node)
                        .bind(&ids)
                        .fetch_all(&mut *connection)
                        .await?;
                    let runs = release_all(connection, held, micros(now)).await?;
                    let deliveries = db::query(
                        "update deliveries set claimed_by = null, next_attempt_at = case when next_attempt_at > $1 then $1 else next_attempt_at end
                         where status = 'owed' and claimed_by = $2",
                    )
                    .bind(micros(now))
                    .bind(&node)
                    .execute(&mut *connection)
                    .await?;
                    // What was claimed after this was read, and before it was written.
                    let more: bool = db::query_scalar("select exists (select 1 from dues where claimed_by = $1)")
                        .bind(&node)
                        .fetch_one(connection)
                        .await?;
                    Ok((runs + deliveries.rows_affected(), more))
                })
            });
            let (released, more) = released.await?;
            all += released;
            if !more {
                return Ok(all);
            }
        }
    }

    /// Takes back what servers that are gone had claimed; their ticks and deliveries are due at once. A server that cannot
    /// have the database, because its lock file is ours, is gone; where others may have it, one is taken for gone when the
    /// time of its claim is over. Writes nothing where there is nothing to be taken back.
    pub async fn take_back(&self, node: &str, now: Timestamp) -> Result<TakenBack, StoreError> {
        // A delivery whose time is over is due by itself.
        const RUNS: &str = "select monitor_id, attempt, claimed_tick_at from dues
             where claimed_by is not null and claimed_by <> $1 and ($2 or lease_until < $3)";
        const DELIVERIES: &str = "status = 'owed' and claimed_by is not null and claimed_by <> $1 and $2";
        let alone = self.0.alone;
        // Asked often, and most of the time there is nothing.
        let any: bool = db::query_scalar(db::AssertSqlSafe(format!(
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
        let held: Vec<Held> =
            db::query_as(RUNS).bind(node).bind(alone).bind(micros(now)).fetch_all(self.engine_readers()).await?;
        let monitors: Vec<MonitorId> = held.iter().map(|held| held.monitor_id).collect();
        let (ids, node) = (ids_text(monitors.iter().copied()), node.to_owned());
        let write = self.0.queue.write_about(monitors, Some(PATIENCE), move |connection| {
            Box::pin(async move {
                let runs = db::AssertSqlSafe(format!(
                    "{RUNS} and monitor_id {} order by monitor_id {}",
                    sql_pieces::among("$4"),
                    sql_pieces::KEEPING
                ));
                let held: Vec<Held> = db::query_as(runs)
                    .bind(&node)
                    .bind(alone)
                    .bind(micros(now))
                    .bind(&ids)
                    .fetch_all(&mut *connection)
                    .await?;
                let runs = release_all(connection, held, micros(now)).await?;
                let deliveries = db::query(db::AssertSqlSafe(format!(
                    "update deliveries set claimed_by = null, next_attempt_at = case when next_attempt_at > $3 then $3 else next_attempt_at end
                     where {DELIVERIES}"
                )))
                .bind(&node)
                .bind(alone)
                .bind(micros(now))
                .execute(connection)
                .await?;
                Ok(TakenBack { runs, deliveries: deliveries.rows_affected() })
            })
        });
        write.await
    }
}

/// A claim as it was read, and kept since: whoever is switching the monitor off meanwhile was waited for. The statement that
/// lets go of it begins after that, and sees whether it is on; one that had to wait itself would see it as it was before.
struct Held {
    monitor_id: MonitorId,
    attempt: i64,
    tick: i64,
}

impl FromRow for Held {
    fn from_row(row: &DbRow) -> Result<Held, sqlx::Error> {
        let (monitor, attempt, tick) = FromRow::from_row(row)?;
        Ok(Held { monitor_id: MonitorId(monitor), attempt, tick })
    }
}

/// Lets go of claims, in the order of their monitors, as everybody does who keeps several; their ticks are due at once: not since they
/// came, which may be longer ago than others look back ([`low_water`](super::low_water)). Answers of how many.
async fn release_all(connection: &mut DbConnection, held: Vec<Held>, now: i64) -> Result<u64, StoreError> {
    let mut released = 0;
    for held in &held {
        released += u64::from(release(connection, held, now, None).await?);
    }
    Ok(released)
}

/// Lets go of a claim, if it is still in force: the tick is owed, or missed if the monitor is off. False if it was settled,
/// given back or taken by another one meanwhile: then nothing changes.
async fn release(
    connection: &mut DbConnection,
    held: &Held,
    retry_at: i64,
    fault: Option<&str>,
) -> Result<bool, StoreError> {
    const ACTIVE: &str = "exists (select 1 from monitors m where m.id = dues.monitor_id and m.active)";
    let sql = format!(
        "update dues set claimed_by = null, claimed_tick_at = null, lease_until = null,
             owed_tick_at = case when {ACTIVE} then claimed_tick_at end,
             due_at = case when not {ACTIVE} then due_at when next_tick_at < $3 then next_tick_at else $3 end,
             fault = coalesce($4, fault), fault_count = fault_count + $5,
             missed_ticks = missed_ticks + case when {ACTIVE} then 0 else 1 end
         where monitor_id = $1 and attempt = $2 and claimed_by is not null
         returning owed_tick_at"
    );
    let released: Option<(Option<i64>,)> = db::query_as(db::AssertSqlSafe(sql))
        .bind(held.monitor_id.0)
        .bind(held.attempt)
        .bind(retry_at)
        .bind(fault)
        .bind(i64::from(fault.is_some()))
        .fetch_optional(&mut *connection)
        .await?;
    let Some((owed,)) = released else { return Ok(false) };
    if owed.is_none() {
        let tick = instant(held.tick)?;
        let (monitor_id, reason) = (held.monitor_id, GapReason::Missed);
        let gap = Gap { monitor_id, reason, first_tick_at: tick, last_tick_at: tick, count: 1 };
        gaps::insert(connection, &[&gap]).await?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::test_store::{moved_by_another, with_a_claim};

    #[tokio::test]
    async fn a_claim_that_another_writer_moved_after_it_was_read_is_not_released() {
        let (_folder, _store, mut connection, claimed) = with_a_claim().await;
        let tick = micros(claimed.tick_at);
        let held = Held { monitor_id: claimed.monitor_id, attempt: claimed.attempt, tick };
        for sql in ["update dues set attempt = attempt + 1", "update dues set claimed_by = null"] {
            let write = async |connection: &mut DbConnection| release(connection, &held, tick, None).await.unwrap();
            assert_eq!(moved_by_another(&mut connection, sql, write).await, (false, true), "{sql}");
        }
    }
}
