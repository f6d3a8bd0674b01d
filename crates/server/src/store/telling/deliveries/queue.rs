//! The queue of what one alert owes of one monitor: the oldest first.

use jiff::Timestamp;
use revere_model::MonitorId;

use super::Delivery;
use crate::store::{
    StoreError,
    columns::micros,
    database::{self as db, DbConnection, DbRow, sql_pieces},
};

/// Keeps the row of a monitor, as whoever comes to owe something for it does: what is settled and what comes to be owed at once
/// see each other, and the next one in turn is due.
pub(super) async fn keep_the_queue(connection: &mut DbConnection, monitor: MonitorId) -> Result<(), StoreError> {
    let sql = format!("select monitor_id from states where monitor_id = $1 {}", sql_pieces::KEEPING);
    let _: Option<i64> = db::query_scalar(db::AssertSqlSafe(sql)).bind(monitor.0).fetch_optional(connection).await?;
    Ok(())
}

/// The rows of what waits behind a delivery, oldest first, at most `limit`.
pub(super) async fn behind(
    connection: &mut DbConnection,
    first: &Delivery,
    limit: u32,
) -> Result<Vec<DbRow>, StoreError> {
    let rows = db::query(
        "select * from deliveries where alert_key = $1 and monitor_id = $2 and status = 'owed' and id > $3
         order by id limit $4",
    )
    .bind(&first.alert_key)
    .bind(first.monitor_id.0)
    .bind(first.id.0)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// The oldest that is still owed is due now.
pub(super) async fn next_in_turn(
    connection: &mut DbConnection,
    alert: &str,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db::query(
        "update deliveries set next_attempt_at = coalesce(next_attempt_at, $1) where id =
             (select id from deliveries where alert_key = $2 and monitor_id = $3 and status = 'owed' order by id limit 1)",
    )
    .bind(micros(now))
    .bind(alert)
    .bind(monitor.0)
    .execute(connection)
    .await?;
    Ok(())
}
