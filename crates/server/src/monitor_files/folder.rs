//! A folder of monitors.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{FileFault, MonitorFile};

/// The longest name of a file, without its end.
const LONGEST_NAME: usize = 60;

/// A monitor, and the file it stands in.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub monitor: MonitorFile,
}

/// What a folder holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Folder {
    /// The monitors, by path.
    pub files: Vec<StoredFile>,
    /// Python that is no monitor: helpers, for instance.
    pub others: Vec<PathBuf>,
    /// Monitors with faults in single settings, without those.
    pub partly: Vec<StoredFile>,
    /// What is wrong, and where.
    pub faults: Vec<(PathBuf, FileFault)>,
}

/// Reads each `.py` of a folder and the folders in it. What cannot be read is an error; what is wrong in a file is a fault.
pub fn read_folder(path: &Path) -> io::Result<Folder> {
    let mut folder = Folder::default();
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in python_files(path)? {
        let bytes = fs::read(&path).map_err(|error| at(&path, &error))?;
        let Ok(text) = String::from_utf8(bytes) else {
            let fault = FileFault { line: 1, message: "is not UTF-8".to_owned() };
            folder.faults.push((path, fault));
            continue;
        };
        if !MonitorFile::is_meant(&text) {
            match MonitorFile::misplaced_head(&text) {
                // Left out, its monitor would be in no file, and deleted where somebody prunes.
                Some(line) => {
                    let message = "the head of a monitor has to begin in the first line".to_owned();
                    folder.faults.push((path, FileFault { line, message }));
                }
                None => folder.others.push(path),
            }
            continue;
        }
        match MonitorFile::read_what_fits(&text) {
            Err(faults) => folder.faults.extend(faults.into_iter().map(|fault| (path.clone(), fault))),
            Ok((monitor, faults)) if !faults.is_empty() => {
                folder.faults.extend(faults.into_iter().map(|fault| (path.clone(), fault)));
                folder.partly.push(StoredFile { path, monitor });
            }
            Ok((monitor, _)) => {
                if let Some(first) = named.insert(monitor.name().to_owned(), path.clone()) {
                    let message = format!("is named '{}' as {} is; each name once", monitor.name(), first.display());
                    folder.faults.push((path.clone(), FileFault { line: monitor.line_of("name", None), message }));
                }
                folder.files.push(StoredFile { path, monitor });
            }
        }
    }
    Ok(folder)
}

/// A path for a monitor of that name that nobody has taken: in small letters, with hyphens.
pub fn free_path(folder: &Path, name: &str, taken: &mut BTreeSet<PathBuf>) -> PathBuf {
    let plain = file_stem(name);
    let mut path = folder.join(format!("{plain}.py"));
    for number in 2.. {
        if taken.insert(path.clone()) {
            break;
        }
        path = folder.join(format!("{plain}-{number}.py"));
    }
    path
}

/// What the file of a monitor of that name is called, without its end and where no other is called so.
pub fn file_stem(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            c if c.is_alphanumeric() => plain.push(c),
            _ if plain.is_empty() || plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
        if plain.len() >= LONGEST_NAME {
            break;
        }
    }
    match plain.trim_end_matches('-') {
        "" => "monitor".to_owned(),
        plain => plain.to_owned(),
    }
}

fn python_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    // Links are followed, and each folder is read once.
    let mut seen = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        if !seen.insert(fs::canonicalize(&folder).map_err(|error| at(&folder, &error))?) {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(|error| at(&folder, &error))? {
            let entry = entry.map_err(|error| at(&folder, &error))?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if fs::metadata(&path).map_err(|error| at(&path, &error))?.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == "py") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_their_monitors_each_of_its_own() {
        let mut taken = BTreeSet::new();
        let mut made = |name: &str| free_path(Path::new(""), name, &mut taken).display().to_string();
        assert_eq!(made("Orders: paid / today!"), "orders-paid-today.py");
        assert_eq!(made("orders paid today"), "orders-paid-today-2.py");
        assert_eq!((made("../../etc"), made("…")), ("etc.py".to_owned(), "monitor.py".to_owned()));
        assert_eq!(made("Größe 日本"), "größe-日本.py");
        assert!(made(&"x".repeat(300)).len() < 70);
    }
}
