//! One monitor as text: its settings as TOML in the comments at the head, the script below, to the letter.
//!
//! The head has the form of inline script metadata (PEP 723), with `revere` as its type, so that editors, linters and
//! Python itself read the file as the plain Python it is.

use std::collections::BTreeMap;

use revere_model::{MONITOR_FIELDS, MonitorSpec, nearest};
use serde_json::{Map, Value};

const OPENS: &str = "# /// revere";
const CLOSES: &str = "# ///";

/// What is always written, because it says what the monitor is or because the default is each server's own.
const ALWAYS: [&str; 4] = ["name", "schedule", "timezone", "retain_days"];

/// How a file says that runs are kept without an end: TOML has no null.
const FOREVER: &str = "forever";

/// A monitor as a file has it.
#[derive(Clone, PartialEq, Debug)]
pub struct MonitorFile {
    /// The settings that are there, as a body of the API has them; never the script.
    pub settings: Map<String, Value>,
    /// The script.
    pub script: String,
    /// The lines that the settings begin in, from 1.
    places: BTreeMap<String, usize>,
    /// How many lines there are before the script.
    head: usize,
}

/// What is wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what was expected.
    pub message: String,
}

impl MonitorFile {
    /// Whether a file is meant as a monitor: it begins as one.
    pub fn is_meant(text: &str) -> bool {
        text.trim_start_matches('\u{feff}').lines().next().is_some_and(|line| line.trim_end() == OPENS)
    }

    /// The line in which a head begins that is not the first one: something was written before it.
    pub(super) fn misplaced_head(text: &str) -> Option<usize> {
        text.lines().position(|line| line.trim_end() == OPENS).map(|place| place + 1)
    }

    /// Reads a file. `Err` has all that is wrong with its head.
    pub fn read(text: &str) -> Result<MonitorFile, Vec<FileFault>> {
        match MonitorFile::read_what_fits(text)? {
            (file, faults) if faults.is_empty() => Ok(file),
            (_, faults) => Err(faults),
        }
    }

