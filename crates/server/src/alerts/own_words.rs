//! An alert's own words: what its owner wrote instead of the default texts, for every kind of channel alike.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use revere_model::{FlipId, MonitorId, ReturnValue, Severity, State};
use serde::Serialize;

use super::{
    Channel, Incident, MonitorSummary, Notification, Receipt, SendError, WebPush,
    message::{Words, indented},
    plain_text,
    preview::PreviewPart,
};
use crate::{
    building::BuildInput,
    settings::{ConfigFault, Field, FieldGroup, FieldKind},
    wording::{self, OwnText, TemplateError, Templates, Wording},
};

/// The settings, which every type has.
pub static OWN_WORDS: FieldGroup = FieldGroup {
    heading: "Own words",
    fields: &[
        Field::optional("text", FieldKind::Text, "A template for the text.").or_words("the default text"),
        Field::optional("subject", FieldKind::Text, "A template for one line: the subject of a mail, a title.")
            .or_words("the default line"),
        Field::optional("short", FieldKind::Text, "A template for one text message.").or_words("the default message"),
    ],
};

/// Reads them, and tries each with a problem, its end and a change that knows little. `None` where there are none.
pub(super) fn read(setup: &BuildInput) -> Result<Option<Wording>, Vec<ConfigFault>> {
    let mut templates = Templates::default();
    for one in OwnText::ALL {
        templates.set(one, setup.settings.text(one.as_str()).map(str::to_owned));
    }
    if templates == Templates::default() {
        return Ok(None);
    }
    let faults = faults(&templates).into_iter();
    let faults: Vec<ConfigFault> =
        faults.map(|(one, error)| setup.fault(one.as_str(), format!("the template fails: {error}"))).collect();
    if faults.is_empty() { Ok(Some(Wording::new(templates))) } else { Err(faults) }
}

/// What is wrong with templates, whatever they tell.
pub(super) fn faults(templates: &Templates) -> Vec<(OwnText, TemplateError)> {
    let of = |template: &str| examples().iter().find_map(|example| example.in_words(template, example.text()).err());
    templates.all().filter_map(|(one, template)| Some((one, of(template)?))).collect()
}

/// `channel`, with these words.
pub(super) fn with(wording: Wording, channel: Arc<dyn Channel>) -> Arc<dyn Channel> {
    Arc::new(Worded { wording, channel })
}

/// The longest text that own words may make, in characters.
const LONGEST: usize = 32_000;

/// The longest that a log keeps of what was said, in characters.
const LOGGED: usize = 4000;

/// What a log keeps of what was said.
pub(super) fn as_logged(said: &str) -> String {
    plain_text::cut(said.trim(), LOGGED).into_owned()
}

impl Notification {
    /// What the alert's own words come to, for the log: without the link that opens a door. Several monitors are told in words that
    /// are nobody's own.
    fn said_in_own_words(&self) -> Option<String> {
        if !self.sending.crowd.is_empty() {
            return None;
        }
        let kept = Notification { acknowledge_url: None, ..self.clone() };
        let mut said = Vec::new();
        if kept.has_own(OwnText::Subject) {
            said.push(kept.subject());
        }
        if kept.has_own(OwnText::Text) {
            said.push(kept.text());
        } else if kept.has_own(OwnText::Short) {
            said.push(kept.short());
        }
        (!said.is_empty()).then(|| as_logged(&said.join("\n")))
    }

    /// Whether the alert that tells it has this template.
    pub(super) fn has_own(&self, one: OwnText) -> bool {
        self.template(one).is_some()
    }

    fn template(&self, one: OwnText) -> Option<&str> {
        self.wording.as_ref().and_then(|own| own.templates().get(one))
    }

    /// What a template of the alert makes of this, made safe by `safe`. Without one, or where it fails or makes nothing, the
    /// `default`.
    pub(super) fn own(&self, one: OwnText, default: fn(&Notification) -> String, safe: fn(&str) -> String) -> String {
        let Some(template) = self.template(one) else {
            return default(self);
        };
        match self.in_words(template, self.default_text()) {
            Ok(text) if text.trim().is_empty() => default(self),
            Ok(text) => {
                let text = safe(&text);
                let cut = plain_text::cut(text.trim(), LONGEST).into_owned();
                self.sending.cuts.note(one.as_str(), text.trim(), &cut);
                cut
            }
            Err(error) => safe(&format!("{}\n(This alert's own words failed: {error}.)", default(self))),
        }
    }

    /// What fails of the templates of the alert that tells it.
    pub(super) fn failing_words(&self) -> Vec<(OwnText, TemplateError)> {
        let templates = self.wording.iter().flat_map(|own| own.templates().all());
        templates.filter_map(|(one, own)| Some((one, self.in_words(own, self.default_text()).err()?))).collect()
    }

