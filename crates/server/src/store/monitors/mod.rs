//! Monitors: made, found, changed, switched and deleted.
//!
//! An edit names the version it started from. Whatever moves a monitor's ticks accounts for those that are due already,
//! in the same transaction: none is lost between two schedules.

pub(super) mod monitor_edit;
pub(super) mod source_mentions;

use jiff::Timestamp;
use revere_model::{Monitor, MonitorId, MonitorSpec, StateSet};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::store::{
    Store, StoreError,
    claiming::due_ticks::{self, Plan},
    rows::{Columns, fitting, micros},
};

/// Which monitors, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MonitorFilter {
    /// Only monitors in one of these states; `None` is all.
    pub states: Option<StateSet>,
    /// Only monitors with this tag.
    pub tag: Option<String>,
    /// Only monitors whose name contains this, in either case.
    pub search: Option<String>,
    /// Only monitors after this one: the last of the page before.
    pub after: Option<MonitorId>,
    /// At most so many.
    pub limit: u32,
}

/// What every reading of a monitor selects.
const SELECT: &str = "select m.*, s.state, s.state_since, s.last_run_at, s.last_message, s.last_value, s.next_tick_at, \
    s.missed_ticks, s.overlapped_ticks, s.fault from monitors m join statuses s on s.monitor_id = m.id";

impl Store {
    /// Stores a new monitor, `INACTIVE` until its first run. The caller has validated `spec`; a schedule that cannot be
    /// read sets the monitor aside, with the reason in `fault`.
    pub async fn create_monitor(&self, spec: &MonitorSpec, now: Timestamp) -> Result<Monitor, StoreError> {
        let spec = spec.clone();
        let created = self.write(move |connection| {
            Box::pin(async move {
                let id = insert(connection, None, &spec, now, now).await?;
                fetch(connection, id).await
            })
        });
        created.await.map(|made| self.0.counted.changed(made))
    }

    /// One monitor.
    pub async fn monitor(&self, id: MonitorId) -> Result<Monitor, StoreError> {
        let mut connection = self.readers().acquire().await?;
        fetch(&mut connection, id).await
    }

    /// Monitors by id, filtered.
    pub async fn monitors(&self, filter: &MonitorFilter) -> Result<Vec<Monitor>, StoreError> {
        Ok(self.monitors_page(filter, usize::MAX).await?.0)
    }

    /// A page of monitors by id, filtered, and whether there are more. It ends before scripts and texts have more than
    /// `bytes` bytes, with one monitor at least; what does not fit is not read either.
    pub async fn monitors_page(
        &self,
        filter: &MonitorFilter,
        bytes: usize,
    ) -> Result<(Vec<Monitor>, bool), StoreError> {
        // How long a text is stands at the beginning of its row; the text itself stays where it is.
        let mut query = QueryBuilder::<Sqlite>::new(
            "select s.monitor_id, octet_length(m.script) + octet_length(m.description)
                 + coalesce(octet_length(s.last_message), 0)
             from statuses s join monitors m on m.id = s.monitor_id",
        );
        if let Some(tag) = &filter.tag {
            query.push(" join tags t on t.monitor_id = s.monitor_id and t.tag = ").push_bind(tag);
        }
        query.push(" where m.deleted_at is null and s.monitor_id > ").push_bind(filter.after.map_or(0, |id| id.0));
        if let Some(states) = filter.states {
            query.push(" and s.state in (");
            let mut list = query.separated(",");
            for state in states.iter() {
                list.push_bind(state.as_str());
            }
            query.push(")");
        }
        if let Some(search) = &filter.search {
            query.push(" and m.name like ").push_bind(contains(search)).push(" escape '\\'");
        }
        query.push(" order by s.monitor_id limit ").push_bind(filter.limit.saturating_add(1));
        let sizes: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        let (ids, more) = fitting(&sizes, filter.limit, bytes);
        let sql =
            format!("{SELECT} where m.deleted_at is null and m.id in (select value from json_each(?)) order by m.id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ids).fetch_all(self.readers()).await?;
        Ok((rows.iter().map(monitor).collect::<Result<_, _>>()?, more))
    }

    /// All tags in use, with how many monitors have each, at most `limit`.
    pub async fn tags(&self, limit: u32) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("select tag, count(*) from tags group by tag order by tag limit ?")
                .bind(limit)
                .fetch_all(self.readers())
                .await?;
        Ok(rows.into_iter().map(|(tag, count)| (tag, count.unsigned_abs())).collect())
    }

