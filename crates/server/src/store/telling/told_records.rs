//! What each alert told of each monitor: read when something happens to the monitor, written in the same transaction.

use std::collections::HashMap;

use revere_model::{FlipId, MonitorId, Severity, State, Told};

use super::incidents::Heard;
use crate::store::{
    Store, StoreError,
    columns::{Columns, word},
    database::{self as db, DbConnection, DbRow, sql_pieces},
};

/// What an alert that has no row for a monitor has told of it: nothing if it is new, else it follows from here.
pub fn unseen(state: State, severity: Option<Severity>) -> Told {
    if state == State::Inactive { Told::default() } else { Told::from_now(state, severity) }
}

/// The columns of a row, its state by the name `state`.
pub(in crate::store) fn told(row: &DbRow, state: &str) -> Result<Told, StoreError> {
    let state = Some(row.state(state)?);
    let open: Option<State> = row.text_or_none("open")?.map(|open| word(&open)).transpose()?;
    let (severity, open_severity) = (row.severity("severity", state)?, row.severity("open_severity", open)?);
    Ok(Told { state, severity, open, open_severity })
}

impl Store {
    /// What the alerts told of a monitor, by their keys; one that is not among them has not looked at it yet.
    pub async fn told(&self, monitor: MonitorId) -> Result<HashMap<String, Told>, StoreError> {
        let rows = db::query("select * from told where monitor_id = $1").bind(monitor.0).fetch_all(self.readers());
        rows.await?.iter().map(|row| Ok((row.text("alert_key")?, told(row, "state")?))).collect()
    }
}

/// What was told of these monitors, a JSON list of ids.
pub(in crate::store) async fn told_of(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<(MonitorId, String), Heard>, StoreError> {
    let sql = format!("select * from told where monitor_id {}", sql_pieces::among("$1"));
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let incident = row.int_or_none("incident_id")?.map(FlipId);
            let heard = Heard { told: told(row, "state")?, incident };
            Ok(((MonitorId(row.int("monitor_id")?), row.text("alert_key")?), heard))
        })
        .collect()
}

/// Writes what an alert told of a monitor.
pub(in crate::store) async fn remember(
    connection: &mut DbConnection,
    alert_key: &str,
    monitor: MonitorId,
    heard: Heard,
) -> Result<(), StoreError> {
    let Heard { told, incident } = heard;
    let Some(state) = told.state else { return Ok(()) };
    db::query(
        "insert into told (alert_key, monitor_id, state, open, incident_id, severity, open_severity)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (alert_key, monitor_id) do update set state = excluded.state, open = excluded.open,
             incident_id = excluded.incident_id, severity = excluded.severity, open_severity = excluded.open_severity",
    )
    .bind(alert_key)
    .bind(monitor.0)
    .bind(state.as_str())
    .bind(told.open.map(State::as_str))
    .bind(incident.map(|incident| incident.0))
    .bind(told.severity.map(Severity::as_str))
    .bind(told.open_severity.map(Severity::as_str))
    .execute(connection)
    .await?;
    Ok(())
}
