//! Forgetting, in small pieces, so that no other write waits long: runs, gaps, deliveries and decisions beyond their monitor's days,
//! and what deleted monitors leave behind. Flips stay, and so do each monitor's last run and what is still owed.

use jiff::{SignedDuration, Timestamp};
use revere_model::MonitorId;

use crate::store::{
    Store, StoreError,
    columns::micros,
    database::{self as db, DbConnection, sql_pieces},
};

/// That no rota goes by a delivery: neither the next ones are told with its words, nor an end that something holds back.
const NOT_NEEDED: &str = "not exists (select 1 from on_call_rounds r
         where r.monitor_id = deliveries.monitor_id and r.delivery_id = deliveries.id)
     and not exists (select 1 from on_call_told t
         where t.monitor_id = deliveries.monitor_id and t.ends_with = deliveries.id)";

impl Store {
    /// The monitors whose history is not kept for ever, after `after`, at most `limit`, each with its days.
    pub async fn monitors_to_purge(
        &self,
        after: Option<MonitorId>,
        limit: u32,
    ) -> Result<Vec<(MonitorId, u32)>, StoreError> {
        let rows: Vec<(i64, i64)> = db::query_as(
            "select id, retain_days from monitors where retain_days is not null and id > $1 order by id limit $2",
        )
        .bind(after.map_or(0, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        Ok(rows.into_iter().map(|(id, days)| (MonitorId(id), u32::try_from(days).unwrap_or(u32::MAX))).collect())
    }

    /// Purges at most `limit` runs of a monitor that began more than `days` days before `now`, the oldest first; never
    /// the last one, and none that goes with its partition soon. Answers how many.
    pub async fn purge_runs(
        &self,
        monitor: MonitorId,
        days: u32,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        // The last recorded run is the one that the monitor's row shows.
        let old: Vec<(i64, i64)> = db::query_as(
            "select id, started_at from runs where monitor_id = $1 and started_at < $2 and started_at >= $3
                 and started_at is distinct from (select last_run_at from states where monitor_id = $1)
             order by started_at, id limit $4",
        )
        .bind(monitor.0)
        .bind(micros(cutoff(days, now)))
        .bind(self.left_to_partitions())
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        let (Some((_, oldest)), Some((_, newest))) = (old.first().copied(), old.last().copied()) else {
            return Ok(0);
        };
        let ids: Vec<i64> = old.into_iter().map(|(id, _)| id).collect();
        let ids = serde_json::to_string(&ids).expect("a list of numbers always has a JSON form");
        let sql =
            format!("delete from runs where id {} and started_at >= $2 and started_at <= $3", sql_pieces::among("$1"));
        self.write(move |connection| {
            Box::pin(async move {
                let gone = db::query(db::AssertSqlSafe(sql)).bind(ids).bind(oldest).bind(newest);
                Ok(gone.execute(connection).await?.rows_affected())
            })
        })
        .await
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
        let old = "select id from gaps where monitor_id = $1 and last_tick_at < $2 order by last_tick_at, id limit $3";
        self.purge_old("gaps", old, monitor, cutoff(days, now), limit).await
    }

    /// Purges at most `limit` deliveries of a monitor that came to be owed more than `days` days before `now` and are
    /// settled; one that another is told instead of goes after that other one, and what a rota still tells of stays. Answers how many.
    pub async fn purge_deliveries(
        &self,
        monitor: MonitorId,
        days: u32,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let sql = format!(
            "select id, created_at, status <> 'owed' and not exists
                 (select 1 from deliveries other where other.instead_of = deliveries.id) and {NOT_NEEDED}
             from deliveries where monitor_id = $1 order by id limit $2"
        );
        let oldest: Vec<(i64, i64, bool)> = db::query_as(db::AssertSqlSafe(sql))
            .bind(monitor.0)
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
        let cutoff = micros(cutoff(days, now));
        let old = oldest.into_iter().filter(|(_, at, may_go)| *at < cutoff && *may_go).map(|(id, ..)| id).collect();
        self.purge("deliveries", old).await
    }

    /// Purges at most `limit` decisions not to tell that were made more than `days` days before `now`. Answers how many.
    pub async fn purge_decisions(
        &self,
        monitor: MonitorId,
        days: u32,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let old = "select id from (select id, at from decisions where monitor_id = $1 order by id limit $3) oldest
                   where at < $2";
        self.purge_old("decisions", old, monitor, cutoff(days, now), limit).await
    }

    /// Purges what `old` selects: at most so many ids of a monitor's rows from before an instant.
    async fn purge_old(
        &self,
        table: &'static str,
        old: &'static str,
        monitor: MonitorId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        // Looking is free of locks: most of the time there is nothing to do.
        let old = db::query_scalar(old)
            .bind(monitor.0)
            .bind(micros(before))
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
        self.purge(table, old).await
    }

    async fn purge(&self, table: &'static str, ids: Vec<i64>) -> Result<u64, StoreError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let ids = serde_json::to_string(&ids).expect("a list of numbers always has a JSON form");
        // Only what is settled may go, whatever happened since it was looked at.
        let settled =
            if table == "deliveries" { format!(" and status <> 'owed' and {NOT_NEEDED}") } else { String::new() };
        let sql = format!("delete from {table} where id {}{settled}", sql_pieces::among("$1"));
        self.write(move |connection| {
            Box::pin(async move {
                Ok(db::query(db::AssertSqlSafe(sql)).bind(ids).execute(connection).await?.rows_affected())
            })
        })
        .await
    }

    /// Removes at most `limit` rows of what deleted monitors left that are kept no longer, and their own row when nothing is
    /// left and nothing is owed. Answers how many rows; 0 when there is nothing to do now.
    pub async fn purge_deleted(&self, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        let deleted: Vec<i64> = db::query_scalar(
            "select id from monitors where deleted_at is not null and purge_at <= $1 order by id limit 100",
        )
        .bind(micros(now))
        .fetch_all(self.readers())
        .await?;
        for monitor in deleted {
            let removed = self
                .write(move |connection| Box::pin(async move { purge_one(connection, monitor, limit, now).await }))
                .await?;
            if removed > 0 {
                return Ok(removed);
            }
        }
        Ok(0)
    }
}

fn cutoff(days: u32, now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

async fn purge_one(connection: &mut DbConnection, monitor: i64, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
    // What has begun to go cannot be brought back any more, whatever the clock says then.
    let begun =
        db::query("update monitors set purge_at = 0 where id = $1 and deleted_at is not null and purge_at <= $2")
            .bind(monitor)
            .bind(micros(now))
            .execute(&mut *connection)
            .await?;
    if begun.rows_affected() == 0 {
        return Ok(0);
    }
    // What is owed is still told: the monitor is gone, the problem was real.
    let steps = [
        // Nobody is told next of what is gone; an end that a mute holds back is still told.
        "delete from on_call_rounds where monitor_id = $1 and rota in
             (select rota from on_call_rounds where monitor_id = $1 limit $2)",
        // The oldest; until when they began says where they are.
        "delete from runs where monitor_id = $1
             and id in (select id from runs where monitor_id = $1 order by started_at, id limit $2)
             and started_at <= (select max(started_at) from
                 (select started_at from runs where monitor_id = $1 order by started_at, id limit $2) oldest)",
        "delete from gaps where id in (select id from gaps where monitor_id = $1 limit $2)",
        "delete from deliveries where id in (select d.id from deliveries d where d.monitor_id = $1 and d.status <> 'owed'
             and not exists (select 1 from deliveries i where i.instead_of = d.id)
             and not exists (select 1 from on_call_told t join alerts a on a.key = t.alert_key
                 where t.monitor_id = d.monitor_id and t.ends_with = d.id and a.in_config) limit $2)",
        "delete from decisions where id in (select id from decisions where monitor_id = $1 limit $2)",
        "delete from monitor_versions where monitor_id = $1 and version in
             (select version from monitor_versions where monitor_id = $1 limit $2)",
        "delete from monitor_scripts where monitor_id = $1 and script_version in
             (select script_version from monitor_scripts where monitor_id = $1 limit $2)",
        "delete from acknowledgements where flip_id in
             (select flip_id from acknowledgements where monitor_id = $1 limit $2)",
        "delete from muted_flips where flip_id in (select f.id from flips f where f.monitor_id = $1
             and exists (select 1 from muted_flips m where m.flip_id = f.id) limit $2)",
        "delete from flips where id in (select f.id from flips f where f.monitor_id = $1
             and not exists (select 1 from deliveries d where d.flip_id = f.id) limit $2)",
    ];
    for step in steps {
        let removed = db::query(step).bind(monitor).bind(i64::from(limit)).execute(&mut *connection).await?;
        if removed.rows_affected() > 0 {
            return Ok(removed.rows_affected());
        }
    }
    let owed: i64 = db::query_scalar("select count(*) from deliveries where monitor_id = $1")
        .bind(monitor)
        .fetch_one(&mut *connection)
        .await?;
    if owed > 0 {
        return Ok(0);
    }
    let mut removed = 0;
    for step in [
        "delete from on_call_told where monitor_id = $1",
        "delete from held where monitor_id = $1",
        "delete from told where monitor_id = $1",
        "delete from tags where monitor_id = $1",
        "delete from uses where monitor_id = $1",
        "delete from states where monitor_id = $1",
        "delete from dues where monitor_id = $1",
        "delete from monitors where id = $1",
    ] {
        removed += db::query(step).bind(monitor).execute(&mut *connection).await?.rows_affected();
    }
    Ok(removed)
}
