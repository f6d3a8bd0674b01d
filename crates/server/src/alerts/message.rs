//! What people read: the wording of every alert, from the templates in `templates/alerts/`.
//!
//! Names, messages and values are hostile until shown otherwise. Every text made here is free of control characters and
//! of marks that turn the direction of reading; what can run over several lines is indented, so that a message cannot
//! pass for another line of the notice. Markup is escaped in HTML only; a channel whose receiver reads markup escapes it.

use askama::Template;
use jiff::tz::TimeZone;
use revere_model::{Severity, State};
use serde_json::{Map, Value, json};

use super::{Missed, Notification, Sending, charts::CHART_ID, plain_text, sms};
use crate::wording::OwnText;

/// The longest subject of a mail, in characters; beyond it a name is cut.
const SUBJECT_CHARS: usize = 200;

/// The longest name in a one-line text, in characters.
const SHORT_NAME_CHARS: usize = 60;

impl Notification {
    /// The text: the alert's own, or the default.
    pub fn text(&self) -> String {
        let mut text = match self.crowd_text() {
            Some(text) => text,
            None => self.own(OwnText::Text, Self::default_text, plain_text::lines),
        };
        if self.sending.may_be_repeat {
            text.push_str("\nThis may be a repeat: nobody knows whether it arrived before.");
        }
        text
    }

    /// The default text: the seed's own five lines, at the end of a problem how long it lasted, and what its author says of the
    /// monitor.
    pub(super) fn default_text(&self) -> String {
        let words = Words::of(self, indented);
        rendered(&Text {
            heading: words.heading,
            monitor: &words.monitor,
            old_state: &self.old_words(),
            new_state: &self.new_words(),
            message: &words.message,
            return_value: words.return_value.as_deref(),
            lasted: self.lasted(),
            missed: self.missed_words(),
            description: self.description().map(indented),
            reminder: self.reminder.is_some(),
            on_call: self.on_call_words(),
            acknowledge_url: self.acknowledge_link(),
            test: self.test,
        })
    }

    /// Why it is told to whoever hears it, where a rota decided that.
    pub(super) fn on_call_words(&self) -> Option<String> {
        self.on_call.as_deref().map(plain_text::one_line)
    }

    /// What the monitor watches and what to do.
    pub(super) fn description(&self) -> Option<&str> {
        let description = self.monitor.description.trim();
        (!description.is_empty()).then_some(description)
    }

