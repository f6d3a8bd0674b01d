//! How each kind of field stands in the form: what is typed, and what that asks for.

use std::{fmt::Display, time::Duration};

use revere_model::{MonitorField, Severity, StateInOutage, field_kind};

use super::super::form::FormTexts;
use crate::operations::FieldFault;

/// What stands for the configured time limit, until a page says which it is.
const DEFAULT: &str = "(default)";

/// The same with what the server has configured: `30 s (default)`.
pub(in super::super) fn with_default(words: &str, limit: &Duration) -> String {
    if words == DEFAULT { format!("{} s {DEFAULT}", limit.as_secs_f64()) } else { words.to_owned() }
}

/// A kind of field in the form.
pub(super) trait FormField {
    /// What stands in the field.
    type Typed;
    /// What it stands for.
    type Value;

    /// A value as one would type it.
    fn typed(value: &Self::Value) -> Self::Typed;

    /// What was sent.
    fn read(form: &FormTexts, name: &str) -> Self::Typed;

    /// What it asks for; `None` with a fault if it is nothing of the kind.
    fn asked(typed: &Self::Typed, name: &str, faults: &mut Vec<FieldFault>) -> Option<Self::Value>;

    /// The field, if it is a plain one: then it needs no place of its own in the template.
    fn plain(_typed: &Self::Typed, _field: &'static MonitorField) -> Option<PlainField> {
        None
    }

    /// What it is set to, for a reader, if it is a plain one; `unit` is one of what it counts.
    fn in_words(_value: &Self::Value, _unit: &str) -> Option<String> {
        None
    }

    /// What it is set to, for a reader, whatever it is.
    fn as_read(value: &Self::Value, unit: &str) -> String {
        Self::in_words(value, unit).unwrap_or_default()
    }
}

/// A field that is a label, a line to type in, and what the number counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PlainField {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// What was typed.
    pub(super) typed: String,
    /// What stands there while nothing is typed: what that means.
    pub(super) if_empty: String,
    /// The keys that a telephone shows.
    pub(super) keys: &'static str,
    /// What can be chosen; where there is nothing to choose from, it is typed.
    pub(super) options: Vec<&'static str>,
    pub(super) hint: String,
}

macro_rules! texts {
    ($($kind:ident $read:expr;)*) => {$(
        impl FormField for field_kind::$kind {
            type Typed = String;
            type Value = String;

            fn typed(value: &String) -> String {
                value.clone()
            }

            fn read(form: &FormTexts, name: &str) -> String {
                $read(form, name)
            }

            fn asked(typed: &String, _: &str, _: &mut Vec<FieldFault>) -> Option<String> {
                Some(typed.clone())
            }

            fn as_read(value: &String, _: &str) -> String {
                value.clone()
            }
        }
    )*};
}

// Spaces around what stands in one line are nobody's wish; longer texts are kept as they are.
texts! {
    Name line;
    Description text;
    Script text;
    Schedule line;
    Zone line;
}

impl FormField for field_kind::Flag {
    type Typed = bool;
    type Value = bool;

    fn typed(value: &bool) -> bool {
        *value
    }

    fn read(form: &FormTexts, name: &str) -> bool {
        form.has(name)
    }

    fn asked(typed: &bool, _: &str, _: &mut Vec<FieldFault>) -> Option<bool> {
        Some(*typed)
    }

    fn as_read(value: &bool, _: &str) -> String {
        if *value { "on" } else { "off" }.to_owned()
    }
}

impl FormField for field_kind::SeverityChoice {
    type Typed = String;
    type Value = Severity;

    fn typed(value: &Severity) -> String {
        value.to_string()
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<Severity> {
        if typed.is_empty() {
            return None;
        }
        typed.parse().ok().or_else(|| none(typed, name, "critical or warning", faults))
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        let options = Severity::ALL.into_iter().map(Severity::as_str).collect();
        let hint = "of a problem, unless the script says".to_owned();
        Some(PlainField { options, hint, ..plain(typed, field, "", "") })
    }

    fn in_words(value: &Severity, _: &str) -> Option<String> {
        Some(value.to_string())
    }
}

impl FormField for field_kind::OutageChoice {
    type Typed = String;
    type Value = StateInOutage;

