//! Takes over monitors, alerts' settings and history from elsewhere, all or nothing.

mod imported;
mod past_deliveries;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use imported::Change;
pub use imported::{ImportedAlert, ImportedChange, ImportedMonitor, ImportedRun, Past};
use jiff::Timestamp;
pub use past_deliveries::{PastAlert, PastDelivery, PastResult};
use revere_model::{Act, Asked, FlipId, MonitorId, RunId, Severity, State, StateSet, Told};

use crate::store::{
    AlertRow, Store, StoreError,
    audit::{Acted, AuditEntry},
    claiming::new_runs::{self, NewRun},
    columns::{micros, value_text},
    database::{self as db, DbConnection, run_ids, sql_pieces},
    monitors::records,
    telling::{
        alert_changes, alert_records,
        incidents::{self, Heard},
        told_records,
    },
};

/// Runs are written so many at a time, and counted.
const PIECE: usize = 5_000;

/// How a takeover ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Takeover {
    /// Everything is stored.
    Done {
        /// The monitors' ids, in the order they were given.
        monitors: Vec<MonitorId>,
        /// The keys of alerts that people had given other settings here already; those are left as they are.
        kept: Vec<String>,
    },
    /// Nothing is stored, because monitors of these ids are there already.
    Taken(Vec<MonitorId>),
}

impl Store {
    /// Takes over monitors with their history, and alerts' settings, in one transaction: all of it or nothing. Settings
    /// that people have chosen here already are left as they are, and named. `stored` counts the runs as they are written.
    pub async fn import(
        &self,
        monitors: Vec<ImportedMonitor>,
        alerts: Vec<ImportedAlert>,
        asked: &Asked,
        stored: Arc<AtomicU64>,
    ) -> Result<Takeover, StoreError> {
        self.take_over(monitors, alerts, Vec::new(), asked, stored).await
    }

    /// Takes over monitors with their history as [`Store::import`] does, and what `told` would have told of it, had these
    /// alerts been there all along: by the rule that holds for every flip, each delivery with its flip, settled as the
    /// alert says it fared. From then on each alert goes on from what it told. One transaction, all of it or nothing.
    ///
    /// An alert takes effect when the configuration has one of its key; its deliveries are in the log in any case.
    pub async fn import_told(
        &self,
        monitors: Vec<ImportedMonitor>,
        told: Vec<PastAlert>,
        asked: &Asked,
        stored: Arc<AtomicU64>,
    ) -> Result<Takeover, StoreError> {
        let alerts = told.iter().map(|alert| {
            let (key, states) = (alert.key.clone(), alert.states);
            ImportedAlert { key, enabled: true, states }
        });
        self.take_over(monitors, alerts.collect(), told, asked, stored).await
    }

    async fn take_over(
        &self,
        monitors: Vec<ImportedMonitor>,
        alerts: Vec<ImportedAlert>,
        told: Vec<PastAlert>,
        asked: &Asked,
        stored: Arc<AtomicU64>,
    ) -> Result<Takeover, StoreError> {
        let all = Arc::new((monitors, alerts, told));
        let (asked, now) = (asked.clone(), asked.at);
        let taking = self.act_patiently(move |connection| {
            Box::pin(async move {
                // Tried again after a lock, it begins again.
                stored.store(0, Ordering::Relaxed);
                let (monitors, alerts, told) = &*all;
                let taken = taken(connection, monitors).await?;
                if !taken.is_empty() {
                    return Ok(Acted::nothing(Takeover::Taken(taken)));
                }
                let mut kept = Vec::new();
                for alert in alerts {
                    if !take_alert(connection, alert, now).await? {
                        kept.push(alert.key.clone());
                    }
                }
                let mut ids = Vec::with_capacity(monitors.len());
                let mut flips = Vec::new();
                for monitor in monitors {
                    let id = take_monitor(connection, monitor, &asked, &stored, &mut flips).await?;
                    if told.is_empty() {
                        remember_told(connection, id, monitor, alerts).await?;
                    }
                    ids.push(id);
                }
                // What is told of them goes in the order of time.
                flips.sort_by_key(|flip| flip.place);
                let mut going_on: HashMap<MonitorId, FlipId> = HashMap::new();
                for flip in &mut flips {
                    flip.id = insert_flip(connection, flip).await?;
                    let (old, new) = (flip.change.old_state, flip.change.new_state);
                    let open = going_on.remove(&flip.monitor_id);
                    flip.incident = incidents::of_flip(old, new, flip.id, open);
                    going_on
                        .extend(flip.incident.filter(|_| new.is_problem()).map(|incident| (flip.monitor_id, incident)));
                }
                take_incidents(connection, &going_on).await?;
                past_deliveries::tell(connection, &flips, told).await?;
                let entry = AuditEntry::new(Act::Imported, &asked)
                    .saying("monitors", ids.len())
                    .saying("first_monitor", ids.first().map(|id| id.0))
                    .saying("last_monitor", ids.last().map(|id| id.0))
                    .saying("alerts", alerts.iter().map(|alert| alert.key.clone()).collect::<Vec<_>>());
                Ok(Acted::done(Takeover::Done { monitors: ids, kept }, entry))
            })
        });
        taking.await.map(|takeover| self.0.counted.changed(takeover))
    }
}

