//! Takes over monitors, alerts' settings and history from elsewhere, all or nothing.

use jiff::Timestamp;
use revere_model::{Flip as Change, MonitorId, MonitorSpec, ReturnValue, RunId, RunKind, State, StateSet};
use sqlx::SqliteConnection;

use super::{
    Store, StoreError, monitors,
    rows::{micros, value_text},
    runs::{self, NewRun},
};

/// A monitor to take over.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportedMonitor {
    /// What its author decides.
    pub spec: MonitorSpec,
    /// The state it was in; told to nobody.
    pub state: State,
    /// Its history, oldest first.
    pub runs: Vec<ImportedRun>,
}

/// A run to take over.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportedRun {
    /// When it was.
    pub at: Timestamp,
    /// The state before.
    pub old_state: State,
    /// The state after.
    pub new_state: State,
    /// Its message.
    pub message: String,
    /// Its value.
    pub return_value: Option<ReturnValue>,
}

/// What people had chosen about an alert. It takes effect when the configuration has an alert of that key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedAlert {
    /// Its key.
    pub key: String,
    /// Whether it was on.
    pub enabled: bool,
    /// The states it told.
    pub states: StateSet,
}

impl Store {
    /// Takes over monitors with their history, and alerts' settings, in one transaction: all of it or nothing. Answers
    /// the new monitors' ids in the same order. Settings of an alert that is known already are left as they are.
    pub async fn import(
        &self,
        monitors: Vec<ImportedMonitor>,
        alerts: Vec<ImportedAlert>,
        now: Timestamp,
    ) -> Result<Vec<MonitorId>, StoreError> {
        let all = std::sync::Arc::new((monitors, alerts));
        self.write_patiently(move |connection| {
            Box::pin(async move {
                let (monitors, alerts) = &*all;
                for alert in alerts {
                    take_alert(connection, alert).await?;
                }
                let mut ids = Vec::with_capacity(monitors.len());
                for monitor in monitors {
                    ids.push(take_monitor(connection, monitor, now).await?);
                }
                Ok(ids)
            })
        })
        .await
    }
}

async fn take_alert(connection: &mut SqliteConnection, alert: &ImportedAlert) -> Result<(), StoreError> {
    let states = serde_json::to_string(&alert.states).expect("a list of words always has a JSON form");
    sqlx::query(
        "insert into alerts (key, enabled, states, in_config, enabled_in_config) values (?, ?, ?, 0, 0)
         on conflict (key) do nothing",
    )
    .bind(&alert.key)
    .bind(alert.enabled)
    .bind(states)
    .execute(connection)
    .await?;
    Ok(())
}

async fn take_monitor(
    connection: &mut SqliteConnection,
    monitor: &ImportedMonitor,
    now: Timestamp,
) -> Result<MonitorId, StoreError> {
    let created_at = monitor.runs.first().map_or(now, |run| run.at.min(now));
    let id = monitors::insert(connection, &monitor.spec, created_at, now).await?;
    let first = runs::next_id(connection).await?;
    let new: Vec<NewRun<'_>> = (first..).zip(&monitor.runs).map(|(run_id, run)| new_run(id, run_id, run)).collect();
    runs::insert(connection, &new).await?;
    for (run_id, run) in (first..).zip(&monitor.runs).filter(|(_, run)| run.old_state != run.new_state) {
        insert_flip(connection, id, run_id, run, Change { old: run.old_state, new: run.new_state }).await?;
    }
    // A monitor that is off is INACTIVE, whatever it was.
    let state = if monitor.spec.active { monitor.state } else { State::Inactive };
    let since = monitor.runs.iter().rev().find(|run| run.old_state != run.new_state).map_or(created_at, |run| run.at);
    let last = monitor.runs.last();
    sqlx::query(
        "update statuses set state = ?, state_since = ?, last_run_at = ?, last_message = ?, last_value = ?
         where monitor_id = ?",
    )
    .bind(state.as_str())
    .bind(micros(since))
    .bind(last.map(|run| micros(run.at)))
    .bind(last.map(|run| &run.message))
    .bind(last.and_then(|run| run.return_value.as_ref()).map(value_text))
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(id)
}

fn new_run(monitor_id: MonitorId, id: i64, run: &ImportedRun) -> NewRun<'_> {
    NewRun {
        id: RunId(id),
        monitor_id,
        kind: RunKind::Imported,
        tick_at: run.at,
        started_at: run.at,
        duration_us: 0,
        outcome: run.new_state,
        old_state: run.old_state,
        new_state: run.new_state,
        message: &run.message,
        return_value: run.return_value.as_ref(),
        output: "",
        traceback: None,
    }
}

async fn insert_flip(
    connection: &mut SqliteConnection,
    monitor: MonitorId,
    run_id: i64,
    run: &ImportedRun,
    flip: Change,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into flips (monitor_id, at, old_state, new_state, message, return_value, run_id)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(monitor.0)
    .bind(micros(run.at))
    .bind(flip.old.as_str())
    .bind(flip.new.as_str())
    .bind(&run.message)
    .bind(run.return_value.as_ref().map(value_text))
    .bind(run_id)
    .execute(connection)
    .await?;
    Ok(())
}
