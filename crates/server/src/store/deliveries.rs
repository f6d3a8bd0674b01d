//! Deliveries: what alerts owe, and what became of it.
//!
//! Of one alert and monitor only the oldest owed delivery is due; the next waits until that one is settled. Claiming
//! one counts an attempt and hides it for a while; if nobody settles it, it is due again, with the same key.

use std::{str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use revere_model::{DeliveryId, FlipId, MonitorId};
use serde::{Deserialize, Serialize};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError, alerts,
    rows::{Columns, micros, word},
    tell,
};
use crate::alerts::Notification;

/// One thing one alert owes, or has done.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// Its row.
    pub id: DeliveryId,
    /// The flip it tells of.
    pub flip_id: FlipId,
    /// The alert.
    pub alert_key: String,
    /// The monitor.
    pub monitor_id: MonitorId,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often sending was begun.
    pub attempts: u32,
    /// When it is tried next; `None` when it is settled, or waits for an earlier one of the same alert and monitor.
    pub next_attempt_at: Option<Timestamp>,
    /// The delivery that was given up and that this one tells of through another alert.
    pub instead_of: Option<DeliveryId>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What the receiver said when it took it.
    pub reply: Option<String>,
    /// When it came to be owed.
    pub created_at: Timestamp,
    /// When it was sent, given up or cancelled.
    pub settled_at: Option<Timestamp>,
    /// What is to be told, as it was then.
    pub notification: Notification,
}

/// How a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Not taken by the receiver yet.
    Owed,
    /// The receiver said that it took it.
    Sent,
    /// Given up.
    Failed,
    /// The alert was switched off before it was sent.
    Cancelled,
}

impl DeliveryStatus {
    /// All, in the order of a delivery's life.
    pub const ALL: [DeliveryStatus; 4] =
        [DeliveryStatus::Owed, DeliveryStatus::Sent, DeliveryStatus::Failed, DeliveryStatus::Cancelled];

    /// The one spelling used in columns, JSON, URLs and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Owed => "owed",
            DeliveryStatus::Sent => "sent",
            DeliveryStatus::Failed => "failed",
            DeliveryStatus::Cancelled => "cancelled",
        }
    }
}

impl FromStr for DeliveryStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = DeliveryStatus::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is not a delivery's status; these are owed, sent, failed and cancelled"))
    }
}

/// Which deliveries, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeliveryFilter {
    /// Only of this monitor.
    pub monitor: Option<MonitorId>,
    /// Only of this alert.
    pub alert: Option<String>,
    /// Only in this status.
    pub status: Option<DeliveryStatus>,
    /// Only before this one: the last of the page before.
    pub before: Option<DeliveryId>,
    /// At most so many.
    pub limit: u32,
}

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// The receiver took it and said this.
    Sent(String),
    /// It is tried again at that time; why it was not taken.
    Again(Timestamp, String),
    /// It is given up, for this reason, and told through another alert, once.
    Failed(String),
}

