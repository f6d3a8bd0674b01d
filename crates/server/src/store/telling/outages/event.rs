//! The outage of a source, told: its beginning to every alert that would have told of a monitor that waits for it, its end to
//! those that heard of the beginning.

use jiff::{SignedDuration, Timestamp};
use revere_model::{Flip, MonitorId, OutageId, Severity, State, Told, lasted};

use super::{
    Outage,
    records::{end, is_waited_for, outage},
    shares::{Share, shares},
    stand_in::{KEPT, keep_for_now, stand_in, standing_for},
};
use crate::store::{
    Store, StoreError,
    columns::{Columns, ids_text, micros},
    database::{self as db, DbConnection},
    telling::{
        incidents::{self, Described, Heard},
        keys,
        owing::{late, owe, told_now},
        record_flips::{self, Cause, NewFlip},
        told_monitors::{hold, summaries},
        told_records::remember,
    },
};

/// An outage is told when it has gone on for so long: many monitors are told of at once, and a moment's failure to nobody.
const TOLD_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// So many are looked at in one piece.
const PIECE: i64 = 500;

/// Those of which something may be to be told.
const UNSETTLED: &str = "select * from source_outages where settled = $1 order by id limit $2";

/// What [`Store::tell_outages`] came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutagesTold {
    /// The alerts that owe a delivery now.
    pub owed: Vec<String>,
    /// Whether there is more to do at once.
    pub more: bool,
    /// When the next outage is to be told.
    pub next_at: Option<Timestamp>,
    /// The sources whose outages go on.
    pub down: Vec<String>,
    /// Monitors that are due once more because an outage is over.
    pub caught_up: u64,
}

