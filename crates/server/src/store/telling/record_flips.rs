//! Flips and what they owe: written together, in the transaction that changes the state.
//!
//! Whether an alert owes anything is the model's decision; here it is asked, and its answer kept.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{
    Flip as Change, FlipId, MonitorId, MuteSubject, ReturnValue, RunId, Severity, Silence, Subject, Told, Verdict,
    is_expected, tell,
};

use super::{
    alert_records::{self, AlertRow},
    decisions::{self, Silences},
    deliveries, flapping,
    incidents::{self, Described, Heard},
    keys,
    mutes::held::{self, Mutes},
    told_records::{remember, told_of, unseen},
};
use crate::notification::{Incident, MonitorSummary, Notification, Sending};
use crate::store::{
    RecordedFlip, StoreError,
    columns::{Columns, alerts_from, ids_text, micros, tags_to_tell_by, value_text},
    database::{self as db, DbConnection, sql_pieces},
};

/// A flip that is about to be recorded.
pub(in crate::store) struct NewFlip<'a> {
    pub(in crate::store) monitor_id: MonitorId,
    pub(in crate::store) at: Timestamp,
    pub(in crate::store) flip: Change,
    pub(in crate::store) message: &'a str,
    pub(in crate::store) return_value: Option<&'a ReturnValue>,
    pub(in crate::store) cause: Cause,
    /// The source whose outage made it.
    pub(in crate::store) by_source: Option<&'a str>,
    /// Whether the monitor waits for that outage, so that nobody is told.
    pub(in crate::store) waits: bool,
}

/// What caused a flip.
#[derive(Clone, Copy)]
pub(in crate::store) enum Cause {
    /// A run, with its tick and its beginning.
    Run(RunId, Timestamp, Timestamp),
    /// A person's act.
    Person,
}

/// A recorded flip, with the alerts that owe a delivery for it.
pub(in crate::store) struct Flipped {
    pub(in crate::store) flip: RecordedFlip,
    pub(in crate::store) owed: Vec<String>,
}

