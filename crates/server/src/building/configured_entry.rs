//! One configured source or alert: what `REVERE_SOURCES` and `REVERE_ALERTS` hold under each name.
//!
//! Knows the shape that all types share and nothing of any type.

use jiff::SignedDuration;
use revere_model::{QuietHours, Reminders, read_duration};
use serde_json::Value;

use crate::{
    building::read_quiet_hours,
    redact::Secrets,
    settings::{ConfigFault, Field, FieldKind, Settings, python_type},
};

/// A configured source or alert, before its type has looked at it.
#[derive(Clone, PartialEq, Debug)]
pub struct ConfiguredEntry {
    /// What scripts and people call it.
    pub name: String,
    /// Its `type`, as it was written; known or not.
    pub kind: String,
    /// What an operator wrote about it.
    pub description: String,
    /// Whether it is switched on in the configuration.
    pub enabled: bool,
    /// Of an alert: after how long it reminds of a problem that goes on, if it does.
    pub remind: Option<Reminders>,
    /// Of an alert: when it holds back what can wait.
    pub quiet_hours: Option<QuietHours>,
    /// Of an alert that reaches somebody of a rota: whether it tells nothing else; `None` where the file does not say.
    pub on_call_only: Option<bool>,
    /// What its type needs, for [`Settings::read`]; null if nothing was given.
    pub config: Value,
    /// Where it stands, for faults: `REVERE_SOURCES['graphite']`. Its config is at `{place}['config']`.
    pub place: String,
}

/// Nobody wants to be told more often.
const SHORTEST_REMINDER: SignedDuration = SignedDuration::from_mins(1);
/// Nobody would notice.
const LONGEST_REMINDER: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What every entry may hold.
pub const FIELDS: &[Field] = &[
    Field::required("type", FieldKind::Text, "its type"),
    Field::optional("description", FieldKind::Any, "What people should know of it."),
    Field::optional("enabled", FieldKind::Bool, "False leaves it out without forgetting its settings.").or_flag(true),
    Field::optional("config", FieldKind::Any, "What the type needs; see its table."),
];

/// What an alert may hold besides.
pub const ALERT_FIELDS: &[Field] = &[
    FIELDS[0],
    FIELDS[1],
    FIELDS[2],
    FIELDS[3],
    Field::optional(
        "remind",
        FieldKind::Text,
        "After how long it reminds of a problem that goes on, such as `'1h'`; each wait after that is twice the one before, and a day at most.",
    )
    .or_words("no reminders"),
    Field::optional(
        "quiet_hours",
        FieldKind::Any,
        "When it holds back what can wait, such as `{'from': '22:00', 'until': '07:00', 'zone': 'Europe/Berlin'}`.",
    )
    .or_words("none"),
    Field::optional(
        "on_call_only",
        FieldKind::Bool,
        "Of an alert that a rota names: False has it notify of all that other alerts notify of, too.",
    )
    .or_words("`True`, where a rota names it"),
];

/// Reads the dict `key` (`REVERE_SOURCES` or `REVERE_ALERTS`), every fault at once. Null is an empty dict.
pub fn read_all(key: &str, value: &Value) -> (Vec<ConfiguredEntry>, Vec<ConfigFault>) {
    let mut entries = Vec::new();
    let mut faults = Vec::new();
    match value {
        Value::Null => {}
        Value::Object(map) => {
            for (name, value) in map {
                let fields = if key == "REVERE_ALERTS" { ALERT_FIELDS } else { FIELDS };
                let (entry, found) = read(fields, name, value, format!("{key}['{}']", name.escape_debug()));
                entries.extend(entry);
                faults.extend(found);
            }
        }
        other => faults.push(ConfigFault::new(
            key,
            format!("expected a dict of name -> type, description, enabled, config, not {}", python_type(other)),
        )),
    }
    (entries, faults)
}

