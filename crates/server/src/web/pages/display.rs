//! The small things that every page shows: states, instants, durations, values. Each writes its own HTML.
//!
//! They implement `HtmlSafe`, so templates show them as they are; whatever text of others they hold, they escape.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use revere_model::{ReturnValue, Severity, State, lasted};

use crate::store::DeliveryStatus;

/// A state as people see it: a shape, a word, a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Badge(pub(super) State);

/// A state's shape alone, where its word stands beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark(pub(super) State);

/// How severe a problem is, where that is less than usual: everything is critical that nobody calls a warning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Severe(pub(super) Option<Severity>);

/// What became of a delivery: a sign, a word, a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Status(pub(super) DeliveryStatus);

/// An instant, relative to when the page was made; the browser keeps it going.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct When {
    pub(super) at: Timestamp,
    pub(super) now: Timestamp,
}

/// How long something lasted, or lasts since an instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Span {
    /// So many milliseconds.
    Took(f64),
    /// From one instant to the other.
    Between(Timestamp, Timestamp),
    /// From an instant until now; the browser keeps it going.
    Since(Timestamp, Timestamp),
}

/// A recorded value, short, with the whole of it on hover.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shown(pub(super) ReturnValue);

/// The name of a state in classes.
pub(super) fn class(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Alarm => "alarm",
        State::Error => "error",
        State::Inactive => "inactive",
    }
}

/// The shape of a state, in a box of 16 by 16: a disc with a tick, a triangle, a square with a cross, a ring.
fn shape(state: State) -> &'static str {
    match state {
        State::Ok => "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm3.2 4.1L7 9.3 4.9 7.2 3.7 8.4 7 11.7l5.4-5.4z",
        State::Alarm => "M8 .8 15.6 15H.4zM7.1 6l.3 4.4h1.2L8.9 6zM8 11.4a.95.95 0 1 0 0 1.9.95.95 0 0 0 0-1.9z",
        State::Error => {
            "M2 1h12a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H2a1 1 0 0 1-1-1V2a1 1 0 0 1 1-1zm3.3 3.1L4.1 5.3 6.8 8l-2.7 2.7 1.2 1.2L8 9.2l2.7 2.7 1.2-1.2L9.2 8l2.7-2.7-1.2-1.2L8 6.8z"
        }
        State::Inactive => "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1zm0 1.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8z",
    }
}

impl Display for Mark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d="{}"/></svg>"#,
            shape(self.0)
        )
    }
}

impl Display for Badge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, r#"<span class="state state-{}">{}{}</span>"#, class(self.0), Mark(self.0), self.0)
    }
}

impl Display for Severe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Severity::Warning) => f.write_str(r#" <span class="tag severity">warning</span>"#),
            Some(Severity::Critical) | None => Ok(()),
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (class, sign) = match self.0 {
            DeliveryStatus::Sent => ("good", "✓"),
            DeliveryStatus::Owed => ("warn", "…"),
            DeliveryStatus::Failed => ("bad", "✕"),
            DeliveryStatus::Cancelled => ("dim", "–"),
        };
        write!(f, r#"<span class="word {class}">{sign} {}</span>"#, self.0.as_str())
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let title = self.at.strftime("%Y-%m-%d %H:%M:%S UTC");
        write!(f, r#"<time datetime="{at}" title="{title}" data-live="when">{}</time>"#, relative(self.at, self.now))
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Span::Took(ms) => write!(f, "{}", Escaped(&took(ms))),
            Span::Between(from, to) => f.write_str(&lasted(seconds(from, to))),
            Span::Since(from, now) => {
                let at = from.strftime("%Y-%m-%dT%H:%M:%SZ");
                let title = from.strftime("since %Y-%m-%d %H:%M:%S UTC");
                let text = lasted(seconds(from, now));
                write!(f, r#"<time datetime="{at}" title="{title}" data-live="since">{text}</time>"#)
            }
        }
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let whole = self.0.to_string();
        let short = short_value(&self.0);
        if whole == short {
            write!(f, "<bdi>{}</bdi>", Escaped(&short))
        } else {
            write!(f, r#"<bdi title="{}">{}</bdi>"#, Escaped(&whole), Escaped(&short))
        }
    }
}

impl HtmlSafe for Badge {}
impl HtmlSafe for Mark {}
impl HtmlSafe for Severe {}
impl HtmlSafe for Status {}
impl HtmlSafe for When {}
impl HtmlSafe for Span {}
impl HtmlSafe for Shown {}

/// Text of others, for HTML and attributes in double quotes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        askama::filters::escape(self.0, askama::filters::Html).map_err(|_| fmt::Error)?.fmt(f)
    }
}

