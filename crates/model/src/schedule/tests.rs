//! What a schedule does at clock changes, tick by tick.

use jiff::{Timestamp, tz::TimeZone};

use crate::{Schedule, zone};

/// Ticks after a local time, each as the clock shows it with its offset.
fn ticks(text: &str, zone_name: &str, after: &str, count: usize) -> Vec<String> {
    let (schedule, zone) = (Schedule::parse(text).unwrap(), zone(zone_name).unwrap());
    let after: Timestamp = after.parse().unwrap();
    schedule.ticks(after, &zone).take(count).map(|tick| show(tick, &zone)).collect()
}

fn show(tick: Timestamp, zone: &TimeZone) -> String {
    tick.to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S%:z").to_string()
}

#[test]
fn a_skipped_time_happens_at_the_first_instant_after_the_gap() {
    assert_eq!(
        ticks("30 2 * * *", "Europe/Berlin", "2025-03-29T00:00Z", 3),
        ["03-29 02:30:00+01:00", "03-30 03:00:00+02:00", "03-31 02:30:00+02:00"]
    );
    assert_eq!(
        ticks("*/20 2,3 * * *", "Europe/Berlin", "2025-03-30T00:00Z", 3),
        ["03-30 03:00:00+02:00", "03-30 03:20:00+02:00", "03-30 03:40:00+02:00"]
    );
}

#[test]
fn a_repeated_time_happens_when_it_is_first_shown() {
    assert_eq!(
        ticks("30 2 * * *", "Europe/Berlin", "2025-10-25T12:00Z", 2),
        ["10-26 02:30:00+02:00", "10-27 02:30:00+01:00"]
    );
    // Asked in the middle of the second pass.
    assert_eq!(ticks("45 2 * * *", "Europe/Berlin", "2025-10-26T01:10Z", 1), ["10-27 02:45:00+01:00"]);
    assert_eq!(ticks("45 2,3 * * *", "Europe/Berlin", "2025-10-26T01:10Z", 1), ["10-26 03:45:00+01:00"]);
}

#[test]
fn a_pace_goes_on_through_both_passes_and_over_the_gap() {
    assert_eq!(
        ticks("*/30 * * * *", "America/New_York", "2025-11-02T04:59Z", 6),
        [
            "11-02 01:00:00-04:00",
            "11-02 01:30:00-04:00",
            "11-02 01:00:00-05:00",
            "11-02 01:30:00-05:00",
            "11-02 02:00:00-05:00",
            "11-02 02:30:00-05:00"
        ]
    );
    assert_eq!(
        ticks("15 * * * *", "America/New_York", "2025-03-09T06:00Z", 3),
        ["03-09 01:15:00-05:00", "03-09 03:15:00-04:00", "03-09 04:15:00-04:00"]
    );
}

#[test]
fn lord_howe_changes_by_half_an_hour() {
    assert_eq!(
        ticks("15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00Z", 2),
        ["10-05 02:30:00+11:00", "10-06 02:15:00+11:00"]
    );
    assert_eq!(
        ticks("*/15 * * * *", "Australia/Lord_Howe", "2025-04-05T14:30Z", 5),
        [
            "04-06 01:45:00+11:00",
            "04-06 01:30:00+10:30",
            "04-06 01:45:00+10:30",
            "04-06 02:00:00+10:30",
            "04-06 02:15:00+10:30"
        ]
    );
}

#[test]
fn a_day_may_begin_at_one_or_be_skipped_whole() {
    // Cairo's clock goes forward at midnight.
    assert_eq!(
        ticks("@daily", "Africa/Cairo", "2025-04-23T22:00Z", 2),
        ["04-25 01:00:00+03:00", "04-26 00:00:00+03:00"]
    );
    assert_eq!(
        ticks("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00Z", 4),
        ["12-29 09:00:00-10:00", "12-31 00:00:00+14:00", "12-31 09:00:00+14:00", "01-01 09:00:00+14:00"]
    );
}

#[test]
fn a_fraction_of_a_second_is_still_before_the_next_tick() {
    let schedule = Schedule::parse("* * * * * *").unwrap();
    for (after, tick) in
        [("1969-12-31T23:59:58.5Z", "1969-12-31T23:59:59Z"), ("2025-01-01T00:00:00.999Z", "2025-01-01T00:00:01Z")]
    {
        assert_eq!(schedule.after(after.parse().unwrap(), &TimeZone::UTC), Some(tick.parse().unwrap()));
    }
}

#[test]
fn the_calendar_ends() {
    let schedule = Schedule::parse("0 0 1 1 *").unwrap();
    assert_eq!(schedule.after("9999-06-01T00:00Z".parse().unwrap(), &TimeZone::UTC), None);
    assert_eq!(schedule.after(Timestamp::MAX, &TimeZone::UTC), None);
    assert!(schedule.after(Timestamp::MIN, &TimeZone::UTC).is_some());
}

#[test]
fn missed_ticks_are_counted_exactly() {
    let berlin = zone("Europe/Berlin").unwrap();
    let schedule = Schedule::parse("* * * * * *").unwrap();
    let (after, until) = ("2015-01-01T00:00Z".parse().unwrap(), "2025-01-01T00:00Z".parse().unwrap());
    let ticks = schedule.ticks_between(after, until, &berlin).unwrap();
    assert_eq!(ticks.count, 3653 * 86_400);
    assert_eq!((ticks.first, ticks.last), (after + jiff::SignedDuration::from_secs(1), until));
    assert_eq!(schedule.ticks_between(until, until, &berlin), None);
    assert_eq!(schedule.ticks_between(until, after, &berlin), None);
}
