//! Mutes as they are kept.

use jiff::{SignedDuration, Timestamp};
use revere_model::{FlipId, MonitorId, Mute, MuteId, MutePeriod, MuteScope, Recurrence};

use crate::store::{
    Author, RecordedFlip, Store, StoreError,
    columns::{Columns, instant, micros, word},
    database::{self as db, DbConnection, DbRow, QueryBuilder, sql_pieces},
    reading::flips::flip,
    telling::asked_for,
};

/// A mute, with who asked for it and what it did.
#[derive(Clone, PartialEq, Debug)]
pub struct MuteRecord {
    /// What it is about, and when.
    pub mute: Mute,
    /// Why, in one line; empty if they did not say.
    pub reason: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub owner: Author,
    /// When somebody ended it before its time, and who.
    pub ended: Option<(Timestamp, Author)>,
    /// How many changes of state it held back, by each alert that would have told them.
    pub held_back: u64,
    /// When the last of them was.
    pub last_held_at: Option<Timestamp>,
}

/// One that nobody needed for so long is asked about.
const UNUSED: SignedDuration = SignedDuration::from_hours(24 * 30);

impl MuteRecord {
    /// Until when it is in force without a pause, if it is.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        if self.ended.is_some() { None } else { self.mute.period.until(now) }
    }

    /// Whether it never comes again.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ended.is_some() || self.mute.period.is_over(now)
    }

    /// Since when it held nothing back, if that is so long that one may ask whether it is still needed.
    pub fn unused_since(&self, now: Timestamp) -> Option<Timestamp> {
        let since = self.last_held_at.unwrap_or(self.created_at.max(self.mute.period.starts_at));
        (!self.is_over(now) && now.duration_since(since) >= UNUSED).then_some(since)
    }
}

/// Which mutes, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MuteFilter {
    /// Only those that are over, or only those that are not.
    pub over: Option<bool>,
    /// Only before this one: the last of the page before.
    pub before: Option<MuteId>,
    /// At most so many.
    pub limit: u32,
}

/// A change of state that a mute held back.
#[derive(Clone, PartialEq, Debug)]
pub struct HeldBack {
    /// The change.
    pub flip: RecordedFlip,
    /// What its monitor is called.
    pub monitor_name: String,
    /// The alerts that would have told it.
    pub alerts: Vec<String>,
}

const SELECT: &str = "select m.*,
    (select count(*) from muted_flips f where f.mute_id = m.id) as held_back,
    (select max(b.at) from muted_flips f join flips b on b.id = f.flip_id where f.mute_id = m.id) as last_held_at
    from mutes m where ";

impl Store {
    /// Mutes, newest first, filtered.
    pub async fn mutes(&self, filter: &MuteFilter, now: Timestamp) -> Result<Vec<MuteRecord>, StoreError> {
        let mut query = QueryBuilder::new(SELECT);
        query.push("m.id < ").push_bind(filter.before.map_or(i64::MAX, |id| id.0));
        match filter.over {
            Some(true) => {
                query.push(" and (m.ended_at is not null or m.ends_at <= ").push_bind(micros(now)).push(")");
            }
            Some(false) => {
                query.push(" and m.ended_at is null and (m.ends_at is null or m.ends_at > ");
                query.push_bind(micros(now)).push(")");
            }
            None => {}
        }
        query.push(" order by m.id desc limit ").push_bind(i64::from(filter.limit));
        let rows = query.build().fetch_all(self.readers()).await?;
        // One that cannot be read silences nobody, and hides no other.
        Ok(rows.iter().filter_map(|row| readable(row, record(row))).collect())
    }

    /// One mute.
    pub async fn mute(&self, id: MuteId) -> Result<MuteRecord, StoreError> {
        let sql = format!("{SELECT}m.id = $1");
        let row = db::query(db::AssertSqlSafe(sql)).bind(id.0).fetch_one(self.readers()).await?;
        record(&row)
    }

