//! Calendars as Google, Outlook and PagerDuty export them.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn berlin() -> TimeZone {
    crate::zone("Europe/Berlin").unwrap()
}

fn read(events: &str) -> Calendar {
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.replace('\n', "\r\n"));
    Calendar::read(&text, &berlin()).unwrap()
}

/// `who from until`, each.
fn between(calendar: &Calendar, from: &str, until: &str) -> Vec<String> {
    let found = calendar.between(at(from), at(until)).unwrap().into_iter();
    found.map(|one| format!("{} {} {}", one.summary, one.starts_at, one.ends_at)).collect()
}

const GOOGLE: &str = "\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:GMT+2
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261005T090000
DTEND;TZID=Europe/Berlin:20261012T090000
RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20261231T225959Z;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20261116T090000
DTSTAMP:20261101T120000Z
UID:1@google.com
STATUS:CONFIRMED
SUMMARY:Alice
BEGIN:VALARM
ACTION:DISPLAY
DTSTART:20200101T000000Z
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261104T090000
DTEND;TZID=Europe/Berlin:20261109T090000
RECURRENCE-ID;TZID=Europe/Berlin:20261102T090000
UID:1@google.com
SUMMARY:Alice\\, late
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261226
UID:2@google.com
SUMMARY:A very long name th
 at is folded
END:VEVENT
BEGIN:VEVENT
DTSTART:20261201T090000Z
DTEND:20261201T100000Z
UID:3@google.com
STATUS:CANCELLED
SUMMARY:Nobody
END:VEVENT
";

#[test]
fn google_exports_are_read() {
    let calendar = read(GOOGLE);
    assert_eq!(calendar.faults, [""; 0]);
    assert_eq!(
        between(&calendar, "2026-10-01T00:00:00Z", "2027-02-01T00:00:00Z"),
        [
            "Alice 2026-10-05T07:00:00Z 2026-10-12T07:00:00Z",
            // The clocks are set back in it: until nine all the same.
            "Alice 2026-10-19T07:00:00Z 2026-10-26T08:00:00Z",
            "Alice, late 2026-11-04T08:00:00Z 2026-11-09T08:00:00Z",
            "Alice 2026-11-30T08:00:00Z 2026-12-07T08:00:00Z",
            "Alice 2026-12-14T08:00:00Z 2026-12-21T08:00:00Z",
            "A very long name that is folded 2026-12-23T23:00:00Z 2026-12-25T23:00:00Z",
            "Alice 2026-12-28T08:00:00Z 2027-01-04T08:00:00Z",
        ]
    );
    assert_eq!(between(&calendar, "2026-10-06T00:00:00Z", "2026-10-07T00:00:00Z").len(), 1, "in the middle of one");
}

#[test]
fn outlook_names_zones_in_its_own_way() {
    let calendar = read(
        "BEGIN:VEVENT\nUID:a\nSUMMARY;LANGUAGE=de:Bereitschaft Bob\nDTSTART;TZID=\"W. Europe Standard Time\":20261130T180000\n\
         DTEND;TZID=\"W. Europe Standard Time\":20261201T080000\nRRULE:FREQ=DAILY;COUNT=3;INTERVAL=1\nX-MICROSOFT-CDO-BUSYSTATUS:BUSY\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:b\nSUMMARY:First Tuesday\nDTSTART;TZID=Eastern Standard Time:20261201T090000\nDURATION:PT8H\n\
         RRULE:FREQ=MONTHLY;BYDAY=1TU\nEND:VEVENT\n",
    );
    assert_eq!(calendar.faults, [""; 0]);
    assert_eq!(
        between(&calendar, "2026-11-30T00:00:00Z", "2027-01-31T00:00:00Z"),
        [
            "Bereitschaft Bob 2026-11-30T17:00:00Z 2026-12-01T07:00:00Z",
            "First Tuesday 2026-12-01T14:00:00Z 2026-12-01T22:00:00Z",
            "Bereitschaft Bob 2026-12-01T17:00:00Z 2026-12-02T07:00:00Z",
            "Bereitschaft Bob 2026-12-02T17:00:00Z 2026-12-03T07:00:00Z",
            "First Tuesday 2027-01-05T14:00:00Z 2027-01-05T22:00:00Z",
        ]
    );
}

#[test]
fn pagerduty_lists_every_shift_by_itself() {
    let calendar = read(
        "X-WR-CALNAME:On Call Schedule for Ops\nBEGIN:VEVENT\nUID:Q1\nDTSTART:20261130T080000Z\nDTEND:20261207T080000Z\nSUMMARY:On Call - Alice Smith - Ops\n\
         ATTENDEE:alice@example.com\nEND:VEVENT\nBEGIN:VEVENT\nUID:Q2\nDTSTART:20261207T080000Z\nDTEND:20261214T080000Z\nSUMMARY:On Call - Bob - Ops\nEND:VEVENT\n",
    );
    assert_eq!(between(&calendar, "2026-12-06T00:00:00Z", "2026-12-08T00:00:00Z").len(), 2);
}