    /// Reads a file, and what is wrong with single settings, which are then left out. `Err` is a head that has no settings.
    pub(super) fn read_what_fits(text: &str) -> Result<(MonitorFile, Vec<FileFault>), Vec<FileFault>> {
        let text = text.trim_start_matches('\u{feff}');
        // A checkout with the line ends of Windows has them in every line.
        let plain = if text.lines().next().is_some() && text.starts_with(&format!("{OPENS}\r\n")) {
            text.replace("\r\n", "\n")
        } else {
            text.to_owned()
        };
        let fault = |line, message: String| vec![FileFault { line, message }];
        if !MonitorFile::is_meant(&plain) {
            let message = format!("expected '{OPENS}', then the settings in comments, then '{CLOSES}'");
            return Err(fault(1, message));
        }
        let mut head = Vec::new();
        let mut rest = plain.split_inclusive('\n');
        rest.next();
        loop {
            let number = head.len() + 2;
            let Some(line) = rest.next() else {
                return Err(fault(number, format!("the settings have no end: expected '{CLOSES}'")));
            };
            let line = line.trim_end_matches('\n');
            if line.trim_end() == CLOSES {
                break;
            }
            match line.strip_prefix("# ").or_else(|| (line.trim_end() == "#").then_some("")) {
                Some(line) => head.push(line),
                None => {
                    let message =
                        format!("expected a setting in a comment, '# key = value', or '{CLOSES}' after the last");
                    return Err(fault(number, message));
                }
            }
        }
        let script: String = rest.collect();
        let toml = head.join("\n");
        let table: toml::Table = toml.parse().map_err(|error: toml::de::Error| {
            let before = error.span().map_or(0, |span| toml[..span.start.min(toml.len())].matches('\n').count());
            fault(before + 2, error.message().to_owned())
        })?;
        let places: BTreeMap<String, usize> = head
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((line.split_once('=')?.0.trim().to_owned(), index + 2)))
            .filter(|(key, _)| table.contains_key(key))
            .rev()
            .collect();
        let mut faults = Vec::new();
        let mut settings = Map::new();
        for (key, value) in table {
            let line = places.get(&key).copied().unwrap_or(2);
            match setting(&key, value) {
                Ok(value) => drop(settings.insert(key, value)),
                Err(message) => faults.push(FileFault { line, message }),
            }
        }
        if !settings.contains_key("name") && faults.is_empty() {
            faults.push(FileFault { line: 1, message: "no name; expected '# name = \"what is watched\"'".to_owned() });
        }
        faults.sort_by_key(|fault| fault.line);
        let head = head.len() + 2;
        Ok((MonitorFile { settings, script, places, head }, faults))
    }

    /// What a monitor of the API is as a file.
    pub fn text(monitor: &Map<String, Value>) -> String {
        let defaults = defaults();
        let mut text = format!("{OPENS}\n");
        for field in MONITOR_FIELDS.iter().filter(|field| field.name != "script") {
            let value = monitor.get(field.name).unwrap_or(&Value::Null);
            if !ALWAYS.contains(&field.name) && defaults.get(field.name) == Some(value) {
                continue;
            }
            for line in written(field.name, value).split('\n') {
                text.push_str(if line.is_empty() { "#" } else { "# " });
                text.push_str(line);
                text.push('\n');
            }
        }
        text.push_str(CLOSES);
        text.push('\n');
        text.push_str(monitor.get("script").and_then(Value::as_str).unwrap_or_default());
        text
    }

    /// The monitor's name.
    pub fn name(&self) -> &str {
        self.settings.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The line of the file that a field, or a line of the script, stands in.
    pub fn line_of(&self, field: &str, line: Option<u32>) -> usize {
        match field.split('[').next().unwrap_or_default() {
            "script" => self.head + line.map_or(1, |line| line as usize),
            setting => self.places.get(setting).copied().unwrap_or(1),
        }
    }
}

/// What a monitor has of which nobody says anything, as the API shows it.
pub(super) fn defaults() -> Map<String, Value> {
    match serde_json::to_value(MonitorSpec::default()) {
        Ok(Value::Object(defaults)) => defaults,
        _ => Map::new(),
    }
}

fn setting(key: &str, value: toml::Value) -> Result<Value, String> {
    let known = MONITOR_FIELDS.iter().map(|field| field.name).filter(|name| *name != "script");
    if !known.clone().any(|name| name == key) {
        return Err(match nearest(key, known) {
            Some(name) => format!("unknown setting '{key}'; did you mean '{name}'?"),
            None => format!("unknown setting '{key}'; docs/MONITORS.md lists them"),
        });
    }
    if key == "retain_days" && value.as_str() == Some(FOREVER) {
        return Ok(Value::Null);
    }
    let plain = |value: &toml::Value| !matches!(value, toml::Value::Datetime(_) | toml::Value::Table(_));
    let is_plain = value.as_array().map_or_else(|| plain(&value), |items| items.iter().all(plain));
    let value = serde_json::to_value(value).ok().filter(|_| is_plain);
    value.ok_or_else(|| format!("'{key}' is of a kind that no setting has; put texts in quotes"))
}