    /// The problems that could not be told while they were there: `ALARM Sun 1 Mar 2026, 03:10:00 - 03:25:00 UTC+1`, in the time
    /// zone of the monitor.
    pub(super) fn missed_words(&self) -> Option<String> {
        let zone = self.zone();
        let one = |missed: &Missed| {
            let (from, until) = (missed.from.to_zoned(zone.clone()), missed.until.to_zoned(zone.clone()));
            let state = self.state_words(missed.state, missed.severity);
            // Day and offset are said twice where they are not the same at both ends.
            let same = from.date() == until.date() && from.offset() == until.offset();
            let from = if same {
                format!("{}, {}", revere_model::day_of(&from), revere_model::clock_of(&from))
            } else {
                revere_model::exact_time(missed.from, &zone)
            };
            let until = if same {
                format!("{} {}", revere_model::clock_of(&until), revere_model::offset_of(&until))
            } else {
                revere_model::exact_time(missed.until, &zone)
            };
            format!("{state} {from} - {until}")
        };
        let words: Vec<String> = self.sending.missed.iter().map(one).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// The episode this belongs to, as receivers that open and close something know it. A notification about none opens
    /// its own.
    pub(super) fn incident_key(&self) -> &str {
        self.incident.as_ref().map_or(&self.key, |incident| &incident.key)
    }

    /// One line for a list of mails.
    pub fn subject(&self) -> String {
        let default = |this: &Self| this.subject_within(SUBJECT_CHARS, plain_text::one_line, "\u{2026}");
        let subject = match self.crowd_line() {
            Some(line) => line,
            None => self.own(OwnText::Subject, default, plain_text::one_line),
        };
        let cut = plain_text::cut(&subject, SUBJECT_CHARS).into_owned();
        self.sending.cuts.note("subject", &subject, &cut);
        cut
    }

    /// One line in ASCII of at most `max` characters, for receivers that take no other.
    pub fn ascii_subject_within(&self, max: usize) -> String {
        if self.has_own(OwnText::Subject) || !self.sending.crowd.is_empty() {
            let ascii = plain_text::ascii(&self.subject());
            let cut = plain_text::cut_by(&ascii, max, "...", |_| 1).into_owned();
            self.sending.cuts.note("subject", &ascii, &cut);
            return cut;
        }
        self.subject_within(max, |name| plain_text::ascii(&plain_text::one_line(name)), "...")
    }

    /// One text message: one line, cut to fit.
    pub fn short(&self) -> String {
        let short = match self.crowd_line() {
            Some(line) => line,
            None => self.own(OwnText::Short, Self::default_short, plain_text::one_line),
        };
        // In front, where it is not cut.
        let short = if self.sending.may_be_repeat { format!("(may be a repeat) {short}") } else { short };
        let (whole, cut) = sms::one_message(&short);
        self.sending.cuts.note("short", &whole, &cut);
        cut
    }

    fn default_short(&self) -> String {
        let words = Words::of(self, plain_text::one_line);
        rendered(&Short {
            monitor: &plain_text::cut(&words.monitor, SHORT_NAME_CHARS),
            new_state: &self.new_words(),
            message: &words.message,
            return_value: words.return_value.as_deref(),
            reminder: self.reminder.is_some(),
            test: self.test,
        })
    }

    /// The plain part of a mail: the text, and where to read on.
    pub fn mail_text(&self) -> String {
        rendered(&MailText { text: &self.text(), tick_at: self.time(), tags: &self.tags(), url: &self.link() })
    }

    /// The HTML part of a mail.
    pub fn mail_html(&self) -> String {
        let words = Words::of(self, plain_text::lines);
        // What no row of the table says.
        let Sending { missed, may_be_repeat, crowd, .. } = &self.sending;
        let own = self.has_own(OwnText::Text) || *may_be_repeat || !missed.is_empty() || !crowd.is_empty();
        rendered(&MailHtml {
            subject: &self.subject(),
            heading: words.heading,
            monitor: &words.monitor,
            old_state: &self.old_words(),
            new_state: &self.new_words(),
            message: &words.message,
            return_value: words.return_value.as_deref(),
            tick_at: self.time(),
            tags: &self.tags(),
            url: &self.link(),
            open_words: self.open_words(),
            colour: colour(self.new_state),
            lasted: self.lasted(),
            description: self.description().map(plain_text::lines),
            reminder: self.reminder.is_some(),
            on_call: self.on_call_words(),
            acknowledge_url: self.acknowledge_link(),
            own_text: own.then(|| self.text()),
            chart: self.chart().map(|chart| MailChart { id: CHART_ID, words: &chart.words }),
            test: self.test,
        })
    }

    /// The key as a header can carry it: whatever is not printable ASCII is percent-encoded, so that two keys stay two.
    pub(super) fn header_key(&self) -> String {
        let mut key = String::with_capacity(self.key.len());
        for byte in self.key.bytes() {
            match byte {
                b' '..=b'~' if byte != b'%' => key.push(char::from(byte)),
                _ => key.push_str(&format!("%{byte:02X}")),
            }
        }
        key
    }

    /// The state before, as people read it: with its severity, where that is more than usual to say.
    fn old_words(&self) -> String {
        self.state_words(self.old_state, self.old_severity)
    }

    /// The state after, as people read it.
    pub(super) fn new_words(&self) -> String {
        self.state_words(self.new_state, self.severity())
    }

    /// Everything is critical unless somebody said otherwise, so nothing is said of it where nothing else comes up.
    fn state_words(&self, state: State, severity: Option<Severity>) -> String {
        let warnings = [self.old_severity, self.severity()].contains(&Some(Severity::Warning));
        match severity.filter(|_| warnings && state.is_problem()) {
            Some(severity) => format!("{state} ({severity})"),
            None => state.to_string(),
        }
    }

    /// The notification as programs read it. `test` is there only where it is true, and a link only where there is one.
    pub fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("monitor".into(), json!(self.monitor));
        object.insert("old_state".into(), json!(self.old_state));
        object.insert("new_state".into(), json!(self.new_state));
        object.insert("severity".into(), json!(self.severity()));
        object.insert("message".into(), json!(self.message));
        object.insert("return_value".into(), json!(self.return_value));
        object.insert("tick_at".into(), json!(self.tick_at));
        object.insert("started_at".into(), json!(self.started_at));
        object.insert("run_id".into(), json!(self.run_id));
        object.insert("url".into(), json!(self.url()));
        object.insert("text".into(), json!(self.text()));
        object.insert("key".into(), json!(self.key));
        object.insert("incident".into(), json!(self.incident));
        if let Some(link) = self.acknowledge_link() {
            object.insert("acknowledge_url".into(), json!(link));
        }
        if let Some(number) = self.reminder {
            object.insert("reminder".into(), json!(number));
        }
        if !self.sending.missed.is_empty() {
            let missed = self.sending.missed.iter().map(|missed| {
                json!({"state": missed.state, "severity": missed.severity, "from": missed.from, "until": missed.until})
            });
            object.insert("missed".into(), missed.collect());
        }
        if self.sending.may_be_repeat {
            object.insert("may_be_repeat".into(), json!(true));
        }
        if let Some(why) = self.on_call_words() {
            object.insert("on_call".into(), json!(why));
        }
        if self.test {
            object.insert("test".into(), json!(true));
        }
        Value::Object(object)
    }

