//! When a mute is in force, what it is about, and what may not be one.

use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn recurring(schedule: &str, timezone: &str, hours: i64) -> MutePeriod {
    let recurs = Recurrence::read(schedule, timezone, SignedDuration::from_hours(hours)).unwrap();
    MutePeriod { starts_at: at("2026-01-01T00:00:00Z"), ends_at: None, recurs: Some(recurs) }
}

#[test]
fn one_that_comes_once_is_in_force_from_its_beginning_to_just_before_its_end() {
    let (from, to) = (at("2026-01-01T10:00:00Z"), at("2026-01-01T12:00:00Z"));
    let period = MutePeriod::once(from, to);
    assert_eq!(period.until(from - 1.microsecond()), None);
    assert_eq!((period.until(from), period.until(to - 1.microsecond())), (Some(to), Some(to)));
    assert_eq!((period.until(to), period.is_over(to)), (None, true));
    assert_eq!(
        (period.next_start(from - 1.hour()), period.next_start(from), period.next_start(to)),
        (Some(from), None, None)
    );
}

#[test]
fn one_that_recurs_is_in_force_in_its_turns() {
    let nightly = recurring("0 22 * * *", "Europe/Berlin", 8);
    assert_eq!(nightly.until(at("2026-01-10T20:59:59Z")), None);
    assert_eq!(nightly.until(at("2026-01-10T21:00:00Z")), Some(at("2026-01-11T05:00:00Z")));
    assert_eq!(nightly.until(at("2026-01-11T04:59:59.999Z")), Some(at("2026-01-11T05:00:00Z")));
    assert_eq!(nightly.until(at("2026-01-11T05:00:00Z")), None);
    assert_eq!(nightly.next_start(at("2026-01-11T05:00:00Z")), Some(at("2026-01-11T21:00:00Z")));
    // In a turn that began before the mute was made.
    let made_in_a_turn = MutePeriod { starts_at: at("2026-01-11T01:00:00Z"), ..nightly.clone() };
    assert_eq!(made_in_a_turn.until(at("2026-01-11T01:00:00Z")), Some(at("2026-01-11T05:00:00Z")));
    // The last turn is cut short where the whole ends.
    let ends = MutePeriod { ends_at: Some(at("2026-01-11T00:00:00Z")), ..nightly };
    assert_eq!(ends.until(at("2026-01-10T23:00:00Z")), Some(at("2026-01-11T00:00:00Z")));
    assert_eq!(ends.next_start(at("2026-01-11T01:00:00Z")), None);
}

#[test]
fn turns_that_touch_are_one() {
    let period = recurring("0 1,2,3 * * *", "UTC", 1);
    assert_eq!(period.until(at("2026-01-02T01:30:00Z")), Some(at("2026-01-02T04:00:00Z")));
}

#[test]
fn a_turn_lasts_as_long_as_ever_when_the_clocks_change() {
    let nightly = recurring("0 22 * * *", "Europe/Berlin", 8);
    assert_eq!(nightly.until(at("2026-03-28T22:00:00Z")), Some(at("2026-03-29T05:00:00Z")));
    assert_eq!(nightly.until(at("2026-10-24T22:00:00Z")), Some(at("2026-10-25T04:00:00Z")));
}

#[test]
fn a_scope_fits_what_it_names() {
    let tags = ["Mail".to_owned()];
    let subject = MuteSubject { monitor: MonitorId(3), tags: &tags, alert: "ops", severity: Some(Severity::Warning) };
    let scope = |monitors: &[i64], tag: Option<&str>, alert: Option<&str>| MuteScope {
        monitors: monitors.iter().copied().map(MonitorId).collect(),
        tag: tag.map(str::to_owned),
        alert: alert.map(str::to_owned),
        severity: None,
    };
    for (scope, fits) in [
        (scope(&[], None, None), true),
        (scope(&[3], None, None), true),
        (scope(&[4, 5], None, None), false),
        (scope(&[4, 3], None, Some("ops")), true),
        (scope(&[3], None, Some("pager")), false),
        (scope(&[], Some("mail"), None), true),
        (scope(&[], Some("shop"), None), false),
        (scope(&[], None, Some("ops")), true),
        (scope(&[], None, Some("pager")), false),
    ] {
        assert_eq!(scope.fits(&subject), fits, "{scope:?}");
    }
    for (severity, fits) in [(Severity::Warning, true), (Severity::Critical, false)] {
        let scope = MuteScope { severity: Some(severity), ..MuteScope::default() };
        assert_eq!((scope.fits(&subject), scope.fits(&MuteSubject { severity: None, ..subject })), (fits, false));
    }
    assert!(MuteScope::default().is_everything());
}

