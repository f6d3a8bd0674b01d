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

/// `25 Nov 2026 UTC+1`: a day far away, or until which something is there.
pub fn far_day(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    format!("{} {}", at.strftime("%-d %b %Y"), offset_of(&at))
}

/// `Wed 25 Nov, 06:06`: a moment of these weeks, where the zone stands above.
pub fn day_and_minute(at: &Zoned) -> String {
    format!("{}, {}", at.strftime("%a %-d %b"), minute_of(at))
}

/// `25 Nov`, where there is room for no more.
pub fn date_of(at: &Zoned) -> String {
    at.strftime("%-d %b").to_string()
}

/// `06:06`, likewise.
pub fn minute_of(at: &Zoned) -> String {
    at.strftime("%H:%M").to_string()
}

/// `2026-11-25 06:06:30`: as it is typed.
pub fn typed_time(at: &Zoned) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2026-11-25T05:06:30Z`: as programs read it, the browser's among them.
pub fn machine_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
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
