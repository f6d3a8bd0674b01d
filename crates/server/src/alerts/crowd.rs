//! Crowds: what one alert has to tell of many monitors at once becomes one message.
//!
//! The first is told at once. What comes within the window after it waits for its end, and is told together, the worst first.
//! Each delivery stays one of its own in the log.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use revere_model::{MonitorId, Severity, State};
use sha2::{Digest, Sha256};

use super::{Channel, ChannelKind, MonitorSummary, Notification, PreviewPart, Receipt, SendError, WebPush, plain_text};
use crate::{
    building::BuildInput,
    hexadecimal::hex,
    notification::Sending,
    settings::{Field, FieldGroup, FieldKind},
};

/// The setting, which types have whose receivers are people that read.
pub static CROWDS: FieldGroup = FieldGroup {
    heading: "Crowds",
    fields: &[Field::optional(
        "crowd_window",
        FieldKind::Count,
        "So many seconds after a message, what comes meanwhile is sent as one; 0 sends each by itself.",
    )
    .or_number(30)],
};

/// Monitors that a message names; of the others it says how many.
const NAMED: usize = 100;

/// The longest name and message in a line of it, in characters.
const NAME_CHARS: usize = 80;
const MESSAGE_CHARS: usize = 160;

/// `channel`, with what its kind and its settings say of the way in which it is told things.
pub(super) fn around(kind: &ChannelKind, setup: &BuildInput, channel: Arc<dyn Channel>) -> Arc<dyn Channel> {
    let seconds = setup.settings.count("crowd_window").unwrap_or(0);
    Arc::new(Told { window: Duration::from_secs(seconds), knows_repeats: kind.knows_repeats, channel })
}

struct Told {
    window: Duration,
    knows_repeats: bool,
    channel: Arc<dyn Channel>,
}

#[async_trait]
impl Channel for Told {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        self.channel.send(notification, timeout).await
    }

    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        self.channel.preview(notification)
    }

    fn knows_repeats(&self) -> bool {
        self.knows_repeats
    }

    fn crowd_window(&self) -> Duration {
        self.window
    }

    fn web_push(&self) -> Option<&WebPush> {
        self.channel.web_push()
    }
}

/// One notification of all of these, at least two; `list` is the address of the list of monitors, if it is known.
pub fn crowd(mut all: Vec<Notification>, list: &str) -> Notification {
    all.sort_by(|one, other| rank(one).cmp(&rank(other)).then_with(|| one.monitor.name.cmp(&other.monitor.name)));
    let keys: Vec<&str> = all.iter().map(|one| one.key.as_str()).collect();
    let mut key = hex(&Sha256::digest(keys.join("\n")));
    key.truncate(32);
    let may_be_repeat = all.iter().any(|one| one.sending.may_be_repeat);
    // Of several threads it belongs to none.
    let (first, rest) = (&all[0].sending.reply_to, &all[1..]);
    let reply_to = first.clone().filter(|_| rest.iter().all(|one| one.sending.reply_to == *first));
    let worst = &all[0];
    let monitor = MonitorSummary {
        url: list.to_owned(),
        timezone: worst.monitor.timezone.clone(),
        ..MonitorSummary::named(MonitorId(0), "Several monitors".to_owned())
    };
    Notification {
        old_state: worst.old_state,
        old_severity: worst.old_severity,
        new_state: worst.new_state,
        severity: worst.severity,
        message: counted(&all),
        tick_at: all.iter().filter_map(|one| one.tick_at).max(),
        sending: Sending { may_be_repeat, reply_to, crowd: all, ..Sending::default() },
        ..Notification::about(monitor, key)
    }
}

/// The worst first: what is critical, then warnings, then what is not watched any more, then what is well.
fn rank(notification: &Notification) -> (u8, u8) {
    let mild = u8::from(notification.severity() == Some(Severity::Warning));
    match notification.new_state {
        State::Alarm => (mild, 0),
        State::Error => (mild, 1),
        State::Inactive => (2, 0),
        State::Ok => (3, 0),
    }
}

/// `3 ALARM, 2 ALARM (warning), 1 ERROR, 5 OK`: what is critical is counted together, whatever it was before.
fn counted(all: &[Notification]) -> String {
    let mut counts: BTreeMap<((u8, u8), String), usize> = BTreeMap::new();
    for one in all {
        let words = match one.severity().filter(|_| one.new_state.is_problem()) {
            Some(Severity::Warning) => format!("{} ({})", one.new_state, Severity::Warning),
            _ => one.new_state.to_string(),
        };
        *counts.entry((rank(one), words)).or_default() += 1;
    }
    let counts = counts.into_iter().map(|((_, state), count)| format!("{count} {state}"));
    counts.collect::<Vec<_>>().join(", ")
}

