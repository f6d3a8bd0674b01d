//! Deliveries: what alerts owe, and what became of it.
//!
//! What is to be told is kept with each, as it was then. One whose words cannot be read, because a disk or another
//! version spoiled them, is told by its flip, which says the same; it never stands in the way of others.

mod fallback;
pub(in crate::store) mod handed_on;
mod held;
pub(in crate::store) mod in_hand;
mod queue;
mod sending;
pub(in crate::store) mod standing;

use std::str::FromStr;

pub(in crate::store) use fallback::{instead, stand_in, tell_instead};
pub(in crate::store) use held::acknowledged;
pub use in_hand::BeingSent;
use jiff::Timestamp;
use revere_model::{DeliveryId, FlipId, MonitorId, MuteId, Told};
pub(in crate::store) use sending::{read, read_one, settle};
use serde::{Deserialize, Serialize};

use crate::notification::{Incident, MonitorSummary, Notification};
use crate::store::{
    Store, StoreError,
    columns::{Columns, ids_text, word},
    database::{self as db, DbConnection, DbRow, QueryBuilder, sql_pieces},
    reading::flips::flip,
    telling::{incidents::Described, keys, owing::late, told_monitors::summaries},
};

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
    /// How often the receiver is known not to have taken it.
    pub refusals: u32,
    /// When it is tried next; `None` when it is settled, or waits for an earlier one of the same alert and monitor.
    pub next_attempt_at: Option<Timestamp>,
    /// The delivery that was given up and that this one tells of through another alert.
    pub instead_of: Option<DeliveryId>,
    /// The mute that holds it back, or did: it began when this was owed already.
    pub held_by: Option<MuteId>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What the receiver said when it took it.
    pub reply: Option<String>,
    /// What its receiver calls the message, or the thread that it stands in, where what follows of the same incident belongs.
    pub reference: Option<String>,
    /// The incident it tells of, by the flip that opened it; `None` where it is about none.
    pub incident_id: Option<FlipId>,
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
    #[serde(rename = "queued", alias = "owed")]
    Owed,
    /// The receiver said that it took it.
    #[serde(rename = "delivered", alias = "sent")]
    Sent,
    /// Given up.
    Failed,
    /// The alert was switched off before it was sent, or had nobody to tell it to.
    Cancelled,
}

impl Delivery {
    /// Whether an attempt before the one that is under way may have arrived: nobody heard what became of it.
    pub fn may_be_repeat(&self) -> bool {
        self.attempts > self.refusals.saturating_add(1)
    }
}

impl DeliveryStatus {
    /// All, in the order of a delivery's life.
    pub const ALL: [DeliveryStatus; 4] =
        [DeliveryStatus::Owed, DeliveryStatus::Sent, DeliveryStatus::Failed, DeliveryStatus::Cancelled];

    /// The spelling of pages, JSON, URLs and logs.
    pub const fn word(self) -> &'static str {
        match self {
            DeliveryStatus::Owed => "queued",
            DeliveryStatus::Sent => "delivered",
            DeliveryStatus::Failed | DeliveryStatus::Cancelled => self.as_str(),
        }
    }

    /// The spelling of columns.
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
        // Columns have the words of before; so have links and programs that were written then.
        let found = DeliveryStatus::ALL.into_iter().find(|status| status.word() == text || status.as_str() == text);
        found.ok_or_else(|| {
            format!("{text:?} is not a delivery's status; these are queued, delivered, failed and cancelled")
        })
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
    /// It is tried again at that time; why no answer came. It may have arrived.
    Unanswered(Timestamp, String),
    /// It is given up, for this reason, and told through another alert, once.
    Failed(String),
    /// There is nobody to tell it to by this alert, for this reason, and that is no fault of it.
    Nobody(String),
}

impl Settlement {
    /// How the delivery stands after it.
    pub fn status(&self) -> DeliveryStatus {
        match self {
            Settlement::Sent(_) => DeliveryStatus::Sent,
            Settlement::Again(..) | Settlement::Unanswered(..) => DeliveryStatus::Owed,
            Settlement::Failed(_) => DeliveryStatus::Failed,
            Settlement::Nobody(_) => DeliveryStatus::Cancelled,
        }
    }
}