    fn typed(value: &StateInOutage) -> String {
        value.to_string()
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<StateInOutage> {
        if typed.is_empty() {
            return None;
        }
        typed.parse().ok().or_else(|| none(typed, name, "error, keep or ok", faults))
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        let options = StateInOutage::ALL.into_iter().map(StateInOutage::as_str).collect();
        let hint = "while a source that it needs is down".to_owned();
        Some(PlainField { options, hint, ..plain(typed, field, "", "") })
    }

    fn in_words(value: &StateInOutage, _: &str) -> Option<String> {
        (*value != StateInOutage::default()).then(|| value.to_string())
    }
}

impl FormField for field_kind::Days {
    type Typed = String;
    type Value = Option<u32>;

    fn typed(value: &Option<u32>) -> String {
        value.map_or_else(String::new, |days| days.to_string())
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<Option<u32>> {
        if typed.is_empty() {
            return Some(None);
        }
        let days = typed.parse().ok();
        days.or_else(|| none(typed, name, "a whole number of days; leave it empty to keep runs for ever", faults))
            .map(Some)
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        Some(plain(typed, field, "numeric", "for ever"))
    }

    fn in_words(value: &Option<u32>, unit: &str) -> Option<String> {
        Some(value.map_or_else(|| "for ever".to_owned(), |days| counted(days, unit)))
    }
}

impl FormField for field_kind::Seconds {
    type Typed = String;
    type Value = Option<f64>;

    fn typed(value: &Option<f64>) -> String {
        value.map_or_else(String::new, |seconds| seconds.to_string())
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<Option<f64>> {
        if typed.is_empty() {
            return Some(None);
        }
        let seconds = typed.replace(',', ".").parse().ok();
        seconds.or_else(|| none(typed, name, "a number of seconds; leave it empty for the default", faults)).map(Some)
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        Some(plain(typed, field, "decimal", DEFAULT))
    }

    fn in_words(value: &Option<f64>, unit: &str) -> Option<String> {
        Some(value.map_or_else(|| DEFAULT.to_owned(), |seconds| counted(seconds, unit)))
    }
}

impl FormField for field_kind::Unit {
    type Typed = String;
    type Value = String;

    fn typed(value: &String) -> String {
        value.clone()
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, _: &str, _: &mut Vec<FieldFault>) -> Option<String> {
        Some(typed.clone())
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        Some(PlainField { hint: "ms, %, bytes, EUR".to_owned(), ..plain(typed, field, "text", "none") })
    }

    fn in_words(value: &String, _: &str) -> Option<String> {
        (!value.is_empty()).then(|| value.clone())
    }
}

impl FormField for field_kind::Decimals {
    type Typed = String;
    type Value = Option<u32>;

    fn typed(value: &Option<u32>) -> String {
        value.map_or_else(String::new, |decimals| decimals.to_string())
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<Option<u32>> {
        if typed.is_empty() {
            return Some(None);
        }
        let expected = "a whole number of decimals; leave it empty for as many as there are";
        typed.parse().ok().or_else(|| none(typed, name, expected, faults)).map(Some)
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        Some(plain(typed, field, "numeric", "as many as there are"))
    }

    fn in_words(value: &Option<u32>, unit: &str) -> Option<String> {
        value.map(|decimals| counted(decimals, unit))
    }
}

impl FormField for field_kind::Tags {
    type Typed = String;
    type Value = Vec<String>;

    fn typed(value: &Vec<String>) -> String {
        value.join(", ")
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, _: &str, _: &mut Vec<FieldFault>) -> Option<Vec<String>> {
        Some(typed.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
    }

    fn as_read(value: &Vec<String>, _: &str) -> String {
        value.join(", ")
    }
}

impl FormField for field_kind::AlertChoice {
    type Typed = Vec<String>;
    type Value = Option<Vec<String>>;

