//! What is wrong with a monitor as its author wrote it, as far as it can be judged without running Python.

mod numbers;
mod texts;

use serde::Serialize;
pub use texts::{note_fault, tags_fault};

use crate::{MAX_ALARM_WINDOW, MonitorSpec, Severity, StateInOutage, field_kind, zone};

/// The longest name, in characters.
pub const MAX_NAME: usize = 200;
/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 10_000;
/// The longest script, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 256 * 1024;
/// The longest retention, in days.
pub const MAX_RETAIN_DAYS: u32 = 36_500;
/// The longest wall-clock limit of one run, in seconds.
pub const MAX_TIMEOUT_S: f64 = 3600.0;
/// The most tags of one monitor.
pub const MAX_TAGS: usize = 20;
/// The longest tag, in characters.
pub const MAX_TAG: usize = 50;
/// The most alerts that one monitor can choose.
pub const MAX_CHOSEN_ALERTS: usize = 100;
/// The longest note at a saving, in characters.
pub const MAX_NOTE: usize = 500;
/// The longest unit of a monitor's numbers, in characters.
pub const MAX_UNIT: usize = 20;
/// The most decimals that numbers are shown with.
pub const MAX_DECIMALS: u32 = 9;
/// The highest count of runs in a row that can be asked for before a flip.
pub const MAX_STREAK: u32 = 1000;

/// One thing that is wrong with one field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fault {
    /// The field of [`MonitorSpec`], which is also the JSON key, column and form field.
    pub field: &'static str,
    /// The fault and the next step, for people.
    pub message: String,
}

/// What is wrong with a field of a kind.
trait Judged {
    type Value: ?Sized;

    /// The fault and the next step, for people; `field` is its name.
    fn fault(field: &str, value: &Self::Value) -> Option<String>;
}

macro_rules! faults {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        impl MonitorSpec {
            /// Everything that is wrong, in the order of the fields, and then what does not fit together; empty if it
            /// may be stored.
            ///
            /// Whether the script compiles and its sources exist is asked elsewhere: that takes the sandbox and the
            /// configuration.
            pub fn faults(&self) -> Vec<Fault> {
                let mut faults = Vec::new();
                $(
                    let fault = <field_kind::$kind as Judged>::fault(stringify!($field), &self.$field);
                    faults.extend(fault.map(|message| Fault { field: stringify!($field), message }));
                )*
                if !faults.iter().any(|fault| ["alarm_after", "alarm_window"].contains(&fault.field)) {
                    faults.extend(self.window_fault());
                }
                faults
            }
        }
    };
}

crate::monitor_fields!(faults);

impl MonitorSpec {
    /// More failing runs than are counted among would never be reached.
    fn window_fault(&self) -> Option<Fault> {
        let window = self.alarm_window.filter(|window| *window < self.alarm_after)?;
        let after = self.alarm_after;
        let step = if after > MAX_ALARM_WINDOW {
            format!("make alarm_after {MAX_ALARM_WINDOW} at most")
        } else {
            format!("write {after} to {MAX_ALARM_WINDOW}")
        };
        let message =
            format!("{after} of the last {window} runs can never fail: {step}, or leave it empty to count in a row");
        Some(Fault { field: "alarm_window", message })
    }
}

impl Judged for field_kind::Schedule {
    type Value = str;

    fn fault(_: &str, schedule: &str) -> Option<String> {
        crate::Schedule::parse(schedule).err().map(|fault| fault.to_string())
    }
}

impl Judged for field_kind::Zone {
    type Value = str;

    fn fault(_: &str, name: &str) -> Option<String> {
        zone(name).err().map(|fault| fault.to_string())
    }
}

impl Judged for field_kind::Flag {
    type Value = bool;

    fn fault(_: &str, _: &bool) -> Option<String> {
        None
    }
}

impl Judged for field_kind::AlertChoice {
    type Value = Option<Vec<String>>;

    fn fault(_: &str, chosen: &Option<Vec<String>>) -> Option<String> {
        let chosen = chosen.as_ref()?;
        if chosen.is_empty() {
            return Some(
                "no alert is chosen, and so nobody would be notified: choose one, or null for all of them".into(),
            );
        }
        if chosen.len() > MAX_CHOSEN_ALERTS {
            return Some(format!("{} alerts: {MAX_CHOSEN_ALERTS} at most, or null for all of them", chosen.len()));
        }
        chosen.iter().enumerate().find_map(|(index, key)| {
            let short: String = key.chars().take(100).collect();
            chosen[..index].contains(key).then(|| format!("the alert {short:?} is there twice: take one out"))
        })
    }
}

impl Judged for field_kind::SeverityChoice {
    type Value = Severity;

    fn fault(_: &str, _: &Severity) -> Option<String> {
        None
    }
}

impl Judged for field_kind::OutageChoice {
    type Value = StateInOutage;

    fn fault(_: &str, _: &StateInOutage) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> MonitorSpec {
        MonitorSpec {
            name: "Mail Queue Length".into(),
            description: String::new(),
            script: "return_value = 67\n".into(),
            schedule: "*/5 * * * *".into(),
            timezone: "Europe/Berlin".into(),
            active: true,
            retain_days: Some(90),
            timeout_s: Some(2.5),
            tags: vec!["mail".into(), "zürich".into()],
            ..MonitorSpec::default()
        }
    }