/// Records flips, at most one of each monitor, and what is owed for them. Deliveries are due from `now` on.
pub(in crate::store) async fn record_flips(
    connection: &mut DbConnection,
    flips: &[NewFlip<'_>],
    now: Timestamp,
) -> Result<Vec<Flipped>, StoreError> {
    let alerts: Vec<AlertRow> =
        alert_records::read_all(connection).await?.into_iter().filter(|alert| alert.in_config).collect();
    let ids = ids_text(flips.iter().map(|flip| flip.monitor_id));
    let mut told = told_of(connection, &ids).await?;
    let names = summaries(connection, &ids).await?;
    let chosen = chosen_alerts(connection, &ids).await?;
    let going_on = incidents::going_on(connection, flips.iter().map(|flip| flip.monitor_id)).await?;
    let mutes = Mutes::read(connection, flips.iter().map(|flip| flip.at).min().unwrap_or(now)).await?;
    let held_before = held::held_of(connection, &ids).await?;
    let instance = instance(connection).await?;
    let mut described = Described::new(&instance);
    let mut recorded = Vec::with_capacity(flips.len());
    let mut silent = Vec::with_capacity(flips.len());
    let mut inserted = Vec::with_capacity(flips.len());
    for new in flips {
        inserted.push(insert(connection, new).await?);
    }
    // With the change that is being recorded.
    let flapping = flapping::of_these(connection, flips.iter().map(|flip| flip.monitor_id), now).await?;
    for (new, flip) in flips.iter().zip(inserted) {
        let open = going_on.get(&new.monitor_id).copied();
        let incident = incidents::of_flip(new.flip.old, new.flip.new, flip.id, open);
        let goes_on = incident.filter(|_| new.flip.new.is_problem());
        if goes_on != open {
            incidents::goes_on(connection, new.monitor_id, goes_on).await?;
        }
        let monitor = names.get(&new.monitor_id).ok_or_else(|| StoreError::internal("a flip of no monitor"))?;
        let subject = Subject {
            tags: &monitor.tags,
            alerts: chosen.get(&new.monitor_id).map(Vec::as_slice),
            state: new.flip.new,
            severity: new.flip.about(),
        };
        let mut silences = Silences::new(flip.id, new.monitor_id, now);
        let mut owed = Vec::new();
        for alert in &alerts {
            let before = told
                .remove(&(new.monitor_id, alert.key.clone()))
                .unwrap_or_else(|| Heard { told: unseen(new.flip.old, new.flip.old_severity), incident: None });
            let rules = alert.rules();
            let about = MuteSubject {
                monitor: new.monitor_id,
                tags: &monitor.tags,
                alert: &alert.key,
                severity: subject.severity,
            };
            let mute = mutes.holding(&about, new.at);
            let flaps = flapping.contains_key(&new.monitor_id).then_some(Silence::Flapping);
            let quiet = alert.quiet(subject.severity, new.at).map(|_| Silence::QuietHours);
            let waits = new.waits.then_some(Silence::WaitsForSource);
            let held = waits.or(mute.map(|_| Silence::Muted)).or(quiet).or(flaps);
            let decision = tell(&before.told, &rules, &subject, held);
            // What it would come to if nothing held it back.
            let mut unheld = decision.verdict;
            if matches!(decision.verdict, Verdict::Silent(why) if Some(why) == held) {
                held::keep(connection, &alert.key, new.monitor_id, before, new.at).await?;
                unheld = tell(&before.told, &rules, &subject, None).verdict;
                if let Some(mute) = mute.filter(|_| unheld == Verdict::Owed) {
                    held::note(connection, mute, flip.id, &alert.key).await?;
                }
            } else if held_before.contains(&(new.monitor_id, alert.key.clone())) {
                // It is over, or told with this.
                held::forget(connection, &alert.key, new.monitor_id).await?;
            }
            if decision.told != before.told {
                remember(connection, &alert.key, new.monitor_id, before.then(decision.told, incident)).await?;
            }
            match decision.verdict {
                Verdict::Owed => {
                    let key = keys::delivery(&instance, flip.monitor_id, flip.id, flip.at, &alert.key);
                    let incident = described.get(connection, before.incident(incident)).await?;
                    let notification = new.notification(monitor.clone(), &before, key, incident);
                    owe(connection, flip.id, &alert.key, &notification, None, now).await?;
                    told_now(connection, &alert.key, new.monitor_id, now).await?;
                    owed.push(alert.key.clone());
                }
                Verdict::Silent(why) if is_expected(&before.told, &rules, new.flip.old, new.flip.new) => {
                    silences.add(&alert.key, if let Verdict::Silent(own) = unheld { own } else { why });
                }
                Verdict::Silent(_) => {}
            }
        }
        silent.push(silences);
        recorded.push(Flipped { flip, owed });
    }
    decisions::insert(connection, &silent).await?;
    Ok(recorded)
}

impl NewFlip<'_> {
    /// What an alert tells of it that told `before`.
    fn notification(
        &self,
        monitor: MonitorSummary,
        before: &Heard,
        key: String,
        incident: Option<Incident>,
    ) -> Notification {
        let (run_id, tick_at, started_at) = match self.cause {
            Cause::Run(id, tick_at, started_at) => (Some(id), Some(tick_at), Some(started_at)),
            Cause::Person => (None, None, None),
        };
        Notification {
            monitor,
            old_state: before.told.last_heard(),
            old_severity: before.told.last_severity(),
            new_state: self.flip.new,
            severity: self.flip.severity,
            message: self.message.to_owned(),
            return_value: self.return_value.cloned(),
            tick_at,
            started_at,
            run_id,
            key,
            incident,
            test: false,
            reminder: None,
            on_call: None,
            acknowledge_url: None,
            wording: None,
            said: None,
            sending: Sending::default(),
        }
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
    let mut flip = crate::store::reading::flips::flip(&row)?;
    if let (Some(_), Some(last)) = (row.text_or_none("by_source")?, row.text_or_none("last_message")?) {
        // What was wrong with a source is told as that; what is wrong now is another thing.
        flip.message = last;
    }
    let instance = instance(connection).await?;
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
        monitor,
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
        key,
        incident,
        test: false,
        reminder: None,
        on_call: None,
        acknowledge_url: None,
        wording: None,
        said: None,
        sending: Sending::default(),
    }
}