    /// A subject of at most `max` characters: the name, made safe by `safe`, gives way; the state never does.
    fn subject_within(&self, max: usize, safe: fn(&str) -> String, mark: &str) -> String {
        let subject =
            |monitor: &str| rendered(&Subject { heading: self.heading(), monitor, new_state: &self.new_words() });
        let frame = subject("").chars().count();
        let name = safe(&self.monitor.name);
        let cut = plain_text::cut_by(&name, max.saturating_sub(frame), mark, |_| 1);
        self.sending.cuts.note("name", &name, &cut);
        subject(&cut)
    }

    /// What kind of notice this is, as its first line says.
    pub(super) fn heading(&self) -> &'static str {
        match (self.test, self.reminder) {
            (true, _) => "Test",
            (false, Some(_)) => "Reminder",
            (false, None) => "Alarm",
        }
    }

    fn tags(&self) -> String {
        plain_text::one_line(&self.monitor.tags.join(", "))
    }

    /// The moment the notice is about, to the second, in the time zone of the monitor.
    pub(super) fn time(&self) -> Option<String> {
        Some(revere_model::exact_time(self.tick_at.or(self.started_at)?, &self.zone()))
    }

    /// The time zone of the monitor.
    fn zone(&self) -> TimeZone {
        revere_model::zone(&self.monitor.timezone).unwrap_or(TimeZone::UTC)
    }

    /// Where to read on, if the server knows its own address.
    pub(super) fn url(&self) -> Option<String> {
        Some(self.link()).filter(|link| !link.is_empty())
    }

    /// Where to say that one looks after it, if that can be said.
    pub(super) fn acknowledge_link(&self) -> Option<String> {
        self.acknowledge_url.as_deref().map(plain_text::one_line)
    }

    /// Where to read on: the run it is about, or the monitor; empty while the server does not know its own address.
    pub fn link(&self) -> String {
        let url = plain_text::one_line(&self.monitor.url);
        let known = url.starts_with("https://") || url.starts_with("http://");
        match self.run_id {
            _ if !known => String::new(),
            Some(run) => format!("{url}/run/{run}"),
            None => url,
        }
    }
}

