//! Times for people: one way to write them, in one zone, which is named.
//!
//! The browser's code writes them alike: `tests/display_cases.json` holds the cases that both are tested with.

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// `Wed 25 Nov 2026, 06:06:30 UTC+1`
pub fn exact_time(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    format!("{}, {} {}", day_of(&at), clock_of(&at), offset_of(&at))
}

/// `Wed 25 Nov 2026`
pub fn day_of(at: &Zoned) -> String {
    at.strftime("%a %-d %b %Y").to_string()
}

/// `06:06:30`
pub fn clock_of(at: &Zoned) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// What names the zone beside a time: `UTC`, `UTC+1`, `UTC-3:30`.
pub fn offset_of(at: &Zoned) -> String {
    let seconds = at.offset().seconds();
    let minutes = seconds.unsigned_abs() / 60;
    let sign = if seconds < 0 { '-' } else { '+' };
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}
