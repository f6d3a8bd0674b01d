//! What a database's refusal says that the caller can do, whichever engine says it.

use sqlx::{postgres::PgDatabaseError, sqlite::SqliteError};

use crate::store::{postgres, sqlite};

/// Why the database could not do what it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum DbFault {
    /// Somebody else holds it, or what was to be changed.
    Locked,
    /// It may be done a little later.
    Passing,
    /// The disk is full.
    Full,
    /// The disk or the file.
    Disk,
    /// There is no memory.
    Memory,
    /// The database server is not there, or does not take what may be asked of it: it stops, starts, has no connection free, or
    /// may only be read.
    Away,
    /// It refuses what was asked.
    Refused,
}

/// Why the database could not do it, if the error is its own.
pub(in crate::store) fn fault(error: &sqlx::Error) -> Option<DbFault> {
    let error = error.as_database_error()?;
    if let Some(error) = error.try_downcast_ref::<SqliteError>() {
        return sqlite::faults::fault(error);
    }
    error.try_downcast_ref::<PgDatabaseError>().map(|error| postgres::faults::fault(error.code()))
}

/// An error in words: what is wrong and what to do, as far as that is known.
pub(in crate::store) fn words(error: &sqlx::Error) -> String {
    postgres::faults::words(error).unwrap_or_else(|| error.to_string())
}

/// Whether it is about a database server.
pub(in crate::store) fn is_of_a_server(error: &sqlx::Error) -> bool {
    postgres::faults::words(error).is_some()
}

/// Whether the connection is as good as before: the database refused something, and said so on it.
pub(in crate::store) fn leaves_a_connection(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some()
}

/// Whether there was no room on the disk for what the database must make before it can even read.
pub(in crate::store) fn is_want_of_room(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    match error.try_downcast_ref::<SqliteError>() {
        Some(error) => sqlite::faults::is_want_of_room(error),
        None => error.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| error.code() == "53100"),
    }
}
