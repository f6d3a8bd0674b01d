//! Dates as HTTP writes them: in `Date`, `Retry-After` and the ends of cookies.

use std::time::Duration;

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{rfc2822::DateTimeParser, strtime},
    tz::TimeZone,
};

/// Reads a date in any of HTTP's three forms. One at the very end of the calendar, which means "never", is the last
/// instant there is.
pub fn http_date(value: &str) -> Option<Timestamp> {
    if let Ok(at) = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value) {
        return Some(at);
    }
    // The name of the day is not compared with the date: some servers have it wrong.
    let date = |format: &str| strtime::parse(format, value).ok()?.to_datetime().ok();
    let rest = value.split_once(", ").map_or(value, |(_, rest)| rest);
    let imf = || strtime::parse("%d %b %Y %H:%M:%S GMT", rest).ok()?.to_datetime().ok();
    let civil: DateTime =
        imf().or_else(|| date("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| date("%a %b %e %H:%M:%S %Y"))?;
    Some(revere_model::calendar::instant(civil, &TimeZone::UTC))
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
}