#[test]
fn what_is_not_read_is_said_with_the_events_name_and_the_others_are_read() {
    let event = |name: &str, lines: &str| format!("BEGIN:VEVENT\nUID:{name}\nSUMMARY:{name}\n{lines}\nEND:VEVENT\n");
    let start = "DTSTART:20261130T080000Z";
    let calendar = read(
        &[
            event("good", start),
            event("hourly", &format!("{start}\nRRULE:FREQ=HOURLY")),
            event("setpos", &format!("{start}\nRRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1")),
            event("no beginning", "DTEND:20261130T080000Z"),
            event("strange zone", "DTSTART;TZID=Middle Earth:20261130T080000"),
            event("backwards", &format!("{start}\nDTEND:20261129T080000Z")),
            event("the rest too", &format!("{start}\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261130T080000Z")),
            event("no time", "DTSTART:soon"),
        ]
        .concat(),
    );
    let words = [
        "\"hourly\": it recurs HOURLY",
        "\"setpos\": it recurs by BYSETPOS=1",
        "\"no beginning\": it has no beginning",
        "\"strange zone\": its time zone \"Middle Earth\" is not known",
        "\"backwards\": it ends before it begins",
        "\"the rest too\": it changes all that follow",
        "\"no time\": \"soon\" is no time",
    ];
    assert_eq!(calendar.faults.len(), words.len(), "{:#?}", calendar.faults);
    for (fault, words) in calendar.faults.iter().zip(words) {
        assert!(fault.starts_with(words), "{fault} {words}");
    }
    for text in ["", "<html>Log in</html>", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:cut"] {
        assert!(Calendar::read(text, &berlin()).is_err(), "{text}");
    }
}

#[test]
fn rules_count_as_calendars_do() {
    let starts = |rule: &str, first: &str| {
        let calendar =
            read(&format!("BEGIN:VEVENT\nSUMMARY:x\nDTSTART;VALUE=DATE:{first}\nRRULE:{rule}\nEND:VEVENT\n"));
        assert_eq!(calendar.faults, [""; 0], "{rule}");
        let found = calendar.between(at("2026-01-01T12:00:00Z"), at("2028-01-01T00:00:00Z")).unwrap();
        let days = found.iter().map(|one| one.starts_at.to_zoned(berlin()).strftime("%m-%d").to_string());
        days.take(5).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(starts("FREQ=DAILY;INTERVAL=10;COUNT=3", "20260110"), "01-10 01-20 01-30");
    assert_eq!(starts("FREQ=DAILY;BYDAY=SA,SU", "20260110"), "01-10 01-11 01-17 01-18 01-24");
    assert_eq!(starts("FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20260120", "20260106"), "01-06 01-08 01-13 01-15 01-20");
    for never in ["99991231T235959Z", "99991231T235959", "99991231T2359", "99991231"] {
        let rule = format!("FREQ=DAILY;INTERVAL=10;UNTIL={never}");
        assert_eq!(starts(&rule, "20260110"), "01-10 01-20 01-30 02-09 02-19", "{never}");
    }
    assert_eq!(starts("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", "20260111"), "01-11 01-12 01-25 01-26 02-08");
    assert_eq!(starts("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO", "20260111"), "01-11 01-19 01-25 02-02 02-08");
    assert_eq!(starts("FREQ=MONTHLY", "20260131"), "01-31 03-31 05-31 07-31 08-31");
    assert_eq!(starts("FREQ=MONTHLY;BYMONTHDAY=-1", "20260131"), "01-31 02-28 03-31 04-30 05-31");
    assert_eq!(starts("FREQ=MONTHLY;BYDAY=-1FR", "20260130"), "01-30 02-27 03-27 04-24 05-29");
    assert_eq!(starts("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", "20260329"), "03-29 10-25 03-28 10-31");
}

#[test]
fn no_calendar_costs_more_than_it_may() {
    let asked = |events: &str| read(events).between(at("2026-11-01T00:00:00Z"), at("2027-12-01T00:00:00Z"));
    let never = "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20200101T000000Z\nDTEND:20200101T010000Z\nRRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\n";
    assert_eq!(asked(&never.repeat(500)), Ok(vec![]), "a day that never comes");
    let daily = never.replace("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY").replace("2020", "1950");
    assert_eq!(asked(&daily.repeat(100)), Err("too much takes place in it".to_owned()));
    let moved: String = (0..4000)
        .map(|n| format!("BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART:20261201T000000Z\nDTEND:20261201T010000Z\nRECURRENCE-ID:2026{:02}{:02}T000000Z\nEND:VEVENT\n", n % 12 + 1, n % 28 + 1))
        .collect();
    assert_eq!(asked(&moved).unwrap().len(), 1, "all at the same time");
    let long = never.replace("BYMONTHDAY=30", &format!("BYMONTHDAY={}", vec!["1"; 101].join(",")));
    assert_eq!(read(&long).faults.len(), 1);
    assert!(read("").is_empty() && !read(never).is_empty());
}

proptest! {
    /// Whatever is in it, reading ends, and what is found lies where it was asked for.
    #[test]
    fn nothing_in_a_calendar_is_too_strange(
        lines in prop::collection::vec(prop::sample::select(vec![
            "BEGIN:VEVENT", "END:VEVENT", "DTSTART:20261130T080000Z", "DTSTART;VALUE=DATE:20260229", "DTEND:00010101T000000", "DURATION:P1W",
            "DURATION:PT99999999999H", "RRULE:FREQ=YEARLY;INTERVAL=1000", "RRULE:FREQ=DAILY;UNTIL=99991231T235959Z", "RRULE:", "EXDATE:,,",
            "RDATE:20261201T080000Z", "SUMMARY:\\", "BEGIN:VALARM", "END:VALARM", "RECURRENCE-ID:20261130T080000Z", "UID:1", ";:", "DTSTART;TZID=:1",
        ]), 0..25),
    ) {
        let text = format!("BEGIN:VCALENDAR\n{}\nEND:VCALENDAR", lines.join("\n"));
        if let Ok(calendar) = Calendar::read(&text, &berlin()) {
            let (from, until) = (at("2026-11-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
            for one in calendar.between(from, until).unwrap() {
                prop_assert!(one.starts_at < until && one.ends_at > from && one.starts_at < one.ends_at);
            }
        }
    }
}
