//! Where a database is.

use std::{
    fmt,
    os::unix::fs::MetadataExt as _,
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

    /// Whether both are one database, by whatever names: links lead to the same file.
    pub fn is_same(&self, other: &DatabasePlace) -> bool {
        let file = |path: &Path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        match (self, other) {
            (DatabasePlace::File(one), DatabasePlace::File(other)) => {
                file(one).is_some_and(|one| Some(one) == file(other))
            }
            (DatabasePlace::Server(one), DatabasePlace::Server(other)) => one.is_same(other),
            _ => false,
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
