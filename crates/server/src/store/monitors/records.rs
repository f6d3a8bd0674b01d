//! The rows of a monitor: read, and written when it is made or changed.

use jiff::Timestamp;
use revere_model::{Asked, Monitor, MonitorId, MonitorSpec, Rules, Status, Waits, WaitsFor};

use super::{field_columns, source_mentions, versions};
use crate::store::{
    StoreError,
    columns::{Columns, micros, word},
    database::{self as db, DbConnection, DbRow, QueryBuilder, run_ids},
    name_order::name_order,
    ticks::due_ticks::{self, FirstTick},
};

/// What every reading of a monitor selects.
pub(super) const SELECT: &str = "select m.*, s.state, s.severity, s.state_since, s.last_run_at, s.last_message, s.last_value, d.next_tick_at, \
    s.failing_streak, s.passing_streak, s.recent_failures, d.missed_ticks, d.overlapped_ticks, d.fault, s.waits, \
    (select o.source from source_outages o where o.id = s.outage_id and s.waits <> 'no_longer') as waits_for, \
    (select o.began_at from source_outages o where o.id = s.outage_id) as waits_since, \
    (select o.ended_at from source_outages o where o.id = s.outage_id) as waits_until \
    from monitors m join states s on s.monitor_id = m.id join dues d on d.monitor_id = m.id";

/// Reads one monitor, as this connection sees it.
pub(in crate::store) async fn fetch(connection: &mut DbConnection, id: MonitorId) -> Result<Monitor, StoreError> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" where m.deleted_at is null and m.id = ").push_bind(id.0);
    monitor(&query.build().fetch_one(connection).await?)
}

/// A row of [`SELECT`].
pub(in crate::store) fn monitor(row: &DbRow) -> Result<Monitor, StoreError> {
    let spec = field_columns::read(row)?;
    let status = status(row)?;
    Ok(Monitor {
        id: MonitorId(row.int("id")?),
        version: row.int("version")?,
        state: status.state,
        severity: status.severity,
        state_since: status.state_since,
        pending: status.pending(&Rules::from(&spec)),
        spec,
        created_at: row.at("created_at")?,
        updated_at: row.at("updated_at")?,
        last_run_at: row.at_or_none("last_run_at")?,
        last_message: row.text_or_none("last_message")?,
        last_value: row.value_shown("last_value")?,
        next_run_at: row.at_or_none("next_tick_at")?,
        missed_ticks: row.int("missed_ticks")?,
        overlapped_ticks: row.int("overlapped_ticks")?,
        fault: row.text_or_none("fault")?,
        waits_for: waits_for(row)?,
    })
}

fn waits_for(row: &DbRow) -> Result<Option<WaitsFor>, StoreError> {
    let Some(source) = row.text_or_none("waits_for")? else { return Ok(None) };
    let waits: Option<Waits> = row.text_or_none("waits")?.map(|waits| word(&waits)).transpose()?;
    let held = waits.is_some_and(Waits::holds);
    let over = row.at_or_none("waits_until")?.is_some();
    Ok(row.at_or_none("waits_since")?.map(|since| WaitsFor { source, since, held, over }))
}

/// Inserts a monitor with its status, tags and first version; the next free id is taken unless one is given.
pub(in crate::store) async fn insert(
    connection: &mut DbConnection,
    id: Option<MonitorId>,
    spec: &MonitorSpec,
    created_at: Timestamp,
    asked: &Asked,
) -> Result<MonitorId, StoreError> {
    let mut query = QueryBuilder::new("insert into monitors (version, created_at, updated_at, name_order");
    field_columns::push_names(&mut query);
    if id.is_some() {
        query.push(", id");
    }
    query.push(") values (1, ").push_bind(micros(created_at)).push(", ").push_bind(micros(created_at));
    query.push(", ").push_bind(name_order(&spec.name));
    field_columns::push_values(&mut query, spec);
    if let Some(id) = id {
        query.push(", ").push_bind(id.0);
    }
    let given = id;
    let id: i64 = query.push(") returning id").build_query_scalar().fetch_one(&mut *connection).await?;
    if given.is_some() {
        run_ids::monitor_has(connection, id).await?;
    }
    let FirstTick { next_tick_at, fault } = due_ticks::first(spec, asked.at);
    db::query("insert into states (monitor_id, state, state_since) values ($1, 'INACTIVE', $2)")
        .bind(id)
        .bind(micros(created_at))
        .execute(&mut *connection)
        .await?;
    db::query("insert into dues (monitor_id, next_tick_at, due_at, fault) values ($1, $2, $2, $3)")
        .bind(id)
        .bind(next_tick_at.map(micros))
        .bind(fault)
        .execute(&mut *connection)
        .await?;
    insert_tags(connection, MonitorId(id), &spec.tags).await?;
    source_mentions::note(connection, MonitorId(id), &spec.script).await?;
    versions::keep(connection, MonitorId(id), 1, spec, None, asked).await?;
    Ok(MonitorId(id))
}

/// Writes the tags that monitors are found by.
pub(super) async fn insert_tags(
    connection: &mut DbConnection,
    id: MonitorId,
    tags: &[String],
) -> Result<(), StoreError> {
    for tag in tags {
        db::query("insert into tags (tag, monitor_id) values ($1, $2) on conflict do nothing")
            .bind(tag)
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The state machine's part of a row of `states`.
pub(in crate::store) fn status(row: &DbRow) -> Result<Status, StoreError> {
    let state = row.state("state")?;
    Ok(Status {
        state,
        severity: row.severity("severity", Some(state))?,
        state_since: row.at("state_since")?,
        failing_streak: row.number("failing_streak")?,
        passing_streak: row.number("passing_streak")?,
        recent_failures: row.int("recent_failures")?.cast_unsigned(),
    })
}
