//! What people read: the wording of every alert, from the templates in `templates/alerts/`.
//!
//! Names, messages and values are hostile until shown otherwise. Every text made here is free of control characters and
//! of marks that turn the direction of reading; what can run over several lines is indented, so that a message cannot
//! pass for another line of the notice. Markup is escaped in HTML only; a channel whose receiver reads markup escapes
//! it.

mod json;
mod templates;

use jiff::tz::TimeZone;
use revere_model::{Severity, State};
use templates::{MailChart, MailHtml, MailText, Short, Subject, Text, rendered};

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

    /// The default text: the seed's own five lines, at the end of a problem how long it lasted, and what its author
    /// says of the monitor.
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

    /// The problems that could not be told while they were there: `ALARM Sun 1 Mar 2026, 03:10:00 - 03:25:00 UTC+1`, in
    /// the time zone of the monitor.
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

#[cfg(test)]
pub(crate) mod tests;
