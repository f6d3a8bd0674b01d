//! A copy of the database while it is in use.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::file_mode::PRIVATE;
use crate::store::{
    DatabasePlace, OpenError, Store,
    sqlite::{migrate, new_file},
};

/// No copy was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no database {0}; is it the right DATABASE_PATH?")]
    Missing(PathBuf),
    /// PostgreSQL has its own way.
    #[error(
        "{0} is PostgreSQL, which makes its own copies: `pg_dump --format=custom --file=FILE DATABASE` writes one while servers \
         run, pg_basebackup and an archive of its log keep every moment"
    )]
    Server(String),
    /// It is not one of ours.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is something of that name already; it is left alone.
    #[error("{0} exists already and was left as it is; choose another name")]
    Exists(PathBuf),
    /// The copy could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The copy.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
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
    /// Writes a copy as of now to `path`, as [`Store::backup_of`] does.
    pub async fn backup(&self, path: &Path) -> Result<u64, BackupError> {
        match self.place() {
            DatabasePlace::File(database) => Store::backup_of(database, path).await,
            DatabasePlace::Server(address) => Err(BackupError::Server(address.to_string())),
        }
    }

    /// Writes a copy of the database file `database`, as of now, to `path`, which must not exist; answers its bytes. A
    /// server that has it open goes on, readers and writer. The name appears only when the copy is whole and on the
    /// disk, and its owner alone may read it.
    pub async fn backup_of(database: &Path, path: &Path) -> Result<u64, BackupError> {
        let written = |source| BackupError::Write { path: path.to_owned(), source };
        if fs::metadata(database).is_err() {
            return Err(BackupError::Missing(database.to_owned()));
        }
        // A file that another program made, or that is empty, is no copy to go back to.
        if migrate::inspect(database).await? == 0 {
            return Err(BackupError::Missing(database.to_owned()));
        }
        if fs::symlink_metadata(path).is_ok() {
            return Err(BackupError::Exists(path.to_owned()));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(written(error)),
            _ => {}
        }
        // The database fills an empty file, and leaves its mode alone.
        OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&partial).map_err(written)?;
        let copied = fill(database, &partial, path).await;
        if copied.is_err() {
            // What went wrong before is what matters.
            let _ = fs::remove_file(&partial);
        }
        copied
    }
}

async fn fill(database: &Path, partial: &Path, path: &Path) -> Result<u64, BackupError> {
    let written = |source| BackupError::Write { path: path.to_owned(), source };
    let copied = |source| BackupError::Copy { path: path.to_owned(), source };
    let name = partial.to_str().ok_or_else(|| written(io::Error::other("the name is not UTF-8")))?;
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await.map_err(copied)?;
    sqlx::query("vacuum into ?").bind(name).execute(&mut connection).await.map_err(copied)?;
    connection.close().await.map_err(copied)?;
    let bytes = File::open(partial).and_then(|file| file.sync_all().and(file.metadata())).map_err(written)?.len();
    match new_file::give_name(partial, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(BackupError::Exists(path.to_owned())),
        named => named.map_err(written)?,
    }
    Ok(bytes)
}