impl Store {
    /// Tells of outages what is to be told of them: their beginnings, where they have gone on for a while, and their ends.
    /// One that no monitor waits for any more is over; what waits for one that is over runs once more.
    pub async fn tell_outages(&self, now: Timestamp) -> Result<OutagesTold, StoreError> {
        let (work, mut told) = {
            let mut connection = self.engine_readers().acquire().await?;
            let rows = db::query(UNSETTLED).bind(false).bind(PIECE).fetch_all(&mut connection).await?;
            let mut work = Vec::new();
            let mut told = OutagesTold::default();
            for row in &rows {
                let outage = outage(row)?;
                let due = due(&outage);
                if outage.ended_at.is_none() {
                    told.down.push(outage.source.clone());
                    if due > now {
                        told.next_at = told.next_at.map_or(Some(due), |next| Some(next.min(due)));
                        continue;
                    }
                    if is_waited_for(&mut connection, outage.id).await?
                        && shares(&mut connection, &outage, now).await?.is_empty()
                    {
                        continue;
                    }
                }
                work.push(outage.id);
            }
            told.more = rows.len() as i64 == PIECE && !work.is_empty();
            (work, told)
        };
        if work.is_empty() {
            told.caught_up = self.catch_up(now).await?;
            return Ok(told);
        }
        // One at a time: one that cannot be told keeps no other from it.
        let mut failed = Ok(());
        for id in work {
            match self.write_patiently(move |connection| Box::pin(tell_one(connection, id, now))).await {
                Ok(mut owed) => told.owed.append(&mut owed),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        told.caught_up = self.catch_up(now).await?;
        failed?;
        self.write_patiently(move |connection| Box::pin(forget(connection, now))).await?;
        Ok(told)
    }
}

/// From when on it is told.
fn due(outage: &Outage) -> Timestamp {
    outage.began_at.saturating_add(TOLD_AFTER).unwrap_or(Timestamp::MAX)
}

/// Tells of an outage what is to be told of it now; the alerts that owe it.
async fn tell_one(connection: &mut DbConnection, id: OutageId, now: Timestamp) -> Result<Vec<String>, StoreError> {
    // Whoever else looks at it waits here, and finds what was told.
    let row = db::query("update source_outages set settled = settled where id = $1 and settled = $2 returning *")
        .bind(id.0)
        .bind(false)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let mut outage = outage(&row)?;
    // Others may come to wait while it is young.
    if outage.ended_at.is_none() && due(&outage) <= now && !is_waited_for(connection, id).await? {
        let why = "no monitor waits for it any more";
        end(connection, id, now, Some(why)).await?;
        (outage.ended_at, outage.ended_by) = (Some(now), Some(why.to_owned()));
    }
    match outage.ended_at {
        None if due(&outage) <= now => begins(connection, &outage, now).await,
        None => Ok(Vec::new()),
        Some(ended_at) => {
            let owed = ends(connection, &outage, ended_at, now).await?;
            db::query("update source_outages set settled = $1 where id = $2")
                .bind(true)
                .bind(id.0)
                .execute(&mut *connection)
                .await?;
            Ok(owed)
        }
    }
}

/// Has each alert tell the beginning that has something to say of it and has not told it yet.
async fn begins(connection: &mut DbConnection, outage: &Outage, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let shares = shares(connection, outage, now).await?;
    let Some(worst) = shares.values().map(|share| share.severity).max() else { return Ok(Vec::new()) };
    let source = stand_in(connection, outage, now).await?;
    let (old, _) = held(connection, source).await?;
    if !old.is_problem() {
        let flip = Flip { old, old_severity: None, new: State::Error, severity: Some(worst) };
        let message = format!("source {} is down: {}", outage.source, outage.reason);
        let new = about(source, outage.began_at, flip, &message);
        let flip = record_flips::insert(connection, &new).await?;
        is_now(connection, source, State::Error, Some(worst), outage.began_at, &message).await?;
        incidents::goes_on(connection, source, Some(flip.id)).await?;
        db::query("update source_outages set told_at = $1 where id = $2")
            .bind(micros(now))
            .bind(outage.id.0)
            .execute(&mut *connection)
            .await?;
    }
    let ids = ids_text([source].into_iter());
    let row = db::query("select * from flips where monitor_id = $1 order by id desc limit 1")
        .bind(source.0)
        .fetch_one(&mut *connection)
        .await?;
    let flip = crate::store::reading::flips::flip(&row)?;
    let going_on = incidents::going_on(connection, [source].into_iter()).await?.remove(&source);
    let summary = summaries(connection, &ids).await?.remove(&source);
    let summary = summary.ok_or_else(|| StoreError::internal("what stands for a source is not there"))?;
    let instance = keys::instance(connection).await?;
    let incident = Described::new(&instance).get(connection, going_on).await?;
    let mut owed = Vec::new();
    for (alert, Share { monitors, severity }) in shares {
        let key = keys::delivery(&instance, source, flip.id, flip.at, &alert);
        let before = Told { state: Some(State::Ok), ..Told::default() };
        let mut notification = late(&flip, summary.clone(), &before, key, incident.clone());
        notification.severity = Some(severity);
        let wait = if monitors == 1 { "monitor waits" } else { "monitors wait" };
        notification.message = format!("{}; {monitors} {wait} for it", flip.message);
        // One that was switched off and on again since has told it.
        let is_there: i64 = db::query_scalar("select count(*) from deliveries where key = $1")
            .bind(&notification.key)
            .fetch_one(&mut *connection)
            .await?;
        if is_there == 0 {
            owe(connection, flip.id, &alert, &notification, None, now).await?;
            owed.push(alert.clone());
        }
        let told = Told {
            state: Some(State::Error),
            severity: Some(severity),
            open: Some(State::Error),
            open_severity: Some(severity),
        };
        remember(connection, &alert, source, Heard { told, incident: going_on }).await?;
        told_now(connection, &alert, source, now).await?;
    }
    Ok(owed)
}

/// Has the end told to whoever heard of the beginning.
async fn ends(
    connection: &mut DbConnection,
    outage: &Outage,
    ended_at: Timestamp,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    if outage.told_at.is_none() {
        return Ok(Vec::new());
    }
    let Some(source) = standing_for(connection, &outage.source).await? else { return Ok(Vec::new()) };
    keep_for_now(connection, source, now).await?;
    let (old, old_severity) = held(connection, source).await?;
    if !old.is_problem() {
        return Ok(Vec::new());
    }
    let flip = Flip { old, old_severity, new: State::Ok, severity: None };
    let took = lasted(ended_at.duration_since(outage.began_at).as_secs());
    let message = match &outage.ended_by {
        None => format!("source {} is back after {took}", outage.source),
        Some(why) => format!("source {}: {why}, after {took}", outage.source),
    };
    is_now(connection, source, State::Ok, None, ended_at, &message).await?;
    let new = about(source, ended_at, flip, &message);
    let recorded = record_flips::record_flips(connection, &[new], now).await?;
    Ok(recorded.into_iter().flat_map(|flipped| flipped.owed).collect())
}

/// Holds what stands for a source; the state it is in, and how severe that is.
async fn held(connection: &mut DbConnection, source: MonitorId) -> Result<(State, Option<Severity>), StoreError> {
    hold(connection, source).await?;
    let row = db::query("select state, severity from states where monitor_id = $1")
        .bind(source.0)
        .fetch_one(connection)
        .await?;
    let state = row.state("state")?;
    Ok((state, row.severity("severity", Some(state))?))
}

fn about(source: MonitorId, at: Timestamp, flip: Flip, message: &str) -> NewFlip<'_> {
    NewFlip {
        monitor_id: source,
        at,
        flip,
        message,
        return_value: None,
        cause: Cause::Person,
        by_source: None,
        waits: false,
    }
}

/// Writes the state of what stands for a source.
async fn is_now(
    connection: &mut DbConnection,
    source: MonitorId,
    state: State,
    severity: Option<Severity>,
    since: Timestamp,
    message: &str,
) -> Result<(), StoreError> {
    db::query("update states set state = $1, severity = $2, state_since = $3, last_message = $4 where monitor_id = $5")
        .bind(state.as_str())
        .bind(severity.map(Severity::as_str))
        .bind(micros(since))
        .bind(message)
        .bind(source.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets outages that are long over and that no monitor's status names.
async fn forget(connection: &mut DbConnection, now: Timestamp) -> Result<(), StoreError> {
    db::query(
        "delete from source_outages where ended_at < $1 and settled = $2
             and not exists (select 1 from states s where s.outage_id = source_outages.id)",
    )
    .bind(micros(now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN)))
    .bind(true)
    .execute(connection)
    .await?;
    Ok(())
}