impl Store {
    /// Deliveries, newest first, filtered.
    pub async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("select * from deliveries where id < ");
        query.push_bind(filter.before.map_or(i64::MAX, |id| id.0));
        if let Some(monitor) = filter.monitor {
            query.push(" and monitor_id = ").push_bind(monitor.0);
        }
        if let Some(alert) = &filter.alert {
            query.push(" and alert_key = ").push_bind(alert);
        }
        if let Some(status) = filter.status {
            query.push(" and status = ").push_bind(status.as_str());
        }
        query.push(" order by id desc limit ").push_bind(filter.limit);
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(delivery).collect()
    }

    /// One delivery.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery, StoreError> {
        let row = sqlx::query("select * from deliveries where id = ?").bind(id.0).fetch_one(self.readers()).await?;
        delivery(&row)
    }

    /// Deliveries that are owed, per alert: how many, and when the next is due (`None`: all wait behind claimed ones).
    pub async fn owed(&self) -> Result<Vec<(String, u64, Option<Timestamp>)>, StoreError> {
        let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
            "select alert_key, count(*), min(next_attempt_at) from deliveries where status = 'owed' group by alert_key",
        )
        .fetch_all(self.readers())
        .await?;
        rows.into_iter()
            .map(|(alert, count, due)| Ok((alert, count.unsigned_abs(), due.map(super::rows::instant).transpose()?)))
            .collect()
    }

    /// When the next delivery of an alert is due; in the past if it is due already.
    pub async fn next_delivery(&self, alert: &str) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = sqlx::query_scalar(
            "select min(next_attempt_at) from deliveries
             where alert_key = ? and status = 'owed' and next_attempt_at is not null",
        )
        .bind(alert)
        .fetch_one(self.lookouts())
        .await?;
        due.map(super::rows::instant).transpose()
    }

    /// Gives up what is owed since before `before` by alerts that the configuration no longer has, and tells it through
    /// another alert. Answers how many, at most `limit`.
    pub async fn give_up_orphans(&self, before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "select d.* from deliveries d join alerts a on a.key = d.alert_key
                     where d.status = 'owed' and a.in_config = 0 and d.created_at < ? order by d.id limit ?",
                )
                .bind(micros(before))
                .bind(limit)
                .fetch_all(&mut *connection)
                .await?;
                let reason = Settlement::Failed("the alert is no longer in the configuration".to_owned());
                for row in &rows {
                    settle(connection, &delivery(row)?, &reason, now).await?;
                }
                Ok(rows.len() as u64)
            })
        })
        .await
    }

    /// Claims deliveries of an alert that are due, the longest due first: counts an attempt of each and hides it for
    /// `lease`.
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
        let hidden_until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "update deliveries set attempts = attempts + 1, claimed_by = ?, next_attempt_at = ?
                     where id in (select id from deliveries where alert_key = ? and status = 'owed'
                         and next_attempt_at <= ? order by next_attempt_at, id limit ?)
                     returning *",
                )
                .bind(node)
                .bind(micros(hidden_until))
                .bind(alert)
                .bind(micros(now))
                .bind(limit)
                .fetch_all(connection)
                .await?;
                let mut claimed = rows.iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
                claimed.sort_unstable_by_key(|delivery| delivery.id);
                Ok(claimed)
            })
        })
        .await
    }

    /// Records what came of an attempt; false if the delivery was settled, cancelled or claimed anew meanwhile. Waits
    /// for a locked or full disk as long as it takes.
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

    /// Makes deliveries due at once that a server which is gone had claimed. Answers how many.
    pub async fn release_deliveries(&self, node: &str, now: Timestamp) -> Result<u64, StoreError> {
        let node = node.to_owned();
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let released = sqlx::query(
                    "update deliveries set claimed_by = null, next_attempt_at = min(next_attempt_at, ?)
                     where status = 'owed' and claimed_by is not null and claimed_by <> ?",
                )
                .bind(micros(now))
                .bind(node)
                .execute(connection)
                .await?;
                Ok(released.rows_affected())
            })
        })
        .await
    }
}

async fn settle(
    connection: &mut SqliteConnection,
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
    let updated = sqlx::query(
        "update deliveries set status = ?, next_attempt_at = ?, reply = ?, last_error = coalesce(?, last_error),
             settled_at = ?, claimed_by = null
         where id = ? and attempts = ? and status = 'owed'",
    )
    .bind(status.as_str())
    .bind(again_at)
    .bind(reply)
    .bind(error)
    .bind(settled_at)
    .bind(claimed.id.0)
    .bind(claimed.attempts)
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

/// The oldest that is still owed is due now.
async fn next_in_turn(
    connection: &mut SqliteConnection,
    alert: &str,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "update deliveries set next_attempt_at = coalesce(next_attempt_at, ?1) where id =
             (select id from deliveries where alert_key = ?2 and monitor_id = ?3 and status = 'owed' order by id limit 1)",
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
    connection: &mut SqliteConnection,
    failed: &Delivery,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let other = alerts::read_all(connection).await?.into_iter().find(|row| row.is_on() && row.key != failed.alert_key);
    let Some(other) = other else {
        tracing::error!(alert = failed.alert_key, delivery = %failed.id, "given up, and no other alert is on to tell it");
        return Ok(());
    };
    let was = &failed.notification;
    let notification = Notification {
        message: format!("{} (the alert '{}' could not tell this: {error})", was.message, failed.alert_key),
        key: format!("{}-instead", was.key),
        ..was.clone()
    };
    tell::owe(connection, failed.flip_id, &other.key, &notification, Some(failed.id.0), now).await?;
    Ok(())
}

fn delivery(row: &SqliteRow) -> Result<Delivery, StoreError> {
    let notification = serde_json::from_str(&row.text("notification")?)
        .map_err(|error| StoreError::internal(format!("a stored notification: {error}")))?;
    Ok(Delivery {
        id: DeliveryId(row.int("id")?),
        flip_id: FlipId(row.int("flip_id")?),
        alert_key: row.text("alert_key")?,
        monitor_id: MonitorId(row.int("monitor_id")?),
        status: word(&row.text("status")?)?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        next_attempt_at: row.at_or_none("next_attempt_at")?,
        instead_of: row.int_or_none("instead_of")?.map(DeliveryId),
        last_error: row.text_or_none("last_error")?,
        reply: row.text_or_none("reply")?,
        created_at: row.at("created_at")?,
        settled_at: row.at_or_none("settled_at")?,
        notification,
    })
}