    /// Replaces what the author decides. `version` is the one the edit started from; if the monitor has moved on, the
    /// answer is [`StoreError::Conflict`] with the monitor as it is, and nothing is written.
    pub async fn update_monitor(
        &self,
        id: MonitorId,
        version: i64,
        spec: &MonitorSpec,
        now: Timestamp,
    ) -> Result<Monitor, StoreError> {
        let spec = spec.clone();
        let edited = self.write(move |connection| {
            Box::pin(async move {
                let current = fetch(connection, id).await?;
                if current.version != version {
                    return Err(StoreError::Conflict(Box::new(current)));
                }
                change(connection, &current, &spec, now).await?;
                fetch(connection, id).await
            })
        });
        edited.await.map(|monitor| self.0.counted.changed(monitor))
    }

    /// Switches a monitor on or off; twice is as good as once.
    pub async fn set_active(&self, id: MonitorId, active: bool, now: Timestamp) -> Result<Monitor, StoreError> {
        let edited = self.write(move |connection| {
            Box::pin(async move {
                let current = fetch(connection, id).await?;
                if current.spec.active == active {
                    return Ok(current);
                }
                let spec = MonitorSpec { active, ..current.spec.clone() };
                change(connection, &current, &spec, now).await?;
                fetch(connection, id).await
            })
        });
        edited.await.map(|monitor| self.0.counted.changed(monitor))
    }

    /// Deletes a monitor. It is gone for every reader at once and its runs stop; its history is removed in small pieces
    /// afterwards ([`Store::purge_deleted`]), and what is owed to people is still sent.
    pub async fn delete_monitor(&self, id: MonitorId, now: Timestamp) -> Result<(), StoreError> {
        let deleted = self.write(move |connection| Box::pin(delete(connection, id, None, now)));
        deleted.await.map(|()| self.0.counted.changed(()))
    }

    /// Deletes a monitor like [`Store::delete_monitor`], but only while `version` is the stored one; otherwise the answer
    /// is [`StoreError::Conflict`] with the monitor as it is, and nothing is written.
    pub async fn delete_monitor_at(&self, id: MonitorId, version: i64, now: Timestamp) -> Result<(), StoreError> {
        let deleted = self.write(move |connection| Box::pin(delete(connection, id, Some(version), now)));
        deleted.await.map(|()| self.0.counted.changed(()))
    }
}

async fn delete(
    connection: &mut SqliteConnection,
    id: MonitorId,
    version: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let gone = sqlx::query(
        "update monitors set deleted_at = ?1 where id = ?2 and deleted_at is null and (?3 is null or version = ?3)",
    )
    .bind(micros(now))
    .bind(id.0)
    .bind(version)
    .execute(&mut *connection)
    .await?;
    if gone.rows_affected() == 0 {
        // Not there is an error of `fetch`; there, but of another version, is a conflict.
        return Err(StoreError::Conflict(Box::new(fetch(connection, id).await?)));
    }
    sqlx::query("delete from tags where monitor_id = ?").bind(id.0).execute(&mut *connection).await?;
    sqlx::query("delete from uses where monitor_id = ?").bind(id.0).execute(&mut *connection).await?;
    sqlx::query(
        "update statuses set next_tick_at = null, owed_tick_at = null, due_at = null, fault = null,
         claimed_by = null, claimed_tick_at = null, lease_until = null, attempt = attempt + 1
         where monitor_id = ?",
    )
    .bind(id.0)
    .execute(connection)
    .await?;
    Ok(())
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

async fn change(
    connection: &mut SqliteConnection,
    current: &Monitor,
    spec: &MonitorSpec,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = current.id;
    sqlx::query(
        "update monitors set version = version + 1, name = ?, description = ?, schedule = ?, timezone = ?, active = ?,
         retain_days = ?, timeout_s = ?, tags = ?, alarm_after = ?, recover_after = ?, updated_at = ?, script = ?
         where id = ?",
    )
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
    .bind(micros(now))
    .bind(&spec.script)
    .bind(id.0)
    .execute(&mut *connection)
    .await?;
    if spec.tags != current.spec.tags {
        sqlx::query("delete from tags where monitor_id = ?").bind(id.0).execute(&mut *connection).await?;
        insert_tags(connection, id, &spec.tags).await?;
    }
    if spec.script != current.spec.script {
        source_mentions::note(connection, id, &spec.script).await?;
    }
    monitor_edit::respec(connection, current, spec, now).await
}

async fn insert_tags(connection: &mut SqliteConnection, id: MonitorId, tags: &[String]) -> Result<(), StoreError> {
    for tag in tags {
        sqlx::query("insert or ignore into tags (tag, monitor_id) values (?, ?)")
            .bind(tag)
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

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
    use sqlx::Row;
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

/// Tags as they are kept beside the monitor, in their author's order.
fn tags_text(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("a list of texts always has a JSON form")
}

pub(in crate::store) fn tags_from(text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::internal(format!("stored tags: {error}")))
}

/// The pattern for "contains", where the words of `like` stand for themselves.
pub(in crate::store) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}