/// `12 s ago`, `in 4 min`, and a date beyond a month.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    let distance = seconds(at, now);
    if distance.abs() >= 45 * 86_400 {
        return at.strftime("%Y-%m-%d").to_string();
    }
    match distance {
        0..=1 => "now".to_owned(),
        2.. => format!("{} ago", lasted(distance)),
        ..0 => format!("in {}", lasted(-distance)),
    }
}

/// `< 0.1 ms`, `0.4 ms`, `230 ms`, `1.2 s`.
pub(super) fn took(ms: f64) -> String {
    match ms {
        _ if ms < 0.05 => "< 0.1 ms".to_owned(),
        _ if ms < 10.0 => format!("{ms:.1} ms"),
        _ if ms < 1000.0 => format!("{ms:.0} ms"),
        _ if ms < 60_000.0 => format!("{:.1} s", ms / 1000.0),
        _ => lasted((ms / 1000.0) as i64),
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second() - from.as_second()
}

/// A value in the width of a column: floats to six digits, texts to one line of forty characters.
pub(super) fn short_value(value: &ReturnValue) -> String {
    match value {
        ReturnValue::Int(int) => int.to_string(),
        ReturnValue::Float(float) => short_number(*float),
        ReturnValue::Text(text) => {
            let line = text.lines().next().unwrap_or_default();
            let short: String = line.chars().take(40).collect();
            if short.len() < text.len() { format!("{short}…") } else { short }
        }
    }
}

fn short_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let magnitude = number.abs().log10().floor();
    if !(-5.0..15.0).contains(&magnitude) {
        return format!("{number:.4e}");
    }
    let decimals = (5.0 - magnitude).clamp(0.0, 9.0) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_people_say_them() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let at = |seconds: i64| Timestamp::from_second(now.as_second() + seconds).unwrap();
        let shown: Vec<String> = [0, -12, -100, -5_400, -7_260, -40_000, -200_000, -1_000_000, 48, 600, -5_000_000]
            .map(|offset| relative(at(offset), now))
            .into();
        assert_eq!(
            shown,
            [
                "now",
                "12 s ago",
                "2 min ago",
                "1 h 30 min ago",
                "2 h 1 min ago",
                "11 h ago",
                "2 d 7 h ago",
                "12 d ago",
                "in 48 s",
                "in 10 min",
                "2026-05-04"
            ]
        );
    }

    #[test]
    fn values_are_short_and_exact_enough() {
        let shown = [0.1 + 0.2, 0.004_999_9, 1_234_567.8, 1e300, -0.25, 3.0, 0.0].map(short_number);
        assert_eq!(shown, ["0.3", "0.0049999", "1234568", "1.0000e300", "-0.25", "3", "0"]);
        assert_eq!(short_value(&ReturnValue::Text("one\ntwo".into())), "one…");
    }

    #[test]
    fn hostile_text_is_inert() {
        let shown = Shown(ReturnValue::Text("\"><script>alert(1)</script>".repeat(9))).to_string();
        assert!(!shown.contains("<script"), "{shown}");
        assert_eq!(shown.matches('"').count(), 2, "only the quotes of the attribute itself: {shown}");
    }

    #[test]
    fn durations_have_a_sensible_unit() {
        assert_eq!([0.01, 0.44, 25.0, 1234.0, 65_000.0].map(took), ["< 0.1 ms", "0.4 ms", "25 ms", "1.2 s", "65 s"]);
    }
}
