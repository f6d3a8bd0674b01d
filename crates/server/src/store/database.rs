//! The engine that keeps everything, by the names that the rest of the store knows it by. Statements are written so that
//! SQLite and PostgreSQL read them alike; what an engine alone can say stands in its own folder, under a name of
//! [`sql_pieces`]. A test lists the words of SQLite's that nobody else may use.

pub(super) use super::sqlite::{faults, run_ids, sql_pieces};

/// The engine.
pub(super) type Db = sqlx::Sqlite;

/// How to connect to it.
pub(super) type DbOptions = sqlx::sqlite::SqliteConnectOptions;

/// A connection to it.
pub(super) type DbConnection = sqlx::SqliteConnection;

/// Connections for reading.
pub(super) type DbPool = sqlx::SqlitePool;

/// A row of an answer.
pub(super) type DbRow = sqlx::sqlite::SqliteRow;