/// An entry with faults is an entry all the same where its type is known, so that the type can look at its config.
fn read(
    fields: &'static [Field],
    name: &str,
    value: &Value,
    place: String,
) -> (Option<ConfiguredEntry>, Vec<ConfigFault>) {
    // The secrets are learned by the type, which knows which of its fields hold one.
    let (settings, mut faults) = Settings::read_what_fits(fields, value, &place, &Secrets::default());
    for fault in &mut faults {
        if fault.message.starts_with("unknown key") && !fault.message.contains("did you mean") {
            fault.message += "; what its type needs stands inside of 'config'";
        }
    }
    if name.trim() != name || name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        let message = "expected a name of 1 to 200 printable characters, without spaces around it";
        faults.push(ConfigFault::new(&place, message));
    }
    let description = match settings.any("description") {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => {
            let message = format!("expected a text, not {}", python_type(other));
            faults.push(ConfigFault::new(format!("{place}['description']"), message));
            String::new()
        }
    };
    let remind = settings.text("remind").and_then(|text| match read_duration(text) {
        Ok(after) if (SHORTEST_REMINDER..=LONGEST_REMINDER).contains(&after) => Some(Reminders { after }),
        Ok(_) => {
            let message = format!("{text:?} is too short or too long: from 1min to 30d");
            faults.push(ConfigFault::new(format!("{place}['remind']"), message));
            None
        }
        Err(message) => {
            faults.push(ConfigFault::new(format!("{place}['remind']"), message));
            None
        }
    });
    let quiet_hours = settings.any("quiet_hours").and_then(|value| {
        read_quiet_hours(value, &format!("{place}['quiet_hours']")).map_err(|found| faults.extend(found)).ok()
    });
    let entry = settings.text("type").map(|kind| ConfiguredEntry {
        name: name.to_owned(),
        kind: kind.to_owned(),
        description,
        enabled: settings.flag("enabled"),
        remind,
        quiet_hours,
        on_call_only: settings.any("on_call_only").and_then(Value::as_bool),
        config: settings.any("config").cloned().unwrap_or(Value::Null),
        place,
    });
    (entry, faults)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shape_is_read_and_the_config_left_to_its_type() {
        let (entries, faults) = read_all(
            "REVERE_SOURCES",
            &json!({
                "graphite": {"type": "graphite", "description": "", "config": {"url": "http://g/"}},
                "off": {"type": "database", "enabled": false},
            }),
        );
        assert_eq!(faults, []);
        assert_eq!(entries[0].place, "REVERE_SOURCES['graphite']");
        assert_eq!(entries[0].config, json!({"url": "http://g/"}));
        assert!(entries[0].enabled && !entries[1].enabled);
        assert_eq!(read_all("REVERE_SOURCES", &Value::Null), (vec![], vec![]));
    }

    #[test]
    fn alerts_remind_and_sources_do_not() {
        let entry = |remind: &str| json!({"a": {"type": "log", "remind": remind}});
        let (entries, faults) = read_all("REVERE_ALERTS", &entry("1h"));
        assert_eq!((entries[0].remind, faults), (Some(Reminders { after: SignedDuration::from_hours(1) }), vec![]));
        for (remind, words) in [("often", "is no duration"), ("10s", "from 1min to 30d"), ("31d", "from 1min to 30d")] {
            let faults = read_all("REVERE_ALERTS", &entry(remind)).1;
            let fault = faults[0].to_string();
            assert!(fault.starts_with("REVERE_ALERTS['a']['remind']: ") && fault.contains(words), "{fault}");
        }
        assert!(read_all("REVERE_SOURCES", &entry("1h")).1[0].to_string().contains("unknown key 'remind'"));
    }

    #[test]
    fn every_fault_of_every_entry_is_named() {
        let (entries, faults) = read_all(
            "REVERE_ALERTS",
            &json!({"a": {"typ": "log"}, "b": 7, "c": {"type": "log", "url": "x", "description": 3}, " d": {"type": "log"}, "e": {"type": "log"}}),
        );
        let faults: Vec<String> = faults.iter().map(ConfigFault::to_string).collect();
        assert_eq!(
            faults,
            [
                "REVERE_ALERTS['a']['typ']: unknown key 'typ'; did you mean 'type'?",
                "REVERE_ALERTS['a']['type']: missing; expected a text that is not empty: its type",
                "REVERE_ALERTS['b']: expected a dict, not an int",
                "REVERE_ALERTS['c']['url']: unknown key 'url'; known: type, description, enabled, config, remind, quiet_hours, on_call_only; what its type needs stands inside of 'config'",
                "REVERE_ALERTS['c']['description']: expected a text, not an int",
                "REVERE_ALERTS[' d']: expected a name of 1 to 200 printable characters, without spaces around it",
            ]
        );
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["c", " d", "e"], "their types may look at them");
        assert_eq!(read_all("REVERE_ALERTS", &json!([])).1.len(), 1);
    }
}
