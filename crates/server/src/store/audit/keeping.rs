//! How long the audit is kept, and what of it is still to be written elsewhere.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::reading::{AuditRow, row};
use crate::store::{
    Store, StoreError,
    columns::micros,
    database::{self as db, sql_pieces},
};

impl Store {
    /// Forgets which rows are still to be written elsewhere, where that is not configured any more: else they were kept for
    /// ever.
    pub async fn forget_unlogged(&self) -> Result<(), StoreError> {
        let any: Option<i64> =
            db::query_scalar("select audit_id from audit_unlogged limit 1").fetch_optional(self.readers()).await?;
        if self.0.audit.is_logged || any.is_none() {
            return Ok(());
        }
        self.write(|connection| {
            Box::pin(async move {
                db::query("delete from audit_unlogged").execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Removes at most `limit` rows that are older than `days` days, the oldest first; none that is still to be written
    /// elsewhere. Answers how many.
    pub async fn purge_audit(&self, days: u32, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let before = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
        // Looking is free of locks: most of the time there is nothing to do.
        let old: Vec<i64> = db::query_scalar(
            "select id from audit where at < $1 and not exists
                 (select 1 from audit_unlogged u where u.audit_id = audit.id) order by at, id limit $2",
        )
        .bind(micros(before))
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let sql = format!("delete from audit where id {}", sql_pieces::among("$1"));
        let ids = serde_json::to_string(&old).expect("a list of numbers always has a JSON form");
        self.write(move |connection| {
            Box::pin(async move {
                Ok(db::query(db::AssertSqlSafe(sql)).bind(ids).execute(connection).await?.rows_affected())
            })
        })
        .await
    }

    /// Rows that are still to be written elsewhere, in the order of their ids, at most `limit`.
    pub async fn unlogged(&self, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows = db::query(
            "select a.* from audit_unlogged u join audit a on a.id = u.audit_id order by u.audit_id limit $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.engine_readers())
        .await?;
        rows.iter().map(row).collect()
    }

    /// Notes that these rows were written elsewhere.
    pub async fn logged(&self, ids: &[i64]) -> Result<(), StoreError> {
        let ids = serde_json::to_string(ids).expect("a list of numbers always has a JSON form");
        let sql = format!("delete from audit_unlogged where audit_id {}", sql_pieces::among("$1"));
        self.write_patiently(move |connection| {
            Box::pin(async move {
                db::query(db::AssertSqlSafe(sql)).bind(ids).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }

    /// Rings when rows were written by this process.
    pub fn audit_written(&self) -> Arc<Notify> {
        self.0.audit_written.clone()
    }
}
