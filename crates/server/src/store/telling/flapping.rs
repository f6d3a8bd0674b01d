//! Monitors that flap: what is held back of them until they are calm.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{Flapping, MonitorId};

use crate::store::{
    Store, StoreError,
    columns::{ids_text, instant, micros},
    database::{self as db, DbConnection, sql_pieces},
};

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
        self.write(move |connection| {
            Box::pin(async move {
                db::query(
                    "insert into meta (key, value) values ('flapping', $1)
                     on conflict (key) do update set value = excluded.value",
                )
                .bind(changes)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
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
}

/// When a monitor is said to flap.
async fn read(connection: &mut DbConnection) -> Result<Option<Flapping>, StoreError> {
    let changes: Option<String> =
        db::query_scalar("select value from meta where key = 'flapping'").fetch_optional(connection).await?;
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
    let sql = format!(
        "select monitor_id, at from flips where at > $2 and monitor_id in {} order by monitor_id, id desc",
        sql_pieces::ids_of("$1")
    );
    let rows: Vec<(i64, i64)> = db::query_as(db::AssertSqlSafe(sql))
        .bind(ids_text(monitors))
        .bind(micros(flapping.since(now)))
        .fetch_all(connection)
        .await?;
    let mut changes: HashMap<MonitorId, Vec<Timestamp>> = HashMap::new();
    for (monitor, at) in rows {
        changes.entry(MonitorId(monitor)).or_default().push(instant(at)?);
    }
    let until = |(monitor, changes): (MonitorId, Vec<Timestamp>)| Some((monitor, flapping.until(&changes, now)?));
    Ok(changes.into_iter().filter_map(until).collect())
}
