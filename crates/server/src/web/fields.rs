//! Reads a JSON object field by field, so that every fault of a body is reported at once and in its own words.
//!
//! Deserializers stop at the first fault and speak of types of the program. Here each field is asked for by name; what
//! is missing, of the wrong type, out of bounds or unknown becomes one [`FieldFault`] each. A field that is left out
//! reads as `None`, so the same reader serves creation (with defaults) and a partial edit.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use revere_model::calendar::instant_of_text;
use serde_json::{Map, Value};

use crate::{
    operations::{FieldFault, Refusal},
    settings,
};

/// The longest text of a field that is not bounded otherwise.
pub(super) const TEXT: usize = 1000;

/// A JSON object being read.
pub struct Fields {
    given: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<FieldFault>,
}

/// So many unknown fields are named: a body of a million of them is no better answered by a million faults.
const MOST_UNKNOWN: usize = 20;

impl Fields {
    /// Begins to read `body`, which must be an object.
    pub fn of(body: Value) -> Result<Fields, Refusal> {
        match body {
            Value::Object(given) => Ok(Fields { given, known: Vec::new(), faults: Vec::new() }),
            other => Err(Refusal::one("", format!("the body must be a JSON object, not {}", described(&other)))),
        }
    }

    /// Says that `name` must be given. Ask before reading it.
    pub fn require(&mut self, name: &'static str, expected: &str) {
        if !self.given.contains_key(name) {
            self.fault(name, format!("missing; expected {expected}"));
        }
    }

    /// A text without NUL characters, at most `most` bytes long.
    pub fn text(&mut self, name: &'static str, most: usize) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => self.bounded(name, text, most),
            other => self.wrong(name, "a text", &other),
        }
    }

    /// True or false.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            other => self.wrong(name, "true or false", &other),
        }
    }

    /// A whole number within `bounds`.
    pub fn whole(&mut self, name: &'static str, bounds: RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(name)?;
        whole(&value).filter(|number| bounds.contains(number)).or_else(|| {
            self.wrong(name, &format!("a whole number from {} to {}", bounds.start(), bounds.end()), &value)
        })
    }

    /// A number above 0, at most `most`.
    pub fn positive(&mut self, name: &'static str, most: f64) -> Option<f64> {
        let value = self.take(name)?;
        value
            .as_f64()
            .filter(|number| *number > 0.0 && *number <= most)
            .or_else(|| self.wrong(name, &format!("a number above 0, at most {most}"), &value))
    }

    /// A list of texts, each at most `most` bytes long. Faulty items are left out and named by their place.
    pub fn texts(&mut self, name: &'static str, most: usize) -> Option<Vec<String>> {
        match self.take(name)? {
            Value::Array(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    let place = format!("{name}[{index}]");
                    let text = match item {
                        Value::String(text) => self.bounded(&place, text, most),
                        other => self.wrong(&place, "a text", &other),
                    };
                    texts.extend(text);
                }
                Some(texts)
            }
            other => self.wrong(name, "a list of texts", &other),
        }
    }

    /// A list of ids: whole numbers from 1 on. Faulty items are left out and named by their place.
    pub fn ids(&mut self, name: &'static str) -> Option<Vec<i64>> {
        match self.take(name)? {
            Value::Array(items) => {
                let mut ids = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    match whole(&item).filter(|id| *id >= 1) {
                        Some(id) => ids.push(id),
                        None => drop(self.wrong::<i64>(&format!("{name}[{index}]"), "an id", &item)),
                    }
                }
                Some(ids)
            }
            other => self.wrong(name, "a list of ids", &other),
        }
    }

    /// An instant as RFC 3339 has it.
    pub fn instant(&mut self, name: &'static str) -> Option<Timestamp> {
        let value = self.take(name)?;
        let read = value.as_str().and_then(instant_of_text);
        read.or_else(|| self.wrong(name, "a time such as 2026-07-01T12:00:00Z", &value))
    }

    /// What `read` finds, or `Some(None)` for an explicit null.
    pub fn or_null<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields) -> Option<T>) -> Option<Option<T>> {
        if self.given.get(name).is_some_and(Value::is_null) {
            self.take(name);
            return Some(None);
        }
        read(self).map(Some)
    }

    /// A text, where null is as if it were not given.
    pub fn text_or_null(&mut self, name: &'static str, most: usize) -> Option<String> {
        self.or_null(name, |fields| fields.text(name, most)).flatten()
    }

    /// An instant, where null is as if it were not given.
    pub fn instant_or_null(&mut self, name: &'static str) -> Option<Timestamp> {
        self.or_null(name, |fields| fields.instant(name)).flatten()
    }

    /// Accepts `names` without reading them: what an answer shows and a client may send back unchanged.
    pub fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.take(name);
        }
    }

    /// Notes one more fault.
    pub fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(FieldFault::new(field, message));
    }

    /// The faults, with one for each field that nobody asked for.
    pub fn finish(mut self) -> Vec<FieldFault> {
        for name in self.given.keys().take(MOST_UNKNOWN) {
            let shown: String = name.chars().take(100).collect();
            let message = settings::unknown_name("field", &shown, self.known.iter().copied());
            self.faults.push(FieldFault::new(shown, message));
        }
        self.faults
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.given.shift_remove(name)
    }

    fn bounded(&mut self, place: &str, text: String, most: usize) -> Option<String> {
        if text.len() > most {
            self.fault(place, format!("is {} bytes long; at most {most} are kept", text.len()));
            return None;
        }
        // PostgreSQL cannot keep it, Python refuses it in a script, and nobody can see it.
        if let Some(at) = text.find('\0') {
            self.fault(place, format!("holds a NUL character (at byte {at}); take it out"));
            return None;
        }
        Some(text)
    }

    fn wrong<T>(&mut self, place: &str, expected: &str, found: &Value) -> Option<T> {
        self.fault(place, format!("expected {expected}, not {}", described(found)));
        None
    }
}

