//! Values that are kept elsewhere: `FILE:/run/secrets/key`, `CREDENTIAL:key`, `ENV:KEY` in the place of a text.
//!
//! The configuration is evaluated where there are no files, so this is done here, with what it left. A text may stand in
//! any setting, and at any depth of an entry's `config`: in a list of recipients, or as the value of one header. What
//! comes from a file or a credential is a secret, whatever the setting is.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{redact::Secrets, settings::ConfigFault};

/// Of a file.
const FILE: &str = "FILE:";
/// What a service manager hands a service: systemd's `LoadCredential=`.
const CREDENTIAL: &str = "CREDENTIAL:";
/// Of an environment variable.
const ENV: &str = "ENV:";
/// The text itself, where it happens to begin with one of these.
const TEXT: &str = "TEXT:";

/// No key, password or certificate is larger.
const LARGEST: u64 = 64 << 10;

/// A text shorter than this is more likely an ordinary word, and would be taken out of whatever holds it.
const SHORTEST: usize = 6;

/// Where values are kept.
pub(super) struct Places<'a> {
    /// Relative paths count from it.
    pub(super) folder: &'a Path,
    /// Answers an environment variable.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

/// What was found on the way.
#[derive(Default)]
pub(super) struct Found {
    /// What could not be had.
    pub(super) faults: Vec<ConfigFault>,
    /// Where null stands instead of it.
    pub(super) nulls: Vec<String>,
    /// What could be had, and by others too.
    pub(super) warnings: Vec<ConfigFault>,
}

impl Places<'_> {
    /// Puts what is kept elsewhere where it is named, in settings as they were given.
    pub(super) fn fill(&self, given: &mut Map<String, Value>, secrets: &Secrets) -> Found {
        let mut found = Found::default();
        for (name, value) in given {
            let is_entries = matches!(name.as_str(), "REVERE_SOURCES" | "REVERE_ALERTS");
            match value {
                // Names, types and descriptions are what they say.
                Value::Object(entries) if is_entries => {
                    for (entry, value) in entries {
                        let place = format!("{name}['{}']['config']", entry.escape_debug());
                        if let Some(config) = value.get_mut("config") {
                            self.fill_value(config, place, secrets, &mut found);
                        }
                    }
                }
                value => self.fill_value(value, name.clone(), secrets, &mut found),
            }
        }
        found
    }

    fn fill_value(&self, value: &mut Value, place: String, secrets: &Secrets, found: &mut Found) {
        match value {
            Value::String(text) => match self.had(text, &place, secrets, &mut found.warnings) {
                Ok(None) => {}
                Ok(Some(had)) => *text = had,
                Err(message) => {
                    found.faults.push(ConfigFault::new(place.clone(), message));
                    found.nulls.push(place);
                    *value = Value::Null;
                }
            },
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.fill_value(item, format!("{place}[{index}]"), secrets, found);
                }
            }
            Value::Object(items) => {
                for (key, item) in items {
                    self.fill_value(item, format!("{place}['{}']", key.escape_debug()), secrets, found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What `text` names; `None` where it names nothing and is meant as it is.
    fn had(
        &self,
        text: &str,
        place: &str,
        secrets: &Secrets,
        warnings: &mut Vec<ConfigFault>,
    ) -> Result<Option<String>, String> {
        let learned = |had: String| {
            if had.chars().count() >= SHORTEST {
                secrets.learn(&had);
            }
            Ok(Some(had))
        };
        if let Some(path) = text.strip_prefix(FILE) {
            let path = self.folder.join(path);
            if is_open_to_all(&path) {
                let message =
                    format!("everybody on this machine can read {}; chmod 600 makes it yours alone", path.display());
                warnings.push(ConfigFault::new(place, message));
            }
            return learned(read(&path)?);
        }
        if let Some(name) = text.strip_prefix(CREDENTIAL) {
            return learned(read(&self.credential(name)?)?);
        }
        if let Some(name) = text.strip_prefix(ENV) {
            let value = (self.variable)(name).filter(|value| !value.is_empty());
            // Whether that is a secret, the setting says.
            return value.map(Some).ok_or_else(|| {
                format!("the environment variable {name} is not set, or empty; set it where Revere is started")
            });
        }
        let literal = text.strip_prefix(TEXT);
        Ok(literal
            .filter(|rest| [FILE, CREDENTIAL, ENV, TEXT].iter().any(|form| rest.starts_with(form)))
            .map(str::to_owned))
    }

    fn credential(&self, name: &str) -> Result<PathBuf, String> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(format!(
                "'{name}' is no name of a credential; it is what stands before the colon in LoadCredential="
            ));
        }
        let folder = (self.variable)("CREDENTIALS_DIRECTORY").ok_or_else(|| {
            format!(
                "there are no credentials here, as CREDENTIALS_DIRECTORY is not set: systemd hands them to a service with \
                 LoadCredential={name}:/path; elsewhere, use FILE:/path"
            )
        })?;
        Ok(Path::new(&folder).join(name))
    }
}

