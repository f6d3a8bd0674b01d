//! What is wrong with a monitor as its author wrote it, as far as it can be judged without running Python.

use serde::Serialize;

use crate::{MonitorSpec, Schedule, zone};

/// The longest name, in characters.
pub const MAX_NAME: usize = 200;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 10_000;
/// The longest script, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 256 * 1024;
/// The longest retention, in days.
pub const MAX_RETAIN_DAYS: u32 = 36_500;
/// The longest wall-clock limit of one run, in seconds.
pub const MAX_TIMEOUT_S: f64 = 3600.0;
/// The most tags of one monitor.
pub const MAX_TAGS: usize = 20;
/// The longest tag, in characters.
pub const MAX_TAG: usize = 50;
/// The highest count of runs in a row that can be asked for before a flip.
pub const MAX_STREAK: u32 = 1000;

/// One thing that is wrong with one field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fault {
    /// The field of [`MonitorSpec`], which is also the JSON key, column and form field.
    pub field: &'static str,
    /// The fault and the next step, for people.
    pub message: String,
}

impl MonitorSpec {
    /// Everything that is wrong, in the order of the fields; empty if it may be stored.
    ///
    /// Whether the script compiles and its sources exist is asked elsewhere: that takes the sandbox and the configuration.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check = |field, fault: Option<String>| faults.extend(fault.map(|message| Fault { field, message }));
        check("name", name(&self.name));
        check("description", description(&self.description));
        check("script", script(&self.script));
        check("schedule", Schedule::parse(&self.schedule).err().map(|fault| fault.to_string()));
        check("timezone", zone(&self.timezone).err().map(|fault| fault.to_string()));
        check("retain_days", self.retain_days.and_then(retain_days));
        check("timeout_s", self.timeout_s.and_then(timeout_s));
        check("tags", tags(&self.tags));
        check("alarm_after", streak("alarm_after", self.alarm_after));
        check("recover_after", streak("recover_after", self.recover_after));
        faults
    }
}

fn name(name: &str) -> Option<String> {
    let length = name.chars().count();
    if name.trim().is_empty() {
        Some("the name is empty: say in one line what is watched".into())
    } else if name.contains(['\n', '\r']) {
        Some("the name has more than one line: move the rest to the description".into())
    } else if name.chars().any(char::is_control) {
        Some("the name has a control character: type it again instead of pasting it".into())
    } else if length > MAX_NAME {
        Some(format!("the name has {length} characters: {MAX_NAME} at most, the rest belongs in the description"))
    } else {
        None
    }
}

fn description(description: &str) -> Option<String> {
    let length = description.chars().count();
    if length > MAX_DESCRIPTION {
        Some(format!("the description has {length} characters: {MAX_DESCRIPTION} at most, link to the rest"))
    } else if description.contains('\0') {
        Some("the description has a NUL character: take it out".into())
    } else {
        None
    }
}

fn script(script: &str) -> Option<String> {
    if script.trim().is_empty() {
        Some("the script is empty: write Python that raises MonitorFailure when something is wrong".into())
    } else if script.len() > MAX_SCRIPT_BYTES {
        let limit = MAX_SCRIPT_BYTES / 1024;
        Some(format!(
            "the script has {} bytes: {limit} KiB at most, move helpers to a PYTHON_PATH folder",
            script.len()
        ))
    } else if let Some(at) = script.find('\0') {
        let line = script[..at].matches('\n').count() + 1;
        Some(format!("the script has a NUL character in line {line}: take it out"))
    } else {
        None
    }
}

fn retain_days(days: u32) -> Option<String> {
    let fits = (1..=MAX_RETAIN_DAYS).contains(&days);
    (!fits).then(|| format!("{days} days is outside 1-{MAX_RETAIN_DAYS}: leave it empty to keep runs for ever"))
}

fn timeout_s(seconds: f64) -> Option<String> {
    let fits = seconds.is_finite() && seconds > 0.0 && seconds <= MAX_TIMEOUT_S;
    (!fits).then(|| {
        format!(
            "a limit of {seconds} s is not above 0 and up to {MAX_TIMEOUT_S}: leave it empty for the server's default"
        )
    })
}

fn tags(tags: &[String]) -> Option<String> {
    if tags.len() > MAX_TAGS {
        return Some(format!("{} tags: {MAX_TAGS} at most", tags.len()));
    }
    tags.iter().enumerate().find_map(|(index, tag)| {
        let length = tag.chars().count();
        if tag.trim().is_empty() {
            Some("a tag is empty: take it out".into())
        } else if length > MAX_TAG {
            let start: String = tag.chars().take(20).collect();
            Some(format!("the tag {:?} has {length} characters: {MAX_TAG} at most", start + "…"))
        } else if tag.trim() != tag {
            Some(format!("the tag {tag:?} begins or ends with a space: take it out"))
        } else if tag.contains(',') {
            Some(format!("the tag {tag:?} has a comma: make it two tags"))
        } else if tag.chars().any(char::is_control) {
            Some(format!("the tag {tag:?} has a control character: type it again instead of pasting it"))
        } else if tags[..index].iter().any(|other| other.to_lowercase() == tag.to_lowercase()) {
            Some(format!("the tag {tag:?} is there twice, upper and lower case being the same: take one out"))
        } else {
            None
        }
    })
}

fn streak(field: &str, runs: u32) -> Option<String> {
    let fits = (1..=MAX_STREAK).contains(&runs);
    (!fits).then(|| format!("{field} is {runs}: write how many runs in a row, 1-{MAX_STREAK}"))
}