/// A setting as TOML has it, in one line or several.
fn written(key: &str, value: &Value) -> String {
    if value.is_null() {
        return format!("{key} = \"{FOREVER}\"");
    }
    let text = match toml::Value::try_from(value) {
        Ok(value) => value.to_string(),
        Err(_) => value.to_string(),
    };
    // A line that would end the head goes into one line with the others, escaped as JSON does it, which TOML reads.
    let text = if text.split('\n').any(|line| line.trim() == "///") { value.to_string() } else { text };
    format!("{key} = {text}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn whole(monitor: Value) -> Map<String, Value> {
        let mut all = defaults();
        all.extend(monitor.as_object().unwrap().clone());
        all
    }

    #[test]
    fn a_file_has_what_differs_from_the_defaults_and_the_script_to_the_letter() {
        let monitor = whole(json!({
            "name": "Orders \"today\"", "schedule": "*/5 * * * *", "timezone": "Europe/Berlin", "tags": ["shop", "é"],
            "description": "What it is.\n\nhttps://wiki", "retain_days": 28, "timeout_s": 2.5,
            "script": "# /// not a head\nreturn_value = 1\r\n",
        }));
        let text = MonitorFile::text(&monitor);
        let expected = "# /// revere\n# name = 'Orders \"today\"'\n# description = \"\"\"\n# What it is.\n#\n# https://wiki\"\"\"\n\
             # schedule = \"*/5 * * * *\"\n# timezone = \"Europe/Berlin\"\n# tags = [\"shop\", \"é\"]\n# retain_days = 28\n\
             # timeout_s = 2.5\n# ///\n# /// not a head\nreturn_value = 1\r\n";
        assert_eq!(text, expected);
        let file = MonitorFile::read(&text).unwrap();
        assert_eq!(file.script, "# /// not a head\nreturn_value = 1\r\n");
        assert_eq!((file.line_of("tags[1]", None), file.line_of("script", Some(2))), (9, 14));
        assert_eq!(file.settings["description"], "What it is.\n\nhttps://wiki");
        let forever = whole(json!({"name": "a", "retain_days": null}));
        assert_eq!(MonitorFile::read(&MonitorFile::text(&forever)).unwrap().settings["retain_days"], Value::Null);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let said = |text: &str| {
            let faults = MonitorFile::read(text).unwrap_err();
            faults.iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect::<Vec<_>>().join("\n")
        };
        assert!(said("x = 1\n").starts_with("1: expected '# /// revere'"));
        assert!(said("# /// revere\n# name = \"a\"\n").starts_with("3: the settings have no end"));
        assert!(said("# /// revere\nname = \"a\"\n# ///\n").starts_with("2: expected a setting in a comment"));
        assert!(said("# /// revere\n# name = \"a\"\n# tags = [\n# ///\n").contains("3: "), "its own line");
        assert_eq!(
            said("# /// revere\n# name = \"a\"\n# shedule = \"* * * * *\"\n# ///\n"),
            "3: unknown setting 'shedule'; did you mean 'schedule'?"
        );
        assert!(said("# /// revere\n# ///\n").starts_with("1: no name"));
        assert!(said("# /// revere\n# name = 2020-01-01\n# ///\n").contains("put texts in quotes"));
    }

    #[test]
    fn line_ends_of_windows_are_read() {
        let file = MonitorFile::read("# /// revere\r\n# name = \"a\"\r\n# ///\r\nx = 1\r\n").unwrap();
        assert_eq!((file.name(), file.script.as_str()), ("a", "x = 1\n"));
    }

    proptest! {
        #[test]
        fn whatever_is_written_reads_back(
            name in "[^\u{0}\n\r]{1,30}", description in "(?s).{0,60}|(///\n|\"\"\"|'''|\\\\|#| ){0,9}", script in "(?s).{0,80}",
            tags in proptest::collection::vec("[^,\u{0}\n]{1,9}", 0..3), days in proptest::option::of(1u32..999),
        ) {
            let monitor = whole(json!({
                "name": name, "description": description.replace('\u{0}', ""), "script": script, "tags": tags,
                "retain_days": days,
            }));
            let text = MonitorFile::text(&monitor);
            let file = MonitorFile::read(&text).map_err(|faults| TestCaseError::fail(format!("{faults:?}\n{text}")))?;
            let mut back = defaults();
            back.extend(file.settings.clone());
            back.insert("script".to_owned(), file.script.clone().into());
            prop_assert_eq!(back, monitor, "{}", text);
        }
    }
}
