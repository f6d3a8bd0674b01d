//! What can go wrong with the store, by what the caller can do about it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use revere_model::Monitor;

use super::database::faults::{self, DbFault, fault, is_want_of_room};

/// The store could not be opened; the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{path} is in use by another Revere{holder}; stop that one first, or choose another DATABASE_PATH")]
    InUse {
        /// The database.
        path: PathBuf,
        /// What the lock file says of its holder: ` (process 123)`, or nothing.
        holder: String,
    },
    /// There is none, and whoever asked makes none.
    #[error(
        "there is no database at {place} yet; `revere run` makes one. Nothing was made here: if yours is elsewhere, go to its folder, \
         or name its configuration by -c FILE"
    )]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// The lock file cannot be made.
    #[error(
        "cannot make the lock file {path}; its folder must exist and be writable, and it must not be a symbolic link"
    )]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The SQLite library is one that can damage a database.
    #[error("SQLite {found} is too old: 3.51.3 or newer is needed, since older ones can damage a database in WAL mode")]
    OldLibrary {
        /// Its version.
        found: String,
    },
    /// A newer Revere made it.
    #[error("{path} has schema {found}, this program knows up to {known}; use the newer Revere that wrote it")]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// It is a database, but not one of ours.
    #[error(
        "{path} is a SQLite database, but not one of Revere's; choose another DATABASE_PATH \
         (a database of the original Revere is read by `revere import`)"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// This user may not write there.
    #[error(
        "{path} cannot be written by this user, who is to keep the database there; give it to the user that Revere runs as"
    )]
    NotWritable {
        /// The database, or its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It cannot be read or made.
    #[error("cannot open the database {path}")]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// PostgreSQL cannot be used now, or not as it is.
    #[error("{place} {fault}")]
    Server {
        /// The database.
        place: String,
        /// What is wrong and what to do.
        fault: String,
        /// Whether it may pass by itself.
        passing: bool,
        /// The database's words, if it was it.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// A step to the newer schema failed; the database is as it was before that step.
    #[error("cannot bring {path} to schema {version}; it is unchanged")]
    Migration {
        /// The database.
        path: PathBuf,
        /// The step.
        version: i64,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

impl OpenError {
    /// Whether it may be opened a little later, without anybody changing the configuration.
    pub fn is_passing(&self) -> bool {
        matches!(self, OpenError::Server { passing: true, .. }) || self.is_want_of_room()
    }

    /// Whether it can be opened as soon as there is room on the disk.
    pub fn is_want_of_room(&self) -> bool {
        match self {
            OpenError::Unreadable { source, .. } | OpenError::Migration { source, .. } => is_want_of_room(source),
            _ => false,
        }
    }
}

/// A question or a write failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the database, or too much waits to be written. Nothing was written.
    #[error("the database is busy; try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// When trying again is sensible.
        retry_after: Duration,
    },
    /// The disk is full or failing: our fault. Nothing was written.
    #[error("the database cannot be written or read now: {}", faults::words(.0))]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// Someone else changed it meanwhile.
    #[error("it was changed meanwhile: it is at version {} now", .0.version)]
    Conflict(Box<Monitor>),
    /// There is no such thing (any more).
    #[error("not found")]
    NotFound,
    /// The store is closed: the server is stopping.
    #[error("the server is stopping")]
    Closed,
    /// A fault in this program.
    #[error("fault inside the store: {message}")]
    Internal {
        /// What was being done.
        message: String,
        /// The database's words, if it was it.
        #[source]
        source: Option<Arc<sqlx::Error>>,
    },
}

/// What a caller waits before it asks a busy store again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

impl StoreError {
    /// A fault of ours without a database error behind it.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        StoreError::Internal { message: message.into(), source: None }
    }

    /// Whether it is a database server that cannot be used, and no file.
    pub fn is_of_a_server(&self) -> bool {
        matches!(self, StoreError::Unavailable(error) if faults::is_of_a_server(error))
    }

    /// Whether the same write may succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, StoreError::Busy { .. } | StoreError::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match fault(&error) {
            Some(DbFault::Locked | DbFault::Passing) => StoreError::Busy { retry_after: RETRY_AFTER },
            Some(DbFault::Full | DbFault::Disk | DbFault::Memory | DbFault::Away) => {
                StoreError::Unavailable(Arc::new(error))
            }
            Some(DbFault::Refused) => {
                StoreError::Internal { message: "a statement was refused".to_owned(), source: Some(Arc::new(error)) }
            }
            None => match error {
                sqlx::Error::RowNotFound => StoreError::NotFound,
                sqlx::Error::PoolTimedOut => StoreError::Busy { retry_after: RETRY_AFTER },
                sqlx::Error::PoolClosed => StoreError::Closed,
                sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
                    StoreError::Unavailable(Arc::new(error))
                }
                _ => StoreError::Internal {
                    message: "a row was not as expected".to_owned(),
                    source: Some(Arc::new(error)),
                },
            },
        }
    }
}
