//! Where the audit is written besides the database, as lines of JSON: a file, or the standard output.
//!
//! The file is opened for each piece, so that one that was renamed or removed by whatever rotates logs is made anew. A piece
//! is written whole or not at all, as far as a file can: what a full disk cut off is taken back.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// Where the audit is written besides the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuditLog {
    /// Added to a file, which is made if it is not there.
    File(PathBuf),
    /// The standard output of the server.
    StandardOutput,
}

impl AuditLog {
    /// Writes lines, each with its end, and sees to it that they stay.
    pub fn write(&self, lines: &str) -> io::Result<()> {
        match self {
            AuditLog::StandardOutput => {
                let mut output = io::stdout().lock();
                output.write_all(lines.as_bytes())?;
                output.flush()
            }
            AuditLog::File(path) => {
                let mut options = OpenOptions::new();
                // For the server's own user alone, as the database is.
                let mut file = options.append(true).read(true).create(true).mode(0o600).open(path)?;
                let before = file.metadata()?;
                if !before.is_file() {
                    return file.write_all(lines.as_bytes());
                }
                let written = begin_line(&mut file, before.len())
                    .and_then(|()| file.write_all(lines.as_bytes()))
                    .and_then(|()| file.sync_data());
                if written.is_err() {
                    // Should that fail, too, the next piece begins a line of its own.
                    let _ = file.set_len(before.len());
                }
                written
            }
        }
    }

    /// What it is, in words.
    pub fn words(&self) -> String {
        match self {
            AuditLog::File(path) => path.display().to_string(),
            AuditLog::StandardOutput => "the standard output".to_owned(),
        }
    }
}

/// Ends a line that was cut off.
fn begin_line(file: &mut File, length: u64) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(length - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_a_file_that_was_renamed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let log = AuditLog::File(path.clone());
        log.write("{\"a\":1}\n{\"a\":2}\n").unwrap();
        std::fs::rename(&path, folder.path().join("audit.log.1")).unwrap();
        log.write("{\"a\":3}\n").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("audit.log.1")).unwrap(), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":3}\n");
        // What another cut off stays a line of its own.
        std::fs::write(&path, "{\"a\":").unwrap();
        log.write("{\"a\":4}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":\n{\"a\":4}\n");
    }
}