/// An address from the command line, which may be kept elsewhere as well: there, nobody sees it in a list of processes.
pub(crate) fn address(text: &str, secrets: &Secrets) -> Result<String, String> {
    let places = Places { folder: Path::new(""), variable: &|name| std::env::var(name).ok() };
    let had = places.had(text, "", secrets, &mut Vec::new())?;
    Ok(had.unwrap_or_else(|| text.to_owned()))
}

/// What a file holds, without the line end that editors put there.
fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let file = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{shown} is not there; put the value into that file, or name another"),
        _ => cannot(path, &error),
    })?;
    if !file.is_file() {
        return Err(format!("{shown} is no plain file; name one that holds the value and nothing else"));
    }
    if file.len() > LARGEST {
        return Err(format!("{shown} has {} bytes, and no value has more than {LARGEST}", file.len()));
    }
    let bytes = fs::read(path).map_err(|error| cannot(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{shown} is not UTF-8 text; a value is text"))?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.trim().is_empty() {
        return Err(format!("{shown} is empty; put the value into it"));
    }
    Ok(value.to_owned())
}

fn cannot(path: &Path, error: &io::Error) -> String {
    let next = match error.kind() {
        io::ErrorKind::PermissionDenied => "; give it to the user that Revere runs as",
        _ => "",
    };
    format!("{} cannot be read: {error}{next}", path.display())
}

