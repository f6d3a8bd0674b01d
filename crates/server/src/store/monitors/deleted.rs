//! Deleted monitors: gone for every reader at once, kept for a time, and brought back as they were.
//!
//! A deletion tells nobody anything. What was told before stays told: brought back, a monitor is in the state it was in, and
//! its next run goes on from there.

use jiff::{SignedDuration, Timestamp};
use revere_model::{Act, Asked, Monitor, MonitorId, Target, TargetKind};

use super::{
    monitor_edit, records, source_mentions, target,
    versions::{Author, author},
};
use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, ids_text, micros, tags_from},
    database::{self as db, DbConnection, DbRow, QueryBuilder, sql_pieces},
    telling::alert_changes::monitor_returned,
    ticks::due_ticks::{self, FirstTick},
};

/// A monitor that was deleted and can be brought back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeletedMonitor {
    /// Its id, which it has again when it is back.
    pub id: MonitorId,
    /// What it was called. Another one may be called so by now.
    pub name: String,
    /// Its tags: whoever may edit monitors with these may bring it back.
    pub tags: Vec<String>,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Who deleted it.
    pub deleted_by: Option<Author>,
    /// Until when it is kept.
    pub kept_until: Timestamp,
}

const SELECT: &str = "select m.id, m.name, m.tags, m.deleted_at, m.deleted_by, m.deleted_by_id, m.deleted_by_name, m.purge_at \
    from monitors m where m.deleted_at is not null and m.source is null and m.purge_at > ";

impl Store {
    /// How many days a deleted monitor is kept.
    pub fn deleted_days(&self) -> u32 {
        self.0.deleted_days
    }

    /// Deletes a monitor. It is gone for every reader at once and its runs stop; what is owed to people is still sent. After
    /// [`Store::deleted_days`] it is removed with its history, in small pieces ([`Store::purge_deleted`]); until then it can
    /// be brought back.
    pub async fn delete_monitor(&self, id: MonitorId, asked: &Asked) -> Result<(), StoreError> {
        self.delete(id, None, asked).await
    }

    /// Deletes a monitor like [`Store::delete_monitor`], but only while `version` is the stored one; otherwise the answer
    /// is [`StoreError::Conflict`] with the monitor as it is, and nothing is written.
    pub async fn delete_monitor_at(&self, id: MonitorId, version: i64, asked: &Asked) -> Result<(), StoreError> {
        self.delete(id, Some(version), asked).await
    }

    async fn delete(&self, id: MonitorId, version: Option<i64>, asked: &Asked) -> Result<(), StoreError> {
        let (asked, days) = (asked.clone(), self.0.deleted_days);
        let deleted =
            self.act_about(vec![id], move |connection| Box::pin(delete(connection, id, version, days, asked)));
        deleted.await.map(|()| self.0.counted.changed(()))
    }

    /// Deleted monitors that can still be brought back at `now`, the last deleted first, after `after`, at most `limit`.
    pub async fn deleted_monitors(
        &self,
        after: Option<MonitorId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<DeletedMonitor>, StoreError> {
        let mut query = QueryBuilder::new(SELECT);
        query.push_bind(micros(now));
        if let Some(after) = after {
            query
                .push(" and exists (select 1 from monitors a where a.id = ")
                .push_bind(after.0)
                .push(" and (m.deleted_at < a.deleted_at or (m.deleted_at = a.deleted_at and m.id < a.id)))");
        }
        query.push(" order by m.deleted_at desc, m.id desc limit ").push_bind(i64::from(limit));
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(deleted_monitor).collect()
    }

    /// Those of these monitors that are deleted and can still be brought back at `now`.
    pub async fn deleted_of(&self, ids: &[MonitorId], now: Timestamp) -> Result<Vec<DeletedMonitor>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{SELECT}$1 and m.id {} order by m.id", sql_pieces::among("$2"));
        let rows = db::query(db::AssertSqlSafe(sql))
            .bind(micros(now))
            .bind(ids_text(ids.iter().copied()))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(deleted_monitor).collect()
    }

