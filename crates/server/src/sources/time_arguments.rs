//! Moments and spans of time as scripts write them.
//!
//! A moment is a `datetime` (naive ones are UTC), a `date` (its midnight in UTC), a number of seconds since 1970, or a
//! text: `now`, `-10min`, `1h30min`, RFC 3339, a number. A span is a `timedelta`, a number of seconds, or a text
//! such as `30s` or `1h30min`.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use revere_model::calendar::{instant, instant_of_seconds};

use super::{SourceFault, Value, arguments::wrong};

/// Where an argument names a moment on the line of time.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Moment {
    /// That instant.
    At(Timestamp),
    /// Words that the asked side understands by itself, or nobody does.
    Words(String),
}

/// Reads what every source can resolve by itself; texts are left as they are.
pub(super) fn read(name: &str, value: Value, now: Timestamp) -> Result<Moment, SourceFault> {
    let expected = "a datetime, a date, a timedelta, a number of seconds since 1970 or a text";
    let beyond =
        |value: &Value| SourceFault::BadArguments(format!("'{name}' is beyond the calendar: {}", value.repr(60)));
    let at = match &value {
        Value::Text(text) => return Ok(Moment::Words(text.trim().to_owned())),
        Value::Int(seconds) => instant_of_seconds(*seconds as f64).ok_or_else(|| beyond(&value))?,
        Value::Float(seconds) => instant_of_seconds(*seconds).ok_or_else(|| beyond(&value))?,
        Value::DateTime(text) => date_time(text).ok_or_else(|| beyond(&value))?,
        Value::Date(text) => date_time(&format!("{text}T00:00:00")).ok_or_else(|| beyond(&value))?,
        // Before now, whichever sign: nobody asks for data of the future.
        Value::Duration(micros) => now
            .checked_sub(SignedDuration::from_micros(micros.checked_abs().ok_or_else(|| beyond(&value))?))
            .map_err(|_| beyond(&value))?,
        other => return Err(wrong(name, expected, other)),
    };
    Ok(Moment::At(at))
}

/// `now`, `-10min`, `now-1h30min`: what counts from `now` alone.
pub(super) fn relative(words: &str, now: Timestamp) -> Option<Timestamp> {
    let after = match words.get(..3) {
        Some(front) if front.eq_ignore_ascii_case("now") => words[3..].trim_start(),
        _ => words,
    };
    match after.strip_prefix('-') {
        Some(span) => now.checked_sub(span_of(span.trim_start())?).ok(),
        None => (after.is_empty() && !words.is_empty()).then_some(now),
    }
}

/// Reads a moment of which texts are resolved here, relative ones from `now`.
pub(crate) fn resolve(name: &str, value: Value, now: Timestamp) -> Result<Timestamp, SourceFault> {
    let words = match read(name, value, now)? {
        Moment::At(at) => return Ok(at),
        Moment::Words(words) => words,
    };
    let found = if let Some(at) = relative(&words, now) {
        Some(at)
    } else if let Ok(seconds) = words.parse::<f64>()
        && !words.starts_with('-')
    {
        instant_of_seconds(seconds)
    } else {
        date_time(&words).or_else(|| date_time(&format!("{words}T00:00:00")))
    };
    found.ok_or_else(|| {
        SourceFault::BadArguments(format!(
            "'{name}' must be a time such as 'now', '-10min', '-1h30min', '2026-05-04T10:00:00Z' or seconds since 1970, not '{words}'"
        ))
    })
}

/// Reads a span of time, in seconds above zero.
pub(super) fn span(name: &str, value: &Value) -> Result<f64, SourceFault> {
    let seconds = match value {
        Value::Int(seconds) => Some(*seconds as f64),
        Value::Float(seconds) => Some(*seconds),
        Value::Duration(micros) => Some(*micros as f64 / 1e6),
        Value::Text(text) => text.trim().parse().ok().or_else(|| span_of(text.trim()).map(|span| span.as_secs_f64())),
        _ => None,
    };
    seconds
        .filter(|seconds| *seconds > 0.0 && *seconds < 1e10)
        .ok_or_else(|| wrong(name, "a span of time such as 60, '1min' or a timedelta, above 0", value))
}