/// Whether every user of the machine can read it: the file is open, and so is every folder on the way.
fn is_open_to_all(path: &Path) -> bool {
    let mode = |path: &Path| fs::metadata(path).map_or(0, |file| file.permissions().mode());
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    mode(path) & 0o004 != 0 && whole.ancestors().skip(1).all(|folder| mode(folder) & 0o001 != 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Tried {
        given: Value,
        found: Found,
        secrets: Secrets,
    }

    /// In a folder with some files, which is also that of the credentials.
    fn tried(mut given: Value) -> Tried {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("plain"), "from a file\n").unwrap();
        fs::write(path.join("windows"), "from windows\r\n").unwrap();
        fs::write(path.join("lines"), "first\nsecond\n\n").unwrap();
        fs::write(path.join("empty"), "\n").unwrap();
        fs::write(path.join("binary"), b"\xff\xfe").unwrap();
        fs::write(path.join("large"), "x".repeat(70_000)).unwrap();
        let variable = |name: &str| match name {
            "CREDENTIALS_DIRECTORY" => Some(path.display().to_string()),
            "KEY" => Some("from the environment".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let secrets = Secrets::default();
        let places = Places { folder: path, variable: &variable };
        let mut found = places.fill(given.as_object_mut().unwrap(), &secrets);
        for fault in found.faults.iter_mut().chain(&mut found.warnings) {
            fault.message = fault.message.replace(&path.display().to_string(), "HERE");
        }
        Tried { given, found, secrets }
    }

    #[test]
    fn a_value_is_had_from_where_it_is_kept() {
        let tried = tried(json!({
            "SECRET_KEY": "FILE:plain",
            "REVERE_SOURCES": {"FILE:plain": {
                "type": "ENV:KEY", "description": "FILE:plain",
                "config": {"a": ["CREDENTIAL:windows", 1, null], "headers": {"X-Key": "ENV:KEY", "ENV:KEY": true}},
            }},
            "TIMEZONE": "FILE:lines",
        }));
        assert_eq!(
            tried.given,
            json!({
                "SECRET_KEY": "from a file",
                "REVERE_SOURCES": {"FILE:plain": {
                    "type": "ENV:KEY", "description": "FILE:plain",
                    "config": {"a": ["from windows", 1, null], "headers": {"X-Key": "from the environment", "ENV:KEY": true}},
                }},
                "TIMEZONE": "first\nsecond\n",
            })
        );
        assert_eq!(tried.found.faults, []);
        assert_eq!(tried.secrets.redact("from a file, from windows"), "[redacted], [redacted]");
        assert_eq!(tried.secrets.redact("from the environment"), "from the environment", "the setting decides");
    }

    #[test]
    fn what_only_looks_like_it_can_be_written() {
        let given = json!({"A": "TEXT:FILE:plain", "B": "TEXT:TEXT:ENV:X", "C": "TEXT: hello", "D": "file:plain", "E": "x FILE:y"});
        let wanted =
            json!({"A": "FILE:plain", "B": "TEXT:ENV:X", "C": "TEXT: hello", "D": "file:plain", "E": "x FILE:y"});
        assert_eq!(tried(given).given, wanted);
    }

    #[test]
    fn what_cannot_be_had_is_said_by_place_and_leaves_nothing() {
        for (text, said) in [
            ("FILE:absent", "HERE/absent is not there; put the value into that file, or name another"),
            ("FILE:empty", "HERE/empty is empty; put the value into it"),
            ("FILE:binary", "HERE/binary is not UTF-8 text; a value is text"),
            ("FILE:large", "HERE/large has 70000 bytes, and no value has more than 65536"),
            ("FILE:", "HERE/ is no plain file; name one that holds the value and nothing else"),
            ("FILE:/dev/zero", "/dev/zero is no plain file; name one that holds the value and nothing else"),
            (
                "CREDENTIAL:../plain",
                "'../plain' is no name of a credential; it is what stands before the colon in LoadCredential=",
            ),
            ("CREDENTIAL:absent", "HERE/absent is not there; put the value into that file, or name another"),
            ("ENV:ABSENT", "the environment variable ABSENT is not set, or empty; set it where Revere is started"),
            ("ENV:EMPTY", "the environment variable EMPTY is not set, or empty; set it where Revere is started"),
        ] {
            let tried = tried(json!({"REVERE_ALERTS": {"a": {"config": {"url": text}}}}));
            let place = "REVERE_ALERTS['a']['config']['url']";
            assert_eq!(tried.found.faults, [ConfigFault::new(place, said)]);
            assert_eq!(tried.found.nulls, [place]);
            assert_eq!(tried.given["REVERE_ALERTS"]["a"]["config"]["url"], Value::Null);
        }
        let places = Places { folder: Path::new("/"), variable: &|_| None };
        assert!(places.credential("key").unwrap_err().contains("LoadCredential=key:/path"));
    }

    #[test]
    fn a_file_that_everybody_can_read_is_warned_of() {
        let open = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let file = open.path().join("key");
        fs::write(&file, "s3cret").unwrap();
        for (folder_mode, file_mode, expected) in
            [(0o755, 0o644, true), (0o755, 0o640, false), (0o755, 0o600, false), (0o750, 0o644, false)]
        {
            fs::set_permissions(&file, fs::Permissions::from_mode(file_mode)).unwrap();
            fs::set_permissions(open.path(), fs::Permissions::from_mode(folder_mode)).unwrap();
            assert_eq!(is_open_to_all(&file), expected, "{folder_mode:o} {file_mode:o}");
        }
    }
}