    /// The mutes in force at `now`, or about to come.
    pub async fn mutes_not_over(&self, now: Timestamp) -> Result<Vec<Mute>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        in_force_from(&mut connection, now).await
    }

    /// What a mute held back, newest first, before the change of state `before`, at most `limit`.
    pub async fn held_back(&self, id: MuteId, before: Option<FlipId>, limit: u32) -> Result<Vec<HeldBack>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        let rows = db::query(
            "select b.*, m.name as monitor_name from flips b join monitors m on m.id = b.monitor_id
             where b.id < $2 and b.id in (select flip_id from muted_flips where mute_id = $1)
             order by b.id desc limit $3",
        )
        .bind(id.0)
        .bind(before.map_or(i64::MAX, |flip| flip.0))
        .bind(i64::from(limit))
        .fetch_all(&mut connection)
        .await?;
        let mut found = rows
            .iter()
            .map(|row| Ok(HeldBack { flip: flip(row)?, monitor_name: row.text("monitor_name")?, alerts: Vec::new() }))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let ids: Vec<i64> = found.iter().map(|one| one.flip.id.0).collect();
        let sql = format!(
            "select flip_id, alert_key from muted_flips where mute_id = $1 and flip_id {} order by alert_key",
            sql_pieces::among("$2")
        );
        let alerts: Vec<(i64, String)> = db::query_as(db::AssertSqlSafe(sql))
            .bind(id.0)
            .bind(serde_json::to_string(&ids).expect("a list of numbers always has a JSON form"))
            .fetch_all(&mut connection)
            .await?;
        for (flip, alert) in alerts {
            if let Some(one) = found.iter_mut().find(|one| one.flip.id.0 == flip) {
                one.alerts.push(alert);
            }
        }
        Ok(found)
    }
}

/// The mutes that nobody ended and that are not over at `at`: those in force then, or to come.
pub(in crate::store) async fn in_force_from(
    connection: &mut DbConnection,
    at: Timestamp,
) -> Result<Vec<Mute>, StoreError> {
    let rows =
        db::query("select * from mutes where ended_at is null and (ends_at is null or ends_at > $1) order by id")
            .bind(micros(at))
            .fetch_all(connection)
            .await?;
    Ok(rows.iter().filter_map(|row| readable(row, mute(row))).collect())
}

/// A record that cannot be read stops nothing but itself: rather too much is told than nothing.
fn readable<T>(row: &DbRow, read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| {
        let id = row.int("id").unwrap_or_default();
        tracing::error!(mute = id, %error, "a mute cannot be read, and holds nothing back");
    })
    .ok()
}

fn mute(row: &DbRow) -> Result<Mute, StoreError> {
    let unreadable = |fault: String| StoreError::internal(format!("a stored mute: {fault}"));
    let monitors: Vec<i64> =
        serde_json::from_str(&row.text("monitor_ids")?).map_err(|fault| unreadable(fault.to_string()))?;
    let recurs = match row.text_or_none("schedule")? {
        None => None,
        Some(schedule) => {
            let timezone = row.text_or_none("timezone")?.unwrap_or_default();
            let duration = SignedDuration::from_secs(row.int_or_none("duration_s")?.unwrap_or_default());
            let read = Recurrence::read(&schedule, &timezone, duration);
            Some(read.map_err(|fault| unreadable(fault.to_string()))?)
        }
    };
    Ok(Mute {
        id: MuteId(row.int("id")?),
        scope: MuteScope {
            monitors: monitors.into_iter().map(MonitorId).collect(),
            tag: row.text_or_none("tag")?,
            alert: row.text_or_none("alert_key")?,
            severity: row.text_or_none("severity")?.map(|severity| word(&severity)).transpose()?,
        },
        period: MutePeriod { starts_at: row.at("starts_at")?, ends_at: row.at_or_none("ends_at")?, recurs },
    })
}

fn record(row: &DbRow) -> Result<MuteRecord, StoreError> {
    Ok(MuteRecord {
        mute: mute(row)?,
        reason: row.text("reason")?,
        created_at: row.at("created_at")?,
        owner: asked_for::owner(row)?,
        ended: asked_for::ended(row)?,
        held_back: row.int("held_back")?.unsigned_abs(),
        last_held_at: row.int_or_none("last_held_at")?.map(instant).transpose()?,
    })
}
