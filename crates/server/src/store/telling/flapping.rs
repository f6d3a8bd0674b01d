//! Monitors that flap: what is held back of them until they are calm.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{Flapping, MonitorId};

use crate::store::{
    Store, StoreError,
    columns::{ids_text, instant, micros},
    database::{self as db, DbConnection, sql_pieces},
    meta_table::keep,
};

/// The row of `meta` that says it.
const KEY: &str = "flapping";

impl Store {
    /// Decides when a monitor is said to flap, for all servers of this database; `None` is never. Where nothing changes, nothing
    /// is written.
    pub async fn set_flapping(&self, flapping: Option<Flapping>) -> Result<(), StoreError> {
        let mut connection = self.readers().acquire().await?;
        if read(&mut connection).await? == flapping {
            return Ok(());
        }
        drop(connection);
        let changes = flapping.map_or(0, |flapping| flapping.changes).to_string();
        self.write(move |connection| Box::pin(async move { keep(connection, KEY, changes).await })).await
    }

    /// Which of these monitors flap at `now`, and until when at least.
    pub async fn flapping(
        &self,
        monitors: &[MonitorId],
        now: Timestamp,
    ) -> Result<HashMap<MonitorId, Timestamp>, StoreError> {
        if monitors.is_empty() {
            return Ok(HashMap::new());
        }
        let mut connection = self.readers().acquire().await?;
        of_these(&mut connection, monitors.iter().copied(), now).await
    }

    /// Whether a monitor would flap at `now`, if its state changed then, or else as it is.
    pub async fn would_flap(&self, monitor: MonitorId, now: Timestamp, changes: bool) -> Result<bool, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let Some(flapping) = read(&mut connection).await? else { return Ok(false) };
        let mut known = changes_of(&mut connection, [monitor].into_iter(), flapping.since(now)).await?;
        let mut known = known.remove(&monitor).unwrap_or_default();
        if changes {
            known.insert(0, now);
        }
        Ok(flapping.until(&known, now).is_some())
    }
}

/// When a monitor is said to flap.
async fn read(connection: &mut DbConnection) -> Result<Option<Flapping>, StoreError> {
    let changes: Option<String> =
        db::query_scalar("select value from meta where key = $1").bind(KEY).fetch_optional(connection).await?;
    let changes = changes.and_then(|changes| changes.parse().ok()).filter(|changes| *changes > 0);
    Ok(changes.map(|changes| Flapping { changes }))
}

/// Which of these monitors flap at `now`, and until when at least.
pub(in crate::store) async fn of_these(
    connection: &mut DbConnection,
    monitors: impl Iterator<Item = MonitorId>,
    now: Timestamp,
) -> Result<HashMap<MonitorId, Timestamp>, StoreError> {
    let Some(flapping) = read(connection).await? else { return Ok(HashMap::new()) };
    let changes = changes_of(connection, monitors, flapping.since(now)).await?;
    let until = |(monitor, changes): (MonitorId, Vec<Timestamp>)| Some((monitor, flapping.until(&changes, now)?));
    Ok(changes.into_iter().filter_map(until).collect())
}

/// When the states of monitors changed after `since`, newest first. That one is switched on, runs for the first time or
/// is switched off is no such change, and neither is what the outage of a source does that is told of by itself.
async fn changes_of(
    connection: &mut DbConnection,
    monitors: impl Iterator<Item = MonitorId>,
    since: Timestamp,
) -> Result<HashMap<MonitorId, Vec<Timestamp>>, StoreError> {
    let sql = format!(
        "select monitor_id, at from flips where at > $2 and old_state <> new_state and old_state <> 'INACTIVE'
             and new_state <> 'INACTIVE' and monitor_id {}
             and (by_source is null or not exists (select 1 from source_outages o where o.source = flips.by_source
                 and o.told_at is not null and (o.ended_at is null or o.ended_at > $2)))
         order by monitor_id, id desc",
        sql_pieces::among("$1")
    );
    let rows: Vec<(i64, i64)> =
        db::query_as(db::AssertSqlSafe(sql)).bind(ids_text(monitors)).bind(micros(since)).fetch_all(connection).await?;
    let mut changes: HashMap<MonitorId, Vec<Timestamp>> = HashMap::new();
    for (monitor, at) in rows {
        changes.entry(MonitorId(monitor)).or_default().push(instant(at)?);
    }
    Ok(changes)
}
