//! What is wrong with texts: too long, empty, or with what cannot be shown in a line.

use super::{Judged, MAX_DESCRIPTION, MAX_NAME, MAX_NOTE, MAX_SCRIPT_BYTES, MAX_TAG, MAX_TAGS, MAX_UNIT};
use crate::field_kind;

/// What is wrong with the note that somebody leaves at a saving, for people.
pub fn note_fault(note: &str) -> Option<String> {
    let length = note.chars().count();
    if note.chars().any(char::is_control) {
        Some("the note has more than one line or a control character: say it in one line".into())
    } else if length > MAX_NOTE {
        Some(format!("the note has {length} characters: {MAX_NOTE} at most, the rest belongs in the description"))
    } else {
        None
    }
}

impl Judged for field_kind::Name {
    type Value = str;

    fn fault(field: &str, name: &str) -> Option<String> {
        let length = name.chars().count();
        if name.trim().is_empty() {
            Some(format!("the {field} is empty: say in one line what is watched"))
        } else if name.contains(['\n', '\r']) {
            Some(format!("the {field} has more than one line: move the rest to the description"))
        } else if name.chars().any(char::is_control) {
            Some(format!("the {field} has a control character: type it again instead of pasting it"))
        } else if length > MAX_NAME {
            Some(format!(
                "the {field} has {length} characters: {MAX_NAME} at most, the rest belongs in the description"
            ))
        } else {
            None
        }
    }
}

impl Judged for field_kind::Description {
    type Value = str;

    fn fault(field: &str, description: &str) -> Option<String> {
        let length = description.chars().count();
        if length > MAX_DESCRIPTION {
            Some(format!("the {field} has {length} characters: {MAX_DESCRIPTION} at most, link to the rest"))
        } else if description.contains('\0') {
            Some(format!("the {field} has a NUL character: take it out"))
        } else {
            None
        }
    }
}

impl Judged for field_kind::Script {
    type Value = str;

    fn fault(field: &str, script: &str) -> Option<String> {
        if script.trim().is_empty() {
            Some(format!("the {field} is empty: write Python that raises MonitorFailure when something is wrong"))
        } else if script.len() > MAX_SCRIPT_BYTES {
            let limit = MAX_SCRIPT_BYTES / 1024;
            Some(format!(
                "the {field} has {} bytes: {limit} KiB at most, move helpers to a PYTHON_PATH folder",
                script.len()
            ))
        } else if let Some(at) = script.find('\0') {
            let line = script[..at].matches('\n').count() + 1;
            Some(format!("the {field} has a NUL character in line {line}: take it out"))
        } else {
            None
        }
    }
}

impl Judged for field_kind::Unit {
    type Value = str;

    fn fault(field: &str, unit: &str) -> Option<String> {
        let length = unit.chars().count();
        if length > MAX_UNIT {
            Some(format!("the {field} has {length} characters: {MAX_UNIT} at most, such as ms, %, bytes or EUR"))
        } else if unit.trim() != unit {
            Some(format!("the {field} {unit:?} begins or ends with a space: take it out"))
        } else if unit.chars().any(char::is_control) {
            Some(format!("the {field} {unit:?} has a control character: type it again instead of pasting it"))
        } else {
            None
        }
    }
}

impl Judged for field_kind::Tags {
    type Value = [String];

    fn fault(_: &str, tags: &[String]) -> Option<String> {
        tags_fault(tags)
    }
}

/// What is wrong with tags, of a monitor or of an alert that is for some of them, for people.
pub fn tags_fault(tags: &[String]) -> Option<String> {
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
