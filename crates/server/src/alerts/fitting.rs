//! Makes a notification fit where a receiver takes only so much: first the description gives way, then message and
//! value, and what says which monitor it is, its states and where to read on stays whole.

use revere_model::ReturnValue;

use super::{Notification, plain_text};

/// How a chat wants its text.
pub(super) struct ChatText {
    /// The most that a message may have.
    pub(super) max: usize,
    /// In this unit.
    pub(super) size: fn(&str) -> usize,
    /// Takes the meaning out of what the receiver would read as markup or as a mention.
    pub(super) inert: fn(&str) -> String,
    /// The same for an address, which must go on working as one.
    pub(super) inert_link: fn(&str) -> String,
}

impl Notification {
    /// The text as a chat shows it, with where to read on, within its limit. Own words that leave nothing to give way are cut at
    /// their end.
    pub(super) fn chat_text(&self, chat: &ChatText) -> String {
        let shown = |notification: &Notification, text: &str| {
            let (text, link) = ((chat.inert)(text), notification.link());
            if link.is_empty() { text } else { format!("{text}\n{}", (chat.inert_link)(&link)) }
        };
        let fits = |whole: &str| (chat.size)(whole) <= chat.max;
        let fitting = self.cut_until(|cut| fits(&shown(cut, &cut.text())));
        let text = fitting.text();
        let whole = shown(&fitting, &text);
        if fits(&whole) {
            return whole;
        }
        let within = |chars: usize| shown(&fitting, &plain_text::cut(&text, chars));
        let chars = most(text.chars().count(), |chars| fits(&within(chars)));
        // Nothing is left to give way but the whole.
        self.sending.cuts.forget();
        self.sending.cuts.note("text", &text, &plain_text::cut(&text, chars));
        within(chars)
    }

    /// The same, with its description, then its message and value cut as far as it takes until it `fits`: what says which monitor
    /// it is, its states and where to read on stays whole. Of many monitors, fewer are named.
    pub(super) fn cut_until(&self, fits: impl Fn(&Notification) -> bool) -> Notification {
        if fits(self) {
            return self.clone();
        }
        if !self.sending.crowd.is_empty() {
            return self.naming(most(self.sending.crowd.len(), |named| fits(&self.naming(named))));
        }
        // What the author wrote stands on the monitor's page; what the run said is news.
        let description = &self.monitor.description;
        let chars = most(description.chars().count(), |chars| fits(&self.describing(chars)));
        let described = self.describing(chars);
        let fitting = fits(&described);
        // Own words may say nothing of it.
        let described = if fitting || self.wording.is_none() { described } else { self.clone() };
        self.sending.cuts.note("description", description, &described.monitor.description);
        if fitting {
            return described;
        }
        let value = self.return_value.as_ref().map_or(0, |value| value.to_string().chars().count());
        let longest = self.message.chars().count().max(value);
        let cut = described.cut_to(most(longest, |chars| fits(&described.cut_to(chars))));
        self.sending.cuts.note("message", &self.message, &cut.message);
        if let (Some(ReturnValue::Text(whole)), Some(ReturnValue::Text(cut))) = (&self.return_value, &cut.return_value)
        {
            self.sending.cuts.note("return_value", whole, cut);
        }
        cut
    }

    /// With so many characters of its description.
    fn describing(&self, chars: usize) -> Notification {
        let mut described = self.clone();
        described.monitor.description = match chars {
            // Not the mark of the cut alone.
            0 => String::new(),
            _ => plain_text::cut(&self.monitor.description, chars).into_owned(),
        };
        described
    }

    fn cut_to(&self, chars: usize) -> Notification {
        let cut = |text: &str| plain_text::cut(text, chars).into_owned();
        let return_value = match &self.return_value {
            Some(ReturnValue::Text(text)) => Some(ReturnValue::Text(cut(text))),
            other => other.clone(),
        };
        Notification { message: cut(&self.message), return_value, ..self.clone() }
    }
}

/// The largest number up to `longest` that `fits`, or 0; what fits one fits every smaller one.
fn most(longest: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut fitting, mut longest) = (0, longest);
    while fitting < longest {
        let middle = (fitting + longest).div_ceil(2);
        if fits(middle) {
            fitting = middle;
        } else {
            longest = middle - 1;
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::{super::message::tests::sample, *};
    use crate::alerts::MonitorSummary;

    #[test]
    fn what_is_too_long_is_cut_where_nothing_else_is_lost() {
        let mut long = sample();
        (long.message, long.return_value) = ("m\u{1f525}".repeat(5000), Some(ReturnValue::Text("v".repeat(300))));
        let cut = long.cut_until(|cut| cut.mail_text().len() <= 2000);
        let text = cut.mail_text();
        assert!((1990..=2000).contains(&text.len()), "{}", text.len());
        for part in
            ["Monitor: Mail Queue Length\n", "ALARM -> OK\n", &"v".repeat(300), "https://revere.example.com/monitor/17"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(sample().cut_until(|_| true), sample());
        let wordy = MonitorSummary { description: "d".repeat(9000), ..sample().monitor };
        let wordy = Notification { monitor: wordy, message: "m".repeat(1000), ..sample() };
        let text = wordy.cut_until(|cut| cut.mail_text().len() <= 2000).mail_text();
        assert!(text.contains(&"m".repeat(1000)) && text.contains("Description: ddd"), "{text}");
        assert!((1990..=2000).contains(&text.len()), "{}", text.len());
        assert_eq!(long.cut_until(|_| false).message, "\u{2026}");
    }
}