/// Python's `isoformat`, and RFC 3339; without an offset it is UTC. The last hours of the calendar are its last instant,
/// whatever their offset.
pub(super) fn date_time(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: civil::DateTime = text.strip_suffix(['Z', 'z']).unwrap_or(text).parse().ok()?;
        Some(instant(civil, &TimeZone::UTC))
    })
}

/// `90s`, `10min`, `1h30min`, in the units Graphite and Prometheus know; a month has 30 days, a year 365.
fn span_of(text: &str) -> Option<SignedDuration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            "w" | "week" | "weeks" => 604_800.0,
            "mon" | "month" | "months" => 2_592_000.0,
            "y" | "year" | "years" => 31_536_000.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    (total > 0.0 && total < 1e11).then(|| SignedDuration::from_micros((total * 1e6) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(value: Value) -> Result<String, String> {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        resolve("at", value, now).map(|at| at.to_string()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn moments_are_read_in_every_form() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (value, expected) in [
            (text("now"), "2026-03-01T12:00:00Z"),
            (text("-10min"), "2026-03-01T11:50:00Z"),
            (text("-1h30min"), "2026-03-01T10:30:00Z"),
            (text("Now - 1h"), "2026-03-01T11:00:00Z"),
            (text("-1.5d"), "2026-02-28T00:00:00Z"),
            (text("2026-01-02"), "2026-01-02T00:00:00Z"),
            (text("2026-01-02T03:04:05+02:00"), "2026-01-02T01:04:05Z"),
            (text("1000000000"), "2001-09-09T01:46:40Z"),
            (Value::Int(1_000_000_000), "2001-09-09T01:46:40Z"),
            (Value::Float(0.25), "1970-01-01T00:00:00.25Z"),
            (Value::Date("2026-01-02".into()), "2026-01-02T00:00:00Z"),
            (Value::DateTime("2026-01-02T03:04:05.5".into()), "2026-01-02T03:04:05.5Z"),
            (Value::DateTime("2026-01-02T03:04:05+05:30".into()), "2026-01-01T21:34:05Z"),
            (Value::Duration(-60_000_000), "2026-03-01T11:59:00Z"),
            (Value::Duration(60_000_000), "2026-03-01T11:59:00Z"),
        ] {
            assert_eq!(resolved(value.clone()).as_deref(), Ok(expected), "{value:?}");
        }
        // What people and programs write for "never" is the last instant there is.
        for last in [
            Value::DateTime("9999-12-31T23:59:59.999999".into()),
            Value::DateTime("9999-12-31T23:59:59-05:00".into()),
            Value::Date("9999-12-31".into()),
            Value::Int(253_402_300_799),
            Value::Float(253_402_300_799.0),
            text("9999-12-31"),
            text("9999-12-31T23:59:59Z"),
            text("253402300799"),
        ] {
            assert_eq!(resolved(last.clone()), Ok(Timestamp::MAX.to_string()), "{last:?}");
        }
        assert_eq!(resolved(Value::Date("0001-01-01".into())).as_deref(), Ok("0001-01-01T00:00:00Z"));
        for wrong in [
            text("10000-01-01"),
            Value::Int(253_402_300_800),
            text("soon"),
            text("nowhere"),
            text("-10"),
            text("-10 parsecs"),
            text("-"),
            text(""),
            Value::Bool(true),
            Value::Float(1e300),
            Value::Int(i64::MAX),
        ] {
            assert!(resolved(wrong.clone()).unwrap_err().contains("'at'"), "{wrong:?}");
        }
    }

    #[test]
    fn spans_are_read_in_every_form() {
        let seconds = |value: Value| span("step", &value).ok();
        assert_eq!(seconds(Value::Int(60)), Some(60.0));
        assert_eq!(seconds(Value::Text("1h30min".into())), Some(5400.0));
        assert_eq!(seconds(Value::Text("15".into())), Some(15.0));
        assert_eq!(seconds(Value::Duration(1_500_000)), Some(1.5));
        assert_eq!(seconds(Value::Int(0)), None);
        assert_eq!(seconds(Value::Text("-5s".into())), None);
        assert_eq!(seconds(Value::Text("NaN".into())), None);
    }
}