async fn taken(connection: &mut DbConnection, monitors: &[ImportedMonitor]) -> Result<Vec<MonitorId>, StoreError> {
    let ids: Vec<i64> = monitors.iter().filter_map(|monitor| Some(monitor.id?.0)).collect();
    let ids = serde_json::to_string(&ids).expect("a list of numbers always has a JSON form");
    let sql = format!("select id from monitors where id {} order by id", sql_pieces::among("$1"));
    let taken: Vec<i64> = db::query_scalar(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    Ok(taken.into_iter().map(MonitorId).collect())
}

/// Takes over what people had chosen about an alert; false if they have chosen something else here already.
async fn take_alert(connection: &mut DbConnection, alert: &ImportedAlert, now: Timestamp) -> Result<bool, StoreError> {
    alert_records::hold_all(connection).await?;
    let was = alert_records::read_all(connection).await?.into_iter().find(|row| row.key == alert.key);
    let was = was.unwrap_or_else(|| AlertRow::new(&alert.key));
    let is = AlertRow { enabled: alert.enabled, states: alert.states, ..was.clone() };
    // One that a start made and nobody touched is as good as none.
    if was != is && (!was.enabled || was.states != StateSet::DEFAULT_TOLD) {
        return Ok(false);
    }
    alert_records::write(connection, &is).await?;
    alert_changes::settle_change(connection, &was, &is, now).await?;
    Ok(true)
}

async fn take_monitor<'a>(
    connection: &mut DbConnection,
    monitor: &'a ImportedMonitor,
    asked: &Asked,
    stored: &AtomicU64,
    flips: &mut Vec<Flip<'a>>,
) -> Result<MonitorId, StoreError> {
    let created_at = monitor.history.first().map_or(asked.at, |past| past.change().at.min(asked.at));
    let id = records::insert(connection, monitor.id, &monitor.spec, created_at, asked).await?;
    let runs = monitor.history.iter().filter_map(Past::run);
    let ids = run_ids::reserve(connection, runs.clone().count()).await?;
    let numbered: Vec<(i64, &ImportedRun)> = ids.into_iter().zip(runs).collect();
    for piece in numbered.chunks(PIECE) {
        let new: Vec<NewRun<'_>> = piece.iter().map(|(run_id, run)| new_run(id, *run_id, run)).collect();
        new_runs::insert(connection, &new).await?;
        stored.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    let mut run_ids = numbered.iter().map(|(run_id, _)| *run_id);
    let mut place = Timestamp::MIN;
    for past in &monitor.history {
        let run_id = past.run().and_then(|_| run_ids.next());
        let change = past.change();
        // Never before an earlier one of the same monitor, whatever the clock said then.
        place = place.max(change.at);
        if change.old_state != change.new_state {
            flips.push(Flip {
                id: FlipId(0),
                incident: None,
                monitor_id: id,
                place,
                run_id: run_id.map(RunId),
                change,
            });
        }
    }
    // A monitor that is off is INACTIVE, whatever it was.
    let state = if monitor.spec.active { monitor.state } else { State::Inactive };
    let changes = monitor.history.iter().rev().map(Past::change);
    let since = changes.filter(|change| change.old_state != change.new_state).map(|change| change.at).next();
    let last = numbered.last().map(|(_, run)| run);
    db::query(
        "update states set state = $1, state_since = $2, last_run_at = $3, last_message = $4, last_value = $5
         where monitor_id = $6",
    )
    .bind(state.as_str())
    .bind(micros(since.unwrap_or(created_at)))
    .bind(last.map(|run| micros(run.at)))
    .bind(last.map(|run| &run.message))
    .bind(last.and_then(|run| run.return_value.as_ref()).map(value_text))
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(id)
}

/// The incidents that go on with monitors that came in a problem, and with those whose problem was told elsewhere.
async fn take_incidents(
    connection: &mut DbConnection,
    going_on: &HashMap<MonitorId, FlipId>,
) -> Result<(), StoreError> {
    for (monitor, incident) in going_on {
        for sql in [
            "update states set incident_id = $1 where monitor_id = $2 and state in ('ALARM', 'ERROR')",
            "update told set incident_id = $1 where monitor_id = $2 and open in ('ALARM', 'ERROR')",
        ] {
            db::query(sql).bind(incident.0).bind(monitor.0).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// What was told elsewhere counts as told: a problem gets its one end told here.
async fn remember_told(
    connection: &mut DbConnection,
    id: MonitorId,
    monitor: &ImportedMonitor,
    alerts: &[ImportedAlert],
) -> Result<(), StoreError> {
    let state = if monitor.spec.active { monitor.state } else { State::Inactive };
    for alert in alerts.iter().filter(|alert| alert.enabled && alert.states.contains(monitor.heard)) {
        if monitor.heard.is_problem() {
            let severity = Some(Severity::Critical);
            let told = Told { open: Some(monitor.heard), open_severity: severity, ..Told::from_now(state, severity) };
            told_records::remember(connection, &alert.key, id, Heard { told, incident: None }).await?;
        }
    }
    Ok(())
}

/// A change of state that is one, on its way into the database.
struct Flip<'a> {
    /// Known once it is stored.
    id: FlipId,
    /// The incident it opens, goes on with or ends; known then too.
    incident: Option<FlipId>,
    monitor_id: MonitorId,
    /// Where it stands among the flips of all monitors.
    place: Timestamp,
    run_id: Option<RunId>,
    change: Change<'a>,
}

fn new_run(monitor_id: MonitorId, id: i64, run: &ImportedRun) -> NewRun<'_> {
    NewRun {
        id: RunId(id),
        monitor_id,
        kind: run.kind,
        tick_at: run.at,
        started_at: run.at,
        duration_us: i64::try_from(run.duration.as_micros()).unwrap_or(i64::MAX),
        outcome: run.outcome,
        severity: None,
        old_state: run.old_state,
        new_state: run.new_state,
        message: &run.message,
        return_value: run.return_value.as_ref(),
        threshold: None,
        output: &run.output,
        traceback: run.traceback.as_deref(),
        seed: None,
        script_version: None,
    }
}

async fn insert_flip(connection: &mut DbConnection, flip: &Flip<'_>) -> Result<FlipId, StoreError> {
    let Change { at, old_state, new_state, message, return_value } = &flip.change;
    let id = db::query_scalar(
        "insert into flips (monitor_id, at, old_state, new_state, message, return_value, run_id)
         values ($1, $2, $3, $4, $5, $6, $7) returning id",
    )
    .bind(flip.monitor_id.0)
    .bind(micros(*at))
    .bind(old_state.as_str())
    .bind(new_state.as_str())
    .bind(message)
    .bind(return_value.map(value_text))
    .bind(flip.run_id.map(|run| run.0))
    .fetch_one(connection)
    .await?;
    Ok(FlipId(id))
}