    /// The one message about a spec with one thing wrong.
    fn fault(field: &str, spoil: impl FnOnce(&mut MonitorSpec)) -> String {
        let mut spec = good();
        spoil(&mut spec);
        let faults = spec.faults();
        assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), [field]);
        faults[0].message.clone()
    }

    #[test]
    fn a_good_monitor_has_none() {
        assert_eq!(good().faults(), []);
        let odd = MonitorSpec {
            name: "🦀".repeat(MAX_NAME),
            description: "two\nlines".into(),
            script: "x".repeat(MAX_SCRIPT_BYTES),
            retain_days: None,
            timeout_s: Some(MAX_TIMEOUT_S),
            tags: (0..MAX_TAGS).map(|number| format!("{number:0>50}")).collect(),
            alarm_after: MAX_STREAK,
            ..good()
        };
        assert_eq!(odd.faults(), []);
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_order_of_the_fields() {
        let bad = MonitorSpec {
            name: " ".into(),
            description: "x".repeat(MAX_DESCRIPTION + 1),
            script: "\n".into(),
            schedule: "99 * * * *".into(),
            timezone: "Europe/Berln".into(),
            retain_days: Some(0),
            timeout_s: Some(f64::NAN),
            tags: vec!["a".into(), "A".into()],
            alarm_after: 0,
            recover_after: 1001,
            ..MonitorSpec::default()
        };
        let messages: Vec<String> =
            bad.faults().into_iter().map(|fault| format!("{} | {}", fault.field, fault.message)).collect();
        assert_eq!(
            messages,
            [
                "name | the name is empty: say in one line what is watched",
                "description | the description has 10001 characters: 10000 at most, link to the rest",
                "script | the script is empty: write Python that raises MonitorFailure when something is wrong",
                "schedule | minute: 99 is outside 0-59",
                "timezone | \"Europe/Berln\" is not a known time zone: did you mean Europe/Berlin?",
                "tags | the tag \"A\" is there twice, upper and lower case being the same: take one out",
                "alarm_after | alarm_after is 0: write how many runs, 1-1000",
                "recover_after | recover_after is 1001: write how many runs, 1-1000",
                "retain_days | 0 days is outside 1-36500: leave it empty to keep runs for ever",
                "timeout_s | a limit of NaN s is not above 0 and up to 3600: leave it empty for the server's default",
            ]
        );
    }

    #[test]
    fn text_is_bounded_and_printable() {
        assert!(fault("name", |spec| spec.name = "a\nb".into()).contains("more than one line"));
        assert!(fault("name", |spec| spec.name = "a\u{7}b".into()).contains("control character"));
        assert!(fault("name", |spec| spec.name = "é".repeat(201)).contains("201 characters: 200 at most"));
        assert!(fault("script", |spec| spec.script = "a\n\0".into()).contains("NUL character in line 2"));
        assert!(fault("script", |spec| spec.script = "x".repeat(MAX_SCRIPT_BYTES + 1)).contains("256 KiB at most"));
        assert!(fault("description", |spec| spec.description = "\0".into()).contains("NUL"));
    }

    #[test]
    fn faults_of_texts_name_the_field_they_are_given() {
        fn of<K: Judged<Value = str>>(value: &str) -> String {
            K::fault("remark", value).unwrap()
        }
        let long = "x".repeat(MAX_SCRIPT_BYTES + 1);
        for fault in [
            of::<field_kind::Name>(" "),
            of::<field_kind::Name>("a\nb"),
            of::<field_kind::Name>("a\u{7}b"),
            of::<field_kind::Name>(&long),
            of::<field_kind::Description>(&long),
            of::<field_kind::Description>("\0"),
            of::<field_kind::Script>(" "),
            of::<field_kind::Script>(&long),
            of::<field_kind::Script>("\0"),
            of::<field_kind::Unit>(&long),
            of::<field_kind::Unit>(" ms"),
            of::<field_kind::Unit>("m\ts"),
        ] {
            assert!(fault.starts_with("the remark "), "{fault}");
        }
    }

    #[test]
    fn numbers_are_within_reason() {
        for seconds in [0.0, -1.0, 3600.1, f64::INFINITY] {
            fault("timeout_s", |spec| spec.timeout_s = Some(seconds));
        }
        fault("retain_days", |spec| spec.retain_days = Some(36_501));
        for window in [0, 61] {
            assert!(fault("alarm_window", |spec| spec.alarm_window = Some(window)).contains("1-60"));
        }
    }

    #[test]
    fn a_window_holds_at_least_the_failing_runs_that_are_asked_for() {
        let with = |alarm_after, window| MonitorSpec { alarm_after, alarm_window: Some(window), ..good() };
        assert_eq!((with(3, 5).faults(), with(5, 5).faults(), with(60, 60).faults()), (vec![], vec![], vec![]));
        let never = fault("alarm_window", |spec| *spec = with(6, 5));
        assert_eq!(never, "6 of the last 5 runs can never fail: write 6 to 60, or leave it empty to count in a row");
        let never = fault("alarm_window", |spec| *spec = with(61, 60));
        assert!(never.contains(": make alarm_after 60 at most, or leave"), "{never}");
        // One fault at a time about the two.
        assert_eq!(fault("alarm_after", |spec| *spec = with(0, 5)), "alarm_after is 0: write how many runs, 1-1000");
    }

    #[test]
    fn tags_are_words_that_can_be_listed_with_commas() {
        for tag in ["", " ", " a", "a,b", "a\tb", &"x".repeat(51), "MAIL", "ZÜRICH"] {
            fault("tags", |spec| spec.tags.push(tag.into()));
        }
        fault("tags", |spec| spec.tags = (0..21).map(|number| number.to_string()).collect());
    }
}