    fn typed(value: &Option<Vec<String>>) -> Vec<String> {
        value.clone().unwrap_or_default()
    }

    /// The boxes that are ticked; none is all alerts.
    fn read(form: &FormTexts, name: &str) -> Vec<String> {
        form.all(name).filter(|key| !key.is_empty()).map(str::to_owned).collect()
    }

    fn asked(typed: &Vec<String>, _: &str, _: &mut Vec<FieldFault>) -> Option<Option<Vec<String>>> {
        Some(Some(typed.clone()).filter(|chosen| !chosen.is_empty()))
    }

    fn as_read(value: &Option<Vec<String>>, _: &str) -> String {
        value.as_ref().map_or_else(|| "all alerts".to_owned(), |chosen| chosen.join(", "))
    }
}

impl FormField for field_kind::Streak {
    type Typed = String;
    type Value = u32;

    fn typed(value: &u32) -> String {
        value.to_string()
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<u32> {
        typed.parse().ok().or_else(|| none(typed, name, "a whole number of runs, such as 1 or 3", faults))
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        let mut plain = plain(typed, field, "numeric", "");
        // Whether failing ones are is said by the window beside it.
        if field.name != "alarm_after" {
            plain.hint.push_str(" in a row");
        }
        Some(plain)
    }

    fn in_words(value: &u32, unit: &str) -> Option<String> {
        let in_a_row = if *value == 1 { "" } else { " in a row" };
        Some(counted(*value, unit) + in_a_row)
    }
}

impl FormField for field_kind::Window {
    type Typed = String;
    type Value = Option<u32>;

    fn typed(value: &Option<u32>) -> String {
        value.map_or_else(String::new, |runs| runs.to_string())
    }

    fn read(form: &FormTexts, name: &str) -> String {
        line(form, name)
    }

    fn asked(typed: &String, name: &str, faults: &mut Vec<FieldFault>) -> Option<Option<u32>> {
        if typed.is_empty() {
            return Some(None);
        }
        let expected = "a whole number of runs, such as 5; leave it empty to count in a row";
        typed.parse().ok().or_else(|| none(typed, name, expected, faults)).map(Some)
    }

    fn plain(typed: &String, field: &'static MonitorField) -> Option<PlainField> {
        Some(PlainField { hint: "last runs".to_owned(), ..plain(typed, field, "numeric", "in a row") })
    }

    /// Beside the number of failing runs, which says it already, there is no more to say.
    fn as_read(value: &Option<u32>, unit: &str) -> String {
        value.map_or_else(|| "in a row".to_owned(), |runs| format!("the last {}", counted(runs, unit)))
    }
}

fn line(form: &FormTexts, name: &str) -> String {
    form.text(name).trim().to_owned()
}

fn text(form: &FormTexts, name: &str) -> String {
    form.text(name).to_owned()
}

fn plain(typed: &str, field: &'static MonitorField, keys: &'static str, if_empty: &str) -> PlainField {
    let MonitorField { name, words, .. } = field;
    PlainField {
        name,
        label: words.label,
        typed: typed.to_owned(),
        if_empty: if_empty.to_owned(),
        keys,
        options: Vec::new(),
        hint: format!("{}s", words.unit),
    }
}

/// So many of a unit: `1 day`, `2 days`.
fn counted<T: Display + PartialEq + From<u8>>(number: T, unit: &str) -> String {
    let plural = if number == T::from(1) { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// Notes that what was typed is not what was expected.
fn none<T>(typed: &str, name: &str, expected: &str, faults: &mut Vec<FieldFault>) -> Option<T> {
    let short: String = typed.chars().take(40).collect();
    faults.push(FieldFault::new(name, format!("{short:?} is not {expected}")));
    None
}