pub(in crate::store) async fn instance(connection: &mut DbConnection) -> Result<String, StoreError> {
    Ok(db::query_scalar("select value from meta where key = 'instance'").fetch_one(connection).await?)
}

/// Keeps the row of a monitor until the end of the transaction, as whoever changes its state does: what is owed for it is
/// written one after the other, and goes out in that order.
pub(in crate::store) async fn hold(connection: &mut DbConnection, monitor: MonitorId) -> Result<(), StoreError> {
    db::query("update states set failing_streak = failing_streak where monitor_id = $1")
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

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
    deliveries::look_again(connection, alert_key, notification.monitor.id, now).await?;
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

pub(in crate::store) async fn insert(
    connection: &mut DbConnection,
    new: &NewFlip<'_>,
) -> Result<RecordedFlip, StoreError> {
    let run_id = match new.cause {
        Cause::Run(run, ..) => Some(run),
        Cause::Person => None,
    };
    let id: i64 = db::query_scalar(
        "insert into flips (monitor_id, at, old_state, new_state, message, return_value, run_id, old_severity, severity,
             by_source)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
    )
    .bind(new.monitor_id.0)
    .bind(micros(new.at))
    .bind(new.flip.old.as_str())
    .bind(new.flip.new.as_str())
    .bind(new.message)
    .bind(new.return_value.map(value_text))
    .bind(run_id.map(|run| run.0))
    .bind(new.flip.old_severity.map(Severity::as_str))
    .bind(new.flip.severity.map(Severity::as_str))
    .bind(new.by_source)
    .fetch_one(connection)
    .await?;
    Ok(RecordedFlip {
        id: FlipId(id),
        monitor_id: new.monitor_id,
        at: new.at,
        old_state: new.flip.old,
        old_severity: new.flip.old_severity,
        new_state: new.flip.new,
        severity: new.flip.severity,
        message: new.message.to_owned(),
        return_value: new.return_value.cloned(),
        run_id,
    })
}

/// The alerts that those of these monitors chose that are not told by all.
pub(in crate::store) async fn chosen_alerts(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, Vec<String>>, StoreError> {
    let sql =
        format!("select id, alerts from monitors where alerts is not null and id in {}", sql_pieces::ids_of("$1"));
    let rows: Vec<(i64, Option<String>)> = db::query_as(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().filter_map(|(id, alerts)| Some((MonitorId(id), alerts_from(id, alerts)?))).collect())
}

/// The monitors as a receiver sees them, without their address, which is the sender's to add.
pub(in crate::store) async fn summaries(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, MonitorSummary>, StoreError> {
    let sql = format!(
        "select id, name, tags, description, timezone, unit, decimals, source from monitors where id in {}",
        sql_pieces::ids_of("$1")
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let id = row.int("id")?;
            let summary = MonitorSummary {
                id: MonitorId(id),
                name: row.text("name")?,
                // What stands for a source has no page of its own.
                url: row.text_or_none("source")?.map(|_| "/sources".to_owned()).unwrap_or_default(),
                tags: tags_to_tell_by(id, &row.text("tags")?),
                description: row.text("description")?,
                timezone: row.text("timezone")?,
                unit: row.text("unit")?,
                decimals: row.int_or_none("decimals")?.and_then(|decimals| u32::try_from(decimals).ok()),
            };
            Ok((summary.id, summary))
        })
        .collect()
}
