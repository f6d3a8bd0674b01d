//! The outage of a source, told: its beginning to every alert that would have told of a monitor that waits for it, its end to
//! those that heard of the beginning.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use revere_model::{Flip, MonitorId, MuteSubject, OutageId, Severity, State, Subject, Told, Verdict, lasted, tell};

use super::{
    Outage,
    records::{end, outage, waiting},
};
use crate::store::{
    Store, StoreError,
    columns::{Columns, alerts_from, ids_text, micros, readable, tags_to_tell_by},
    database::{self as db, DbConnection, DbRow},
    monitors::name_order::name_order,
    telling::{
        alert_records, flapping,
        incidents::{self, Described, Heard},
        keys,
        mutes::held::Mutes,
        record_flips::{self, Cause, NewFlip, late, owe, told_now},
        told_records::{remember, told, told_of},
    },
};

/// An outage is told when it has gone on for so long: many monitors are told of at once, and a moment's failure to nobody.
const TOLD_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// So many are looked at in one piece.
const PIECE: i64 = 500;

/// Outages that were settled so long ago are forgotten.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// What [`Store::tell_outages`] came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutagesTold {
    /// The alerts that owe a delivery now.
    pub owed: Vec<String>,
    /// Whether there is more to do at once.
    pub more: bool,
    /// When the next outage is to be told.
    pub next_at: Option<Timestamp>,
}

/// What an alert has to say of an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Share {
    /// So many of the monitors that it tells of wait.
    monitors: usize,
    /// How severe the worst of their problems is.
    severity: Severity,
}