/// The parts that every template shows, made safe by one of [`plain_text`]'s ways.
pub(super) struct Words {
    heading: &'static str,
    pub(super) monitor: String,
    pub(super) message: String,
    /// None where the run left none.
    pub(super) return_value: Option<String>,
}

impl Words {
    pub(super) fn of(notification: &Notification, safe: fn(&str) -> String) -> Self {
        let value = notification.return_value.as_ref();
        let numbers = notification.monitor.number_format();
        Words {
            heading: notification.heading(),
            monitor: plain_text::one_line(&notification.monitor.name),
            message: safe(&notification.message),
            return_value: value.map(|value| safe(&numbers.plain(value))),
        }
    }
}

/// Several lines with all but the first indented.
pub(super) fn indented(text: &str) -> String {
    plain_text::lines(text.trim_end()).replace('\n', "\n    ")
}

/// Dark enough to read on white; the word beside it says the same.
fn colour(state: State) -> &'static str {
    match state {
        State::Ok => "#1a7f37",
        State::Alarm => "#c62828",
        State::Error => "#9a4d00",
        State::Inactive => "#60676e",
    }
}

fn rendered(template: &impl Template) -> String {
    let text = template.render().expect("the templates call nothing that fails, and a String takes any length");
    text.trim_end_matches('\n').to_owned()
}

#[derive(Template)]
#[template(path = "alerts/text.txt")]
struct Text<'a> {
    heading: &'a str,
    monitor: &'a str,
    old_state: &'a str,
    new_state: &'a str,
    message: &'a str,
    /// None where the run left none.
    return_value: Option<&'a str>,
    lasted: Option<String>,
    missed: Option<String>,
    description: Option<String>,
    reminder: bool,
    on_call: Option<String>,
    acknowledge_url: Option<String>,
    test: bool,
}

#[derive(Template)]
#[template(path = "alerts/subject.txt")]
struct Subject<'a> {
    heading: &'a str,
    monitor: &'a str,
    new_state: &'a str,
}

#[derive(Template)]
#[template(path = "alerts/short.txt")]
struct Short<'a> {
    monitor: &'a str,
    new_state: &'a str,
    message: &'a str,
    /// None where the run left none.
    return_value: Option<&'a str>,
    reminder: bool,
    test: bool,
}

#[derive(Template)]
#[template(path = "alerts/mail.txt")]
struct MailText<'a> {
    text: &'a str,
    tick_at: Option<String>,
    tags: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "alerts/mail.html")]
struct MailHtml<'a> {
    subject: &'a str,
    heading: &'a str,
    monitor: &'a str,
    old_state: &'a str,
    new_state: &'a str,
    message: &'a str,
    /// None where the run left none.
    return_value: Option<&'a str>,
    tick_at: Option<String>,
    tags: &'a str,
    url: &'a str,
    open_words: &'static str,
    colour: &'a str,
    lasted: Option<String>,
    description: Option<String>,
    reminder: bool,
    on_call: Option<String>,
    acknowledge_url: Option<String>,
    /// Instead of all that is said of the change.
    own_text: Option<String>,
    chart: Option<MailChart<'a>>,
    test: bool,
}

