//! Sending what is owed: claimed and settled.
//!
//! Of one alert and monitor only the oldest owed delivery is due; the next waits until that one is settled. Claiming
//! one counts an attempt and hides it for a while; if nobody settles it, it is due again, with the same key, to every server but
//! the one that is still [sending](super::in_hand) it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use revere_model::MonitorId;
use tokio::time::Instant;

use super::{
    Delivery, DeliveryStatus, Settlement, delivery,
    fallback::tell_instead,
    held,
    queue::{behind, keep_the_queue, next_in_turn},
};
use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow, sql_pieces},
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

    /// Claims deliveries of an alert that are due and that this server is not sending, the longest due first: counts an attempt
    /// of each and hides it for `lease`. Of those, what a mute holds back by now is put off until its end and not among them.
    /// One of which nothing can be read is given up, and holds up no other. Where several servers share the database, it waits
    /// for a locked or full disk a second at most, and not as long as it takes: the claim's time passes meanwhile.
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
        let asked = Instant::now();
        let patience = self.0.shared.then_some(PATIENCE);
        let in_hand = self.0.in_hand.ids_text();
        let claim = self.0.queue.write(patience, move |connection| {
            Box::pin(async move {
                // The lease begins when it is written: a claim that waited for the disk would be over before anything is sent.
                let waited = SignedDuration::try_from(asked.elapsed()).unwrap_or_default();
                let begun = now.saturating_add(waited).unwrap_or(now);
                let hidden_until = begun.checked_add(lease).unwrap_or(Timestamp::MAX);
                // Compared once more outside: another server may have claimed or settled one after it was looked at.
                // Materialized: within a join they could be looked for once for each row, and be others each time.
                let sql = format!(
                    "with chosen as materialized (select id as chosen_id from deliveries where alert_key = $3
                         and status = 'owed' and next_attempt_at <= $4 and id not in {}
                         order by next_attempt_at, id limit $5 {})
                     update deliveries set attempts = attempts + 1, claimed_by = $1, next_attempt_at = $2
                     from chosen where id = chosen_id and status = 'owed' and next_attempt_at <= $4
                     returning *",
                    sql_pieces::ids_of("$6"),
                    sql_pieces::PASSING_OVER_KEPT
                );
                let rows = db::query(db::AssertSqlSafe(sql))
                    .bind(node)
                    .bind(micros(hidden_until))
                    .bind(alert)
                    .bind(micros(now))
                    .bind(i64::from(limit))
                    .bind(in_hand)
                    .fetch_all(&mut *connection)
                    .await?;
                let mut claimed = Vec::with_capacity(rows.len());
                for row in &rows {
                    claimed.extend(read(connection, row, now).await?);
                }
                claimed.sort_unstable_by_key(|delivery| delivery.id);
                held::sendable(connection, claimed, now).await
            })
        });
        claim.await
    }

    /// Has claims of `node` hold for `lease` from now on, of what is sent later than was thought. False if another server may have
    /// taken one of them over meanwhile: then none of them is to be sent. Waits as a claim does.
    pub async fn keep_claims(
        &self,
        claimed: &[&Delivery],
        node: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let lease = SignedDuration::try_from(lease).unwrap_or(SignedDuration::MAX);
        let hidden_until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        let mut claims: Vec<_> = claimed.iter().map(|one| (one.monitor_id, one.id, one.attempts)).collect();
        // In the order in which what came of them is written.
        claims.sort_unstable();
        let node = node.to_owned();
        let keep = self.0.queue.write(Some(PATIENCE), move |connection| {
            Box::pin(async move {
                let mut kept = 0;
                for (_, id, attempts) in &claims {
                    let updated = db::query(
                        "update deliveries set next_attempt_at = $1
                         where id = $2 and status = 'owed' and attempts = $3 and claimed_by = $4",
                    )
                    .bind(micros(hidden_until))
                    .bind(id.0)
                    .bind(i64::from(*attempts))
                    .bind(&node)
                    .execute(&mut *connection)
                    .await?;
                    kept += updated.rows_affected();
                }
                Ok(kept == claims.len() as u64)
            })
        });
        keep.await
    }

    /// What waits behind a delivery of which nobody was told yet and that belongs to the same episode, oldest first: the rest
    /// of a problem that could not be told while it was there.
    pub async fn rest_of_episode(&self, first: &Delivery, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let Some(incident) = first.incident_id else { return Ok(Vec::new()) };
        let mut connection = self.engine_readers().acquire().await?;
        let rows = behind(&mut connection, first, limit).await?;
        let mut rest = Vec::with_capacity(rows.len());
        for row in &rows {
            let next = delivery(&mut connection, row).await?;
            if next.incident_id != Some(incident) || next.instead_of.is_some() || next.next_attempt_at.is_some() {
                break;
            }
            rest.push(next);
        }
        Ok(rest)
    }

    /// What the receiver calls the message, or the thread, in which an alert told last of the incident of a delivery; `None`
    /// where nothing was told of it, or has no such place.
    pub async fn reference_for(&self, delivery: &Delivery) -> Result<Option<String>, StoreError> {
        let Some(incident) = delivery.incident_id else { return Ok(None) };
        let found = db::query_scalar(
            "select reference from deliveries where alert_key = $1 and incident_id = $2 and reference is not null
             order by id desc limit 1",
        );
        Ok(found.bind(&delivery.alert_key).bind(incident.0).fetch_optional(self.engine_readers()).await?)
    }

    /// When the last message of an alert was taken, or begun and not answered yet, whichever server sends it; `lease` is how long
    /// a claim lasts. What is told late has an older number than what was told before it, so that the newest so many are looked at.
    pub async fn last_message(&self, alert: &str, lease: Duration) -> Result<Option<Timestamp>, StoreError> {
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let last: Option<i64> = db::query_scalar(
            "select max(at) from
                 (select max(settled_at) as at from
                      (select settled_at from deliveries where alert_key = $1 and status = 'sent'
                          order by id desc limit 500) newest
                  union all
                  select max(next_attempt_at) - $2 from deliveries
                      where alert_key = $1 and status = 'owed' and claimed_by is not null) messages",
        )
        .bind(alert)
        .bind(lease)
        .fetch_one(self.engine_readers())
        .await?;
        last.map(crate::store::columns::instant).transpose()
    }

    /// Records what came of one message that told all of these, at once; answers how those of them stand that were still owed:
    /// not those that were settled or cancelled meanwhile, or claimed anew. Only that the receiver took it is true whenever it is
    /// said: it is recorded even if the claim's time is over, so that nobody tells it again. Waits for a locked or full disk as
    /// long as it takes.
    pub async fn settle_deliveries(
        &self,
        mut settlements: Vec<(Delivery, Settlement)>,
        now: Timestamp,
    ) -> Result<Vec<(Delivery, DeliveryStatus)>, StoreError> {
        // In the order in which others keep the rows of several monitors.
        settlements.sort_by_key(|(delivery, _)| (delivery.monitor_id, delivery.id));
        let monitors = settlements.iter().map(|(delivery, _)| delivery.monitor_id).collect();
        self.write_patiently_about(monitors, move |connection| {
            Box::pin(async move {
                let mut settled = Vec::with_capacity(settlements.len());
                for (delivery, settlement) in settlements {
                    if settle(connection, &delivery, &settlement, now).await? {
                        settled.push((delivery, settlement.status()));
                    }
                }
                Ok(settled)
            })
        })
        .await
    }
}

