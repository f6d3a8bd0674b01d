//! `revere backup`: a copy of the database, whether or not a server is using it.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::ValueHint;

use super::{Exit, Global, startup::Begun, terminal};
use crate::store::{BackupError, DatabasePlace, Store};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere backup revere-2026-07-01.db
  revere backup -c /etc/revere/config.py /var/backups/revere-$(date +%F).db
  revere backup --database /srv/revere/revere.db copy.db

The server may be running, and is not held up. The copy is one file, as of the moment the command began; it gets its \
name only when it is whole and on the disk. To go back to it: stop the server, delete revere.db, revere.db-wal and \
revere.db-shm, put the copy in the place of revere.db, start the server.
PostgreSQL makes its own copies: pg_dump, or pg_basebackup with an archive of its log.

Exit codes:
  0 the copy is made, 1 it is not (FILE is never overwritten)";

#[derive(clap::Args, Debug)]
pub(super) struct Backup {
    /// Where to write the copy; must not exist
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    copy: PathBuf,
    /// The database to copy [default: DATABASE_PATH of the configuration]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    database: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let database = match self.database {
            Some(database) => database,
            None => match begun.configuration(global)?.database {
                DatabasePlace::File(path) => path,
                DatabasePlace::Server(address) => return Err(BackupError::Server(address.to_string()).into()),
            },
        };
        let began = Instant::now();
        let before = size_on_disk(&database);
        let bytes = begun.runtime.block_on(Store::backup_of(&database, &self.copy))?;
        terminal::print(&format!(
            "Copied {} ({}) to {} ({}) in {:.1} s.\n",
            database.display(),
            megabytes(before),
            self.copy.display(),
            megabytes(bytes),
            began.elapsed().as_secs_f64()
        ));
        Ok(Exit::Success)
    }
}

/// The database with what waits in its log file.
fn size_on_disk(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |facts| facts.len());
    size(database) + size(Path::new(&log))
}

/// `0.3 MB`, `1234.5 MB`.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
