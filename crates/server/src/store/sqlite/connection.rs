//! How the file is opened, and let go of.

use std::path::Path;

use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{file_mode, lock::LockFile, migrate};
use crate::store::{
    OpenError, StoreOptions,
    database::{DbConnection, DbOptions, DbPool, Opened},
};

/// Opens the file, or makes it: takes its lock, brings its schema up to date.
pub(in crate::store) async fn open(options: &StoreOptions, path: &Path) -> Result<Opened, OpenError> {
    if options.must_exist {
        migrate::look(path).await?;
    }
    let mut lock = match LockFile::take(path) {
        Err(error @ OpenError::InUse { .. }) if options.beside_a_server => {
            // Only the holder of the lock may change the schema.
            if !migrate::is_current(path).await? {
                return Err(error);
            }
            None
        }
        taken => Some(taken?),
    };
    file_mode::make(path).map_err(|error| OpenError::Unreadable { path: path.to_owned(), source: error.into() })?;
    let connect = self::options(options, path);
    let mut connection = migrate::open(&connect, path).await?;
    let instance = sqlx::query_scalar("select value from meta where key = 'instance'")
        .fetch_one(&mut connection)
        .await
        .map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })?;
    if let Some(lock) = &mut lock {
        lock.is_of(path).map_err(|error| OpenError::Unreadable { path: path.to_owned(), source: error.into() })?;
    }
    Ok(Opened {
        readers: readers(options, path, options.readers),
        engine_readers: readers(options, path, 2),
        options: DbOptions::Sqlite(Box::new(connect)),
        connection: DbConnection::Sqlite(connection),
        instance,
        lock,
    })
}

/// How the writer connects.
pub(in crate::store) fn options(options: &StoreOptions, path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
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
        // Rows come from a thread of their own, which would wait for whoever reads them, and be woken again, page by page.
        .row_buffer_size(512)
}

/// `connections` connections that only read, made when they are needed.
fn readers(options: &StoreOptions, path: &Path, connections: u32) -> DbPool {
    // The pages a reader wants are in the operating system's cache as well; many readers need not keep copies.
    let reading = self::options(options, path).read_only(true).create_if_missing(false).pragma("cache_size", "-4096");
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        // A file does not hang up: asking whether it is still there would take as long as the question itself.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(options.busy_timeout.max(std::time::Duration::from_secs(1)));
    DbPool::Sqlite(pool.connect_lazy_with(reading))
}

/// Lets go of the file: what is in the log file goes to the database, and the log file is empty.
pub(in crate::store) async fn close(mut connection: SqliteConnection) -> Result<(), sqlx::Error> {
    let tidied = sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut connection).await;
    tidied.and(connection.close().await)
}
