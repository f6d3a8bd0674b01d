//! Who may read the file: its owner alone. It holds keys of second factors and of links, scripts and values.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// What everything that is made here may be: read and written by its owner.
pub(super) const PRIVATE: u32 = 0o600;

/// Makes the file where it is not there yet, empty, before anything is written to it. The database makes the two beside it
/// with the mode that this one has.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path).map(drop)
        }
        Err(error) => Err(error),
    }
}

/// The files of a database that others on this machine can read; none where the folders on the way keep them out.
pub fn open_to_others(database: &Path) -> Vec<PathBuf> {
    let mode = |path: &Path| fs::metadata(path).map_or(0, |file| file.permissions().mode());
    let files = ["", "-wal", "-shm"].map(|ending| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    });
    let whole = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    let let_through = whole.ancestors().skip(1).fold(0o011, |through, folder| through & mode(folder));
    // Whoever gets through the folders as one of the group, or as anybody, and may read or write then.
    let reached = |path: &Path| {
        (let_through & 0o010 != 0 && mode(path) & 0o060 != 0) || (let_through & 0o001 != 0 && mode(path) & 0o006 != 0)
    };
    // A folder in their place is another fault, and not to be closed to others.
    files.into_iter().filter(|path| path.is_file() && reached(path)).collect()
}