#[test]
fn of_several_the_one_that_lasts_longest_is_named() {
    let now = at("2026-01-01T10:00:00Z");
    let mute = |id, hours: i64| Mute {
        id: MuteId(id),
        scope: MuteScope::default(),
        period: MutePeriod::once(now, now + SignedDuration::from_hours(hours)),
    };
    let mutes = [mute(1, 1), mute(2, 5), mute(3, 2)];
    let subject = MuteSubject { monitor: MonitorId(3), tags: &[], alert: "ops", severity: None };
    let held = |hours: i64| held_by(&mutes, &subject, now + SignedDuration::from_hours(hours)).map(|(mute, _)| mute.id);
    assert_eq!([held(0), held(4), held(5)], [Some(MuteId(2)), Some(MuteId(2)), None]);
}

#[test]
fn every_fault_of_a_draft_is_named() {
    let now = at("2026-01-01T10:00:00Z");
    let faults = |draft: MuteDraft| -> Vec<String> {
        draft.judged(now).unwrap_err().into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect()
    };
    assert_eq!(
        faults(MuteDraft::default()),
        ["duration_s: a mute has an end: give duration_s or ends_at, or a schedule with the duration of its turns"]
    );
    let draft = MuteDraft {
        monitors: vec![MonitorId(1)],
        tag: Some("mail".to_owned()),
        ends_at: Some(now),
        timezone: Some("UTC".to_owned()),
        reason: "a\nb".to_owned(),
        ..MuteDraft::default()
    };
    assert_eq!(
        faults(draft),
        [
            "tag: monitors are named already: name a tag or monitors, not both",
            "reason: the reason has more than one line or a control character: say it in one line",
            "timezone: says where a schedule is read, and there is none: leave it out",
            "ends_at: is over before it begins: give a moment that is to come",
        ]
    );
    let schedule = |schedule: &str, duration_s| MuteDraft {
        schedule: Some(schedule.to_owned()),
        duration_s,
        ..MuteDraft::default()
    };
    assert_eq!(
        faults(schedule("0 * * * *", None)),
        ["duration_s: missing: how long each turn of the schedule lasts, in seconds"]
    );
    assert_eq!(
        faults(schedule("0 * * * *", Some(3600))),
        ["duration_s: each turn lasts until the next begins, so it would never end: make the turns shorter"]
    );
    assert!(faults(schedule("x", Some(3600)))[0].starts_with("schedule: "));
    assert_eq!(faults(schedule("0 * * * *", Some(59))), ["duration_s: 59 seconds: from 60 to 31622400"]);
    let (scope, period) = MuteDraft { duration_s: Some(7200), ..MuteDraft::default() }.judged(now).unwrap();
    assert!(scope.is_everything());
    assert_eq!(period, MutePeriod::once(now, now + 2.hours()));
    let early = MuteDraft { starts_at: Some(now - 5.hours()), ends_at: Some(now + 1.hour()), ..MuteDraft::default() };
    assert_eq!(early.judged(now).unwrap().1.starts_at, now, "nothing is muted in hindsight");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the zone does, a mute is in force without a pause until the end that it names, and not at that end.
    #[test]
    fn an_end_that_is_named_comes(minute in 0_i64..525_600, hour in 0_u8..24, length in 1_i64..30, zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])) {
        let recurs = Recurrence::read(&format!("17 {hour} * * *"), zone, SignedDuration::from_mins(length * 45)).unwrap();
        let period = MutePeriod { starts_at: at("2026-01-01T00:00:00Z"), ends_at: None, recurs: Some(recurs) };
        let now = at("2026-01-01T00:00:00Z") + SignedDuration::from_mins(minute);
        match period.until(now) {
            Some(end) => {
                prop_assert!(end > now);
                prop_assert_eq!(period.until(end), None);
                prop_assert_eq!(period.until(end - 1.second()), Some(end));
            }
            None => {
                let next = period.next_start(now).unwrap();
                prop_assert!(next > now && period.until(next).is_some() && period.until(next - 1.second()).is_none());
            }
        }
    }
}
