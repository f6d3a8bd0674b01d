//! Monitors while results are applied to them: read, and written where they still are as they were read.

use std::collections::{HashMap, HashSet};

use revere_model::{MonitorId, OutageId, OutageRules, Rules, Severity, Status, Waits};

use super::run_result::RunResult;
use crate::store::{
    StoreError,
    columns::{Columns, ids_text, micros, value_text, word},
    database::{
        self as db, DbConnection,
        sql_pieces::{self, SETTLED},
    },
    many_rows::in_pieces,
    monitors::records,
};

/// A monitor while results are applied to it.
pub(super) struct Subject {
    /// As it was read: what [`take`] compares.
    pub(super) was: Status,
    pub(super) version: i64,
    pub(super) status: Status,
    pub(super) rules: Rules,
    pub(super) outage_rules: OutageRules,
    /// How it stands to an outage, as it was read and as it is.
    pub(super) waited: Option<(OutageId, Waits)>,
    pub(super) waits: Option<(OutageId, Waits)>,
    pub(super) attempt: i64,
    pub(super) claimed: bool,
    /// The last result that was applied, by its place in the list.
    pub(super) last: Option<usize>,
    /// The attempt whose result was applied, if one was a claimed tick's.
    pub(super) settles: Option<i64>,
}

/// Reads the monitors, and keeps their rows in `states` and `dues` for this transaction: what changes a monitor changes one of those,
/// too, so whatever of that was waited for here is seen by [`take`], a later statement.
pub(super) async fn subjects(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, Subject>, StoreError> {
    let sql = format!(
        "select s.monitor_id, s.state, s.state_since, s.failing_streak, s.passing_streak, s.recent_failures, d.attempt,
             s.severity, s.outage_id, s.waits, d.claimed_by is not null as claimed, m.version, m.active, m.alarm_after,
             m.alarm_window, m.recover_after, m.default_severity, m.state_in_outage, m.told_in_outage
         from states s join dues d on d.monitor_id = s.monitor_id join monitors m on m.id = s.monitor_id
         where m.deleted_at is null and s.monitor_id {} {}",
        sql_pieces::among("$1"),
        sql_pieces::KEEPING_THE_STATES
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let rules = Rules {
                active: row.flag("active")?,
                alarm_after: row.number("alarm_after")?,
                alarm_window: row.int_or_none("alarm_window")?.map(|runs| u32::try_from(runs).unwrap_or(0)),
                recover_after: row.number("recover_after")?,
                default_severity: word(&row.text("default_severity")?)?,
            };
            let outage_rules =
                OutageRules { state: word(&row.text("state_in_outage")?)?, told: row.flag("told_in_outage")? };
            let waits = row.text_or_none("waits")?.map(|waits| word(&waits)).transpose()?;
            let waited = row.int_or_none("outage_id")?.map(OutageId).zip(waits);
            let status = records::status(row)?;
            let subject = Subject {
                was: status,
                version: row.int("version")?,
                status,
                rules,
                outage_rules,
                waited,
                waits: waited,
                attempt: row.int("attempt")?,
                claimed: row.flag("claimed")?,
                last: None,
                settles: None,
            };
            Ok((MonitorId(row.int("monitor_id")?), subject))
        })
        .collect()
}

/// Writes what results did to their monitors, where a monitor is still as it was read and the claim that a result settles
/// is still in force; answers which. With it goes the claim. A result that settles a claim also proves that no fault of ours stands
/// in the way any more.
pub(super) async fn take(
    connection: &mut DbConnection,
    results: &[&RunResult],
    subjects: &HashMap<MonitorId, Subject>,
) -> Result<HashSet<MonitorId>, StoreError> {
    let mut touched: Vec<(MonitorId, &Subject, &RunResult)> =
        subjects.iter().filter_map(|(id, subject)| Some((*id, subject, results[subject.last?]))).collect();
    // Always in the same order, so that two writers never wait for each other.
    touched.sort_unstable_by_key(|(id, ..)| *id);
    let mut taken = HashSet::with_capacity(touched.len());
    for piece in in_pieces(connection, &touched) {
        // Of the claim nothing changes between being compared and being written: its row is kept since it was read.
        let sql = format!(
            "with result (id, attempt, version, was, was_failing, was_passing, was_recent, state, since, failing, passing, \
                 recent, run_at, message, value, severity) as ({}) {}
             update states set state = result.state, state_since = result.since, failing_streak = result.failing,
                 passing_streak = result.passing, recent_failures = result.recent, last_run_at = result.run_at, last_message = result.message,
                 last_value = result.value, severity = result.severity
             from result join dues d on d.monitor_id = result.id join monitors m on m.id = result.id
             where states.monitor_id = result.id
                 and (result.attempt is null
                     or (d.attempt = result.attempt and d.claimed_by is not null))
                 and states.state = result.was and states.failing_streak = result.was_failing
                 and states.passing_streak = result.was_passing and states.recent_failures = result.was_recent
                 and m.version = result.version and m.deleted_at is null
             returning states.monitor_id {}",
            sql_pieces::rows(piece.len(), &TYPES),
            sql_pieces::TAKING,
            sql_pieces::SETTLING_TAKEN
        );
        let mut query = db::query_scalar(db::AssertSqlSafe(sql));
        for (id, subject, result) in piece {
            query = query
                .bind(id.0)
                .bind(subject.settles)
                .bind(subject.version)
                .bind(subject.was.state.as_str())
                .bind(i64::from(subject.was.failing_streak))
                .bind(i64::from(subject.was.passing_streak))
                .bind(subject.was.recent_failures.cast_signed())
                .bind(subject.status.state.as_str())
                .bind(micros(subject.status.state_since))
                .bind(i64::from(subject.status.failing_streak))
                .bind(i64::from(subject.status.passing_streak))
                .bind(subject.status.recent_failures.cast_signed())
                .bind(micros(result.started_at))
                .bind(&result.message)
                .bind(result.return_value.as_ref().map(value_text))
                .bind(subject.status.severity.map(Severity::as_str));
        }
        let ids: Vec<i64> = query.fetch_all(&mut *connection).await?;
        taken.extend(ids.into_iter().map(MonitorId));
    }
    if !connection.changes_two_tables_at_once() {
        let settled = touched.iter().filter(|(id, subject, _)| subject.settles.is_some() && taken.contains(id));
        let sql = format!("update dues set {SETTLED} where monitor_id {}", sql_pieces::among("$1"));
        let ids = ids_text(settled.map(|(id, ..)| *id));
        if ids != "[]" {
            db::query(db::AssertSqlSafe(sql)).bind(ids).execute(&mut *connection).await?;
        }
    }
    Ok(taken)
}

/// The types of a row of [`take`].
const TYPES: [&str; 16] = [
    "bigint", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "bigint",
    "bigint", "text", "text", "text",
];
