//! Ids of runs, which are known before the runs are written: what is owed for them names them.

use sqlx::SqliteConnection;

use crate::store::StoreError;

/// The next free id of runs; those after it are free too. Sound because nobody else writes during the transaction.
pub(in crate::store) async fn reserve(connection: &mut SqliteConnection, _count: usize) -> Result<i64, StoreError> {
    let last: Option<i64> =
        sqlx::query_scalar("select seq from sqlite_sequence where name = 'runs'").fetch_optional(connection).await?;
    Ok(last.unwrap_or(0) + 1)
}
