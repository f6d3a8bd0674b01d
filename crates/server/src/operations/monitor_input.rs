//! What someone wants a monitor to be, field by field of the model's table.

use revere_model::{MonitorSpec, Severity, StateInOutage, monitor_fields};

use super::FieldFault;

macro_rules! input {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// What someone wants a monitor to be: `None` leaves a field as it is, or at its default.
        #[derive(Clone, Debug, Default)]
        pub struct MonitorInput {
            $(#[doc = $doc] pub $field: Option<$type>,)*
            /// Why, in one line, if they say: kept with the version.
            pub note: String,
            /// What reading the input already found wrong: told together with all else.
            pub faults: Vec<FieldFault>,
        }

        impl MonitorInput {
            /// All of it.
            pub(super) fn of(spec: MonitorSpec) -> MonitorInput {
                MonitorInput { $($field: Some(spec.$field),)* note: String::new(), faults: Vec::new() }
            }

            /// `base` with what this names in its place.
            pub(super) fn over(&self, base: MonitorSpec) -> MonitorSpec {
                MonitorSpec { $($field: Clone::clone(&self.$field).unwrap_or(base.$field),)* }
            }
        }

        /// Whether two differ in a field.
        pub(super) fn differ(one: &MonitorSpec, other: &MonitorSpec, field: &str) -> bool {
            $(
                if field == stringify!($field) {
                    return one.$field != other.$field;
                }
            )*
            true
        }
    };
}

monitor_fields!(input);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_and_what_differs_is_told_by_field() {
        let stored = MonitorSpec { name: "a".to_owned(), retain_days: Some(7), ..MonitorSpec::default() };
        let input = MonitorInput { retain_days: Some(None), alarm_after: Some(3), ..MonitorInput::default() };
        let spec = input.over(stored.clone());
        assert_eq!(spec, MonitorSpec { retain_days: None, alarm_after: 3, ..stored.clone() });
        let differing: Vec<&str> = revere_model::MONITOR_FIELDS
            .iter()
            .map(|field| field.name)
            .filter(|name| differ(&stored, &spec, name))
            .collect();
        assert_eq!(differing, ["alarm_after", "retain_days"]);
    }
}
