//! Who is on call, and what clock changes do to it.

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{DateTime, Time},
    tz::TimeZone,
};
use proptest::prelude::*;

use super::*;
use crate::{zone, zone_names};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn layer(name: &str, people: &[&str], first: &str, days: u16, place: &str) -> Layer {
    Layer {
        name: name.to_owned(),
        people: people.iter().map(|name| (*name).to_owned()).collect(),
        first: first.parse().unwrap(),
        days,
        zone: zone(place).unwrap(),
        hours: None,
    }
}

fn rota(layers: Vec<Layer>, escalation: &[&str]) -> Rota {
    let person = |name: &&str| Person { name: (*name).to_owned(), alerts: vec![format!("{name}_sms")] };
    Rota {
        people: ["alice", "bob", "carol"].iter().map(person).collect(),
        turns: Turns::Layers(layers),
        escalate_after: None,
        escalation: escalation.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn names(rota: &Rota, when: &str, changes: &Changes) -> Vec<String> {
    rota.on_call(at(when), changes).into_iter().map(|one| one.person).collect()
}

fn change(id: i64, person: &str, instead_of: Option<&str>, from: &str, until: &str) -> Override {
    Override {
        id: OverrideId(id),
        person: person.to_owned(),
        instead_of: instead_of.map(str::to_owned),
        starts_at: at(from),
        ends_at: at(until),
    }
}

#[test]
fn turns_go_round_at_the_time_of_the_place() {
    let weekly = rota(vec![layer("weekly", &["alice", "bob"], "2026-11-30T09:00", 7, "Europe/Berlin")], &[]);
    let none = Changes::default();
    assert_eq!(names(&weekly, "2026-11-30T07:59:59Z", &none), [""; 0], "before the first turn it is nobody's");
    assert_eq!(names(&weekly, "2026-11-30T08:00:00Z", &none), ["alice"]);
    assert_eq!(names(&weekly, "2026-12-07T07:59:59Z", &none), ["alice"]);
    assert_eq!(names(&weekly, "2026-12-07T08:00:00Z", &none), ["bob"]);
    assert_eq!(names(&weekly, "2026-12-14T08:00:00Z", &none), ["alice"]);
    // In summer nine o'clock comes an hour sooner.
    assert_eq!(names(&weekly, "2027-06-07T06:59:59Z", &none), ["alice"]);
    assert_eq!(names(&weekly, "2027-06-07T07:00:00Z", &none), ["bob"]);
    let next = weekly.next_hand_over(at("2026-12-01T00:00:00Z"), SignedDuration::from_hours(24 * 30), &none).unwrap();
    assert_eq!((next.starts_at, next.on_call[0].person.as_str()), (at("2026-12-07T08:00:00Z"), "bob"));
}

#[test]
fn later_layers_lie_above_earlier_ones() {
    let all = layer("all", &["alice"], "2026-01-01T00:00", 7, "UTC");
    let weekdays = Weekdays::read(["mon", "Tuesday"]).unwrap();
    let day = Hours { from: Time::constant(9, 0, 0, 0), until: Time::constant(17, 0, 0, 0), weekdays };
    let office = Layer { hours: Some(day), ..layer("office", &["bob"], "2026-01-01T00:00", 1, "UTC") };
    let both = rota(vec![all, office.clone()], &[]);
    let none = Changes::default();
    assert_eq!(names(&both, "2026-11-30T08:59:59Z", &none), ["alice"]);
    assert_eq!(names(&both, "2026-11-30T09:00:00Z", &none), ["bob"]);
    assert_eq!(names(&both, "2026-11-30T17:00:00Z", &none), ["alice"]);
    assert_eq!(names(&both, "2026-12-02T10:00:00Z", &none), ["alice"], "a Wednesday");
    let alone = rota(vec![office], &[]);
    let gaps = alone.gaps(at("2026-11-30T00:00:00Z"), at("2026-12-02T00:00:00Z"), &none);
    let gaps: Vec<(String, String)> =
        gaps.iter().map(|gap| (gap.starts_at.to_string(), gap.ends_at.to_string())).collect();
    let said = [
        ("2026-11-30T00:00:00Z", "2026-11-30T09:00:00Z"),
        ("2026-11-30T17:00:00Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01T17:00:00Z", "2026-12-02T00:00:00Z"),
    ];
    assert_eq!(gaps, said.map(|(from, until)| (from.to_owned(), until.to_owned())));
    assert!(both.gaps(at("2026-11-30T00:00:00Z"), at("2026-12-30T00:00:00Z"), &none).is_empty());
}

#[test]
fn hours_reach_over_midnight() {
    let hours = Hours { weekdays: Weekdays::read(["fri"]).unwrap(), ..quiet("22:00", "06:00") };
    let berlin = zone("Europe/Berlin").unwrap();
    let around = |when: &str| hours.around(at(when), &berlin).map(|(_, until)| until);
    assert_eq!(around("2026-11-27T20:59:59Z"), None);
    assert_eq!(around("2026-11-27T21:00:00Z"), Some(at("2026-11-28T05:00:00Z")));
    assert_eq!(around("2026-11-28T04:59:59Z"), Some(at("2026-11-28T05:00:00Z")), "a Saturday, of Friday's hours");
    assert_eq!(around("2026-11-28T05:00:00Z"), None);
    assert_eq!(around("2026-11-28T21:00:00Z"), None);
}

fn quiet(from: &str, until: &str) -> Hours {
    let time = |text| read_time_of_day(text).unwrap();
    Hours { from: time(from), until: time(until), weekdays: Weekdays::ALL }
}

#[test]
fn times_and_days_are_read_as_people_type_them() {
    assert_eq!(read_time_of_day(" 9:00 ").map(time_of_day), Ok("09:00".to_owned()));
    assert_eq!(read_time_of_day("24:00"), Ok(Time::midnight()));
    for text in ["", "9", "9:0", "25:00", "24:01", "12:60", "-1:00", "nine:00", "1:000"] {
        assert!(read_time_of_day(text).unwrap_err().contains("such as 09:00"), "{text}");
    }
    assert_eq!(Weekdays::read(["Sun", "monday"]).unwrap().names(), ["mon", "sun"]);
    assert!(Weekdays::read(["someday"]).unwrap_err().contains("no day of the week"));
    assert!(Weekdays::read([]).is_err());
}

#[test]
fn an_override_puts_somebody_in_another_ones_place() {
    let weekly = rota(vec![layer("weekly", &["alice", "bob"], "2026-11-30T09:00", 7, "UTC")], &[]);
    let overrides = vec![
        change(1, "carol", None, "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        change(2, "bob", Some("alice"), "2026-12-05T00:00:00Z", "2026-12-10T00:00:00Z"),
        change(3, "alice", Some("carol"), "2026-12-01T12:00:00Z", "2026-12-01T13:00:00Z"),
        change(4, "gone", None, "2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z"),
    ];
    let changes = Changes { overrides, ..Changes::default() };
    assert_eq!(names(&weekly, "2026-11-30T23:59:59Z", &changes), ["alice"]);
    assert_eq!(names(&weekly, "2026-12-01T00:00:00Z", &changes), ["carol"]);
    assert_eq!(names(&weekly, "2026-12-01T12:30:00Z", &changes), ["alice"], "a later one counts before an earlier one");
    assert_eq!(names(&weekly, "2026-12-02T00:00:00Z", &changes), ["alice"]);
    assert_eq!(names(&weekly, "2026-12-06T00:00:00Z", &changes), ["bob"]);
    assert_eq!(names(&weekly, "2026-12-08T00:00:00Z", &changes), ["bob"], "his own turn");
    let plan = weekly.plan(at("2026-12-04T00:00:00Z"), at("2026-12-15T00:00:00Z"), &changes);
    let reasons: Vec<&Because> = plan.iter().map(|stretch| &stretch.on_call[0].because).collect();
    let weekly_turn = Because::Layer("weekly".to_owned());
    assert_eq!(reasons, [&weekly_turn, &Because::Override(OverrideId(2)), &weekly_turn, &weekly_turn]);
}

#[test]
fn a_calendar_may_put_two_on_call() {
    let mut rota = rota(Vec::new(), &[]);
    rota.turns = Turns::Calendar(CalendarTurns { zone: TimeZone::UTC, names: Vec::new() });
    let shift = |person: &str, from: &str, until: &str| CalendarShift {
        starts_at: at(from),
        ends_at: at(until),
        person: person.to_owned(),
    };
    let changes = Changes {
        calendar: vec![
            shift("alice", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
            shift("bob", "2026-12-01T12:00:00Z", "2026-12-03T00:00:00Z"),
        ],
        ..Changes::default()
    };
    assert_eq!(names(&rota, "2026-12-01T11:00:00Z", &changes), ["alice"]);
    assert_eq!(names(&rota, "2026-12-01T12:00:00Z", &changes), ["alice", "bob"]);
    assert_eq!(names(&rota, "2026-12-03T00:00:00Z", &changes), [""; 0]);
    assert_eq!(rota.gaps(at("2026-12-01T00:00:00Z"), at("2026-12-04T00:00:00Z"), &changes).len(), 1);
}

#[test]
fn the_next_one_is_told_then_everybody() {
    let rota = rota(Vec::new(), &["bob", "alice"]);
    let told = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(rota.next_step(&told(&["alice"])), Some(NextStep::Person("bob".to_owned())));
    assert_eq!(rota.next_step(&told(&["bob"])), Some(NextStep::Person("alice".to_owned())));
    assert_eq!(rota.next_step(&told(&["alice", "bob"])), Some(NextStep::Everybody(told(&["carol"]))));
    assert_eq!(rota.next_step(&told(&["alice", "bob", "carol"])), None);
}

/// Every change of the clocks in 2026 and 2027, and in the years that had strange ones.
fn clock_changes() -> Vec<(TimeZone, Timestamp)> {
    let mut found = Vec::new();
    for name in zone_names() {
        let zone = zone(&name).unwrap();
        for (from, until) in
            [("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"), ("2011-06-01T00:00:00Z", "2012-06-01T00:00:00Z")]
        {
            let changes = zone.following(at(from)).map(|change| change.timestamp());
            found.extend(changes.take_while(|change| *change < at(until)).map(|change| (zone.clone(), change)));
        }
    }
    assert!(found.len() > 500, "{}", found.len());
    found
}

/// Around every change of the clocks, in every zone: the turns follow each other without a hole, each begins at the time on the
/// clock that was said (or, where that is skipped, as much later), and a day's hours and the night's share every instant.
#[test]
fn clock_changes_leave_no_hole_and_move_no_hand_over() {
    for (zone, change) in clock_changes() {
        let local = zone.to_datetime(change);
        for time in [local.time(), Time::constant(2, 30, 0, 0), Time::midnight(), Time::constant(9, 0, 0, 0)] {
            let first = local.date().checked_sub(4.days()).unwrap().to_datetime(time);
            let daily = Layer {
                zone: zone.clone(),
                ..layer("daily", &["alice", "bob", "carol"], &first.to_string(), 1, "UTC")
            };
            let (from, until) = (change - 60.hours(), change + 60.hours());
            let (mut instant, mut before) = (from, daily.turn(from).unwrap());
            while instant < until {
                let turn = daily.turn(instant).unwrap();
                let (began, ends) = (daily.begins(turn).unwrap(), daily.begins(turn + 1).unwrap());
                assert!(began <= instant && instant < ends, "{zone:?} {instant}");
                assert!(turn >= before, "{zone:?} {instant}");
                let clock = zone.to_datetime(began);
                let said = first.checked_add((turn).days()).unwrap();
                assert!(clock == said || is_skipped(said, &zone), "{zone:?} {clock} {said}");
                (before, instant) = (turn, instant + 30.minutes());
            }
            let part = |person: &str, from: Time, until: Time| Layer {
                hours: Some(Hours { from, until, weekdays: Weekdays::ALL }),
                people: vec![person.to_owned()],
                ..daily.clone()
            };
            let noon = Time::constant(14, 15, 0, 0);
            let shared = rota(vec![part("alice", time, noon), part("bob", noon, time)], &[]);
            let plan = shared.plan(from, until, &Changes::default());
            assert!(plan.iter().all(|stretch| !stretch.is_gap()), "{zone:?} {change} {time} {plan:#?}");
            assert!(plan.windows(2).all(|two| two[0].ends_at == two[1].starts_at), "{zone:?} {change}");
        }
    }
}

fn is_skipped(civil: DateTime, zone: &TimeZone) -> bool {
    zone.to_ambiguous_timestamp(civil).offset().is_gap()
}

trait IsGap {
    fn is_gap(&self) -> bool;
}

impl IsGap for jiff::tz::AmbiguousOffset {
    fn is_gap(&self) -> bool {
        matches!(self, jiff::tz::AmbiguousOffset::Gap { .. })
    }
}

proptest! {
    /// A plan has no hole, says at each instant what is so at that instant, and its stretches differ from their neighbours.
    #[test]
    fn a_plan_is_what_is_so_at_each_instant(
        seed in 0_i64..200_000_000, days in 1_u16..15, hours in prop::option::of((0_i8..24, 0_i8..24)),
        place in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Casablanca"]),
        overrides in prop::collection::vec((0_i64..1_000_000, 1_i64..400_000, 0_usize..3, prop::option::of(0_usize..3)), 0..4),
        looks in prop::collection::vec(0_i64..2_000_000, 20),
    ) {
        let people = ["alice", "bob", "carol"];
        let from = at("2025-01-01T00:00:00Z") + seed.seconds();
        let until = from + 2_000_000.seconds();
        let base = layer("base", &people, "2024-12-02T09:00", days, place);
        let time = |hour| Time::new(hour, 0, 0, 0).unwrap();
        let hours = hours.map(|(from, until)| Hours { from: time(from), until: time(until), weekdays: Weekdays::read(["mon", "wed", "sat"]).unwrap() });
        let above = Layer { hours, ..layer("above", &["carol"], "2025-03-01T00:00", 7, place) };
        let rota = rota(vec![base.clone(), above], &[]);
        let overrides = overrides.into_iter().enumerate().map(|(index, (start, length, person, instead))| Override {
            id: OverrideId(index as i64),
            person: people[person].to_owned(),
            instead_of: instead.map(|one| people[one].to_owned()),
            starts_at: from + start.seconds(),
            ends_at: from + (start + length).seconds(),
        });
        let changes = Changes { overrides: overrides.collect(), ..Changes::default() };
        let plan = rota.plan(from, until, &changes);
        prop_assert_eq!((plan[0].starts_at, plan.last().unwrap().ends_at), (from, until));
        for two in plan.windows(2) {
            prop_assert_eq!(two[0].ends_at, two[1].starts_at);
            prop_assert_ne!(&two[0].on_call, &two[1].on_call);
        }
        for look in looks {
            let instant = from + look.seconds();
            let stretch = plan.iter().find(|one| one.starts_at <= instant && instant < one.ends_at).unwrap();
            prop_assert_eq!(&stretch.on_call, &rota.on_call(instant, &changes));
            prop_assert_eq!(stretch.on_call.len(), 1, "one person, where a layer covers it");
        }
        // Whole rounds later it is the same people's turn.
        let later = super::layer::shifted(&base, 3);
        let instant = until + 400.hours();
        if let Some(person) = later.on_call(instant) {
            prop_assert_eq!(base.on_call(instant), Some(person));
        }
    }
}