impl Notification {
    /// The text of a crowd; `None` if it is of one monitor.
    pub(super) fn crowd_text(&self) -> Option<String> {
        let mut text = self.crowd_line()?.replacen("] ", "]\n", 1);
        let named = self.sending.crowd.iter().take(NAMED);
        let unnamed = self.crowd_size() - named.len();
        for one in named {
            let name = plain_text::one_line(&one.monitor.name);
            let message = plain_text::one_line(&one.message);
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "\n{}{} {}: {}",
                if one.reminder.is_some() { "still " } else { "" },
                one.new_words(),
                plain_text::cut(&name, NAME_CHARS),
                plain_text::cut(&message, MESSAGE_CHARS)
            );
            let lasted = if one.reminder.is_some() { "for" } else { "lasted" };
            let missed = one.missed_words().map(|missed| format!("was {missed}"));
            let more = [one.lasted().map(|time| format!("{lasted} {time}")), missed];
            let more: Vec<String> = more.into_iter().flatten().collect();
            if !more.is_empty() {
                let _ = write!(text, " ({})", more.join("; "));
            }
        }
        if unnamed > 0 {
            let _ = write!(text, "\nand {unnamed} more");
        }
        Some(text)
    }

    /// One line for a crowd; `None` if it is of one monitor.
    pub(super) fn crowd_line(&self) -> Option<String> {
        let number = Some(self.crowd_size()).filter(|number| *number > 0)?;
        Some(format!("[Revere {}] {number} monitors: {}", self.heading(), self.message))
    }

    /// How many are told with this message; none if it is of one monitor.
    fn crowd_size(&self) -> usize {
        self.sending.crowd.len() + self.sending.unnamed
    }

    /// The same crowd with this many named, the worst of them.
    pub(super) fn naming(&self, number: usize) -> Notification {
        let mut fewer = self.clone();
        fewer.sending.crowd.truncate(number);
        fewer.sending.unnamed = self.crowd_size() - fewer.sending.crowd.len();
        fewer
    }
}

#[cfg(test)]
mod tests {
    use super::{super::message::tests::sample, *};

    fn told(name: &str, state: State, severity: Severity) -> Notification {
        let mut told = sample();
        told.monitor.name = name.to_owned();
        told.key = name.to_owned();
        (told.new_state, told.severity) = (state, state.is_problem().then_some(severity));
        told.message = format!("{name} says\nso");
        told
    }

    #[test]
    fn a_crowd_names_each_the_worst_first() {
        use Severity::{Critical, Warning};
        let all = vec![
            told("well", State::Ok, Critical),
            told("mild", State::Alarm, Warning),
            told("broken", State::Error, Critical),
            told("disk", State::Alarm, Critical),
            told("cpu", State::Alarm, Critical),
        ];
        let crowd = crowd(all.clone(), "https://revere.example.com/");
        insta::assert_snapshot!(crowd.text(), @r"
        [Revere Alarm]
        5 monitors: 2 ALARM, 1 ERROR, 1 ALARM (warning), 1 OK
        ALARM cpu: cpu says so
        ALARM disk: disk says so
        ERROR broken: broken says so
        ALARM (warning) mild: mild says so
        OK well: well says so (lasted 32 min)
        ");
        let line = "[Revere Alarm] 5 monitors: 2 ALARM, 1 ERROR, 1 ALARM (warning), 1 OK";
        assert_eq!((crowd.subject().as_str(), crowd.short().as_str()), (line, line));
        assert!(crowd.mail_html().contains("ALARM (warning) mild"));
        // There is no one monitor to be opened.
        let link = "<a href=\"https://revere.example.com/\" style=\"color:#0b62c4\">Open the list</a>";
        assert!(crowd.mail_html().contains(link), "{}", crowd.mail_html());
        assert!(
            crowd.naming(2).text().ends_with("\nALARM disk: disk says so\nand 3 more"),
            "{}",
            crowd.naming(2).text()
        );
        assert!(crowd.mail_text().ends_with("https://revere.example.com/"), "{}", crowd.mail_text());
        assert_eq!(crowd.new_state, State::Alarm);
        let mut turned = all;
        turned.reverse();
        assert_eq!(super::crowd(turned, "").key, crowd.key, "whatever their order");
    }

    #[test]
    fn of_a_very_large_crowd_the_rest_is_counted() {
        let all: Vec<Notification> =
            (0..1000).map(|n| told(&format!("m{n}"), State::Alarm, Severity::Critical)).collect();
        let text = crowd(all, "").text();
        assert_eq!(text.lines().count(), 2 + NAMED + 1);
        assert!(text.contains("1000 monitors: 1000 ALARM\n") && text.ends_with("and 900 more"));
    }
}
