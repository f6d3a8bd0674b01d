//! What is known of a database of PostgreSQL.

use jiff::SignedDuration;
use sqlx::{PgConnection, Row as _};

use crate::store::{DatabaseFacts, StoreError};

/// What is known of it.
pub(in crate::store) async fn facts(connection: &mut PgConnection) -> Result<DatabaseFacts, StoreError> {
    let row = sqlx::query(
        "select current_setting('server_version') as version,
             (select cast(value as bigint) from meta where key = 'schema') as schema,
             pg_database_size(current_database()) as bytes,
             (select cast(extract(epoch from clock_timestamp() - min(xact_start)) * 1000 as bigint) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()
                     -- Those that hold something up.
                     and (backend_xmin is not null or backend_xid is not null)
                     and backend_type in ('client backend', 'walsender')) as oldest_ms,
             (select n_dead_tup from pg_stat_user_tables
                 where schemaname = current_schema() and relname = 'dues') as dead_rows",
    )
    .fetch_one(connection)
    .await?;
    let oldest: Option<i64> = row.try_get("oldest_ms")?;
    let dead: Option<i64> = row.try_get("dead_rows")?;
    Ok(DatabaseFacts {
        engine: "PostgreSQL",
        version: row.try_get("version")?,
        schema: row.try_get("schema")?,
        bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
        oldest_transaction: Some(SignedDuration::from_millis(oldest.unwrap_or(0).max(0))),
        dead_rows: dead.map(i64::unsigned_abs),
    })
}
