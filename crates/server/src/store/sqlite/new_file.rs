//! A file that gets its name once it is whole and on the disk.

use std::{fs, fs::File, io, path::Path};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Gives the file its name, but not that of another one that came meanwhile, where the file system knows how.
pub(super) fn give_name(partial: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, partial, CWD, path, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(partial, path)?;
        }
        renamed => renamed?,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all())
}
