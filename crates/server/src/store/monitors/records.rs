//! The rows of a monitor: read, and written when it is made or changed.

use jiff::Timestamp;
use revere_model::{Monitor, MonitorId, MonitorSpec, Status};
use sqlx::QueryBuilder;

use super::source_mentions;
use crate::store::{
    StoreError,
    columns::{Columns, micros, tags_from, tags_text},
    database::{Db, DbConnection, DbRow},
    ticks::due_ticks::{self, Plan},
};

/// What every reading of a monitor selects.
pub(super) const SELECT: &str = "select m.*, s.state, s.state_since, s.last_run_at, s.last_message, s.last_value, s.next_tick_at, \
    s.missed_ticks, s.overlapped_ticks, s.fault from monitors m join statuses s on s.monitor_id = m.id";

/// Reads one monitor, as this connection sees it.
pub(in crate::store) async fn fetch(connection: &mut DbConnection, id: MonitorId) -> Result<Monitor, StoreError> {
    let mut query = QueryBuilder::<Db>::new(SELECT);
    query.push(" where m.deleted_at is null and m.id = ").push_bind(id.0);
    monitor(&query.build().fetch_one(connection).await?)
}

/// A row of [`SELECT`].
pub(in crate::store) fn monitor(row: &DbRow) -> Result<Monitor, StoreError> {
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
        last_value: row.value_shown("last_value")?,
        next_run_at: row.at_or_none("next_tick_at")?,
        missed_ticks: row.int("missed_ticks")?,
        overlapped_ticks: row.int("overlapped_ticks")?,
        fault: row.text_or_none("fault")?,
    })
}

/// The author's part of a row of `monitors`.
pub(in crate::store) fn spec(row: &DbRow) -> Result<MonitorSpec, StoreError> {
    Ok(MonitorSpec {
        name: row.text("name")?,
        description: row.text("description")?,
        script: row.text("script")?,
        schedule: row.text("schedule")?,
        timezone: row.text("timezone")?,
        active: row.flag("active")?,
        retain_days: row.int_or_none("retain_days")?.map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
        timeout_s: row.real_or_none("timeout_s")?,
        tags: tags_from(row.int("id")?, &row.text("tags")?),
        alarm_after: row.number("alarm_after")?,
        recover_after: row.number("recover_after")?,
    })
}

/// Inserts a monitor with its status and tags; the next free id is taken unless one is given.
pub(in crate::store) async fn insert(
    connection: &mut DbConnection,
    id: Option<MonitorId>,
    spec: &MonitorSpec,
    created_at: Timestamp,
    now: Timestamp,
) -> Result<MonitorId, StoreError> {
    // The one that is given comes last: where there is none, the database gives the next free one.
    let (column, value) = if id.is_some() { (", id", ",$14") } else { ("", "") };
    let sql = format!(
        "insert into monitors (version, name, description, schedule, timezone, active, retain_days, timeout_s, tags,
         alarm_after, recover_after, created_at, updated_at, script{column})
         values (1,$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13{value}) returning id"
    );
    let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(&spec.name)
        .bind(&spec.description)
        .bind(&spec.schedule)
        .bind(&spec.timezone)
        .bind(spec.active)
        .bind(spec.retain_days.map(i64::from))
        .bind(spec.timeout_s)
        .bind(tags_text(&spec.tags))
        .bind(i64::from(spec.alarm_after))
        .bind(i64::from(spec.recover_after))
        .bind(micros(created_at))
        .bind(micros(created_at))
        .bind(&spec.script);
    if let Some(id) = id {
        query = query.bind(id.0);
    }
    let id: i64 = query.fetch_one(&mut *connection).await?;
    let Plan { next_tick_at, fault } = due_ticks::first(spec, now);
    sqlx::query(
        "insert into statuses (monitor_id, state, state_since, next_tick_at, due_at, fault)
         values ($1, 'INACTIVE', $2, $4, $4, $3)",
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
    connection: &mut DbConnection,
    id: MonitorId,
    tags: &[String],
) -> Result<(), StoreError> {
    for tag in tags {
        sqlx::query("insert into tags (tag, monitor_id) values ($1, $2) on conflict do nothing")
            .bind(tag)
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The state machine's part of a row of `statuses`.
pub(in crate::store) fn status(row: &DbRow) -> Result<Status, StoreError> {
    Ok(Status {
        state: row.state("state")?,
        state_since: row.at("state_since")?,
        failing_streak: row.number("failing_streak")?,
        passing_streak: row.number("passing_streak")?,
    })
}
