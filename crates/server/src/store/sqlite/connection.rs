//! How the file is opened, and let go of.

use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::store::{StoreOptions, database::DbPool};

/// How the writer connects.
pub(in crate::store) fn options(options: &StoreOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(options.busy_timeout)
        .pragma("mmap_size", "0")
        // Up to here the log file is written over; beyond, it is cut back, so that one large deletion leaves no giant.
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-16384")
        .statement_cache_capacity(256)
}

/// `connections` connections that only read, made when they are needed.
pub(in crate::store) fn readers(options: &StoreOptions, connections: u32) -> DbPool {
    // The pages a reader wants are in the operating system's cache as well; many readers need not keep copies.
    let reading = self::options(options).read_only(true).create_if_missing(false).pragma("cache_size", "-4096");
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.busy_timeout.max(std::time::Duration::from_secs(1)))
        .connect_lazy_with(reading)
}

/// Lets go of the file: what is in the log file goes to the database, and the log file is empty.
pub(in crate::store) async fn close(mut connection: SqliteConnection) -> Result<(), sqlx::Error> {
    let tidied = sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut connection).await;
    tidied.and(connection.close().await)
}