impl Store {
    /// Deliveries, newest first, filtered.
    pub async fn deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let mut query = QueryBuilder::new("select * from deliveries where id < ");
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
        query.push(" order by id desc limit ").push_bind(i64::from(filter.limit));
        let mut connection = self.readers().acquire().await?;
        let rows = query.build().fetch_all(&mut connection).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push(shown(&mut connection, row).await?);
        }
        Ok(found)
    }

    /// One delivery.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let row = db::query("select * from deliveries where id = $1").bind(id.0).fetch_one(&mut connection).await?;
        shown(&mut connection, &row).await
    }

    /// Deliveries that are owed, per alert: how many, and when the next is due (`None`: all wait behind claimed ones).
    pub async fn owed(&self) -> Result<Vec<(String, u64, Option<Timestamp>)>, StoreError> {
        // Counted in an index that holds nothing else, not row by row.
        let sql = format!(
            "select owed.alert_key, owed.number,
                 (select min(next_attempt_at) from deliveries
                  where alert_key = owed.alert_key and status = 'owed' and next_attempt_at is not null)
             from (select alert_key, count(*) as number from deliveries {}
                   where status = 'owed' group by alert_key) owed",
            sql_pieces::IN_THE_QUEUE_INDEX
        );
        let rows: Vec<(String, i64, Option<i64>)> =
            db::query_as(db::AssertSqlSafe(sql)).fetch_all(self.readers()).await?;
        rows.into_iter()
            .map(|(alert, count, due)| {
                Ok((alert, count.unsigned_abs(), due.map(crate::store::columns::instant).transpose()?))
            })
            .collect()
    }

    /// Alerts whose last attempt failed: one that is tried again, or given up with nothing sent since.
    pub async fn failing_alerts(&self) -> Result<Vec<String>, StoreError> {
        Ok(db::query_scalar(
            "select a.key from alerts a
             where exists (select 1 from deliveries d
                           where d.alert_key = a.key and d.status = 'owed' and d.last_error is not null)
                 or (select max(f.id) from deliveries f where f.alert_key = a.key and f.status = 'failed')
                     > coalesce((select max(s.id) from deliveries s where s.alert_key = a.key and s.status = 'sent'), 0)
             order by a.key",
        )
        .fetch_all(self.readers())
        .await?)
    }

    /// When the next delivery of an alert is due; in the past if it is due already.
    pub async fn next_delivery(&self, alert: &str) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = db::query_scalar(
            "select min(next_attempt_at) from deliveries
             where alert_key = $1 and status = 'owed' and next_attempt_at is not null",
        )
        .bind(alert)
        .fetch_one(self.engine_readers())
        .await?;
        due.map(crate::store::columns::instant).transpose()
    }
}

/// Reads a row. What is to be told is made anew from the flip if its own words cannot be read; an error of ours that does
/// not pass says that the flip cannot be read either.
async fn delivery(connection: &mut DbConnection, row: &DbRow) -> Result<Delivery, StoreError> {
    let fault = match serde_json::from_str(&row.text("notification")?) {
        Ok(notification) => return with(row, described(connection, row, notification).await?),
        Err(fault) => fault,
    };
    let id = row.int("id")?;
    tracing::error!(delivery = id, %fault, "what is to be sent cannot be read; it is made from its change of state");
    match by_its_flip(connection, row).await {
        Ok(notification) => with(row, notification),
        Err(error) if error.is_passing() => Err(error),
        Err(error) => Err(StoreError::internal(format!(
            "what is to be sent cannot be read ({fault}), nor its change of state ({error})"
        ))),
    }
}

/// A row for people to look at, who see whatever can be read of it.
async fn shown(connection: &mut DbConnection, row: &DbRow) -> Result<Delivery, StoreError> {
    match delivery(connection, row).await {
        Err(error) if !error.is_passing() => {
            let monitor_id = MonitorId(row.int("monitor_id")?);
            let name = format!("Monitor {monitor_id}");
            with(
                row,
                Notification {
                    message: error.to_string(),
                    ..Notification::about(MonitorSummary::named(monitor_id, name), row.text("key")?)
                },
            )
        }
        delivery => delivery,
    }
}

/// One that an older version stored says nothing of its incident; the row does.
async fn described(
    connection: &mut DbConnection,
    row: &DbRow,
    mut notification: Notification,
) -> Result<Notification, StoreError> {
    if notification.incident.is_none() && !notification.test {
        notification.incident = incident(connection, row).await?;
    }
    Ok(notification)
}

/// The incident of a row, as receivers see it.
async fn incident(connection: &mut DbConnection, row: &DbRow) -> Result<Option<Incident>, StoreError> {
    let Some(id) = row.int_or_none("incident_id")?.map(FlipId) else { return Ok(None) };
    let instance = keys::instance(connection).await?;
    Described::new(&instance).get(connection, Some(id)).await
}

async fn by_its_flip(connection: &mut DbConnection, row: &DbRow) -> Result<Notification, StoreError> {
    let found = db::query("select * from flips where id = $1").bind(row.int("flip_id")?);
    let flip = flip(&found.fetch_one(&mut *connection).await?)?;
    let monitor = MonitorId(row.int("monitor_id")?);
    let monitor = summaries(connection, &ids_text([monitor].into_iter())).await?.remove(&monitor);
    let incident = incident(connection, row).await?;
    let before = Told::from_now(flip.old_state, flip.old_severity);
    Ok(late(&flip, monitor.ok_or(StoreError::NotFound)?, &before, row.text("key")?, incident))
}

fn with(row: &DbRow, notification: Notification) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: DeliveryId(row.int("id")?),
        flip_id: FlipId(row.int("flip_id")?),
        alert_key: row.text("alert_key")?,
        monitor_id: MonitorId(row.int("monitor_id")?),
        status: word(&row.text("status")?)?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
        refusals: u32::try_from(row.int("refusals")?).unwrap_or(u32::MAX),
        next_attempt_at: row.at_or_none("next_attempt_at")?,
        instead_of: row.int_or_none("instead_of")?.map(DeliveryId),
        held_by: row.int_or_none("held_by")?.map(MuteId),
        last_error: row.text_or_none("last_error")?,
        reply: row.text_or_none("reply")?,
        reference: row.text_or_none("reference")?,
        incident_id: row.int_or_none("incident_id")?.map(FlipId),
        created_at: row.at("created_at")?,
        settled_at: row.at_or_none("settled_at")?,
        notification,
    })
}