/// The picture that a mail has beside its page.
struct MailChart<'a> {
    id: &'a str,
    words: &'a str,
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use revere_model::{FlipId, MonitorId, ReturnValue, RunId};

    use super::*;
    use crate::alerts::{Incident, MonitorSummary, Sending};

    /// The notification the example text of docs/ALERTS.md is about.
    pub(crate) fn sample() -> Notification {
        Notification {
            monitor: MonitorSummary {
                id: MonitorId(17),
                name: "Mail Queue Length".to_owned(),
                url: "https://revere.example.com/monitor/17".to_owned(),
                tags: vec!["mail".to_owned(), "team-a".to_owned()],
                description: "Mails that wait. Look at https://wiki.example.com/mail first.".to_owned(),
                timezone: "Europe/Berlin".to_owned(),
                ..MonitorSummary::named(MonitorId(17), String::new())
            },
            old_state: State::Alarm,
            old_severity: Some(Severity::Critical),
            new_state: State::Ok,
            severity: None,
            message: "Monitor Passed".to_owned(),
            return_value: Some(ReturnValue::Int(67)),
            tick_at: Some("2026-03-01T03:12:00Z".parse().unwrap()),
            started_at: Some("2026-03-01T03:12:00.25Z".parse().unwrap()),
            run_id: None,
            key: "17-204-ops".to_owned(),
            incident: Some(Incident {
                id: FlipId(203),
                opened_at: "2026-03-01T02:40:00Z".parse().unwrap(),
                key: "a3f1c09b5d7e4826a3f1c09b5d7e4826".to_owned(),
            }),
            test: false,
            reminder: None,
            on_call: None,
            acknowledge_url: None,
            wording: None,
            said: None,
            sending: Sending::default(),
        }
    }

    /// A script's author who wishes the readers ill.
    pub(crate) fn hostile() -> Notification {
        let mut notification = sample();
        notification.monitor.name = "<img src=x onerror=alert(1)>\r\nBcc: eve@example.com \u{202e}txt.exe".to_owned();
        notification.monitor.url = "https://revere.example.com/monitor/17?a=\"><script>".to_owned();
        notification.monitor.description = "a\u{202e}\nReturn Value: 0\r\nMonitor: Other".to_owned();
        notification.message = format!(
            "@channel <!channel> </td><script>alert('1')</script> \x1b[31m\u{1f469}\u{200d}\u{1f692}\nState Change: ALARM -> OK\n{}",
            "w".repeat(8192)
        );
        notification.return_value = Some(ReturnValue::Text("\"quoted\"\nMonitor: Other & co".to_owned()));
        notification.new_state = State::Alarm;
        notification.old_state = State::Ok;
        notification
    }

    #[test]
    fn the_default_text_is_the_seeds_own() {
        insta::assert_snapshot!(sample().text(), @r"
        [Revere Alarm]
        Monitor: Mail Queue Length
        State Change: ALARM -> OK
        Message: Monitor Passed
        Return Value: 67
        Lasted: 32 min
        Description: Mails that wait. Look at https://wiki.example.com/mail first.
        ");
    }

    #[test]
    fn a_reminder_says_that_it_is_one_and_where_to_acknowledge() {
        let reminder = Notification {
            old_state: State::Alarm,
            new_state: State::Alarm,
            message: "67 mails wait".to_owned(),
            reminder: Some(2),
            acknowledge_url: Some("https://revere.example.com/acknowledge/7.ab".to_owned()),
            ..sample()
        };
        insta::assert_snapshot!(reminder.text(), @r"
        [Revere Reminder]
        Monitor: Mail Queue Length
        State: still ALARM
        Message: 67 mails wait
        Return Value: 67
        For: 32 min
        Acknowledge: https://revere.example.com/acknowledge/7.ab
        Description: Mails that wait. Look at https://wiki.example.com/mail first.
        ");
        assert_eq!(reminder.subject(), "[Revere Reminder] ALARM Mail Queue Length");
        assert_eq!(reminder.short(), "[Revere] still ALARM Mail Queue Length: 67 mails wait (67)");
        assert!(reminder.mail_html().contains("still <strong") && reminder.mail_html().contains("acknowledge/7.ab"));
        let json = reminder.json();
        assert_eq!((&json["reminder"], json["acknowledge_url"].is_string()), (&json!(2), true));
    }

    #[test]
    fn a_test_says_so_everywhere() {
        let test = Notification { test: true, return_value: None, ..sample() };
        insta::assert_snapshot!(test.text(), @r"
        [Revere Test]
        Monitor: Mail Queue Length
        State Change: ALARM -> OK
        Message: Monitor Passed
        Lasted: 32 min
        Description: Mails that wait. Look at https://wiki.example.com/mail first.
        This is only a test: nothing has changed.
        ");
        assert_eq!(test.subject(), "[Revere Test] OK Mail Queue Length");
        assert_eq!(test.short(), "[Revere Test] OK Mail Queue Length: Monitor Passed");
        let mail = test.mail_html();
        assert!(mail.contains("This is only a test") && !mail.contains("Return Value"), "{mail}");
        assert_eq!(test.json()["test"], true);
    }

    #[test]
    fn one_line_texts() {
        assert_eq!(sample().subject(), "[Revere Alarm] OK Mail Queue Length");
        assert_eq!(sample().short(), "[Revere] OK Mail Queue Length: Monitor Passed (67)");
        let mut long = sample();
        long.monitor.name =
            "Größe der Warteschlange für ausgehende Nachrichten aller Mandanten im zweiten Rechenzentrum".to_owned();
        insta::assert_snapshot!(long.ascii_subject_within(99), @"[Revere Alarm] OK Groesse der Warteschlange fuer ausgehende Nachrichten aller Mandanten im zweit...");
    }

    #[test]
    fn the_mail_in_both_its_forms() {
        insta::assert_snapshot!(sample().mail_text(), @r"
        [Revere Alarm]
        Monitor: Mail Queue Length
        State Change: ALARM -> OK
        Message: Monitor Passed
        Return Value: 67
        Lasted: 32 min
        Description: Mails that wait. Look at https://wiki.example.com/mail first.

        Time: Sun 1 Mar 2026, 04:12:00 UTC+1
        Tags: mail, team-a
        https://revere.example.com/monitor/17
        ");
        let mut bare = sample();
        (bare.tick_at, bare.started_at, bare.monitor.tags) = (None, None, Vec::new());
        bare.monitor.url = "/monitor/17".to_owned();
        assert_eq!(bare.mail_text(), bare.text());
        insta::assert_snapshot!("mail_html", sample().mail_html());
    }

    #[test]
    fn programs_read_json() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&sample().json()).unwrap(), @r#"
        {
          "monitor": {
            "id": 17,
            "name": "Mail Queue Length",
            "url": "https://revere.example.com/monitor/17",
            "tags": [
              "mail",
              "team-a"
            ],
            "description": "Mails that wait. Look at https://wiki.example.com/mail first.",
            "timezone": "Europe/Berlin",
            "unit": "",
            "decimals": null
          },
          "old_state": "ALARM",
          "new_state": "OK",
          "severity": null,
          "message": "Monitor Passed",
          "return_value": 67,
          "tick_at": "2026-03-01T03:12:00Z",
          "started_at": "2026-03-01T03:12:00.25Z",
          "run_id": null,
          "url": "https://revere.example.com/monitor/17",
          "text": "[Revere Alarm]\nMonitor: Mail Queue Length\nState Change: ALARM -> OK\nMessage: Monitor Passed\nReturn Value: 67\nLasted: 32 min\nDescription: Mails that wait. Look at https://wiki.example.com/mail first.",
          "key": "17-204-ops",
          "incident": {
            "id": 203,
            "opened_at": "2026-03-01T02:40:00Z",
            "key": "a3f1c09b5d7e4826a3f1c09b5d7e4826"
          }
        }
        "#);
    }

    #[test]
    fn a_warning_says_so_and_so_does_what_was_one() {
        let mut told = Notification {
            old_state: State::Ok,
            old_severity: None,
            new_state: State::Alarm,
            severity: Some(Severity::Warning),
            ..sample()
        };
        assert_eq!(told.subject(), "[Revere Alarm] ALARM (warning) Mail Queue Length");
        assert!(told.text().contains("State Change: OK -> ALARM (warning)\n"), "{}", told.text());
        assert!(told.short().starts_with("[Revere] ALARM (warning) Mail Queue Length"));
        assert!(told.mail_html().contains("ALARM (warning)"));
        assert_eq!(told.json()["severity"], "warning");
        (told.old_state, told.old_severity, told.severity) = (State::Alarm, told.severity, Some(Severity::Critical));
        assert!(told.text().contains("State Change: ALARM (warning) -> ALARM (critical)\n"), "{}", told.text());
        (told.new_state, told.severity) = (State::Ok, None);
        assert!(told.text().contains("State Change: ALARM (warning) -> OK\n"), "{}", told.text());
        assert_eq!(told.json()["severity"], Value::Null);
        // One that an older version stored says nothing of it.
        let bare = Notification { new_state: State::Alarm, severity: None, old_severity: None, ..sample() };
        assert_eq!(
            (bare.subject(), &bare.json()["severity"]),
            ("[Revere Alarm] ALARM Mail Queue Length".to_owned(), &json!("critical"))
        );
    }

    #[test]
    fn a_notice_about_a_run_leads_to_it() {
        let of_run = Notification { run_id: Some(RunId(204)), ..sample() };
        assert_eq!(of_run.link(), "https://revere.example.com/monitor/17/run/204");
        let unknown = MonitorSummary { url: "/monitor/17".to_owned(), ..sample().monitor };
        assert_eq!(Notification { monitor: unknown, ..of_run }.link(), "");
    }

    /// Whoever is notified reads what the author wrote for them, of a problem and of its end; numbers in their unit, and the time
    /// there.
    #[test]
    fn a_message_has_the_description_its_unit_and_the_monitors_own_time() {
        let mut notification = Notification { new_state: State::Alarm, old_state: State::Ok, ..sample() };
        notification.return_value = Some(ReturnValue::Float(1.5e-9));
        (notification.monitor.unit, notification.incident) = ("s".to_owned(), None);
        insta::assert_snapshot!(notification.mail_text(), @r"
        [Revere Alarm]
        Monitor: Mail Queue Length
        State Change: OK -> ALARM
        Message: Monitor Passed
        Return Value: 1.5e-9 s
        Description: Mails that wait. Look at https://wiki.example.com/mail first.

        Time: Sun 1 Mar 2026, 04:12:00 UTC+1
        Tags: mail, team-a
        https://revere.example.com/monitor/17
        ");
        let end = Notification { new_state: State::Ok, old_state: State::Alarm, ..notification.clone() };
        for told in [notification, end] {
            assert!(told.text().contains("\nDescription: Mails that wait."), "{}", told.text());
            assert!(told.mail_html().contains("Look at https://wiki.example.com/mail first."));
        }
    }

    #[test]
    fn two_keys_stay_two_inside_a_header() {
        let key = |key: &str| Notification { key: key.to_owned(), ..sample() }.header_key();
        assert_eq!(key("17-204-ops mail"), "17-204-ops mail");
        assert_eq!(key("17-204-\u{e9}%\r\n"), "17-204-%C3%A9%25%0D%0A");
    }

    #[test]
    fn hostile_text_is_inert() {
        let hostile = hostile();
        let text = hostile.text();
        let starts: Vec<&str> =
            text.lines().filter_map(|line| line.split(':').next()).filter(|s| !s.starts_with(' ')).collect();
        assert_eq!(
            starts,
            ["[Revere Alarm]", "Monitor", "State Change", "Message", "Return Value", "Description"],
            "no forged line"
        );
        assert!(!hostile.subject().contains(['\r', '\n', '\u{202e}']));
        assert!(hostile.short().len() <= 160, "{}", hostile.short());
        let html = hostile.mail_html();
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("?a=\">"), "{html}");
        for text in [text, html, hostile.mail_text()] {
            assert!(!text.contains(['\x1b', '\r', '\u{202e}']));
        }
    }

    proptest! {
        #[test]
        fn the_states_survive_any_name(name in any::<String>(), message in any::<String>(), max in 60_usize..120) {
            let mut any = sample();
            any.monitor.name = name;
            any.message = message;
            prop_assert!(any.subject().starts_with("[Revere Alarm] OK"));
            prop_assert!(any.subject().chars().count() <= 200);
            let ascii = any.ascii_subject_within(max);
            prop_assert!(ascii.is_ascii() && ascii.len() <= max, "{ascii}");
            prop_assert!(ascii.starts_with("[Revere Alarm] OK"), "{ascii}");
            prop_assert!(any.text().starts_with("[Revere Alarm]\nMonitor:"));
        }
    }
}
