//! Tapes as files.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use revere_sandbox::Tape;

/// A larger file is no tape that anybody wants to wait for.
const MOST_BYTES: u64 = 4 << 30;

/// Writes a tape; an older one of that name is replaced, whole.
pub(super) fn write(path: &Path, tape: &Tape) -> anyhow::Result<()> {
    let name = path.display();
    let json = tape.to_json().with_context(|| format!("cannot write the tape {name}"))?;
    // What sources answered is nobody else's business.
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.part", std::process::id()));
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(json.as_bytes())?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|error: io::Error| {
        // The first error says more than this one could.
        let _ = fs::remove_file(&temporary);
        anyhow::Error::new(error).context(format!("cannot write the tape {name}"))
    })
}

/// Reads a tape.
pub(super) fn read(path: &Path) -> anyhow::Result<Tape> {
    let name = path.display();
    let reading = || format!("cannot read the tape {name}");
    let length = fs::metadata(path).with_context(reading)?.len();
    anyhow::ensure!(length <= MOST_BYTES, "{name} has {length} bytes, which no tape has");
    let bytes = fs::read(path).with_context(reading)?;
    Tape::from_json(&bytes).with_context(|| format!("{name} cannot be replayed"))
}
