//! Whether a file can be the database as it is. Nothing of it is changed.

use std::{fs, io, path::Path};

use rustix::fs::{Access, access};

use super::migrate;
use crate::store::{Found, OpenError};

/// What is there, if a server could use it.
pub(in crate::store) async fn probe(path: &Path) -> Result<Found, OpenError> {
    let unwritable = |of: &Path, errno: rustix::io::Errno| OpenError::NotWritable {
        path: of.to_owned(),
        source: io::Error::from(errno),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let writable = Access::READ_OK | Access::WRITE_OK;
    // What SQLite keeps beside it is made there, too.
    access(folder, writable | Access::EXEC_OK).map_err(|errno| unwritable(folder, errno))?;
    let found = match migrate::look(path).await {
        Err(OpenError::Missing { .. }) => Found::Nothing,
        Err(other) => return Err(other),
        Ok(found) if found == migrate::MIGRATIONS.len() as i64 => Found::Current,
        Ok(_) => Found::Older,
    };
    if fs::metadata(path).is_ok() {
        access(path, writable).map_err(|errno| unwritable(path, errno))?;
    }
    Ok(found)
}
