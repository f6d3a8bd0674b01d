//! Monitors while results are applied to them: read, and written where they still are as they were read.

use std::collections::{HashMap, HashSet};

use revere_model::{MonitorId, OutageId, OutageRules, Rules, Severity, Status, Waits};

use super::run_result::RunResult;
use crate::store::{
    StoreError,
    columns::{Columns, micros, value_text, word},
    database::{self as db, DbConnection, sql_pieces},
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

/// Reads the monitors, and keeps their statuses for this transaction: what changes a monitor changes its status too, so whatever
/// of that was waited for here is seen by [`take`], a later statement.
pub(super) async fn subjects(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, Subject>, StoreError> {
    let sql = format!(
        "select s.monitor_id, s.state, s.state_since, s.failing_streak, s.passing_streak, s.recent_failures, s.attempt,
             s.severity, s.outage_id, s.waits, s.claimed_by is not null as claimed, m.version, m.active, m.alarm_after,
             m.alarm_window, m.recover_after, m.default_severity, m.state_in_outage, m.told_in_outage
         from statuses s join monitors m on m.id = s.monitor_id
         where m.deleted_at is null and s.monitor_id in {} {}",
        sql_pieces::ids_of("$1"),
        sql_pieces::KEEPING_THE_STATUSES
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
/// is still in force; answers which. A result that settles a claim also proves that no fault of ours stands in the way
/// any more.
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
        let sql = format!(
            "with result (id, attempt, version, was, was_failing, was_passing, was_recent, state, since, failing, passing, \
                 recent, run_at, message, value, severity) as ({})
             update statuses set state = result.state, state_since = result.since, failing_streak = result.failing,
                 passing_streak = result.passing, recent_failures = result.recent, last_run_at = result.run_at, last_message = result.message,
                 last_value = result.value, severity = result.severity,
                 claimed_by = case when result.attempt is null then claimed_by end,
                 claimed_tick_at = case when result.attempt is null then claimed_tick_at end,
                 lease_until = case when result.attempt is null then lease_until end,
                 fault = case when result.attempt is null then fault end,
                 fault_count = case when result.attempt is null then fault_count else 0 end
             from result join monitors m on m.id = result.id
             where statuses.monitor_id = result.id
                 and (result.attempt is null
                     or (statuses.attempt = result.attempt and statuses.claimed_by is not null))
                 and statuses.state = result.was and statuses.failing_streak = result.was_failing
                 and statuses.passing_streak = result.was_passing and statuses.recent_failures = result.was_recent
                 and m.version = result.version and m.deleted_at is null
             returning statuses.monitor_id",
            sql_pieces::rows(piece.len(), &TYPES)
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
    Ok(taken)
}

/// The types of a row of [`take`].
const TYPES: [&str; 16] = [
    "bigint", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "bigint",
    "bigint", "text", "text", "text",
];
