//! What is held back: kept with the flip, and told when nothing holds it any more.
//!
//! Whether anything holds it is asked anew by whoever looks; nothing happens at the moment a mute ends, so nothing is lost if
//! no server was there at that moment. One message tells what is left of it, or none where it is over.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use revere_model::{
    FlipId, MonitorId, Mute, MuteId, MuteSubject, Severity, State, Subject, Told, Verdict, held_by, tell,
};

use super::in_force_from;
use crate::store::{
    Store, StoreError,
    columns::{Columns, alerts_from, ids_text, micros, readable, tags_to_tell_by},
    database::{self as db, DbConnection, DbRow, sql_pieces},
    telling::{
        alert_records::{self, AlertRow},
        flapping,
        incidents::Heard,
        owing::owe_last_flip,
        told_monitors::{IS_TOLD_OF, hold},
        told_records::{remember, told, told_of},
    },
};

/// A monitor that flaps is held back so long at most; then its state is told, and it is held back anew.
const LONGEST_FLAPPING: SignedDuration = SignedDuration::from_hours(1);

/// What [`Store::tell_held`] came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeldTold {
    /// The alerts that owe a delivery now.
    pub owed: Vec<String>,
    /// Whether there is more to do at once.
    pub more: bool,
    /// When the next mute or the next quiet hours end that are in force, or the next monitor may be calm that flaps.
    pub next_end: Option<Timestamp>,
}

/// What waits for a source is held back so long at most where its alert was not told of the source: nothing is ever held back by
/// what nobody hears of.
const LONGEST_UNTOLD: SignedDuration = SignedDuration::from_mins(5);

/// Where what the monitor of a status `s` is in is not held back, as `h` has it, because that waits for a source: `at` is the
/// parameter with the moment of [`LONGEST_UNTOLD`] ago. It has waited since its state changed, if something else held it back before.
fn not_waiting(at: &str) -> String {
    format!(
        "(coalesce(s.waits, '') not in ('held', 'recovering') or (h.since <= {at} and s.state_since <= {at} and not exists (
             select 1 from source_outages o join monitors source on source.source = o.source
                 join told heard on heard.monitor_id = source.id and heard.alert_key = h.alert_key
             where o.id = s.outage_id and heard.told_at >= o.began_at)))"
    )
}

fn long_untold(now: Timestamp) -> i64 {
    micros(now.saturating_sub(LONGEST_UNTOLD).unwrap_or(Timestamp::MIN))
}

/// One alert and one monitor of which something is held back.
struct Pair {
    alert: String,
    monitor: MonitorId,
    tags: Vec<String>,
    severity: Option<Severity>,
    since: Timestamp,
}

impl Pair {
    /// Until when it may be held back because the monitor flaps.
    fn flaps_until(&self) -> Timestamp {
        self.since.saturating_add(LONGEST_FLAPPING).unwrap_or(Timestamp::MAX)
    }

    fn subject(&self) -> MuteSubject<'_> {
        MuteSubject { monitor: self.monitor, tags: &self.tags, alert: &self.alert, severity: self.severity }
    }
}

/// How severe the problem is that a row is about, or was that people heard of last.
fn severity(row: &DbRow, told: &Told) -> Result<Option<Severity>, StoreError> {
    Ok(row.severity("severity_now", Some(row.state("state")?))?.or(told.open_severity))
}

