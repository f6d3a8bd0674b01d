//! A copy of the database while it is in use.

use std::path::{Path, PathBuf};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::Store;

/// No copy was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something of that name already; it is left alone.
    #[error("{0} exists already; choose another name")]
    Exists(PathBuf),
    /// The copy could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The copy.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be read, or the copy not be written by it.
    #[error("cannot copy the database to {path}")]
    Copy {
        /// The copy.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

impl Store {
    /// Writes a copy as of now to `path`, which must not exist. Nobody waits for it: readers and the writer go on.
    /// The name appears only when the copy is whole and on the disk.
    pub async fn backup(&self, path: &Path) -> Result<(), BackupError> {
        copy(self.path(), path).await
    }
}

async fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let written = |source| BackupError::Write { path: to.to_owned(), source };
    let copied = |source| BackupError::Copy { path: to.to_owned(), source };
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(written)?;
    }
    let mut connection = SqliteConnectOptions::new().filename(from).connect().await.map_err(copied)?;
    let name = partial.to_str().ok_or_else(|| written(std::io::Error::other("the name is not UTF-8")))?;
    sqlx::query("vacuum into ?").bind(name).execute(&mut connection).await.map_err(copied)?;
    connection.close().await.map_err(copied)?;
    std::fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(written)?;
    std::fs::rename(&partial, to).map_err(written)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(written)
}
