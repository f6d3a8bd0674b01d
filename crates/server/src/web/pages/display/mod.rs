//! The small things that every page shows: states, instants, durations, values. Each writes its own HTML.
//!
//! They implement `HtmlSafe`, so templates show them as they are; whatever text of others they hold, they escape.

mod marks;

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;
use jiff::{Timestamp, Zoned, tz::TimeZone};
pub(super) use marks::{Badge, BadgeMark, Mark, Severe, Status, class};
use revere_model::{NumberFormat, ReturnValue, clock_of, exact_time, far_day, lasted, machine_time};

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

/// When something was by the clock of the page's zone, where the day stands above; how long ago on hover.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ClockTime {
    pub(super) at: Zoned,
    pub(super) now: Timestamp,
}

/// A recorded value, short, with the whole of it on hover.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shown {
    value: ReturnValue,
    numbers: NumberFormat,
    /// Whether there is room for every digit.
    wide: bool,
}

/// So many characters of a number are read at a glance.
const AT_A_GLANCE: usize = 24;
/// So many characters of a text stand in a column.
const TEXT_CHARS: usize = 40;

impl Shown {
    /// As it stands in a column.
    pub(super) fn of(value: ReturnValue, numbers: &NumberFormat) -> Shown {
        Shown { value, numbers: numbers.clone(), wide: false }
    }

    /// As it stands by itself, with every digit.
    pub(super) fn wide(value: ReturnValue, numbers: &NumberFormat) -> Shown {
        Shown { wide: true, ..Shown::of(value, numbers) }
    }

    /// The text, where it is longer than a column shows.
    pub(super) fn long_text(&self) -> Option<&str> {
        match &self.value {
            ReturnValue::Text(text) if short_text(text) != *text => Some(text),
            _ => None,
        }
    }

    fn short(&self) -> String {
        short_value(&self.value, &self.numbers)
    }

    fn whole(&self) -> String {
        self.numbers.whole(&self.value).unwrap_or_else(|| self.value.to_string())
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let at = machine_time(self.at);
        let title = exact_time(self.at, &TimeZone::UTC);
        write!(
            f,
            r#"<time datetime="{at}" title="{title}" data-live="when">{}</time>"#,
            relative(self.at, self.now, &TimeZone::UTC)
        )
    }
}

impl Display for ClockTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let at = self.at.timestamp();
        let datetime = machine_time(at);
        let zone = self.at.time_zone();
        let title = format!("{}\n{}", relative(at, self.now, zone), exact_time(at, zone));
        write!(f, r#"<time datetime="{datetime}" title="{title}" data-live="clock">{}</time>"#, clock_of(&self.at))
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Span::Took(ms) => write!(f, "{}", Escaped(&took(ms))),
            Span::Between(from, to) => f.write_str(&lasted(seconds(from, to))),
            Span::Since(from, now) => {
                let at = machine_time(from);
                let title = format!("since {}", exact_time(from, &TimeZone::UTC));
                let text = lasted(seconds(from, now));
                write!(f, r#"<time datetime="{at}" title="{title}" data-live="since">{text}</time>"#)
            }
        }
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let whole = self.whole();
        let short = if self.wide && whole.chars().count() <= AT_A_GLANCE { whole.clone() } else { self.short() };
        if whole == short {
            write!(f, "<bdi>{}</bdi>", Escaped(&short))
        } else {
            write!(f, r#"<bdi title="{}">{}</bdi>"#, Escaped(&whole), Escaped(&short))
        }
    }
}

impl HtmlSafe for When {}
impl HtmlSafe for ClockTime {}
impl HtmlSafe for Span {}
impl HtmlSafe for Shown {}

/// Text of others as a page shows it: marks that turn the direction of reading are seen and do nothing, so that no name
/// passes for another one. Forms hold what was typed.
pub(super) fn seen(text: &str) -> String {
    text.replace(crate::alerts::plain_text::turns_direction, "\u{fffd}")
}

/// Text of others, for HTML and attributes in double quotes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        askama::filters::escape(self.0, askama::filters::Html).map_err(|_| fmt::Error)?.fmt(f)
    }
}

