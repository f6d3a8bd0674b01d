//! Dates as HTTP writes them: in `Date`, `Retry-After` and, more loosely, the ends of cookies.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{rfc2822::DateTimeParser, strtime},
    tz::TimeZone,
};
use revere_model::calendar::{self, month_of_letters};

/// Reads a date in any of HTTP's three forms. One at the very end of the calendar, which means "never", is the last
/// instant there is.
pub(super) fn http_date(value: &str) -> Option<Timestamp> {
    if let Ok(at) = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value) {
        return Some(at);
    }
    // The name of the day is not compared with the date: some servers have it wrong.
    let date = |format: &str| strtime::parse(format, value).ok()?.to_datetime().ok();
    let rest = value.split_once(", ").map_or(value, |(_, rest)| rest);
    let imf = || strtime::parse("%d %b %Y %H:%M:%S GMT", rest).ok()?.to_datetime().ok();
    let civil: DateTime =
        imf().or_else(|| date("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| date("%a %b %e %H:%M:%S %Y"))?;
    Some(calendar::instant(civil, &TimeZone::UTC))
}

/// Reads a `Retry-After` header: seconds, or a date counted from `now` (best the `Date` of the same answer, which the same
/// clock wrote). `None` for anything else.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more patience than anyone has.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    Some(Duration::try_from(http_date(value)?.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Reads the end of a cookie by the rules of RFC 6265, section 5.1.1, as browsers do: the first time, day, month and year in it
/// count, whatever stands between them. Programs write dashes or spaces, and years of two digits or of four.
pub(super) fn cookie_date(value: &str) -> Option<Timestamp> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in value.split(is_delimiter) {
        if time.is_none()
            && let Some(found) = clock_time(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = number::<i8>(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = token.get(..3).and_then(month_of_letters)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = number::<i16>(token, 2..=4)
        {
            year = Some(found);
        }
    }
    let (hour, minute, second) = time?;
    let year = match year? {
        short @ 0..=69 => 2000 + short,
        short @ 70..=99 => 1900 + short,
        // Before the calendar of today: no date.
        100..=1600 => return None,
        full => full,
    };
    let civil = DateTime::new(year, month?, day?, hour, minute, second, 0).ok()?;
    Some(calendar::instant(civil, &TimeZone::UTC))
}

fn is_delimiter(letter: char) -> bool {
    matches!(letter, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// The number that `token` begins with, if it has so many digits.
fn number<T: FromStr>(token: &str, digits: RangeInclusive<usize>) -> Option<T> {
    let end = token.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(token.len());
    if !digits.contains(&end) {
        return None;
    }
    token[..end].parse().ok()
}

/// Hour, minute and second.
fn clock_time(token: &str) -> Option<(i8, i8, i8)> {
    let mut parts = token.splitn(3, ':');
    let (hour, minute, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |part: &str| number::<i8>(part, 1..=2).filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    Some((whole(hour)?, whole(minute)?, number(rest, 1..=2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now: Timestamp = "1994-11-06T08:48:37Z".parse().unwrap();
        let minute = Some(Duration::from_secs(60));
        for (value, expected) in [
            ("60", minute),
            ("Sun, 06 Nov 1994 08:49:37 GMT", minute),
            ("Sunday, 06-Nov-94 08:49:37 GMT", minute),
            ("Sun Nov  6 08:49:37 1994", minute),
            ("Sun, 06 Nov 1993 08:49:37 GMT", Some(Duration::ZERO)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("60 seconds", None),
        ] {
            assert_eq!(retry_after(value, now), expected, "{value:?}");
        }
        assert!(retry_after("99999999999999999999999", now).unwrap() > Duration::from_secs(86_400));
    }

    #[test]
    fn the_end_of_the_calendar_is_a_date() {
        assert_eq!(http_date("Fri, 31 Dec 9999 23:59:59 GMT"), Some(Timestamp::MAX));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Timestamp::UNIX_EPOCH));
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now).unwrap() > Duration::from_secs(86_400 * 365));
    }

    #[test]
    fn the_end_of_a_cookie_is_read_as_browsers_do() {
        for (value, expected) in [
            // What PHP, ASP.NET, Java and others have written.
            ("Thu, 01-Jan-1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            ("Thursday, 01-Jan-70 00:00:01 GMT", "1970-01-01T00:00:01Z"),
            ("Thu Jan  1 00:00:02 1970", "1970-01-01T00:00:02Z"),
            ("Thu, 1-jan-1970 0:0:3 GMT", "1970-01-01T00:00:03Z"),
            ("Mon, 10-Dec-2007 17:02:24 GMT", "2007-12-10T17:02:24Z"),
            ("Thu, 19 Nov 2026 08:52:00 +0000", "2026-11-19T08:52:00Z"),
            ("2026 Nov 19 08:52:00", "2026-11-19T08:52:00Z"),
            // The name of the day is not compared, a zone is not read.
            ("Mon, 19-Nov-2026 08:52:00 CET", "2026-11-19T08:52:00Z"),
            ("Fri, 31-Dec-99 23:59:59 GMT", "1999-12-31T23:59:59Z"),
            ("Tue, 31-Dec-69 23:59:59 GMT", "2069-12-31T23:59:59Z"),
            ("Sat, 01-Jan-00 00:00:00 GMT", "2000-01-01T00:00:00Z"),
        ] {
            assert_eq!(cookie_date(value), Some(expected.parse().unwrap()), "{value}");
        }
        assert_eq!(cookie_date("Fri, 31-Dec-9999 23:59:59 GMT"), Some(Timestamp::MAX));
        for wrong in [
            "",
            "0",
            "-1",
            "Session",
            "01-Jan-1970",
            "Thu, 01-Jan-1970 00:00 GMT",
            "Thu, 01-Jan-1970 24:00:00 GMT",
            "Sun, 30-Feb-2026 00:00:00 GMT",
            "Thu, 01-Foo-1970 00:00:00 GMT",
            "Thu, 01-Jan-1600 00:00:00 GMT",
            "Thu, 01-Jan-19700 00:00:00 GMT",
            "1970-01-01T00:00:00Z",
            "\u{e4}\u{1f525}, 01-J\u{e4}n-1970 00:00:00",
        ] {
            assert_eq!(cookie_date(wrong), None, "{wrong:?}");
        }
    }
}
