//! What is known of a file.

use std::{fs, path::Path};

use sqlx::SqliteConnection;

use crate::store::{DatabaseFacts, StoreError};

/// What is known of the file.
pub(in crate::store) async fn facts(
    connection: &mut SqliteConnection,
    file: Option<&Path>,
) -> Result<DatabaseFacts, StoreError> {
    let version = sqlx::query_scalar("select sqlite_version()").fetch_one(&mut *connection).await?;
    let schema = sqlx::query_scalar("pragma user_version").fetch_one(connection).await?;
    // With what waits in its log file.
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let bytes = file.map_or(0, |path| {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        size(path) + size(Path::new(&log))
    });
    Ok(DatabaseFacts { engine: "SQLite", version, schema, bytes, oldest_transaction: None, dead_rows: None })
}