impl Store {
    /// Tells what was held back and is held back no longer, of at most `limit` monitors and alerts.
    pub async fn tell_held(&self, now: Timestamp, limit: usize) -> Result<HeldTold, StoreError> {
        let calm_at: Option<Timestamp>;
        let quiet_until: Option<Timestamp>;
        let (mutes, free) = {
            let mut connection = self.engine_readers().acquire().await?;
            let alerts = alert_records::read_all(&mut connection).await?;
            let quiet = |pair: &Pair| alerts.iter().find(|row| row.key == pair.alert)?.quiet(pair.severity, now);
            let mutes = in_force_from(&mut connection, now).await?;
            let pairs = pairs(&mut connection, now).await?;
            let flapping = flapping::of_these(&mut connection, pairs.iter().map(|pair| pair.monitor), now).await?;
            let ends = |pair: &Pair| Some((*flapping.get(&pair.monitor)?).min(pair.flaps_until()));
            quiet_until = pairs.iter().filter_map(quiet).min();
            calm_at = pairs.iter().filter_map(ends).filter(|end| *end > now).min();
            let free: Vec<Pair> = pairs
                .into_iter()
                .filter(|pair| held_by(&mutes, &pair.subject(), now).is_none())
                .filter(|pair| quiet(pair).is_none())
                .filter(|pair| pair.flaps_until() <= now || !flapping.contains_key(&pair.monitor))
                .collect();
            (mutes, free)
        };
        let next_end = mutes.iter().filter_map(|mute| mute.period.until(now)).chain(calm_at).chain(quiet_until).min();
        if free.is_empty() {
            return Ok(HeldTold { next_end, ..HeldTold::default() });
        }
        let more = free.len() > limit;
        let chosen: Vec<(String, MonitorId)> =
            free.into_iter().take(limit).map(|pair| (pair.alert, pair.monitor)).collect();
        let monitors = chosen.iter().map(|(_, monitor)| *monitor).collect();
        let told = self.write_patiently_about(monitors, move |connection| {
            Box::pin(async move {
                let mut owed = Vec::new();
                for (alert, monitor) in chosen {
                    owed.extend(let_go(connection, &alert, monitor, now).await?);
                }
                owed.sort_unstable();
                owed.dedup();
                Ok(owed)
            })
        });
        Ok(HeldTold { owed: told.await?, more, next_end })
    }
}

