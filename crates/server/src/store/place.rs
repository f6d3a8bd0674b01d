//! Where a database is.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::PostgresAddress;

/// Where a database is: the choice of engine, too.
#[derive(Clone, Debug)]
pub enum DatabasePlace {
    /// A SQLite file, for one server.
    File(PathBuf),
    /// A database of PostgreSQL, for as many servers as one likes.
    Server(PostgresAddress),
}

impl DatabasePlace {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            DatabasePlace::File(path) => Some(path),
            DatabasePlace::Server(_) => None,
        }
    }
}

/// For people: never with a password.
impl fmt::Display for DatabasePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabasePlace::File(path) => write!(f, "{}", path.display()),
            DatabasePlace::Server(address) => write!(f, "{address}"),
        }
    }
}

impl From<PathBuf> for DatabasePlace {
    fn from(path: PathBuf) -> DatabasePlace {
        DatabasePlace::File(path)
    }
}

impl From<&Path> for DatabasePlace {
    fn from(path: &Path) -> DatabasePlace {
        DatabasePlace::File(path.to_owned())
    }
}

impl From<&PathBuf> for DatabasePlace {
    fn from(path: &PathBuf) -> DatabasePlace {
        DatabasePlace::File(path.clone())
    }
}

impl From<PostgresAddress> for DatabasePlace {
    fn from(address: PostgresAddress) -> DatabasePlace {
        DatabasePlace::Server(address)
    }
}
