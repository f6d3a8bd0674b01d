//! What stands in the fields, as it was typed, and what it asks for.

use revere_model::{Monitor, MonitorId, MonitorSpec};

use super::super::{display::When, form::FormTexts};
use crate::operations::{Context, FieldFault, monitors::MonitorInput};

/// What stands in the fields, as it was typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) script: String,
    pub(super) schedule: String,
    pub(super) timezone: String,
    pub(super) active: bool,
    pub(super) tags: String,
    pub(super) alarm_after: String,
    pub(super) recover_after: String,
    pub(super) retain_days: String,
    pub(super) timeout_s: String,
}

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
        Typed {
            name: String::new(),
            description: String::new(),
            script: String::new(),
            schedule: "*/5 * * * *".to_owned(),
            timezone: context.defaults().timezone.clone(),
            active: true,
            tags: String::new(),
            alarm_after: "1".to_owned(),
            recover_after: "1".to_owned(),
            retain_days: context.defaults().retain_days.map_or_else(String::new, |days| days.to_string()),
            timeout_s: String::new(),
        }
    }

    pub(super) fn of(spec: &MonitorSpec) -> Typed {
        Typed {
            name: spec.name.clone(),
            description: spec.description.clone(),
            script: spec.script.clone(),
            schedule: spec.schedule.clone(),
            timezone: spec.timezone.clone(),
            active: spec.active,
            tags: spec.tags.join(", "),
            alarm_after: spec.alarm_after.to_string(),
            recover_after: spec.recover_after.to_string(),
            retain_days: spec.retain_days.map_or_else(String::new, |days| days.to_string()),
            timeout_s: spec.timeout_s.map_or_else(String::new, |seconds| seconds.to_string()),
        }
    }

    pub(super) fn read(form: &FormTexts) -> Typed {
        let line = |name| form.text(name).trim().to_owned();
        Typed {
            name: line("name"),
            description: form.text("description").to_owned(),
            script: form.text("script").to_owned(),
            schedule: line("schedule"),
            timezone: line("timezone"),
            active: form.has("active"),
            tags: line("tags"),
            alarm_after: line("alarm_after"),
            recover_after: line("recover_after"),
            retain_days: line("retain_days"),
            timeout_s: line("timeout_s"),
        }
    }

    /// What was typed, with a fault for each number that is none.
    pub(super) fn input(&self) -> MonitorInput {
        let mut faults = Vec::new();
        let mut wrong = |field: &str, text: &str, expected: &str| {
            let short: String = text.chars().take(40).collect();
            faults.push(FieldFault::new(field, format!("{short:?} is not {expected}")));
        };
        let streak = |field: &str, text: &str, wrong: &mut dyn FnMut(&str, &str, &str)| match text.parse::<u32>() {
            Ok(runs) => Some(runs),
            Err(_) => {
                wrong(field, text, "a whole number of runs, such as 1 or 3");
                None
            }
        };
        let alarm_after = streak("alarm_after", &self.alarm_after, &mut wrong);
        let recover_after = streak("recover_after", &self.recover_after, &mut wrong);
        let retain_days = match self.retain_days.as_str() {
            "" => Some(None),
            text => match text.parse::<u32>() {
                Ok(days) => Some(Some(days)),
                Err(_) => {
                    wrong("retain_days", text, "a whole number of days; leave it empty to keep runs for ever");
                    None
                }
            },
        };
        let timeout_s = match self.timeout_s.replace(',', ".").as_str() {
            "" => Some(None),
            text => match text.parse::<f64>() {
                Ok(seconds) => Some(Some(seconds)),
                Err(_) => {
                    wrong("timeout_s", text, "a number of seconds; leave it empty for the server's limit");
                    None
                }
            },
        };
        let tags = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        MonitorInput {
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            script: Some(self.script.clone()),
            schedule: Some(self.schedule.clone()),
            timezone: Some(self.timezone.clone()),
            active: Some(self.active),
            retain_days,
            timeout_s,
            tags: Some(tags),
            alarm_after,
            recover_after,
            faults,
        }
    }
}

impl Theirs {
    pub(super) fn of(stored: &Monitor, mine: &Typed, now: jiff::Timestamp) -> Theirs {
        let theirs = Typed::of(&stored.spec);
        let fields = [
            ("name", theirs.name != mine.name),
            ("description", theirs.description != mine.description),
            ("script", theirs.script != mine.script),
            ("schedule", theirs.schedule != mine.schedule),
            ("time zone", theirs.timezone != mine.timezone),
            ("on or off", theirs.active != mine.active),
            ("tags", theirs.tags != mine.tags),
            ("alarm after", theirs.alarm_after != mine.alarm_after),
            ("recover after", theirs.recover_after != mine.recover_after),
            ("days kept", theirs.retain_days != mine.retain_days),
            ("time limit", theirs.timeout_s != mine.timeout_s),
        ];
        let changed: Vec<&str> = fields.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
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
            active: true,
            tags: "a, , b".into(),
            alarm_after: "three".into(),
            recover_after: "1".into(),
            retain_days: String::new(),
            timeout_s: "2,5".into(),
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