/// Reads a delivery by its id; `None` where it is not kept any more, or nothing of it can be read.
pub(in crate::store) async fn read_one(
    connection: &mut DbConnection,
    id: i64,
    now: Timestamp,
) -> Result<Option<Delivery>, StoreError> {
    let row = db::query("select * from deliveries where id = $1").bind(id).fetch_optional(&mut *connection).await?;
    match row {
        Some(row) => read(connection, &row, now).await,
        None => Ok(None),
    }
}

/// Reads a row that is to be sent; one of which nothing can be read is set aside as failed, with the reason.
pub(in crate::store) async fn read(
    connection: &mut DbConnection,
    row: &DbRow,
    now: Timestamp,
) -> Result<Option<Delivery>, StoreError> {
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

pub(in crate::store) async fn settle(
    connection: &mut DbConnection,
    claimed: &Delivery,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let status = settlement.status();
    let (again_at, reply, error) = match settlement {
        Settlement::Sent(reply) => (None, Some(reply.as_str()), None),
        Settlement::Again(at, error) | Settlement::Unanswered(at, error) => {
            (Some(micros(*at)), None, Some(error.as_str()))
        }
        Settlement::Failed(error) | Settlement::Nobody(error) => (None, None, Some(error.as_str())),
    };
    // What was said in an alert's own words is known once it was sent, and kept with what was to be told.
    let said = match &claimed.notification.said {
        Some(_) if status == DeliveryStatus::Sent => serde_json::to_string(&claimed.notification).ok(),
        _ => None,
    };
    let settled_at = (status != DeliveryStatus::Owed).then(|| micros(now));
    keep_the_queue(connection, claimed.monitor_id).await?;
    let updated = db::query(
        "update deliveries set status = $1, next_attempt_at = $2, reply = $3, last_error = coalesce($4, last_error),
             settled_at = $5, claimed_by = null, refusals = refusals + $9, reference = $10,
             notification = coalesce($11, notification)
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
    .bind(i64::from(matches!(settlement, Settlement::Again(..) | Settlement::Failed(_))))
    .bind(claimed.reference.as_ref().filter(|_| status == DeliveryStatus::Sent))
    .bind(said)
    .execute(&mut *connection)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    if status != DeliveryStatus::Owed {
        next_in_turn(connection, &claimed.alert_key, claimed.monitor_id, now).await?;
    }
    // What a rota handed on goes on to the next alert that has not failed at it; anything else is handed on once.
    if let Settlement::Failed(error) = settlement
        && (claimed.instead_of.is_none() || claimed.notification.on_call.is_some())
    {
        tell_instead(connection, claimed, error, now).await?;
    }
    Ok(true)
}
