//! Writes runs, many to a statement.

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, RunId, RunKind, Severity, State};

use crate::store::{
    StoreError,
    columns::{micros, value_text},
    database::{self as db, DbConnection, sql_pieces},
    many_rows::in_pieces,
    reading::runs::kind_text,
};

/// A run that is about to be written.
pub(in crate::store) struct NewRun<'a> {
    pub(in crate::store) id: RunId,
    pub(in crate::store) monitor_id: MonitorId,
    pub(in crate::store) kind: RunKind,
    pub(in crate::store) tick_at: Timestamp,
    pub(in crate::store) started_at: Timestamp,
    pub(in crate::store) duration_us: i64,
    pub(in crate::store) outcome: State,
    pub(in crate::store) severity: Option<Severity>,
    pub(in crate::store) old_state: State,
    pub(in crate::store) new_state: State,
    pub(in crate::store) message: &'a str,
    pub(in crate::store) return_value: Option<&'a ReturnValue>,
    pub(in crate::store) threshold: Option<f64>,
    pub(in crate::store) output: &'a str,
    pub(in crate::store) traceback: Option<&'a str>,
    pub(in crate::store) seed: Option<u64>,
    pub(in crate::store) script_version: Option<&'a str>,
}

/// The types of a row.
const TYPES: [&str; 17] = [
    "bigint",
    "bigint",
    "text",
    "bigint",
    "bigint",
    "bigint",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "text",
    "bigint",
    "text",
    "text",
    "double precision",
];

/// Writes them.
pub(in crate::store) async fn insert(connection: &mut DbConnection, runs: &[NewRun<'_>]) -> Result<(), StoreError> {
    let began: Vec<i64> = runs.iter().map(|run| micros(run.started_at)).collect();
    connection.has_room_for_runs(&began).await?;
    for piece in in_pieces(connection, runs) {
        let sql = format!(
            "insert into runs (id, monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, \
             message, return_value, output, traceback, seed, script_version, severity, threshold) {}",
            sql_pieces::rows(piece.len(), &TYPES)
        );
        let mut query = db::query(db::AssertSqlSafe(sql));
        for run in piece {
            query = query
                .bind(run.id.0)
                .bind(run.monitor_id.0)
                .bind(kind_text(run.kind))
                .bind(micros(run.tick_at))
                .bind(micros(run.started_at))
                .bind(run.duration_us)
                .bind(run.outcome.as_str())
                .bind(run.old_state.as_str())
                .bind(run.new_state.as_str())
                .bind(run.message)
                .bind(run.return_value.map(value_text))
                .bind(run.output)
                .bind(run.traceback)
                .bind(run.seed.map(u64::cast_signed))
                .bind(run.script_version)
                .bind(run.severity.map(Severity::as_str))
                .bind(run.threshold);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
