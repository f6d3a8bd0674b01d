//! The rows of a monitor: read, and written when it is made or changed.

use jiff::Timestamp;
use revere_model::{Monitor, MonitorId, MonitorSpec, Status};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

use super::source_mentions;
use crate::store::{
    StoreError,
    columns::{Columns, micros, tags_from, tags_text},
    ticks::due_ticks::{self, Plan},
};

/// What every reading of a monitor selects.
pub(super) const SELECT: &str = "select m.*, s.state, s.state_since, s.last_run_at, s.last_message, s.last_value, s.next_tick_at, \
    s.missed_ticks, s.overlapped_ticks, s.fault from monitors m join statuses s on s.monitor_id = m.id";

/// Reads one monitor, as this connection sees it.
pub(in crate::store) async fn fetch(connection: &mut SqliteConnection, id: MonitorId) -> Result<Monitor, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(SELECT);
    query.push(" where m.deleted_at is null and m.id = ").push_bind(id.0);
    monitor(&query.build().fetch_one(connection).await?)
}

/// A row of [`SELECT`].
pub(in crate::store) fn monitor(row: &SqliteRow) -> Result<Monitor, StoreError> {
    Ok(Monitor {
        id: MonitorId(row.int("id")?),
        version: row.int("version")?,
        spec: spec(row)?,
        state: row.state("state")?,
        state_since: row.at("state_since")?,
        created_at: row.at("created_at")?,
        updated_at: row.at("updated_at")?,
        last_run_at: row.at_or_none("last_run_at")?,
        last_message: row.text_or_none("last_message")?,
        last_value: row.value("last_value")?,
        next_run_at: row.at_or_none("next_tick_at")?,
        missed_ticks: row.int("missed_ticks")?,
        overlapped_ticks: row.int("overlapped_ticks")?,
        fault: row.text_or_none("fault")?,
    })
}

/// The author's part of a row of `monitors`.
pub(in crate::store) fn spec(row: &SqliteRow) -> Result<MonitorSpec, StoreError> {
    Ok(MonitorSpec {
        name: row.text("name")?,
        description: row.text("description")?,
        script: row.text("script")?,
        schedule: row.text("schedule")?,
        timezone: row.text("timezone")?,
        active: row.try_get("active")?,
        retain_days: row.try_get("retain_days")?,
        timeout_s: row.try_get("timeout_s")?,
        tags: tags_from(&row.text("tags")?)?,
        alarm_after: row.try_get("alarm_after")?,
        recover_after: row.try_get("recover_after")?,
    })
}

/// Inserts a monitor with its status and tags; the next free id is taken unless one is given.
pub(in crate::store) async fn insert(
    connection: &mut SqliteConnection,
    id: Option<MonitorId>,
    spec: &MonitorSpec,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<MonitorId, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "insert into monitors (id, version, name, description, schedule, timezone, active, retain_days, timeout_s, tags,
         alarm_after, recover_after, created_at, updated_at, script) values (?,1,?,?,?,?,?,?,?,?,?,?,?,?,?) returning id",
    )
    .bind(id.map(|id| id.0))
    .bind(&spec.name)
    .bind(&spec.description)
    .bind(&spec.schedule)
    .bind(&spec.timezone)
    .bind(spec.active)
    .bind(spec.retain_days)
    .bind(spec.timeout_s)
    .bind(tags_text(&spec.tags))
    .bind(spec.alarm_after)
    .bind(spec.recover_after)
    .bind(micros(created_at))
    .bind(micros(created_at))
    .bind(&spec.script)
    .fetch_one(&mut *connection)
    .await?;
    let Plan { next_tick_at, fault } = due_ticks::first(spec, now);
    sqlx::query(
        "insert into statuses (monitor_id, state, state_since, next_tick_at, due_at, fault)
         values (?, 'INACTIVE', ?, ?4, ?4, ?3)",
    )
    .bind(id)
    .bind(micros(created_at))
    .bind(fault)
    .bind(next_tick_at.map(micros))
    .execute(&mut *connection)
    .await?;
    insert_tags(connection, MonitorId(id), &spec.tags).await?;
    source_mentions::note(connection, MonitorId(id), &spec.script).await?;
    Ok(MonitorId(id))
}

/// Writes the tags that monitors are found by.
pub(super) async fn insert_tags(
    connection: &mut SqliteConnection,
    id: MonitorId,
    tags: &[String],
) -> Result<(), StoreError> {
    for tag in tags {
        sqlx::query("insert or ignore into tags (tag, monitor_id) values (?, ?)")
            .bind(tag)
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The state machine's part of a row of `statuses`.
pub(in crate::store) fn status(row: &SqliteRow) -> Result<Status, StoreError> {
    Ok(Status {
        state: row.state("state")?,
        state_since: row.at("state_since")?,
        failing_streak: row.try_get("failing_streak")?,
        passing_streak: row.try_get("passing_streak")?,
    })
}
