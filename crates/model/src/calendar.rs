//! The months and the ends of the calendar.
//!
//! People and programs write `9999-12-31 23:59:59` for "never". The time library's last instant is some hours before that,
//! so that it exists in every time zone.

use jiff::{Timestamp, civil::DateTime, fmt::temporal::Pieces, tz::TimeZone};

/// The months by their English names, January first.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The number of a month, from 1, by the first three letters of its name in either case.
pub fn month_of_letters(letters: &str) -> Option<i8> {
    let is_it = |name: &&str| letters.eq_ignore_ascii_case(&name[..3]);
    (1..).zip(MONTHS).find(|(_, name)| is_it(name)).map(|(number, _)| number)
}

/// The instant of a time in `zone`. A time beyond the last instant there is, or before the first, is that instant.
pub fn instant(civil: DateTime, zone: &TimeZone) -> Timestamp {
    zone.to_timestamp(civil).unwrap_or(if civil.year() > 0 { Timestamp::MAX } else { Timestamp::MIN })
}

/// The instant so many seconds after 1970, if the calendar from the year 1 to 9999 has it.
pub fn instant_of_seconds(seconds: f64) -> Option<Timestamp> {
    // The first second of the year 1, and of the year 10000.
    if !(-62_135_596_800.0..253_402_300_800.0).contains(&seconds) {
        return None;
    }
    Some(Timestamp::from_microsecond((seconds * 1e6).round() as i64).unwrap_or(Timestamp::MAX))
}

/// The instant that a program writes: RFC 3339, with an offset. The last hours of the year 9999 are the last instant there is.
pub fn instant_of_text(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let pieces = Pieces::parse(text).ok()?;
        let never = pieces.date().year() == 9999 && pieces.time().is_some() && pieces.to_numeric_offset().is_some();
        never.then_some(Timestamp::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_of_the_calendar_is_the_last_instant() {
        let civil = |text: &str| text.parse::<DateTime>().unwrap();
        assert_eq!(instant(civil("2026-01-02T03:04:05"), &TimeZone::UTC).to_string(), "2026-01-02T03:04:05Z");
        for zone in [TimeZone::UTC, crate::zone("Europe/Berlin").unwrap(), crate::zone("Pacific/Auckland").unwrap()] {
            assert!(instant(civil("9999-12-31T23:59:59"), &zone) >= "9999-12-30T00:00:00Z".parse().unwrap());
            assert_eq!(instant(civil("-009999-01-01T00:00:00"), &zone), Timestamp::MIN);
        }
        assert_eq!(instant_of_seconds(253_402_300_799.0), Some(Timestamp::MAX));
        assert_eq!(instant_of_seconds(0.25).unwrap().to_string(), "1970-01-01T00:00:00.25Z");
        assert_eq!(instant_of_seconds(-62_135_596_800.0).unwrap().to_string(), "0001-01-01T00:00:00Z");
        for beyond in [253_402_300_800.0, -62_135_596_801.0, f64::NAN, f64::INFINITY] {
            assert_eq!(instant_of_seconds(beyond), None, "{beyond}");
        }
    }

    #[test]
    fn a_month_has_three_letters_in_either_case() {
        assert_eq!(["jan", "MAY", "Dec"].map(month_of_letters), [Some(1), Some(5), Some(12)]);
        assert_eq!(["", "ja", "janu", "January", "m\u{e4}r"].map(month_of_letters), [None; 5]);
    }

    #[test]
    fn what_a_program_writes_for_never_is_the_last_instant() {
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999+00:00", "9999-12-30T23:00:00-05:00"] {
            assert_eq!(instant_of_text(text), Some(Timestamp::MAX), "{text}");
        }
        assert_eq!(instant_of_text("2026-07-01T12:00:00+02:00"), "2026-07-01T10:00:00Z".parse().ok());
        for wrong in ["9999-12-31T23:59:59", "9999-12-31", "10000-01-01T00:00:00Z", "9999-13-01T00:00:00Z", "never", ""]
        {
            assert_eq!(instant_of_text(wrong), None, "{wrong}");
        }
    }
}
