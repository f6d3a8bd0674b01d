//! What differs between two versions of a monitor, as the audit says it: each field with what it was and is, the script as
//! a difference. Made of the model's table of fields.

use std::fmt::Write as _;

use revere_model::{MonitorSpec, Severity, StateInOutage, field_kind, monitor_fields, unified_difference};
use serde_json::{Map, Value, json};

/// The longest text or difference that is kept whole, in bytes.
const MOST: usize = 16 * 1024;

/// How a kind of field is told of where it changed.
trait Told {
    type Value: PartialEq;

    fn change(from: &Self::Value, to: &Self::Value) -> Value;
}

macro_rules! told {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// What differs, by field.
        pub(in crate::store) fn differences(from: &MonitorSpec, to: &MonitorSpec) -> Map<String, Value> {
            let mut changes = Map::new();
            $(
                if from.$field != to.$field {
                    let change = <field_kind::$kind as Told>::change(&from.$field, &to.$field);
                    changes.insert(stringify!($field).to_owned(), change);
                }
            )*
            changes
        }
    };
}

monitor_fields!(told);

/// What differs between two scripts.
pub(in crate::store) fn script_difference(from: &String, to: &String) -> Value {
    <field_kind::Script as Told>::change(from, to)
}

/// What a new monitor is: what it has that one has not of which nobody said anything.
pub(in crate::store) fn created(spec: &MonitorSpec) -> Map<String, Value> {
    differences(&MonitorSpec::default(), spec)
}

macro_rules! plain {
    ($($kind:ident: $type:ty),*) => {$(
        impl Told for field_kind::$kind {
            type Value = $type;

            fn change(from: &$type, to: &$type) -> Value {
                json!({ "from": from, "to": to })
            }
        }
    )*};
}

plain! { Name: String, Schedule: String, Zone: String, Flag: bool, Tags: Vec<String>, Streak: u32, Days: Option<u32>,
Seconds: Option<f64>, AlertChoice: Option<Vec<String>>, SeverityChoice: Severity, Unit: String, Decimals: Option<u32>,
Window: Option<u32>, OutageChoice: StateInOutage }

macro_rules! texts {
    ($($kind:ident)*) => {$(
        impl Told for field_kind::$kind {
            type Value = String;

            fn change(from: &String, to: &String) -> Value {
                json!({ "difference": cut(unified_difference(from, to)) })
            }
        }
    )*};
}

texts! { Description Script }

/// A difference that is not longer than anybody reads; what was left out is said. Cut between lines: half a secret would
/// not be known as one.
fn cut(mut difference: String) -> String {
    if difference.len() > MOST {
        let kept = difference.as_bytes()[..MOST].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let left_out = difference.len() - kept;
        difference.truncate(kept);
        // Writing into a String cannot fail.
        let _ = writeln!(difference, "... {left_out} bytes more");
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_with_what_they_were_and_are_and_scripts_as_a_difference() {
        let from = MonitorSpec {
            name: "a".to_owned(),
            script: "x = 1\ny = 2\n".to_owned(),
            tags: vec!["shop".to_owned()],
            ..MonitorSpec::default()
        };
        let to = MonitorSpec { script: "x = 1\ny = 3\n".to_owned(), retain_days: Some(7), ..from.clone() };
        assert_eq!(
            Value::Object(differences(&from, &to)),
            json!({
                "script": {"difference": "@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3\n"},
                "retain_days": {"from": null, "to": 7},
            })
        );
        assert!(differences(&from, &from).is_empty());
    }

    #[test]
    fn a_difference_that_nobody_reads_is_cut() {
        let to = MonitorSpec { script: "ü = 1\n".repeat(30_000), ..MonitorSpec::default() };
        let changes = Value::Object(differences(&MonitorSpec::default(), &to));
        let difference = changes["script"]["difference"].as_str().unwrap();
        assert!(difference.len() < MOST + 100 && difference.contains("+ü = 1\n... "), "{}", difference.len());
        let to = MonitorSpec { script: "ü".repeat(100_000), ..MonitorSpec::default() };
        let changes = Value::Object(differences(&MonitorSpec::default(), &to));
        assert_eq!(changes["script"]["difference"], "@@ -0,0 +1,1 @@\n... 200030 bytes more\n");
    }
}
