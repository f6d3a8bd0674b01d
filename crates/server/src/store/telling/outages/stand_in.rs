//! The row among the monitors that stands for a source, so that its outages are told, acknowledged and kept as the problems of
//! monitors are. It is marked as deleted from the beginning, and so in no list.

use jiff::{SignedDuration, Timestamp};
use revere_model::MonitorId;

use super::Outage;
use crate::store::{
    StoreError,
    columns::micros,
    database::{self as db, DbConnection},
    monitors::name_order::name_order,
};

/// What was told of a source goes after so long, its outages that were over so long ago, and after the last of them what stands
/// for it.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(24 * KEPT_DAYS);
const KEPT_DAYS: i64 = 90;

/// What stands for the source.
pub(super) async fn standing_for(connection: &mut DbConnection, source: &str) -> Result<Option<MonitorId>, StoreError> {
    let id: Option<i64> =
        db::query_scalar("select id from monitors where source = $1").bind(source).fetch_optional(connection).await?;
    Ok(id.map(MonitorId))
}

/// What stands for the source whose outage begins, which is made where there is none: whoever asks keeps the row of the outage,
/// and of those that go on there is one.
pub(super) async fn stand_in(
    connection: &mut DbConnection,
    outage: &Outage,
    now: Timestamp,
) -> Result<MonitorId, StoreError> {
    // Whoever is about to remove it is waited for, and it is there no more; from here on nobody does.
    let there: Option<i64> = db::query_scalar("update monitors set purge_at = null where source = $1 returning id")
        .bind(&outage.source)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(there) = there {
        return Ok(MonitorId(there));
    }
    let name = format!("Source {}", outage.source);
    // Told by no alert but those that are asked to.
    let id: i64 = db::query_scalar(
        "insert into monitors (version, created_at, updated_at, deleted_at, name, name_order, description, script, schedule,
             timezone, active, tags, alerts, alarm_after, recover_after, retain_days, source)
         values (1, $1, $1, $1, $2, $3, '', '', '', 'UTC', $4, '[]', '[]', 1, 1, $6, $5) returning id",
    )
    .bind(micros(now))
    .bind(&name)
    .bind(name_order(&name))
    .bind(false)
    .bind(&outage.source)
    .bind(KEPT_DAYS)
    .fetch_one(&mut *connection)
    .await?;
    db::query("insert into states (monitor_id, state, state_since) values ($1, 'OK', $2)")
        .bind(id)
        .bind(micros(outage.began_at))
        .execute(&mut *connection)
        .await?;
    db::query("insert into dues (monitor_id) values ($1)").bind(id).execute(connection).await?;
    Ok(MonitorId(id))
}

/// Its outage is over: from now on it is kept as long as what was told of it.
pub(super) async fn keep_for_now(
    connection: &mut DbConnection,
    source: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db::query("update monitors set purge_at = $1 where id = $2")
        .bind(micros(now.saturating_add(KEPT).unwrap_or(Timestamp::MAX)))
        .bind(source.0)
        .execute(connection)
        .await?;
    Ok(())
}
