//! What stands in the fields, as it was typed, and what it asks for.

use revere_model::{
    Monitor, MonitorId, MonitorSpec,
    field_kind::{Days, Flag, Line, Seconds, Streak, Tags, Text},
    monitor_fields,
};

use super::{
    super::{display::When, form::FormTexts},
    form_kinds::FormField,
};
use crate::operations::{Context, Defaults, monitors::MonitorInput};

macro_rules! typed {
    ($(#[doc = $words:literal] $field:ident: $type:ty, $kind:ident, $label:literal, $default:expr;)*) => {
        /// What stands in the fields, as it was typed.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub(super) struct Typed {
            $(#[doc = $words] pub(super) $field: <$kind as FormField>::Typed,)*
        }

        impl Typed {
            pub(super) fn of(spec: &MonitorSpec) -> Typed {
                Typed { $($field: <$kind as FormField>::typed(&spec.$field),)* }
            }

            pub(super) fn read(form: &FormTexts) -> Typed {
                Typed { $($field: <$kind as FormField>::read(form, stringify!($field)),)* }
            }

            /// What was typed, with a fault for each number that is none.
            pub(super) fn input(&self) -> MonitorInput {
                let mut faults = Vec::new();
                MonitorInput {
                    $($field: <$kind as FormField>::asked(&self.$field, stringify!($field), &mut faults),)*
                    faults,
                }
            }

            /// The fields that differ, in words.
            fn differing(&self, other: &Typed) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(
                    if self.$field != other.$field {
                        names.push($label);
                    }
                )*
                names
            }
        }
    };
}

monitor_fields!(typed);

/// What someone else saved meanwhile.
pub(super) struct Theirs {
    pub(super) id: MonitorId,
    pub(super) version: i64,
    pub(super) at: When,
    pub(super) changed: String,
    pub(super) script: Option<String>,
}

impl Typed {
    pub(super) fn blank(context: &Context) -> Typed {
        let Defaults { timezone, retain_days } = context.defaults().clone();
        let schedule = "*/5 * * * *".to_owned();
        Typed::of(&MonitorSpec { schedule, timezone, retain_days, ..MonitorSpec::default() })
    }
}

impl Theirs {
    pub(super) fn of(stored: &Monitor, mine: &Typed, now: jiff::Timestamp) -> Theirs {
        let theirs = Typed::of(&stored.spec);
        let changed = theirs.differing(mine);
        Theirs {
            id: stored.id,
            version: stored.version,
            at: When { at: stored.updated_at, now },
            changed: if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") },
            script: (theirs.script != mine.script).then_some(theirs.script),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn typed() -> Typed {
        Typed {
            name: "<Queue>".into(),
            description: "</textarea><script>".into(),
            script: "\nif a < b:\n    pass".into(),
            schedule: "*/5 * * * *".into(),
            timezone: "Europe/Berlin".into(),
            tags: "a, , b".into(),
            alarm_after: "three".into(),
            timeout_s: "2,5".into(),
            ..Typed::of(&MonitorSpec::default())
        }
    }

    #[test]
    fn numbers_that_are_none_are_faults_at_their_field() {
        let input = typed().input();
        assert_eq!(input.faults.len(), 1);
        assert_eq!(input.faults[0].field, "alarm_after");
        assert_eq!(input.tags.unwrap(), ["a", "b"]);
        assert_eq!((input.retain_days, input.timeout_s), (Some(None), Some(Some(2.5))));
    }
}