impl Store {
    /// Tells of outages what is to be told of them: their beginnings, where they have gone on for a while, and their ends.
    /// One that no monitor waits for any more is over.
    pub async fn tell_outages(&self, now: Timestamp) -> Result<OutagesTold, StoreError> {
        let (work, mut told) = {
            let mut connection = self.engine_readers().acquire().await?;
            let rows = db::query("select * from source_outages where not settled order by id limit $1")
                .bind(PIECE)
                .fetch_all(&mut connection)
                .await?;
            let mut work = Vec::new();
            let mut told = OutagesTold::default();
            for row in &rows {
                let outage = outage(row)?;
                let due = due(&outage);
                if outage.ended_at.is_none() && waiting(&mut connection, outage.id).await? > 0 {
                    if due > now {
                        told.next_at = told.next_at.map_or(Some(due), |next| Some(next.min(due)));
                        continue;
                    }
                    if shares(&mut connection, &outage, now).await?.is_empty() {
                        continue;
                    }
                }
                work.push(outage.id);
            }
            told.more = rows.len() as i64 == PIECE && !work.is_empty();
            (work, told)
        };
        if work.is_empty() {
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
    let row = db::query("update source_outages set settled = settled where id = $1 and not settled returning *")
        .bind(id.0)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let mut outage = outage(&row)?;
    if outage.ended_at.is_none() && waiting(connection, id).await? == 0 {
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
    record_flips::hold(connection, source).await?;
    let row = db::query("select state, severity from statuses where monitor_id = $1")
        .bind(source.0)
        .fetch_one(&mut *connection)
        .await?;
    let old = row.state("state")?;
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
    let summary = record_flips::summaries(connection, &ids).await?.remove(&source);
    let summary = summary.ok_or_else(|| StoreError::internal("what stands for a source is not there"))?;
    let instance = record_flips::instance(connection).await?;
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
    let source = stand_in(connection, outage, now).await?;
    record_flips::hold(connection, source).await?;
    let row = db::query("select state, severity from statuses where monitor_id = $1")
        .bind(source.0)
        .fetch_one(&mut *connection)
        .await?;
    let old = row.state("state")?;
    if !old.is_problem() {
        return Ok(Vec::new());
    }
    let flip = Flip { old, old_severity: row.severity("severity", Some(old))?, new: State::Ok, severity: None };
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
    db::query(
        "update statuses set state = $1, severity = $2, state_since = $3, last_message = $4 where monitor_id = $5",
    )
    .bind(state.as_str())
    .bind(severity.map(Severity::as_str))
    .bind(micros(since))
    .bind(message)
    .bind(source.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// The alerts that have the beginning to tell and have not told it: those that nothing but the outage keeps from telling of a
/// monitor. Each counts its own monitors alone.
async fn shares(
    connection: &mut DbConnection,
    outage: &Outage,
    now: Timestamp,
) -> Result<BTreeMap<String, Share>, StoreError> {
    let rows = db::query(
        "select h.alert_key, h.monitor_id, m.tags, m.alerts, t.state as told_state, t.open, t.severity, t.open_severity,
             s.state, s.severity as severity_now
         from statuses s join held h on h.monitor_id = s.monitor_id
         join told t on t.alert_key = h.alert_key and t.monitor_id = h.monitor_id
         join monitors m on m.id = s.monitor_id
         where s.outage_id = $1 and s.waits in ('held', 'recovering') and m.active and m.deleted_at is null
         order by h.monitor_id, h.alert_key",
    )
    .bind(outage.id.0)
    .fetch_all(&mut *connection)
    .await?;
    let mut pairs = Vec::with_capacity(rows.len());
    for row in &rows {
        pairs.extend(readable(row, pair(row))?);
    }
    let alerts = alert_records::read_all(connection).await?;
    let mutes = Mutes::read(connection, now).await?;
    let flapping = flapping::of_these(connection, pairs.iter().map(|pair| pair.monitor), now).await?;
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    for pair in &pairs {
        let Some(alert) = alerts.iter().find(|alert| alert.key == pair.alert && alert.is_on()) else { continue };
        let subject = Subject {
            tags: &pair.tags,
            alerts: pair.chosen.as_deref(),
            state: pair.state,
            severity: pair.severity.or(pair.told.open_severity),
        };
        let about =
            MuteSubject { monitor: pair.monitor, tags: &pair.tags, alert: &pair.alert, severity: subject.severity };
        let otherwise_held = mutes.holding(&about, now).is_some()
            || alert.quiet(subject.severity, now).is_some()
            || flapping.contains_key(&pair.monitor);
        let is_problem = pair.state.is_problem();
        if otherwise_held || !is_problem || tell(&pair.told, &alert.rules(), &subject, None).verdict != Verdict::Owed {
            continue;
        }
        add(&mut shares, &pair.alert, pair.severity.unwrap_or_default());
    }
    for quiet in without_problem(connection, outage.id).await? {
        for alert in alerts.iter().filter(|alert| alert.is_on()) {
            let severity = Some(quiet.severity);
            let subject = Subject { tags: &quiet.tags, alerts: quiet.chosen.as_deref(), state: State::Error, severity };
            let about = MuteSubject { monitor: quiet.monitor, tags: &quiet.tags, alert: &alert.key, severity };
            let before = Told { state: Some(State::Ok), ..Told::default() };
            let otherwise_held = mutes.holding(&about, now).is_some() || alert.quiet(severity, now).is_some();
            if !otherwise_held && tell(&before, &alert.rules(), &subject, None).verdict == Verdict::Owed {
                add(&mut shares, &alert.key, quiet.severity);
            }
        }
    }
    if let Some(source) = standing_for(connection, &outage.source).await? {
        let told = told_of(connection, &ids_text([source].into_iter())).await?;
        shares
            .retain(|alert, _| !told.get(&(source, alert.clone())).is_some_and(|heard| heard.told.has_open_problem()));
    }
    Ok(shares)
}

fn add(shares: &mut BTreeMap<String, Share>, alert: &str, severity: Severity) {
    let share = shares.entry(alert.to_owned()).or_insert(Share { monitors: 0, severity });
    share.monitors += 1;
    share.severity = share.severity.max(severity);
}

/// A monitor that waits and has no problem meanwhile, because its author wants that.
struct Quiet {
    monitor: MonitorId,
    tags: Vec<String>,
    chosen: Option<Vec<String>>,
    severity: Severity,
}

/// Those that wait for an outage without a problem.
async fn without_problem(connection: &mut DbConnection, outage: OutageId) -> Result<Vec<Quiet>, StoreError> {
    let rows = db::query(
        "select m.id, m.tags, m.alerts, m.default_severity from statuses s join monitors m on m.id = s.monitor_id
         where s.outage_id = $1 and s.waits in ('held', 'recovering') and s.state not in ('ALARM', 'ERROR')
             and m.active and m.deleted_at is null
         order by m.id",
    )
    .bind(outage.0)
    .fetch_all(connection)
    .await?;
    let read = |row: &DbRow| {
        let monitor = row.int("id")?;
        Ok(Quiet {
            monitor: MonitorId(monitor),
            tags: tags_to_tell_by(monitor, &row.text("tags")?),
            chosen: alerts_from(monitor, row.text_or_none("alerts")?),
            severity: row.severity("default_severity", Some(State::Error))?.unwrap_or_default(),
        })
    };
    let mut quiet = Vec::with_capacity(rows.len());
    for row in &rows {
        quiet.extend(readable(row, read(row))?);
    }
    Ok(quiet)
}

/// An alert and a monitor of which it tells nothing while that waits.
struct Pair {
    alert: String,
    monitor: MonitorId,
    tags: Vec<String>,
    chosen: Option<Vec<String>>,
    told: Told,
    state: State,
    severity: Option<Severity>,
}

fn pair(row: &DbRow) -> Result<Pair, StoreError> {
    let monitor = row.int("monitor_id")?;
    let state = row.state("state")?;
    Ok(Pair {
        alert: row.text("alert_key")?,
        monitor: MonitorId(monitor),
        tags: tags_to_tell_by(monitor, &row.text("tags")?),
        chosen: alerts_from(monitor, row.text_or_none("alerts")?),
        told: told(row, "told_state")?,
        state,
        severity: row.severity("severity_now", Some(state))?,
    })
}

async fn standing_for(connection: &mut DbConnection, source: &str) -> Result<Option<MonitorId>, StoreError> {
    let id: Option<i64> =
        db::query_scalar("select id from monitors where source = $1").bind(source).fetch_optional(connection).await?;
    Ok(id.map(MonitorId))
}

/// The row among the monitors that stands for the source, which is made where there is none: whoever asks keeps the row of the
/// outage that goes on, of which there is one.
async fn stand_in(connection: &mut DbConnection, outage: &Outage, now: Timestamp) -> Result<MonitorId, StoreError> {
    if let Some(there) = standing_for(connection, &outage.source).await? {
        return Ok(there);
    }
    let name = format!("Source {}", outage.source);
    // Marked as deleted, so that it is in no list; told by no alert but those that are asked to.
    let id: i64 = db::query_scalar(
        "insert into monitors (version, created_at, updated_at, deleted_at, name, name_order, description, script, schedule,
             timezone, active, tags, alerts, alarm_after, recover_after, source)
         values (1, $1, $1, $1, $2, $3, '', '', '', 'UTC', $4, '[]', '[]', 1, 1, $5) returning id",
    )
    .bind(micros(now))
    .bind(&name)
    .bind(name_order(&name))
    .bind(false)
    .bind(&outage.source)
    .fetch_one(&mut *connection)
    .await?;
    db::query("insert into statuses (monitor_id, state, state_since) values ($1, 'OK', $2)")
        .bind(id)
        .bind(micros(outage.began_at))
        .execute(connection)
        .await?;
    Ok(MonitorId(id))
}

/// Forgets outages that are long over and that no monitor's status names.
async fn forget(connection: &mut DbConnection, now: Timestamp) -> Result<(), StoreError> {
    db::query(
        "delete from source_outages where ended_at < $1 and settled
             and not exists (select 1 from statuses s where s.outage_id = source_outages.id)",
    )
    .bind(micros(now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN)))
    .execute(connection)
    .await?;
    Ok(())
}