/// JSON knows one kind of number: 7.0 is as whole as 7.
fn whole(value: &Value) -> Option<i64> {
    // Beyond this, neighbours of a float are not whole numbers any more.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT);
    value.as_i64().or_else(|| float().map(|number| number as i64))
}

/// A value as JSON people call it, short.
fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => {
            let short: String = text.chars().take(40).collect();
            format!("the text {short:?}{}", if short.len() < text.len() { "..." } else { "" })
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let body = json!({
            "name": 7, "active": "yes", "retain_days": -1, "timeout_s": 0, "tags": ["a", 1, "b\0"], "scrpt": "", "x": {}
        });
        let mut fields = Fields::of(body).unwrap();
        fields.require("schedule", "crontab syntax");
        assert_eq!(fields.text("name", 200), None);
        assert_eq!(fields.text("schedule", 200), None);
        assert_eq!(fields.text("script", 200), None);
        assert_eq!(fields.flag("active"), None);
        assert_eq!(fields.or_null("retain_days", |fields| fields.whole("retain_days", 1..=9)), None);
        assert_eq!(fields.positive("timeout_s", 60.0), None);
        assert_eq!(fields.texts("tags", 10), Some(vec!["a".to_owned()]));
        let faults: Vec<String> =
            fields.finish().into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        assert_eq!(
            faults,
            [
                "schedule: missing; expected crontab syntax",
                "name: expected a text, not the number 7",
                "active: expected true or false, not the text \"yes\"",
                "retain_days: expected a whole number from 1 to 9, not the number -1",
                "timeout_s: expected a number above 0, at most 60, not the number 0",
                "tags[1]: expected a text, not the number 1",
                "tags[2]: holds a NUL character (at byte 1); take it out",
                "scrpt: unknown field 'scrpt'; did you mean 'script'?",
                "x: unknown field 'x'; known: name, schedule, script, active, retain_days, timeout_s, tags",
            ]
        );
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        for (given, read) in [("7.0", Some(7)), ("7e0", Some(7)), ("7.5", None), ("1e300", None), ("true", None)] {
            let mut fields = Fields::of(json!({"version": serde_json::from_str::<Value>(given).unwrap()})).unwrap();
            assert_eq!(fields.whole("version", 1..=9), read, "{given}");
            assert_eq!(fields.finish().is_empty(), read.is_some(), "{given}");
        }
    }

    #[test]
    fn ids_and_instants_are_read_or_named() {
        let body = json!({
            "ids": [1, 2.0, 0, "x"], "at": "2026-07-01T12:00:00Z", "never": "9999-12-31T23:59:59Z", "until": "tomorrow",
            "more": 7,
        });
        let mut fields = Fields::of(body).unwrap();
        assert_eq!(fields.ids("ids"), Some(vec![1, 2]));
        assert_eq!(fields.instant("at"), "2026-07-01T12:00:00Z".parse().ok());
        assert_eq!(fields.instant("never"), Some(Timestamp::MAX));
        assert_eq!((fields.instant("until"), fields.ids("more")), (None, None));
        let faults: Vec<String> =
            fields.finish().into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect();
        assert_eq!(
            faults,
            [
                "ids[2]: expected an id, not the number 0",
                "ids[3]: expected an id, not the text \"x\"",
                "until: expected a time such as 2026-07-01T12:00:00Z, not the text \"tomorrow\"",
                "more: expected a list of ids, not the number 7",
            ]
        );
    }

    #[test]
    fn null_and_absence_differ() {
        let mut fields = Fields::of(json!({"retain_days": null})).unwrap();
        assert_eq!(fields.or_null("retain_days", |fields| fields.whole("retain_days", 1..=9)), Some(None));
        assert_eq!(fields.or_null("timeout_s", |fields| fields.positive("timeout_s", 9.0)), None);
        assert_eq!(fields.finish(), []);
    }
}
