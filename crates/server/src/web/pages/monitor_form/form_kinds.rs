//! How each kind of field stands in the form: what is typed, and what that asks for.

use revere_model::field_kind::{Days, Flag, Line, Seconds, Streak, Tags, Text};

use super::super::form::FormTexts;
use crate::operations::FieldFault;

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
}

impl FormField for Line {
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
}

impl FormField for Text {
    type Typed = String;
    type Value = String;

    fn typed(value: &String) -> String {
        value.clone()
    }

    fn read(form: &FormTexts, name: &str) -> String {
        form.text(name).to_owned()
    }

    fn asked(typed: &String, _: &str, _: &mut Vec<FieldFault>) -> Option<String> {
        Some(typed.clone())
    }
}

impl FormField for Flag {
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
}

impl FormField for Days {
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
}

impl FormField for Seconds {
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
        seconds
            .or_else(|| none(typed, name, "a number of seconds; leave it empty for the server's limit", faults))
            .map(Some)
    }
}

impl FormField for Tags {
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
}

impl FormField for Streak {
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
}

fn line(form: &FormTexts, name: &str) -> String {
    form.text(name).trim().to_owned()
}

/// Notes that what was typed is not what was expected.
fn none<T>(typed: &str, name: &str, expected: &str, faults: &mut Vec<FieldFault>) -> Option<T> {
    let short: String = typed.chars().take(40).collect();
    faults.push(FieldFault::new(name, format!("{short:?} is not {expected}")));
    None
}
