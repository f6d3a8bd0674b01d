//! Ids of runs, which are known before the runs are written: what is owed for them names them.

use sqlx::SqliteConnection;

use crate::store::StoreError;

/// The next free ids of runs. Sound because nobody else writes during the transaction.
pub(in crate::store) async fn reserve(connection: &mut SqliteConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    let last: Option<i64> =
        sqlx::query_scalar("select seq from sqlite_sequence where name = 'runs'").fetch_optional(connection).await?;
    let first = last.unwrap_or(0) + 1;
    Ok((first..first + count as i64).collect())
}