    /// What `template` makes of this, with `text` as its text. `Err` says what is wrong with it.
    pub(super) fn in_words(&self, template: &str, text: String) -> Result<String, TemplateError> {
        let words = Words::of(self, indented);
        wording::rendered(
            template,
            &TemplateFields {
                monitor: TemplateMonitor {
                    id: self.monitor.id.0,
                    name: &words.monitor,
                    url: self.link(),
                    tags: self.monitor.tags.iter().map(|tag| plain_text::one_line(tag)).collect(),
                    description: indented(&self.monitor.description),
                    unit: plain_text::one_line(&self.monitor.unit),
                },
                old_state: self.old_state,
                new_state: self.new_state,
                severity: self.severity(),
                message: &words.message,
                return_value: self.return_value.as_ref(),
                at: self.time(),
                lasted: self.lasted(),
                missed: self.missed_words(),
                reminder: self.reminder,
                on_call: self.on_call_words(),
                acknowledge_url: self.acknowledge_link(),
                test: self.test,
                text,
            },
        )
    }
}

/// The names of what a template can show; docs/ALERTS.md says what they mean.
pub const TEMPLATE_NAMES: [&str; 19] = [
    "monitor.name",
    "monitor.id",
    "monitor.url",
    "monitor.tags",
    "monitor.description",
    "monitor.unit",
    "old_state",
    "new_state",
    "severity",
    "message",
    "return_value",
    "at",
    "lasted",
    "missed",
    "reminder",
    "on_call",
    "acknowledge_url",
    "test",
    "text",
];

/// What a template of an alert's own words can show, by [`TEMPLATE_NAMES`].
#[derive(Serialize)]
struct TemplateFields<'a> {
    monitor: TemplateMonitor<'a>,
    old_state: State,
    new_state: State,
    severity: Option<Severity>,
    message: &'a str,
    return_value: Option<&'a ReturnValue>,
    at: Option<String>,
    lasted: Option<String>,
    missed: Option<String>,
    reminder: Option<u32>,
    on_call: Option<String>,
    acknowledge_url: Option<String>,
    test: bool,
    text: String,
}

#[derive(Serialize)]
struct TemplateMonitor<'a> {
    id: i64,
    name: &'a str,
    url: String,
    tags: Vec<String>,
    description: String,
    unit: String,
}

struct Worded {
    wording: Wording,
    channel: Arc<dyn Channel>,
}

#[async_trait]
impl Channel for Worded {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let worded = Notification { wording: Some(self.wording.clone()), ..notification.clone() };
        for (_, error) in worded.failing_words() {
            tracing::warn!(%error, key = worded.key, "an alert's own words failed; the default is sent");
        }
        let mut taken = self.channel.send(&worded, timeout).await?;
        taken.said = taken.said.or_else(|| worded.said_in_own_words());
        Ok(taken)
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        let own = notification.wording.clone().unwrap_or_else(|| self.wording.clone());
        self.channel.preview(&Notification { wording: Some(own), ..notification.clone() })
    }

    fn takes_chart(&self) -> bool {
        self.channel.takes_chart()
    }

    fn web_push(&self) -> Option<&WebPush> {
        self.channel.web_push()
    }
}

/// A problem, its end and a change that knows little: what templates are tried with.
pub(super) fn examples() -> [Notification; 3] {
    let instant = |text: &str| text.parse().ok();
    let monitor = MonitorSummary {
        url: "https://revere.example.com/monitor/17".to_owned(),
        tags: vec!["mail".to_owned()],
        description: "Mails that wait.".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        ..MonitorSummary::named(MonitorId(17), "Mail Queue Length".to_owned())
    };
    let alarm = Notification {
        old_state: State::Ok,
        new_state: State::Alarm,
        severity: Some(Severity::Warning),
        message: "too many".to_owned(),
        return_value: Some(ReturnValue::Int(4711)),
        tick_at: instant("2026-03-01T02:40:00Z"),
        started_at: instant("2026-03-01T02:40:00.25Z"),
        incident: instant("2026-03-01T02:40:00Z").map(|opened_at| Incident {
            id: FlipId(203),
            opened_at,
            key: "a3f1c09b5d7e4826".to_owned(),
        }),
        ..Notification::about(monitor, "17-203-ops".to_owned())
    };
    let end = Notification {
        old_state: State::Alarm,
        old_severity: Some(Severity::Warning),
        new_state: State::Ok,
        severity: None,
        tick_at: instant("2026-03-01T03:12:00Z"),
        ..alarm.clone()
    };
    let bare = Notification {
        monitor: MonitorSummary::named(MonitorId(17), alarm.monitor.name.clone()),
        return_value: None,
        tick_at: None,
        started_at: None,
        incident: None,
        ..alarm.clone()
    };
    [alarm, end, bare]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_and_there_are_no_others() {
        let [alarm, ..] = examples();
        for name in TEMPLATE_NAMES {
            alarm.in_words(&format!("{{{{ {name} }}}}"), String::new()).unwrap();
        }
        for (of, names) in [("monitor", 6), ("x", 14)] {
            let path = if of == "x" { "x".to_owned() } else { format!("{of}.x") };
            let error = alarm.in_words(&format!("{{{{ {path} }}}}"), String::new()).unwrap_err();
            let known = error.what.split_once("known: ").unwrap().1.split(", ").count();
            assert_eq!(known, names, "{error}");
        }
    }
}
