//! The lock file beside the database: one process only. The kernel drops the lock when its holder dies, however it dies.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::file_mode::PRIVATE;
use crate::store::OpenError;

/// Held as long as the value lives.
pub(in crate::store) struct LockFile {
    _file: File,
    /// The database, once it is there: where it is, and which file that was.
    database: Option<(PathBuf, (u64, u64))>,
}

/// The lock file of a database, however many links lead to that: theirs is the same.
fn beside(database: &Path) -> PathBuf {
    // A link to a file that is not there yet leads to the one that will be made.
    let linked = |_| Ok(database.parent().unwrap_or(Path::new("")).join(std::fs::read_link(database)?));
    let real = std::fs::canonicalize(database).or_else(linked);
    let mut name = real.unwrap_or_else(|_: std::io::Error| database.to_owned()).into_os_string();
    name.push(".lock");
    name.into()
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

impl LockFile {
    /// The process that has the lock of the database at `database`, if one has.
    pub(in crate::store) fn holder(database: &Path) -> std::io::Result<Option<u32>> {
        let name = beside(database);
        let mut file =
            match OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(name) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            // Nobody has it; closing lets go of it again.
            Ok(()) => Ok(None),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                Ok(holder.trim().parse().ok())
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes the lock of the database at `database`, or says who has it.
    pub(in crate::store) fn take(database: &Path) -> Result<LockFile, OpenError> {
        let path = beside(database);
        let failed = |source| OpenError::Lock { path: path.clone(), source };
        // Through a symbolic link, the process number would be written into somebody else's file.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // Who may open it may lock it, and keep the server from starting.
            .mode(PRIVATE)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let known = file.read_to_string(&mut holder).is_ok() && holder.trim().parse::<u32>().is_ok();
                let holder = if known { format!(" (process {})", holder.trim()) } else { String::new() };
                return Err(OpenError::InUse { path: database.to_owned(), holder });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        // The number is for the other one's message only; a full disk must not stop the start for it.
        if let Err(error) =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()))
        {
            tracing::warn!(%error, path = %path.display(), "cannot write the process number into the lock file");
        }
        Ok(LockFile { _file: file, database: None })
    }

    /// From here on it is known which file the database is.
    pub(in crate::store) fn is_of(&mut self, database: &Path) -> std::io::Result<()> {
        self.database = Some((database.to_owned(), identity(database)?));
        Ok(())
    }

    /// Whether the database still is the file that was opened; else what is written would be found by nobody.
    pub(in crate::store) fn still_there(&self) -> std::io::Result<()> {
        let Some((path, was)) = &self.database else { return Ok(()) };
        match identity(path) {
            Ok(is) if is == *was => Ok(()),
            _ => Err(std::io::Error::other(format!(
                "{} was moved away, deleted or replaced while the server runs: put it back, or start the server anew",
                path.display()
            ))),
        }
    }
}