/// What is held back of monitors that are there, by alerts of the configuration, in the order of monitors.
async fn pairs(connection: &mut DbConnection, now: Timestamp) -> Result<Vec<Pair>, StoreError> {
    let sql = format!(
        "select h.alert_key, h.monitor_id, h.since, m.tags, t.state as told_state, t.open, t.severity, t.open_severity, s.state,
             s.severity as severity_now
         from held h join told t on t.alert_key = h.alert_key and t.monitor_id = h.monitor_id
         join states s on s.monitor_id = h.monitor_id
         join monitors m on m.id = h.monitor_id join alerts a on a.key = h.alert_key
         where {IS_TOLD_OF} and a.in_config and {} order by h.monitor_id, h.alert_key",
        not_waiting("$1")
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(long_untold(now)).fetch_all(connection).await?;
    let pair = |row: &DbRow| {
        let monitor = row.int("monitor_id")?;
        let tags = tags_to_tell_by(monitor, &row.text("tags")?);
        let severity = severity(row, &told(row, "told_state")?)?;
        let (alert, since) = (row.text("alert_key")?, row.at("since")?);
        Ok(Pair { alert, monitor: MonitorId(monitor), tags, severity, since })
    };
    let mut pairs = Vec::with_capacity(rows.len());
    for row in &rows {
        pairs.extend(readable(row, pair(row))?);
    }
    Ok(pairs)
}

/// Tells what is left of what was held back of one alert and monitor, if nothing holds it any more; the alerts that owe it: this
/// one, or those that are for it by now.
pub(in crate::store) async fn let_go(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    match let_go_of_one(connection, alert_key, monitor, now).await? {
        Left::Nothing => Ok(Vec::new()),
        Left::Owed => Ok(vec![alert_key.to_owned()]),
        Left::ForOthers(others) => {
            let mut owed = Vec::new();
            for other in others {
                if matches!(let_go_of_one(connection, &other, monitor, now).await?, Left::Owed) {
                    owed.push(other);
                }
            }
            Ok(owed)
        }
    }
}

/// What is left of what was held back.
enum Left {
    /// Nothing, or it is held back still.
    Nothing,
    /// A delivery is owed.
    Owed,
    /// A problem of which nobody has heard, and the alert is for others by now: it is held back for these instead.
    ForOthers(Vec<String>),
}

async fn let_go_of_one(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<Left, StoreError> {
    // From here on nobody else changes the state; what was read before may be old.
    hold(connection, monitor).await?;
    let sql = format!(
        "select h.monitor_id, h.since, t.state as told_state, t.open, t.severity, t.open_severity, t.incident_id, s.state,
             s.severity as severity_now, s.incident_id as going_on, m.tags, m.alerts
         from held h join told t on t.alert_key = h.alert_key and t.monitor_id = h.monitor_id
         join states s on s.monitor_id = h.monitor_id join monitors m on m.id = h.monitor_id
         where h.alert_key = $1 and h.monitor_id = $2 and {IS_TOLD_OF} and {}",
        not_waiting("$3")
    );
    let row = db::query(db::AssertSqlSafe(sql))
        .bind(alert_key)
        .bind(monitor.0)
        .bind(long_untold(now))
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(Left::Nothing) };
    let tags = tags_to_tell_by(monitor.0, &row.text("tags")?);
    let Some(told) = readable(&row, told(&row, "told_state"))? else { return Ok(Left::Nothing) };
    let about = MuteSubject { monitor, tags: &tags, alert: alert_key, severity: severity(&row, &told)? };
    if held_by(&in_force_from(connection, now).await?, &about, now).is_some() {
        return Ok(Left::Nothing);
    }
    let flaps_until = row.at("since")?.saturating_add(LONGEST_FLAPPING).unwrap_or(Timestamp::MAX);
    if flaps_until > now && flapping::of_these(connection, [monitor].into_iter(), now).await?.contains_key(&monitor) {
        return Ok(Left::Nothing);
    }
    let alerts = alert_records::read_all(connection).await?;
    let Some(alert) = alerts.iter().find(|alert| alert.key == alert_key && alert.in_config) else {
        return Ok(Left::Nothing);
    };
    if alert.quiet(about.severity, now).is_some() {
        return Ok(Left::Nothing);
    }
    let heard = Heard { told, incident: row.int_or_none("incident_id")?.map(FlipId) };
    let going_on = row.int_or_none("going_on")?.map(FlipId);
    let state = row.state("state")?;
    let chosen = alerts_from(monitor.0, row.text_or_none("alerts")?);
    let severity = row.severity("severity_now", Some(state))?;
    let subject = Subject { tags: &tags, alerts: chosen.as_deref(), state, severity };
    let decision = tell(&told, &alert.rules(), &subject, None);
    if decision.told != told {
        remember(connection, alert_key, monitor, heard.then(decision.told, going_on)).await?;
    }
    if decision.verdict == Verdict::Owed {
        owe_last_flip(connection, alert_key, monitor, heard, now).await?;
    }
    forget(connection, alert_key, monitor).await?;
    match decision.verdict {
        Verdict::Owed => Ok(Left::Owed),
        Verdict::Silent(why) if why.is_elsewhere() && state.is_problem() => {
            Ok(Left::ForOthers(hold_for_others(connection, &alerts, monitor, &subject, now).await?))
        }
        Verdict::Silent(_) => Ok(Left::Nothing),
    }
}

/// Holds a problem of which nobody has heard back for those who are for it by now, and passed it over before: who hears of the
/// monitor was changed meanwhile, and what outlives a mute or an outage is told. Answers which these are.
async fn hold_for_others(
    connection: &mut DbConnection,
    alerts: &[AlertRow],
    monitor: MonitorId,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let ids = ids_text([monitor].into_iter());
    let told = told_of(connection, &ids).await?;
    if told.values().any(|heard| heard.told.has_open_problem()) {
        return Ok(Vec::new());
    }
    let held = held_of(connection, &ids).await?;
    let nothing = Told { state: Some(State::Ok), ..Told::default() };
    let mut others = Vec::new();
    for alert in alerts.iter().filter(|alert| alert.in_config) {
        let place = (monitor, alert.key.clone());
        let passed_over = told.get(&place).is_none_or(|heard| heard.told.state == Some(subject.state));
        let tells = tell(&nothing, &alert.rules(), subject, None).verdict == Verdict::Owed;
        if passed_over && tells && !held.contains(&place) {
            keep(connection, &alert.key, monitor, Heard { told: nothing, incident: None }, now).await?;
            others.push(place.1);
        }
    }
    Ok(others)
}

/// Tells what is left of what was held back of a monitor, by every alert that nothing else holds back; the alerts that owe it. What
/// was its source's is its own by now: if nobody has heard of it, that is new to those who passed it over, too.
pub(in crate::store) async fn let_go_of_monitor(
    connection: &mut DbConnection,
    monitor: MonitorId,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let row = db::query(
        "select m.id as monitor_id, m.tags, m.alerts, s.state, s.severity from monitors m
         join states s on s.monitor_id = m.id where m.id = $1",
    )
    .bind(monitor.0)
    .fetch_one(&mut *connection)
    .await?;
    let state = row.state("state")?;
    if state.is_problem() {
        let alerts = alert_records::read_all(connection).await?;
        let tags = tags_to_tell_by(monitor.0, &row.text("tags")?);
        let chosen = alerts_from(monitor.0, row.text_or_none("alerts")?);
        let severity = row.severity("severity", Some(state))?;
        let subject = Subject { tags: &tags, alerts: chosen.as_deref(), state, severity };
        hold_for_others(connection, &alerts, monitor, &subject, now).await?;
    }
    let alerts: Vec<String> = db::query_scalar("select alert_key from held where monitor_id = $1 order by alert_key")
        .bind(monitor.0)
        .fetch_all(&mut *connection)
        .await?;
    let mut owed = Vec::new();
    for alert in alerts {
        owed.extend(let_go(connection, &alert, monitor, now).await?);
    }
    Ok(owed)
}

/// What is held back of these monitors, a JSON list of ids.
pub(in crate::store) async fn held_of(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashSet<(MonitorId, String)>, StoreError> {
    let sql = format!("select monitor_id, alert_key from held where monitor_id {}", sql_pieces::among("$1"));
    let rows: Vec<(i64, String)> = db::query_as(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(monitor, alert)| (MonitorId(monitor), alert)).collect())
}

/// Keeps that something is held back. What was told stays where it is; an alert that has looked at nothing yet takes the
/// monitor to be `INACTIVE`, as people do.
pub(in crate::store) async fn keep(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    heard: Heard,
    now: Timestamp,
) -> Result<(), StoreError> {
    let told = Told { state: Some(heard.told.state.unwrap_or(State::Inactive)), ..heard.told };
    remember(connection, alert_key, monitor, Heard { told, ..heard }).await?;
    db::query(
        "insert into held (alert_key, monitor_id, since) values ($1, $2, $3)
         on conflict (alert_key, monitor_id) do nothing",
    )
    .bind(alert_key)
    .bind(monitor.0)
    .bind(micros(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that `mute` held back what `alert_key` would have told of `flip`.
pub(in crate::store) async fn note(
    connection: &mut DbConnection,
    mute: MuteId,
    flip: FlipId,
    alert_key: &str,
) -> Result<(), StoreError> {
    db::query(
        "insert into muted_flips (mute_id, flip_id, alert_key) values ($1, $2, $3)
         on conflict (mute_id, flip_id, alert_key) do nothing",
    )
    .bind(mute.0)
    .bind(flip.0)
    .bind(alert_key)
    .execute(connection)
    .await?;
    Ok(())
}

/// Nothing is held back of this any more.
pub(in crate::store) async fn forget(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
) -> Result<(), StoreError> {
    db::query("delete from held where alert_key = $1 and monitor_id = $2")
        .bind(alert_key)
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Nothing is held back any more by an alert that tells nothing.
pub(in crate::store) async fn forget_alert(connection: &mut DbConnection, alert_key: &str) -> Result<(), StoreError> {
    db::query("delete from held where alert_key = $1").bind(alert_key).execute(connection).await?;
    Ok(())
}

/// The mutes that one transaction goes by.
pub(in crate::store) struct Mutes(Vec<Mute>);

impl Mutes {
    /// Those in force at `at` or later.
    pub(in crate::store) async fn read(connection: &mut DbConnection, at: Timestamp) -> Result<Mutes, StoreError> {
        in_force_from(connection, at).await.map(Mutes)
    }

    /// The one that holds this back.
    pub(in crate::store) fn holding(&self, subject: &MuteSubject<'_>, at: Timestamp) -> Option<MuteId> {
        held_by(&self.0, subject, at).map(|(mute, _)| mute.id)
    }
}
