//! The ends of the calendar.
//!
//! People and programs write `9999-12-31 23:59:59` for "never". The time library's last instant is some hours before that,
//! so that it exists in every time zone.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

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
}
