//! Sending what is owed: claimed, settled, and told through another alert where it is given up.
//!
//! Of one alert and monitor only the oldest owed delivery is due; the next waits until that one is settled. Claiming
//! one counts an attempt and hides it for a while; if nobody settles it, it is due again, with the same key.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use revere_model::{MonitorId, MuteSubject, Subject};
use tokio::time::Instant;

use super::{Delivery, DeliveryStatus, Settlement, delivery};
use crate::{
    notification::Notification,
    store::{
        Store, StoreError,
        columns::{Columns, ids_text, micros},
        database::{self as db, DbConnection, DbRow, sql_pieces},
        telling::{alert_records, mutes::held::Mutes, record_flips},
    },
};

/// How long a claim waits where its time passes meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

impl Store {
    /// Gives up what is owed since before `before` by alerts that the configuration no longer has, and tells it through
    /// another alert. Answers how many, at most `limit`.
    pub async fn give_up_orphans(&self, before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let rows = db::query(
                    "select d.* from deliveries d join alerts a on a.key = d.alert_key
                     where d.status = 'owed' and not a.in_config and d.created_at < $1 order by d.id limit $2",
                )
                .bind(micros(before))
                .bind(i64::from(limit))
                .fetch_all(&mut *connection)
                .await?;
                let reason = Settlement::Failed("the alert is no longer in the configuration".to_owned());
                for row in &rows {
                    if let Some(delivery) = read(connection, row, now).await? {
                        settle(connection, &delivery, &reason, now).await?;
                    }
                }
                Ok(rows.len() as u64)
            })
        })
        .await
    }

    /// Claims deliveries of an alert that are due, the longest due first: counts an attempt of each and hides it for
    /// `lease`. One of which nothing can be read is given up, and holds up no other. Where several servers share the database, it
    /// waits for a locked or full disk a second at most, and not as long as it takes: the claim's time passes meanwhile.
    pub async fn claim_deliveries(
        &self,
        alert: &str,
        node: &str,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (alert, node) = (alert.to_owned(), node.to_owned());
        let lease = SignedDuration::try_from(lease).unwrap_or(SignedDuration::MAX);
        if self.0.shared && self.ask_a_doubtful_clock().await? {
            return Ok(Vec::new());
        }
        let asked = self.0.shared.then(Instant::now);
        let claim = self.0.queue.write(asked.map(|_| PATIENCE), move |connection| {
            Box::pin(async move {
                let waited = asked.and_then(|asked| SignedDuration::try_from(asked.elapsed()).ok()).unwrap_or_default();
                let begun = now.saturating_add(waited).unwrap_or(now);
                let hidden_until = begun.checked_add(lease).unwrap_or(Timestamp::MAX);
                // Compared once more outside: another server may have claimed or settled one after it was looked at.
                // Materialized: within a join they could be looked for once for each row, and be others each time.
                let sql = format!(
                    "with chosen as materialized (select id as chosen_id from deliveries where alert_key = $3
                         and status = 'owed' and next_attempt_at <= $4 order by next_attempt_at, id limit $5 {})
                     update deliveries set attempts = attempts + 1, claimed_by = $1, next_attempt_at = $2
                     from chosen where id = chosen_id and status = 'owed' and next_attempt_at <= $4
                     returning *",
                    sql_pieces::PASSING_OVER_KEPT
                );
                let rows = db::query(db::AssertSqlSafe(sql))
                    .bind(node)
                    .bind(micros(hidden_until))
                    .bind(alert)
                    .bind(micros(now))
                    .bind(i64::from(limit))
                    .fetch_all(&mut *connection)
                    .await?;
                let mut claimed = Vec::with_capacity(rows.len());
                for row in &rows {
                    claimed.extend(read(connection, row, now).await?);
                }
                claimed.sort_unstable_by_key(|delivery| delivery.id);
                Ok(claimed)
            })
        });
        claim.await
    }

    /// Records what came of an attempt; false if the delivery was settled or cancelled meanwhile, or claimed anew. Only
    /// that the receiver took it is true whenever it is said: it is recorded even if the claim's time is over, so that
    /// nobody tells it again. Waits for a locked or full disk as long as it takes.
    pub async fn settle_delivery(
        &self,
        claimed: &Delivery,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let claimed = claimed.clone();
        self.write_patiently(move |connection| {
            Box::pin(async move { settle(connection, &claimed, &settlement, now).await })
        })
        .await
    }
}

/// Reads a row that is to be sent; one of which nothing can be read is set aside as failed, with the reason.
async fn read(connection: &mut DbConnection, row: &DbRow, now: Timestamp) -> Result<Option<Delivery>, StoreError> {
    let fault = match delivery(connection, row).await {
        Ok(delivery) => return Ok(Some(delivery)),
        Err(error) if error.is_passing() => return Err(error),
        Err(StoreError::Internal { message, source: None }) => message,
        Err(error) => error.to_string(),
    };
    let (id, alert, monitor) = (row.int("id")?, row.text("alert_key")?, row.int("monitor_id")?);
    tracing::error!(delivery = id, alert, monitor, fault, "a delivery is given up");
    keep_the_queue(connection, MonitorId(monitor)).await?;
    db::query(
        "update deliveries set status = 'failed', next_attempt_at = null, claimed_by = null, settled_at = $1,
             last_error = $2 where id = $3 and status = 'owed' and attempts = $4",
    )
    .bind(micros(now))
    .bind(fault)
    .bind(id)
    .bind(row.int("attempts")?)
    .execute(&mut *connection)
    .await?;
    next_in_turn(connection, &alert, MonitorId(monitor), now).await?;
    Ok(None)
}

