//! Ids of rows that are known before the rows are written.

use super::{DbConnection, Engine};
use crate::store::{StoreError, postgres, sqlite};

/// So many ids that no run has, in order: what is owed for a run names it.
pub(in crate::store) async fn reserve(connection: &mut DbConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    match connection.engine() {
        Engine::Sqlite(connection) => sqlite::run_ids::reserve(connection, count).await,
        Engine::Postgres(connection) => postgres::run_ids::reserve(connection, count).await,
    }
}

/// Notes that a monitor was stored under an id of its own, so that no later one is given it.
pub(in crate::store) async fn monitor_has(connection: &mut DbConnection, id: i64) -> Result<(), StoreError> {
    match connection.engine() {
        // It keeps the greatest one by itself.
        Engine::Sqlite(_) => Ok(()),
        Engine::Postgres(connection) => postgres::run_ids::monitor_has(connection, id).await,
    }
}