    /// Brings a deleted monitor back as it was; if it is on, it runs from its next tick on. [`StoreError::NotFound`] if it is
    /// not deleted, or kept no longer.
    pub async fn undelete_monitor(&self, id: MonitorId, asked: &Asked) -> Result<Monitor, StoreError> {
        let asked = asked.clone();
        let undeleted = self.act_about(vec![id], move |connection| Box::pin(undelete(connection, id, asked)));
        undeleted.await.map(|monitor| self.0.counted.changed(monitor))
    }
}

async fn delete(
    connection: &mut DbConnection,
    id: MonitorId,
    version: Option<i64>,
    days: u32,
    asked: Asked,
) -> Result<Acted<()>, StoreError> {
    monitor_edit::keep(connection, id).await?;
    let current = records::fetch(connection, id).await?;
    let kept = SignedDuration::from_hours(24 * i64::from(days));
    let until = asked.at.checked_add(kept).unwrap_or(Timestamp::MAX);
    let who = Author::of(&asked.by.who);
    let gone = db::query(
        "update monitors set deleted_at = $1, purge_at = $2, deleted_by = $3, deleted_by_id = $4, deleted_by_name = $5
         where id = $6 and deleted_at is null and version = $7",
    )
    .bind(micros(asked.at))
    .bind(micros(until))
    .bind(who.kind)
    .bind(who.id)
    .bind(who.name)
    .bind(id.0)
    .bind(version.unwrap_or(current.version))
    .execute(&mut *connection)
    .await?;
    if gone.rows_affected() == 0 {
        // Not there is an error of `fetch`; there, but of another version, is a conflict.
        return Err(StoreError::Conflict(Box::new(records::fetch(connection, id).await?)));
    }
    db::query("delete from tags where monitor_id = $1").bind(id.0).execute(&mut *connection).await?;
    db::query("delete from uses where monitor_id = $1").bind(id.0).execute(&mut *connection).await?;
    monitor_edit::stop(connection, &current, asked.at).await?;
    let entry = AuditEntry::new(Act::MonitorDeleted, &asked).about(target(&current)).saying("version", current.version);
    Ok(Acted::done((), entry))
}

async fn undelete(connection: &mut DbConnection, id: MonitorId, asked: Asked) -> Result<Acted<Monitor>, StoreError> {
    monitor_edit::keep(connection, id).await?;
    let back = db::query(
        "update monitors set deleted_at = null, purge_at = null, deleted_by = null, deleted_by_id = null,
             deleted_by_name = null
         where id = $1 and deleted_at is not null and source is null and purge_at > $2",
    )
    .bind(id.0)
    .bind(micros(asked.at))
    .execute(&mut *connection)
    .await?;
    if back.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    let monitor = records::fetch(connection, id).await?;
    records::insert_tags(connection, id, &monitor.spec.tags).await?;
    source_mentions::note(connection, id, &monitor.spec.script).await?;
    let from = monitor_edit::accounted_until(connection, id, asked.at).await?;
    let FirstTick { next_tick_at, fault } = due_ticks::first(&monitor.spec, from);
    db::query("update dues set next_tick_at = $1, due_at = $1, fault = $2 where monitor_id = $3")
        .bind(next_tick_at.map(micros))
        .bind(fault)
        .bind(id.0)
        .execute(&mut *connection)
        .await?;
    monitor_returned(connection, id, asked.at).await?;
    let monitor = records::fetch(connection, id).await?;
    let entry = AuditEntry::new(Act::MonitorUndeleted, &asked)
        .about(Target::new(TargetKind::Monitor, id, &monitor.spec.name))
        .saying("version", monitor.version);
    Ok(Acted::done(monitor, entry))
}

fn deleted_monitor(row: &DbRow) -> Result<DeletedMonitor, StoreError> {
    let id = row.int("id")?;
    Ok(DeletedMonitor {
        id: MonitorId(id),
        name: row.text("name")?,
        tags: tags_from(id, &row.text("tags")?),
        deleted_at: row.at("deleted_at")?,
        deleted_by: author(row, ["deleted_by", "deleted_by_id", "deleted_by_name"])?,
        kept_until: row.at("purge_at")?,
    })
}