async fn settle(
    connection: &mut DbConnection,
    claimed: &Delivery,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (status, again_at, reply, error) = match settlement {
        Settlement::Sent(reply) => (DeliveryStatus::Sent, None, Some(reply.as_str()), None),
        Settlement::Again(at, error) => (DeliveryStatus::Owed, Some(micros(*at)), None, Some(error.as_str())),
        Settlement::Failed(error) => (DeliveryStatus::Failed, None, None, Some(error.as_str())),
    };
    let settled_at = (status != DeliveryStatus::Owed).then(|| micros(now));
    keep_the_queue(connection, claimed.monitor_id).await?;
    let updated = db::query(
        "update deliveries set status = $1, next_attempt_at = $2, reply = $3, last_error = coalesce($4, last_error),
             settled_at = $5, claimed_by = null
         where id = $6 and status = 'owed' and (attempts = $7 or $8)",
    )
    .bind(status.as_str())
    .bind(again_at)
    .bind(reply)
    .bind(error)
    .bind(settled_at)
    .bind(claimed.id.0)
    .bind(i64::from(claimed.attempts))
    .bind(status == DeliveryStatus::Sent)
    .execute(&mut *connection)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    if status != DeliveryStatus::Owed {
        next_in_turn(connection, &claimed.alert_key, claimed.monitor_id, now).await?;
    }
    if let Settlement::Failed(error) = settlement
        && claimed.instead_of.is_none()
    {
        tell_instead(connection, claimed, error, now).await?;
    }
    Ok(true)
}

/// Keeps the row of a monitor, as whoever comes to owe something for it does: what is settled and what comes to be owed at once
/// see each other, and the next one in turn is due.
async fn keep_the_queue(connection: &mut DbConnection, monitor: MonitorId) -> Result<(), StoreError> {
    let sql = format!("select monitor_id from statuses where monitor_id = $1 {}", sql_pieces::KEEPING);
    let _: Option<i64> = db::query_scalar(db::AssertSqlSafe(sql)).bind(monitor.0).fetch_optional(connection).await?;
    Ok(())
}

/// The oldest that is still owed is due now.
async fn next_in_turn(
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

/// What one alert could not tell, another one tells, once, saying so.
async fn tell_instead(
    connection: &mut DbConnection,
    failed: &Delivery,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    record_flips::hold(connection, failed.monitor_id).await?;
    let Some(other) = stand_in(connection, failed, now).await? else {
        tracing::error!(alert = failed.alert_key, delivery = %failed.id, "given up, and no other alert is on to tell it");
        return Ok(());
    };
    let notification = instead(&failed.notification, &failed.alert_key, error);
    record_flips::owe(connection, failed.flip_id, &other, &notification, Some(failed.id.0), now).await?;
    Ok(())
}

/// The alert that tells instead: one that is on, rather one that such a problem of that monitor is for, then one that tells such states, then one whose receiver took the last
/// thing it was told; of several, the one that reached somebody last.
async fn stand_in(
    connection: &mut DbConnection,
    failed: &Delivery,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let ids = ids_text([failed.monitor_id].into_iter());
    let chosen = record_flips::chosen_alerts(connection, &ids).await?.remove(&failed.monitor_id);
    let subject = Subject {
        tags: &failed.notification.monitor.tags,
        alerts: chosen.as_deref(),
        state: failed.notification.new_state,
        severity: failed.notification.severity().or(failed.notification.old_severity),
    };
    let mutes = Mutes::read(connection, now).await?;
    let mut best = None;
    for row in alert_records::read_all(connection).await? {
        let about =
            MuteSubject { monitor: failed.monitor_id, tags: subject.tags, alert: &row.key, severity: subject.severity };
        if !row.is_on() || row.key == failed.alert_key || mutes.holding(&about, now).is_some() {
            continue;
        }
        let last: Option<(bool, i64)> = db::query_as(
            "select status = 'sent', settled_at from deliveries where id in
                 (select max(id) from deliveries where alert_key = $1 and status = 'sent' union all
                  select max(id) from deliveries where alert_key = $1 and status = 'failed')
             order by settled_at desc limit 1",
        )
        .bind(&row.key)
        .fetch_optional(&mut *connection)
        .await?;
        let tells = row.states.contains(failed.notification.new_state);
        let (works, since) = last.map_or((true, i64::MIN), |(sent, at)| (sent, at));
        let rank = (row.rules().elsewhere(&subject).is_none(), tells, works, since);
        if best.as_ref().is_none_or(|(other, _)| *other < rank) {
            best = Some((rank, row.key));
        }
    }
    Ok(best.map(|(_, key)| key))
}

/// What another alert tells of what `alert_key` could not.
pub(in crate::store) fn instead(was: &Notification, alert_key: &str, error: &str) -> Notification {
    Notification {
        message: format!("{} (the alert '{alert_key}' could not tell this: {error})", was.message),
        key: format!("{}-instead", was.key),
        ..was.clone()
    }
}