/// `12 s ago`, `in 4 min`, and beyond a month a day with its zone.
pub(super) fn relative(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let distance = seconds(at, now);
    if distance.abs() >= 45 * 86_400 {
        return far_day(at, zone);
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

/// A value in the width of a column.
pub(super) fn short_value(value: &ReturnValue, numbers: &NumberFormat) -> String {
    match value {
        // Cut, the digits of a whole number would read as another one.
        ReturnValue::Text(text) => numbers.short_of_text(text).unwrap_or_else(|| short_text(text)),
        number => numbers.short(number).unwrap_or_else(|| number.to_string()),
    }
}

/// One line of a text, cut.
fn short_text(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(TEXT_CHARS).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_number_beyond_64_bits_is_shortened_and_not_cut() {
        let numbers = NumberFormat { unit: "rows".to_owned(), decimals: None };
        let shown =
            |text: &str| Shown::of(ReturnValue::Text(text.to_owned()), &numbers).to_string().replace('\u{a0}', " ");
        let great = "1180591620717411303424";
        assert_eq!(shown(great), format!("<bdi title=\"{great}\">1.181e21 rows</bdi>"));
        assert!(shown(&format!("-{great}")).ends_with(">-1.181e21 rows</bdi>"));
        let greater = format!("1{}", "0".repeat(400));
        assert_eq!(shown(&greater), format!("<bdi title=\"{greater}\">1e400 rows</bdi>"), "beyond floats, too");
        assert_eq!(shown("20261130"), "<bdi>20261130</bdi>", "a text of some digits is a text");
        assert_eq!(shown("1180591620717411303424 rows"), "<bdi>1180591620717411303424 rows</bdi>");
    }

    #[test]
    fn instants_read_as_people_say_them() {
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        let at = |seconds: i64| Timestamp::from_second(now.as_second() + seconds).unwrap();
        let shown: Vec<String> = [0, -12, -100, -5_400, -7_260, -40_000, -200_000, -1_000_000, 48, 600, -5_000_000]
            .map(|offset| relative(at(offset), now, &TimeZone::UTC))
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
                "4 May 2026 UTC"
            ]
        );
    }

    /// The browser's code is tested with the same cases.
    #[test]
    fn numbers_and_times_are_written_as_the_table_has_them() {
        let cases: Value = serde_json::from_str(include_str!("../../../../tests/display_cases.json")).unwrap();
        let spaced = |text: Option<String>| text.unwrap().replace(['\u{a0}', '\u{202f}'], " ");
        for case in cases["numbers"].as_array().unwrap() {
            let value: ReturnValue = serde_json::from_value(case["value"].clone()).unwrap();
            let unit = case["unit"].as_str().unwrap_or_default().to_owned();
            let numbers = NumberFormat { unit, decimals: case["decimals"].as_u64().map(|decimals| decimals as u32) };
            assert_eq!(spaced(numbers.short(&value)), case["short"].as_str().unwrap(), "{case}");
            assert_eq!(spaced(numbers.whole(&value)), case["whole"].as_str().unwrap(), "{case}");
        }
        for case in cases["texts"].as_array().unwrap() {
            let numbers = NumberFormat { unit: case["unit"].as_str().unwrap_or_default().to_owned(), decimals: None };
            let short = numbers.short_of_text(case["text"].as_str().unwrap());
            assert_eq!(short.map(|text| spaced(Some(text))).as_deref(), case["short"].as_str(), "{case}");
        }
        for case in cases["times"].as_array().unwrap() {
            let zone = revere_model::zone(case["zone"].as_str().unwrap()).unwrap();
            assert_eq!(
                exact_time(case["at"].as_str().unwrap().parse().unwrap(), &zone),
                case["exact"].as_str().unwrap()
            );
        }
        for case in cases["days"].as_array().unwrap() {
            let zone = revere_model::zone(case["zone"].as_str().unwrap()).unwrap();
            let at: Timestamp = case["at"].as_str().unwrap().parse().unwrap();
            let now = at.checked_add(jiff::SignedDuration::from_hours(24 * 100)).unwrap();
            assert_eq!(relative(at, now, &zone), case["day"].as_str().unwrap());
        }
        for case in cases["spans"].as_array().unwrap() {
            assert_eq!(lasted(case["seconds"].as_i64().unwrap()), case["lasted"].as_str().unwrap());
        }
    }

    #[test]
    fn a_value_is_short_in_a_column_and_whole_by_itself() {
        let numbers = NumberFormat { unit: "bytes".into(), decimals: None };
        let (column, alone) = (
            Shown::of(ReturnValue::Int(123_506_019_586), &numbers),
            Shown::wide(ReturnValue::Int(123_506_019_586), &numbers),
        );
        let whole = "123\u{202f}506\u{202f}019\u{202f}586\u{a0}bytes";
        assert_eq!(column.to_string(), format!("<bdi title=\"{whole}\">123.5\u{a0}GB</bdi>"));
        assert_eq!(alone.to_string(), format!("<bdi>{whole}</bdi>"));
        assert_eq!(Shown::of(ReturnValue::Text("one\ntwo".into()), &numbers).long_text(), Some("one\ntwo"));
        assert_eq!(Shown::of(ReturnValue::Text("one".into()), &numbers).long_text(), None);
    }

    #[test]
    fn hostile_text_is_inert() {
        let text = ReturnValue::Text("\"><script>alert(1)</script>".repeat(9));
        let shown = Shown::of(text, &NumberFormat::default()).to_string();
        assert!(!shown.contains("<script"), "{shown}");
        assert_eq!(shown.matches('"').count(), 2, "only the quotes of the attribute itself: {shown}");
    }

    #[test]
    fn durations_have_a_sensible_unit() {
        assert_eq!([0.01, 0.44, 25.0, 1234.0, 65_000.0].map(took), ["< 0.1 ms", "0.4 ms", "25 ms", "1.2 s", "65 s"]);
    }
}
