//! How often somebody failed to come in under a name, whether anybody has it or not; and how many codes of a person's second
//! factor were wrong.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::UserId;

use crate::store::{
    Store, StoreError,
    audit::{Acted, AuditEntry},
    columns::{Columns, micros},
    database::{self as db, DbConnection},
};

/// The failures in a row under one name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// How many.
    pub count: u32,
    /// Until then nobody is let in under it, but from where they came before.
    pub wait_until: Timestamp,
}

impl Store {
    /// The failures under a name, if there were any lately.
    pub async fn login_failures(&self, name_hash: &str) -> Result<Option<Attempt>, StoreError> {
        let row = db::query("select count, wait_until from login_failures where name_hash = $1")
            .bind(name_hash)
            .fetch_optional(self.readers())
            .await?;
        row.map(|row| Ok(Attempt { count: row.number("count")?, wait_until: row.at("wait_until")? })).transpose()
    }

    /// Counts one more failure under a name; `wait` says how long to wait after so many. Where a code of somebody's second
    /// factor was what failed, one more of those, too. With its row, unless there were so many lately that this one is counted
    /// only.
    pub async fn login_failed(
        &self,
        name_hash: String,
        codes_of: Option<UserId>,
        wait: fn(u32) -> Duration,
        entry: Option<AuditEntry>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.act(move |connection| {
            Box::pin(async move {
                count(connection, name_hash, wait, now).await?;
                if let Some(user) = codes_of {
                    count(connection, failures_of_codes(user), wait, now).await?;
                }
                Ok(entry.map_or(Acted::nothing(()), |entry| Acted::done((), entry)))
            })
        })
        .await
    }

    /// Counts one more wrong code of somebody's second factor.
    pub async fn code_failed(&self, user: UserId, wait: fn(u32) -> Duration, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move { count(connection, failures_of_codes(user), wait, now).await })
        })
        .await
    }
}

/// What wrong codes of a person's second factor are counted as, beside the hashes of names.
pub fn failures_of_codes(user: UserId) -> String {
    format!("codes of {user}")
}

/// Begins to count anew: somebody showed who they are.
pub(super) async fn forget(connection: &mut DbConnection, counted_as: String) -> Result<(), StoreError> {
    let forgotten = db::query("delete from login_failures where name_hash = $1").bind(counted_as);
    forgotten.execute(connection).await?;
    Ok(())
}

async fn count(
    connection: &mut DbConnection,
    counted_as: String,
    wait: fn(u32) -> Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let count: i64 = db::query_scalar(
        "insert into login_failures (name_hash, count, wait_until, failed_at) values ($1, 1, $2, $2)
         on conflict (name_hash) do update set count = login_failures.count + 1, failed_at = excluded.failed_at
         returning count",
    )
    .bind(&counted_as)
    .bind(micros(now))
    .fetch_one(&mut *connection)
    .await?;
    let wait = wait(u32::try_from(count).unwrap_or(u32::MAX));
    let until = now.saturating_add(wait).unwrap_or(now);
    db::query("update login_failures set wait_until = $2 where name_hash = $1")
        .bind(counted_as)
        .bind(micros(until))
        .execute(connection)
        .await?;
    Ok(())
}
