//! Monitors: made, found, changed, switched and deleted.
//!
//! An edit names the version it started from. Whatever moves a monitor's ticks accounts for those that are due already,
//! in the same transaction: none is lost between two schedules.

pub(super) mod deleted;
pub(super) mod field_columns;
mod forms;
mod missing_rows;
mod monitor_edit;
pub(super) mod records;
pub(super) mod source_mentions;
pub(super) mod versions;

pub(in crate::store) use super::name_order;
use records::{SELECT, fetch, insert, monitor};
use revere_model::{Act, Asked, Monitor, MonitorId, MonitorSpec, Severity, StateSet, Target, TargetKind};

use crate::store::{
    Store, StoreError,
    audit::{self, Acted},
    database::{self as db, DbConnection, QueryBuilder, sql_pieces},
    name_search::contains,
    page_cut::fitting,
};

/// Which monitors, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MonitorFilter {
    /// Only monitors in one of these states; `None` is all.
    pub states: Option<StateSet>,
    /// Only monitors that run on their schedule, or only those that are paused.
    pub active: Option<bool>,
    /// Only monitors with a problem of this severity.
    pub severity: Option<Severity>,
    /// Only monitors with this tag.
    pub tag: Option<String>,
    /// Only monitors whose name contains this, in either case.
    pub search: Option<String>,
    /// Only monitors after this one: the last of the page before.
    pub after: Option<MonitorId>,
    /// At most so many.
    pub limit: u32,
}

/// A new monitor, with what the audit says of it.
async fn made(
    connection: &mut DbConnection,
    spec: &MonitorSpec,
    asked: &Asked,
) -> Result<(Monitor, audit::AuditEntry), StoreError> {
    let id = insert(connection, None, spec, asked.at, asked).await?;
    let made = fetch(connection, id).await?;
    let entry = audit::AuditEntry::new(Act::MonitorCreated, asked).about(target(&made));
    let entry = entry.saying("version", made.version).noting(asked);
    let entry = entry.saying("changes", audit::created(&made.spec));
    Ok((made, entry))
}

impl Store {
    /// Stores a new monitor, `INACTIVE` until its first run. The caller has validated `spec`; a schedule that cannot be
    /// read sets the monitor aside, with the reason in `fault`.
    pub async fn create_monitor(&self, spec: &MonitorSpec, asked: &Asked) -> Result<Monitor, StoreError> {
        let spec = spec.clone();
        let asked = asked.clone();
        let created = self.act(move |connection| {
            Box::pin(async move {
                let (made, entry) = made(connection, &spec, &asked).await?;
                Ok(Acted::done(made, entry))
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
        let mut query = QueryBuilder::new(
            "select s.monitor_id, octet_length(m.script) + octet_length(m.description)
                 + coalesce(octet_length(s.last_message), 0)
             from states s join monitors m on m.id = s.monitor_id",
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
        if let Some(active) = filter.active {
            query.push(if active { " and m.active" } else { " and not m.active" });
        }
        if let Some(severity) = filter.severity {
            query.push(" and s.state in ('ALARM', 'ERROR') and coalesce(s.severity, 'critical') = ");
            query.push_bind(severity.as_str());
        }
        if let Some(search) = &filter.search {
            query.push(" and lower(m.name) like ").push_bind(contains(search)).push(" escape '\\'");
        }
        query.push(" order by s.monitor_id limit ").push_bind(i64::from(filter.limit) + 1);
        let sizes: Vec<(i64, i64)> = query.build_query_as().fetch_all(self.readers()).await?;
        let (ids, more) = fitting(&sizes, filter.limit, bytes);
        let sql = format!("{SELECT} where m.deleted_at is null and m.id {} order by m.id", sql_pieces::among("$1"));
        let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(self.readers()).await?;
        Ok((rows.iter().map(monitor).collect::<Result<_, _>>()?, more))
    }

    /// All tags in use, with how many monitors have each, at most `limit`.
    pub async fn tags(&self, limit: u32) -> Result<Vec<(String, u64)>, StoreError> {
        let rows: Vec<(String, i64)> =
            db::query_as("select tag, count(*) from tags group by tag order by tag limit $1")
                .bind(i64::from(limit))
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
        asked: &Asked,
    ) -> Result<Monitor, StoreError> {
        self.save(id, version, spec, None, asked).await
    }

    /// Replaces what the author decides like [`Store::update_monitor`] by what a version was: `restored` is which.
    pub async fn restore_version(
        &self,
        id: MonitorId,
        version: i64,
        spec: &MonitorSpec,
        restored: i64,
        asked: &Asked,
    ) -> Result<Monitor, StoreError> {
        self.save(id, version, spec, Some(restored), asked).await
    }

    async fn save(
        &self,
        id: MonitorId,
        version: i64,
        spec: &MonitorSpec,
        restored: Option<i64>,
        asked: &Asked,
    ) -> Result<Monitor, StoreError> {
        let (spec, asked) = (spec.clone(), asked.clone());
        let edited = self.act_about(vec![id], move |connection| {
            Box::pin(async move {
                monitor_edit::keep(connection, id).await?;
                let current = fetch(connection, id).await?;
                if current.version != version || !monitor_edit::change(connection, &current, &spec, asked.at).await? {
                    return Err(StoreError::Conflict(Box::new(fetch(connection, id).await?)));
                }
                let edited = fetch(connection, id).await?;
                versions::keep(connection, id, edited.version, &edited.spec, restored, &asked).await?;
                let act = if restored.is_some() { Act::VersionRestored } else { Act::MonitorChanged };
                let mut entry =
                    audit::AuditEntry::new(act, &asked).about(target(&edited)).saying("version", edited.version);
                if let Some(restored) = restored {
                    entry = entry.saying("restored", restored);
                }
                let entry = entry.noting(&asked).saying("changes", audit::differences(&current.spec, &edited.spec));
                Ok(Acted::done(edited, entry))
            })
        });
        edited.await.map(|monitor| self.0.counted.changed(monitor))
    }
}

/// A monitor, as the audit names it.
pub(in crate::store) fn target(monitor: &Monitor) -> Target {
    Target::new(TargetKind::Monitor, monitor.id, &monitor.spec.name)
}
