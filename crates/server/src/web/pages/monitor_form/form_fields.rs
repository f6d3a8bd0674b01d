//! What stands in the fields, as it was typed, and what it asks for.

use revere_model::{MONITOR_FIELDS, Monitor, MonitorField, MonitorId, MonitorSpec, field_kind, monitor_fields};

use super::{
    super::{display::When, form::FormTexts},
    form_kinds::{FormField, PlainField},
};
use crate::operations::{
    Context,
    monitors::{self, MonitorInput},
};

macro_rules! typed {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// What stands in the fields, as it was typed.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub(super) struct Typed {
            $(#[doc = $doc] pub(super) $field: <field_kind::$kind as FormField>::Typed,)*
        }

        impl Typed {
            pub(super) fn of(spec: &MonitorSpec) -> Typed {
                Typed { $($field: <field_kind::$kind as FormField>::typed(&spec.$field),)* }
            }

            pub(super) fn read(form: &FormTexts) -> Typed {
                Typed { $($field: <field_kind::$kind as FormField>::read(form, stringify!($field)),)* }
            }

            /// What was typed, with a fault for each number that is none.
            pub(super) fn input(&self) -> MonitorInput {
                let mut faults = Vec::new();
                MonitorInput {
                    $($field: <field_kind::$kind as FormField>::asked(&self.$field, stringify!($field), &mut faults),)*
                    note: String::new(),
                    faults,
                }
            }

            /// The fields that differ, in words.
            fn differing(&self, other: &Typed) -> Vec<String> {
                let differing = [$(self.$field != other.$field,)*];
                let fields = MONITOR_FIELDS.iter().zip(differing).filter(|(_, differs)| *differs);
                fields.map(|(field, _)| field.words.label.to_lowercase()).collect()
            }

            /// The fields that stand in a row as they are, in their order; the others have places of their own.
            pub(super) fn plain(&self) -> Vec<PlainField> {
                let mut fields = MONITOR_FIELDS.iter();
                let plain = [$(fields.next().and_then(|field| {
                    <field_kind::$kind as FormField>::plain(&self.$field, field)
                }),)*];
                plain.into_iter().flatten().collect()
            }
        }

        /// What a field of a monitor is set to, for a reader.
        pub(in super::super) fn in_words_of(spec: &MonitorSpec, field: &MonitorField) -> String {
            if field.name == "alarm_after"
                && let Some(window) = spec.alarm_window
            {
                return format!("{} of the last {window} runs", spec.alarm_after);
            }
            $(
                if field.name == stringify!($field) {
                    return <field_kind::$kind as FormField>::as_read(&spec.$field, field.words.unit);
                }
            )*
            String::new()
        }

        /// What the plain fields of a monitor are set to, in words, with what each is called.
        pub(in super::super) fn facts(spec: &MonitorSpec) -> Vec<(&'static str, String)> {
            let mut fields = MONITOR_FIELDS.iter();
            let facts = [$(fields.next().and_then(|field| {
                <field_kind::$kind as FormField>::in_words(&spec.$field, field.words.unit)?;
                Some((field.words.label, in_words_of(spec, field)))
            }),)*];
            facts.into_iter().flatten().collect()
        }
    };
}

monitor_fields!(typed);

/// What all fields of a monitor are set to but its script, with what each is called; those that are empty are left out.
pub(in super::super) fn all_facts(spec: &MonitorSpec) -> Vec<(&'static str, String)> {
    let fields = MONITOR_FIELDS.iter().filter(|field| field.name != "script");
    fields.map(|field| (field.words.label, in_words_of(spec, field))).filter(|(_, words)| !words.is_empty()).collect()
}

/// What stands in a field of one line that many monitors can be given at once.
pub(super) fn typed_text(typed: &Typed, name: &str) -> String {
    match name {
        "schedule" => typed.schedule.clone(),
        "timezone" => typed.timezone.clone(),
        "retain_days" => typed.retain_days.clone(),
        "timeout_s" => typed.timeout_s.clone(),
        _ => String::new(),
    }
}

/// What someone else saved meanwhile.
pub(super) struct Theirs {
    pub(super) id: MonitorId,
    pub(super) version: i64,
    /// The version that the edit began from; 0 if that is not known.
    pub(super) began: i64,
    pub(super) at: When,
    pub(super) changed: String,
    pub(super) script: Option<String>,
}

impl Typed {
    pub(super) fn blank(context: &Context) -> Typed {
        let schedule = "*/5 * * * *".to_owned();
        Typed::of(&MonitorSpec { schedule, ..monitors::blank(context) })
    }
}

impl Theirs {
    pub(super) fn of(stored: &Monitor, began: i64, mine: &Typed, now: jiff::Timestamp) -> Theirs {
        let theirs = Typed::of(&stored.spec);
        let changed = theirs.differing(mine);
        Theirs {
            id: stored.id,
            version: stored.version,
            began,
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

    #[test]
    fn plain_fields_are_told_in_words_and_stand_in_the_form_by_themselves() {
        let spec = MonitorSpec {
            alarm_after: 3,
            retain_days: Some(1),
            timeout_s: Some(2.5),
            unit: "ms".into(),
            decimals: Some(1),
            ..MonitorSpec::default()
        };
        let (told, untouched) = (super::facts(&spec), super::facts(&MonitorSpec::default()));
        for (facts, label, words) in [
            (&told, "Alarm after", "3 failing runs in a row"),
            (&told, "Recover after", "1 passing run"),
            (&told, "Runs kept", "1 day"),
            (&told, "Time limit", "2.5 seconds"),
            (&told, "Severity", "critical"),
            (&told, "Unit of the value", "ms"),
            (&told, "Decimals", "1 decimal"),
            (&untouched, "Runs kept", "for ever"),
            (&untouched, "Time limit", "(default)"),
        ] {
            assert!(facts.contains(&(label, words.to_owned())), "{label}: {words} in {facts:?}");
        }
        let windowed = MonitorSpec { alarm_window: Some(5), ..spec.clone() };
        assert_eq!(super::facts(&windowed)[0], ("Alarm after", "3 of the last 5 runs".to_owned()));
        assert_eq!(super::facts(&windowed).len(), told.len());
        let plain: Vec<&str> = Typed::of(&spec).plain().iter().map(|field| field.name).collect();
        assert_eq!(
            plain,
            [
                "alarm_after",
                "alarm_window",
                "recover_after",
                "default_severity",
                "state_in_outage",
                "retain_days",
                "timeout_s",
                "unit",
                "decimals"
            ]
        );
    }
}
