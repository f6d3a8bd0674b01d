//! The lock file beside the database: one process only. The kernel drops the lock when its holder dies, however it dies.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::store::OpenError;

/// Held as long as the value lives.
pub(in crate::store) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock of the database at `database`, or says who has it.
    pub(in crate::store) fn take(database: &Path) -> Result<LockFile, OpenError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |source| OpenError::Lock { path: path.clone(), source };
        // Through a symbolic link, the process number would be written into somebody else's file.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
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
        Ok(LockFile { _file: file })
    }
}
