//! Flips and what they owe: written together, in the transaction that changes the state.
//!
//! Whether an alert owes anything is the model's decision; here it is asked, and its answer kept.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{
    Flip as Change, FlipId, MonitorId, MuteSubject, ReturnValue, RunId, Severity, Silence, Subject, Verdict,
    is_expected, tell,
};

use super::{
    alert_records::{self, AlertRow},
    decisions::{self, Silences},
    flapping,
    incidents::{self, Described, Heard},
    keys,
    mutes::held::{self, Mutes},
    owing::{owe, told_now},
    told_monitors::{chosen_alerts, summaries},
    told_records::{remember, told_of, unseen},
};
use crate::notification::{Incident, MonitorSummary, Notification};
use crate::store::{
    RecordedFlip, StoreError,
    columns::{ids_text, micros, value_text},
    database::{self as db, DbConnection, sql_pieces},
    many_rows::in_pieces,
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

impl Cause {
    fn run(self) -> Option<RunId> {
        match self {
            Cause::Run(run, ..) => Some(run),
            Cause::Person => None,
        }
    }
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
    let instance = keys::instance(connection).await?;
    let mut described = Described::new(&instance);
    let mut recorded = Vec::with_capacity(flips.len());
    let mut silent = Vec::with_capacity(flips.len());
    let inserted = insert_all(connection, flips).await?;
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
            old_state: before.told.last_heard(),
            old_severity: before.told.last_severity(),
            new_state: self.flip.new,
            severity: self.flip.severity,
            message: self.message.to_owned(),
            return_value: self.return_value.cloned(),
            tick_at,
            started_at,
            run_id,
            incident,
            ..Notification::about(monitor, key)
        }
    }
}

/// Writes a flip.
pub(in crate::store) async fn insert(
    connection: &mut DbConnection,
    new: &NewFlip<'_>,
) -> Result<RecordedFlip, StoreError> {
    let inserted = insert_all(connection, std::slice::from_ref(new)).await?;
    inserted.into_iter().next().ok_or_else(|| StoreError::internal("a flip that was written is not there"))
}

/// The types of a row of [`insert_all`].
const TYPES: [&str; 10] = ["bigint", "bigint", "text", "text", "text", "text", "bigint", "text", "text", "text"];

/// Writes flips, at most one of each monitor, in few statements; answers them in their order.
async fn insert_all(connection: &mut DbConnection, flips: &[NewFlip<'_>]) -> Result<Vec<RecordedFlip>, StoreError> {
    let mut ids = HashMap::with_capacity(flips.len());
    for piece in in_pieces(connection, flips) {
        let sql = format!(
            "insert into flips (monitor_id, at, old_state, new_state, message, return_value, run_id, old_severity, severity,
                 by_source)
             {} returning monitor_id, id",
            sql_pieces::rows(piece.len(), &TYPES)
        );
        let mut query = db::query_as(db::AssertSqlSafe(sql));
        for new in piece {
            query = query
                .bind(new.monitor_id.0)
                .bind(micros(new.at))
                .bind(new.flip.old.as_str())
                .bind(new.flip.new.as_str())
                .bind(new.message)
                .bind(new.return_value.map(value_text))
                .bind(new.cause.run().map(|run| run.0))
                .bind(new.flip.old_severity.map(Severity::as_str))
                .bind(new.flip.severity.map(Severity::as_str))
                .bind(new.by_source);
        }
        let written: Vec<(i64, i64)> = query.fetch_all(&mut *connection).await?;
        ids.extend(written);
    }
    let recorded = |new: &NewFlip<'_>| {
        let id =
            ids.get(&new.monitor_id.0).ok_or_else(|| StoreError::internal("a flip that was written is not there"))?;
        Ok(RecordedFlip {
            id: FlipId(*id),
            monitor_id: new.monitor_id,
            at: new.at,
            old_state: new.flip.old,
            old_severity: new.flip.old_severity,
            new_state: new.flip.new,
            severity: new.flip.severity,
            message: new.message.to_owned(),
            return_value: new.return_value.cloned(),
            run_id: new.cause.run(),
        })
    };
    flips.iter().map(recorded).collect()
}
