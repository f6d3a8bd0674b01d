//! The key that signs what browsers are given, where the operator set none: made once, kept beside the database.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::redact::Secrets;

/// The key could neither be read nor made.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep a secret key in {}; set SECRET_KEY, or make the folder writable", path.display())]
pub struct SecretKeyError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The key kept beside `database`, made at the first call: 64 random hexadecimal digits, readable by the owner only.
pub fn load_or_make(database: &Path, secrets: &Secrets) -> Result<String, SecretKeyError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".secret-key");
    let path = PathBuf::from(path);
    let failed = |source| SecretKeyError { path: path.clone(), source };
    let key = match fs::read_to_string(&path) {
        Ok(key) if !key.trim().is_empty() => key.trim().to_owned(),
        Ok(_) => make(&path).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path).map_err(failed)?,
        Err(error) => return Err(failed(error)),
    };
    secrets.learn(&key);
    Ok(key)
}

/// Written beside and moved into place, so that a crash leaves a whole key or none.
fn make(path: &Path) -> io::Result<String> {
    let key: String = (0..2).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(key.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("revere.db");
        let secrets = Secrets::default();
        let key = load_or_make(&database, &secrets).unwrap();
        assert_eq!(key.len(), 64);
        assert_eq!(load_or_make(&database, &secrets).unwrap(), key);
        assert_eq!(secrets.redact(&key), crate::redact::MARK);
        let file = folder.path().join("revere.db.secret-key");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_the_way_out() {
        let error = load_or_make(Path::new("/nowhere/at/all/revere.db"), &Secrets::default()).unwrap_err();
        assert!(error.to_string().contains("set SECRET_KEY"), "{error}");
    }
}
