//! What comes to be owed: a message of an alert, which goes out in its turn. It is owed at the change that it tells, or
//! some time after that.

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, MuteId, RunId, Told};

use super::{
    incidents::{self, Described, Heard},
    keys,
    told_monitors::{hold, summaries},
};
use crate::{
    notification::{Incident, MonitorSummary, Notification},
    store::{
        RecordedFlip, StoreError,
        columns::{Columns, ids_text, micros},
        database::{self as db, DbConnection},
        reading::flips::flip,
    },
};

/// Writes that `alert_key` owes this. It waits its turn while an earlier one of the same alert and monitor is owed.
pub(in crate::store) async fn owe(
    connection: &mut DbConnection,
    flip: FlipId,
    alert_key: &str,
    notification: &Notification,
    instead_of: Option<i64>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let text = serde_json::to_string(notification)
        .map_err(|error| StoreError::internal(format!("a notification has no JSON form: {error}")))?;
    look_again(connection, alert_key, notification.monitor.id, now).await?;
    Ok(db::query_scalar(
        "insert into deliveries
             (flip_id, alert_key, monitor_id, status, next_attempt_at, instead_of, created_at, key, notification, incident_id)
         values ($1, $2, $3, 'owed',
             case when exists (select 1 from deliveries where alert_key = $2 and monitor_id = $3 and status = 'owed')
                 then null else cast($4 as bigint) end,
             $5, $4, $6, $7, $8)
         returning id",
    )
    .bind(flip.0)
    .bind(alert_key)
    .bind(notification.monitor.id.0)
    .bind(micros(now))
    .bind(instead_of)
    .bind(&notification.key)
    .bind(text)
    .bind(notification.incident.as_ref().map(|incident| incident.id.0))
    .fetch_one(connection)
    .await?)
}

/// More came to be owed of this: what is held back in front of it is looked at anew.
async fn look_again(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db::query(
        "update deliveries set next_attempt_at = $1
         where alert_key = $2 and monitor_id = $3 and status = 'owed' and held_by is not null and claimed_by is null
             and next_attempt_at > $1",
    )
    .bind(micros(now))
    .bind(alert_key)
    .bind(monitor.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// The mute is over before its time: what it holds back is looked at now.
pub(in crate::store) async fn let_go_of(
    connection: &mut DbConnection,
    mute: MuteId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db::query(
        "update deliveries set next_attempt_at = $1
         where held_by = $2 and status = 'owed' and claimed_by is null and next_attempt_at > $1",
    )
    .bind(micros(now))
    .bind(mute.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes when an alert told last of a monitor: reminders are counted from there.
pub(in crate::store) async fn told_now(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db::query("update told set told_at = $1, reminded = 0 where alert_key = $2 and monitor_id = $3")
        .bind(micros(now))
        .bind(alert_key)
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// What a flip says some time after it to whoever heard what was told `before`: the run that made it may have been purged.
pub(in crate::store) fn late(
    flip: &RecordedFlip,
    monitor: MonitorSummary,
    before: &Told,
    key: String,
    incident: Option<Incident>,
) -> Notification {
    Notification {
        old_state: before.last_heard(),
        old_severity: before.last_severity(),
        new_state: flip.new_state,
        severity: flip.severity,
        message: flip.message.clone(),
        return_value: flip.return_value.clone(),
        tick_at: None,
        // People read since when it is so.
        started_at: Some(flip.at),
        run_id: flip.run_id,
        incident,
        ..Notification::about(monitor, key)
    }
}

/// Writes that `alert_key` owes what the monitor's last flip says, told late.
pub(in crate::store) async fn owe_last_flip(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    before: Heard,
    now: Timestamp,
) -> Result<(), StoreError> {
    hold(connection, monitor).await?;
    // What made the monitor what it is; the state may have begun with an earlier one, and only have become worse since.
    let row = db::query(
        "select f.*, s.last_message from flips f join states s on s.monitor_id = f.monitor_id
         where f.monitor_id = $1 order by f.id desc limit 1",
    )
    .bind(monitor.0)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let mut flip = flip(&row)?;
    if let (Some(_), Some(last)) = (row.text_or_none("by_source")?, row.text_or_none("last_message")?) {
        // What was wrong with a source is told as that; what is wrong now is another thing.
        flip.message = last;
    }
    let instance = keys::instance(connection).await?;
    let mut names = summaries(connection, &ids_text([monitor].into_iter())).await?;
    let Some(monitor) = names.remove(&monitor) else { return Ok(()) };
    let mut key = keys::delivery(&instance, flip.monitor_id, flip.id, flip.at, alert_key);
    loop {
        let status: Option<String> = db::query_scalar("select status from deliveries where key = $1")
            .bind(&key)
            .fetch_optional(&mut *connection)
            .await?;
        match status.as_deref() {
            None => break,
            // Nobody heard that one: the alert was switched off meanwhile.
            Some("cancelled") => key = keys::after_cancelled(&key),
            // It was told of that very change before.
            Some(_) => return Ok(()),
        }
    }
    let going_on = incidents::going_on(connection, [flip.monitor_id].into_iter()).await?.remove(&flip.monitor_id);
    let incident = Described::new(&instance).get(connection, before.incident(going_on)).await?;
    let mut notification = late(&flip, monitor, &before.told, key, incident);
    if let Some(run) = flip.run_id {
        // It may have been purged meanwhile.
        let kept: Option<i64> =
            db::query_scalar("select id from runs where id = $1").bind(run.0).fetch_optional(&mut *connection).await?;
        notification.run_id = kept.map(RunId);
    }
    owe(connection, flip.id, alert_key, &notification, None, now).await?;
    told_now(connection, alert_key, flip.monitor_id, now).await
}
