//! Ticks that had no run of their own.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{Gap, GapReason, MonitorId};

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
    many_rows::in_shapes,
};

impl Store {
    /// Gaps of a monitor, newest first, before the gap with the number `before`, at most `limit`; each with its number.
    pub async fn gaps(
        &self,
        monitor: MonitorId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(i64, Gap)>, StoreError> {
        let rows = db::query("select * from gaps where monitor_id = $1 and id < $2 order by id desc limit $3")
            .bind(monitor.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(gap).collect()
    }

    /// Gaps of a monitor that reach into the time from `from` until before `to`, oldest first; of more than `limit` the
    /// newest.
    pub async fn gaps_between(
        &self,
        monitor: MonitorId,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<Gap>, StoreError> {
        let rows = db::query(
            "select * from gaps where monitor_id = $1 and last_tick_at >= $2 and first_tick_at < $3
             order by last_tick_at desc, id desc limit $4",
        )
        .bind(monitor.0)
        .bind(micros(from))
        .bind(micros(to))
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        rows.iter().rev().map(|row| gap(row).map(|(_, gap)| gap)).collect()
    }
}

/// The newest gap of each of these monitors, a JSON list of ids, with its number.
pub(in crate::store) async fn newest_gaps(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, (i64, Gap)>, StoreError> {
    let sql = format!(
        "select * from gaps where id in
             (select (select id from gaps where monitor_id = wanted.value order by last_tick_at desc, id desc limit 1)
              from {} wanted)",
        sql_pieces::ids_of("$1")
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter().map(|row| gap(row).map(|(id, gap)| (gap.monitor_id, (id, gap)))).collect()
}

fn gap(row: &DbRow) -> Result<(i64, Gap), StoreError> {
    let reason = match row.text("reason")?.as_str() {
        "overlapped" => GapReason::Overlapped,
        _ => GapReason::Missed,
    };
    let gap = Gap {
        monitor_id: MonitorId(row.int("monitor_id")?),
        reason,
        first_tick_at: row.at("first_tick_at")?,
        last_tick_at: row.at("last_tick_at")?,
        count: row.int("count")?,
    };
    Ok((row.int("id")?, gap))
}

/// Makes a stored gap longer by one that follows it; false if it has been purged.
pub(in crate::store) async fn extend(connection: &mut DbConnection, id: i64, by: &Gap) -> Result<bool, StoreError> {
    let extended = db::query("update gaps set last_tick_at = $1, count = count + $2 where id = $3 and monitor_id = $4")
        .bind(micros(by.last_tick_at))
        .bind(by.count)
        .bind(id)
        .bind(by.monitor_id.0)
        .execute(connection)
        .await?;
    Ok(extended.rows_affected() > 0)
}

/// Records gaps. The counters in `dues` are the caller's, in the same transaction.
pub(in crate::store) async fn insert(connection: &mut DbConnection, gaps: &[&Gap]) -> Result<(), StoreError> {
    for piece in in_shapes(gaps) {
        let sql = format!(
            "insert into gaps (monitor_id, reason, first_tick_at, last_tick_at, count) values {}",
            sql_pieces::values(piece.len(), &["bigint", "text", "bigint", "bigint", "bigint"])
        );
        let mut query = db::query(db::AssertSqlSafe(sql));
        for gap in piece {
            let reason = match gap.reason {
                GapReason::Missed => "missed",
                GapReason::Overlapped => "overlapped",
            };
            query = query
                .bind(gap.monitor_id.0)
                .bind(reason)
                .bind(micros(gap.first_tick_at))
                .bind(micros(gap.last_tick_at))
                .bind(gap.count);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
