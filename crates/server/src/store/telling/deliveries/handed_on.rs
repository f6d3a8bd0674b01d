//! What a rota has handed on: the deliveries of the alerts of its people.

use jiff::Timestamp;
use revere_model::{DeliveryId, FlipId};
use serde::Deserialize;

use super::Delivery;
use crate::store::{
    StoreError,
    columns::micros,
    database::{self as db, DbConnection},
    telling::keys,
};

/// What of a notification says whether it tells a change, and whether a rota had it told.
#[derive(Deserialize)]
struct Kind {
    reminder: Option<u32>,
    #[serde(default)]
    on_call: Option<String>,
}

/// An alert that could not tell something.
pub(in crate::store) struct FailedAlert {
    pub(in crate::store) key: String,
    /// Whether it was a rota that had it told.
    pub(in crate::store) was_handed_on: bool,
}

/// The alert instead of which a rota tells something; `None` where that is not kept any more.
pub(in crate::store) async fn instead_of(
    connection: &mut DbConnection,
    delivery: &Delivery,
) -> Result<Option<FailedAlert>, StoreError> {
    let row: Option<(String, String)> = db::query_as("select alert_key, notification from deliveries where id = $1")
        .bind(delivery.instead_of.map(|id| id.0))
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(key, text)| {
        let was_handed_on = serde_json::from_str(&text).is_ok_and(|kind: Kind| kind.on_call.is_some());
        FailedAlert { key, was_handed_on }
    }))
}

/// The key with which `alert` is to tell what the rota owes; `None` if it has told that, or is about to: because of the
/// rota or by itself. What is told `again` says more than what was told, and only the same is not told twice.
pub(in crate::store) async fn free_key(
    connection: &mut DbConnection,
    delivery: &Delivery,
    alert: &str,
    again: bool,
) -> Result<Option<String>, StoreError> {
    let rows: Vec<(String, String, String)> =
        db::query_as("select key, status, notification from deliveries where flip_id = $1 and alert_key = $2")
            .bind(delivery.flip_id.0)
            .bind(alert)
            .fetch_all(connection)
            .await?;
    let told = |status: &str| matches!(status, "owed" | "sent");
    let tells_change = |text: &str| serde_json::from_str(text).is_ok_and(|kind: Kind| kind.reminder.is_none());
    let change = delivery.notification.reminder.is_none() && !again;
    if change && rows.iter().any(|(_, status, text)| told(status) && tells_change(text)) {
        return Ok(None);
    }
    let mut key = keys::on_call(&delivery.notification.key, alert);
    while let Some((_, status, _)) = rows.iter().find(|(taken, ..)| *taken == key) {
        if told(status) {
            return Ok(None);
        }
        // It was given up or cancelled: this is another one.
        key = keys::on_call(&key, alert);
    }
    Ok(Some(key))
}

/// The alerts that failed at telling a change.
pub(in crate::store) async fn failed(connection: &mut DbConnection, flip: FlipId) -> Result<Vec<String>, StoreError> {
    let query = db::query_scalar("select distinct alert_key from deliveries where flip_id = $1 and status = 'failed'");
    Ok(query.bind(flip.0).fetch_all(connection).await?)
}

/// The rota that had a person told this, if one did.
pub(in crate::store) async fn handed_on_by(
    connection: &mut DbConnection,
    told: &Delivery,
) -> Result<Option<String>, StoreError> {
    if told.notification.on_call.is_none() {
        return Ok(None);
    }
    let rows: Vec<(String, String)> = db::query_as("select alert_key, key from deliveries where flip_id = $1")
        .bind(told.flip_id.0)
        .fetch_all(connection)
        .await?;
    let mut key = &told.notification.key;
    while let Some((alert, before)) = rows.iter().find(|(_, before)| keys::on_call(before, &told.alert_key) == *key) {
        if *alert != told.alert_key {
            return Ok(Some(alert.clone()));
        }
        key = before;
    }
    Ok(None)
}

/// Leaves what a rota owes as it is until `at`, and says why.
pub(in crate::store) async fn put_off(
    connection: &mut DbConnection,
    id: DeliveryId,
    at: Timestamp,
    why: &str,
) -> Result<(), StoreError> {
    db::query(
        "update deliveries set next_attempt_at = $1, attempts = attempts - 1, reply = $2 where id = $3 and status = 'owed'",
    )
    .bind(micros(at))
    .bind(why)
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the end of a problem waits behind what the rota owes of it.
pub(in crate::store) async fn is_over(connection: &mut DbConnection, problem: &Delivery) -> Result<bool, StoreError> {
    let behind: i64 = db::query_scalar(
        "select count(*) from deliveries d join flips f on f.id = d.flip_id
         where d.alert_key = $1 and d.monitor_id = $2 and d.status = 'owed' and d.id > $3 and d.incident_id = $4
             and f.new_state in ('OK', 'INACTIVE')",
    )
    .bind(&problem.alert_key)
    .bind(problem.monitor_id.0)
    .bind(problem.id.0)
    .bind(problem.incident_id.map(|incident| incident.0))
    .fetch_one(connection)
    .await?;
    Ok(behind > 0)
}

/// An alert is being switched off: who was to be told by it of a problem, and is not any more, counts as not told; where nobody
/// else was, the next one is told at once. To be called before what it owes is cancelled.
pub(in crate::store) async fn switched_off(
    connection: &mut DbConnection,
    alert: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<(String, i64)> = db::query_as(
        "delete from on_call_told where alert_key = $1 and ends_with is null
             and exists (select 1 from deliveries d where d.alert_key = on_call_told.alert_key
                 and d.monitor_id = on_call_told.monitor_id and d.status = 'owed')
         returning rota, monitor_id",
    )
    .bind(alert)
    .fetch_all(&mut *connection)
    .await?;
    for (rota, monitor) in rows {
        db::query(
            "update on_call_rounds set next_at = $1 where rota = $2 and monitor_id = $3
                 and not exists (select 1 from on_call_told t where t.rota = $2 and t.monitor_id = $3
                     and t.in_round = $4 and t.alert_key <> '' and t.ends_with is null)",
        )
        .bind(micros(now))
        .bind(rota)
        .bind(monitor)
        .bind(true)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
