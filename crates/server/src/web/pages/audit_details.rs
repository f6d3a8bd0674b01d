//! The details of a row of the audit, as people read them: what something was and is, and differences line by line.

use serde_json::{Map, Value};

/// One thing that a row says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Detail {
    /// What it is about.
    pub(super) label: String,
    /// What there is to say.
    pub(super) told: Told,
}

/// How it is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// In a few words.
    Plain(String),
    /// What it was, and what it is.
    Change(String, String),
    /// Lines, each with how it stands out.
    Lines(Vec<(&'static str, String)>),
}

/// What there is to unfold.
pub(super) fn details(details: &Map<String, Value>) -> Vec<Detail> {
    let mut all = Vec::new();
    for (name, value) in details {
        match value {
            Value::Object(changes) if name == "changes" => {
                all.extend(changes.iter().map(|(field, change)| detail(field, change)));
            }
            Value::Null => {}
            value => all.push(detail(name, value)),
        }
    }
    all
}

fn detail(name: &str, value: &Value) -> Detail {
    let told = match (value.get("from"), value.get("to"), value.get("difference")) {
        (Some(from), Some(to), _) => Told::Change(words(from), words(to)),
        (_, _, Some(Value::String(difference))) => Told::Lines(difference.lines().map(line).collect()),
        _ => Told::Plain(words(value)),
    };
    Detail { label: label(name), told }
}

fn line(text: &str) -> (&'static str, String) {
    let class = match text.as_bytes().first() {
        Some(b'+') => "added",
        Some(b'-') => "removed",
        Some(b'@' | b'.' | b'\\') => "soft",
        _ => "same",
    };
    (class, text.to_owned())
}

/// The name of a field of monitors as its form has it; of anything else its own.
fn label(name: &str) -> String {
    let field = revere_model::MONITOR_FIELDS.iter().find(|field| field.name == name);
    field.map_or_else(|| name.replace('_', " "), |field| field.words.label.to_owned())
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "nothing".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_is_said_by_field() {
        let row = json!({"version": 3, "scope": null, "changes": {
            "active": {"from": true, "to": false},
            "tags": {"from": [], "to": ["shop", "mail"]},
            "script": {"difference": "@@ -1,1 +1,1 @@\n-a\n+b\n"},
        }});
        let shown = details(row.as_object().unwrap());
        let of = |label: &str| shown.iter().find(|detail| detail.label == label).unwrap().told.clone();
        assert_eq!(shown.len(), 4);
        assert_eq!(of("version"), Told::Plain("3".into()));
        assert_eq!(of("On or off"), Told::Change("yes".into(), "no".into()));
        assert_eq!(of("Tags"), Told::Change("nothing".into(), "shop, mail".into()));
        let lines = [("soft", "@@ -1,1 +1,1 @@"), ("removed", "-a"), ("added", "+b")];
        assert_eq!(of("Script"), Told::Lines(lines.map(|(class, text)| (class, text.to_owned())).to_vec()));
    }
}
