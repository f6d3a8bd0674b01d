//! Helper modules: `.py` files of the configured folders, read by the host on a script's behalf.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use wasmtime::Error;

use super::reply::{fault, ok};
use crate::{
    HelperModule, Value,
    host::{Helpers, Host},
    stop::Stop,
};

/// A larger file is not somebody's helper.
const MOST_BYTES: u64 = 1 << 20;
/// More questions than any honest script has; keeps a loop of failing imports off the disk.
const MOST_REQUESTS: u32 = 2000;

/// Answers `{file, source, package}`, nothing if there is no such module, or a fault.
pub(super) async fn answer(host: &mut Host, name: &str) -> Result<Vec<u8>, Error> {
    let run = &mut host.run;
    run.helper_requests += 1;
    if run.helper_requests > MOST_REQUESTS || !is_module_name(name) {
        return Ok(ok(&Value::Null));
    }
    let helper = match &run.capabilities.helpers {
        Helpers::Taped(helpers) => helpers.get(name).cloned(),
        Helpers::Folders(folders) if folders.is_empty() => None,
        Helpers::Folders(folders) => {
            run.end_turn();
            let (folders, name) = (folders.clone(), name.to_owned());
            // A slow disk or a network folder must not hold up the guests that share this thread.
            let found = tokio::task::spawn_blocking(move || find(&folders, &name)).await.map_err(Error::new)?;
            match found {
                Ok(helper) => helper.map(Ok),
                Err(NotFound::ByThem(text)) => Some(Err(text)),
                Err(NotFound::ByUs(text)) => return Err(Stop::Ours(text).into()),
            }
        }
    };
    let Some(helper) = helper else { return Ok(ok(&Value::Null)) };
    let answer = match &helper {
        Ok(module) => ok(&as_value(module)),
        Err(text) => fault("value", text),
    };
    if let Some(read) = &mut run.helpers_read {
        read.insert(name.to_owned(), helper);
    }
    Ok(answer)
}

fn as_value(module: &HelperModule) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Dict(vec![
        (text("file"), text(&module.file)),
        (text("source"), text(&module.source)),
        (text("package"), Value::Bool(module.package)),
    ])
}

/// Why a module cannot be read.
#[derive(Debug)]
enum NotFound {
    /// The file is not as it should be.
    ByThem(String),
    /// This process, or the machine, has no file descriptor left.
    ByUs(String),
}

impl NotFound {
    fn of(candidate: &Path, error: &io::Error) -> NotFound {
        let text = format!("{}: {error}", candidate.display());
        let ours = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
        if ours.contains(&error.raw_os_error()) { NotFound::ByUs(text) } else { NotFound::ByThem(text) }
    }
}

/// Identifiers joined by single dots: no way to say `..`, `/` or a hidden file.
fn is_module_name(name: &str) -> bool {
    name.len() <= 500
        && name.split('.').all(|part| {
            let mut chars = part.chars();
            chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && chars.all(|c| c.is_alphanumeric() || c == '_')
        })
}

/// The first folder that has the module decides, as on Python's own path.
fn find(folders: &[PathBuf], name: &str) -> Result<Option<HelperModule>, NotFound> {
    let relative: PathBuf = name.split('.').collect();
    for folder in folders {
        for (candidate, package) in
            [(folder.join(&relative).join("__init__.py"), true), (folder.join(relative.with_extension("py")), false)]
        {
            match read(folder, &candidate) {
                Ok(source) => {
                    let file = candidate.to_string_lossy().into_owned();
                    return Ok(Some(HelperModule { file, source, package }));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(NotFound::of(&candidate, &error)),
            }
        }
    }
    Ok(None)
}

fn read(folder: &Path, candidate: &Path) -> io::Result<String> {
    let real = candidate.canonicalize()?;
    if !real.starts_with(folder.canonicalize()?) {
        return Err(io::Error::other("a link that leads out of its folder is not followed"));
    }
    let facts = fs::metadata(&real)?;
    if !facts.is_file() {
        return Err(io::Error::other("not a file"));
    }
    if facts.len() > MOST_BYTES {
        return Err(io::Error::other(format!("larger than {MOST_BYTES} bytes")));
    }
    let text = String::from_utf8(fs::read(&real)?).map_err(|_| io::Error::other("not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_no_names() {
        for name in ["", ".", "..", "a..b", ".a", "a.", "a/b", "/a", "a\0b", "../a", "1a", "a b", &"a".repeat(501)] {
            assert!(!is_module_name(name), "{name:?}");
        }
        for name in ["a", "a.b", "_a1.b_2", "größe"] {
            assert!(is_module_name(name), "{name:?}");
        }
    }

    #[test]
    fn links_out_of_the_folder_and_large_files_are_refused() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.py"), "x = 1").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.py"), folder.path().join("leak.py")).unwrap();
        fs::write(folder.path().join("big.py"), vec![b' '; MOST_BYTES as usize + 1]).unwrap();
        fs::write(folder.path().join("good.py"), "\u{feff}x = 1").unwrap();
        let folders = [folder.path().to_path_buf()];
        let refused = |name, words| match find(&folders, name) {
            Err(NotFound::ByThem(text)) => assert!(text.contains(words), "{text}"),
            _ => panic!("{name} is not refused"),
        };
        refused("leak", "leads out");
        refused("big", "larger");
        assert_eq!(find(&folders, "good").unwrap().unwrap().source, "x = 1");
        assert!(find(&folders, "absent").unwrap().is_none());
    }

    #[test]
    fn no_file_descriptor_left_is_the_servers_own_fault() {
        let of = |errno: rustix::io::Errno| NotFound::of(Path::new("/lib/a.py"), &errno.into());
        assert!(matches!(of(rustix::io::Errno::MFILE), NotFound::ByUs(text) if text.contains("/lib/a.py")));
        assert!(matches!(of(rustix::io::Errno::NFILE), NotFound::ByUs(_)));
        assert!(matches!(of(rustix::io::Errno::ACCESS), NotFound::ByThem(_)));
    }
}
