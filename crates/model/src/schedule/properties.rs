//! The laws of schedules, for generated schedules in zones with every kind of clock change.
//!
//! The oracle shares nothing with the code but the zone database: it walks through absolute time second by second or
//! minute by minute, asks what the clock shows, matches each field item by item as it was written, and notices a clock
//! change by the clock jumping.

use std::sync::LazyLock;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use proptest::{prelude::*, sample::select};

use crate::{Schedule, zone};

/// Ordinary changes, both hemispheres, a negative one (Dublin), midnight (Beirut, Havana, Santiago), half an hour (Lord
/// Howe), odd offsets (Chatham, Kathmandu, St John's), Ramadan (Casablanca), a day skipped (Apia), two hours (Troll), none.
const ZONES: [&str; 18] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Europe/Dublin",
    "Asia/Beirut",
    "America/Havana",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Africa/Cairo",
    "Asia/Gaza",
    "Europe/Moscow",
];

/// One item of a field, as it is written and as it is understood.
#[derive(Clone, Debug)]
enum Item {
    Star,
    StarStep(u32),
    One(u32),
    Range(u32, u32),
    RangeStep(u32, u32, u32),
    Last(u32),
    NearestWeekday(u32),
    LastWeekday,
    Nth(u32, u32),
    LastOf(u32),
}

impl Item {
    fn text(&self) -> String {
        match self {
            Item::Star => "*".into(),
            Item::StarStep(step) => format!("*/{step}"),
            Item::One(number) => number.to_string(),
            Item::Range(low, high) => format!("{low}-{high}"),
            Item::RangeStep(low, high, step) => format!("{low}-{high}/{step}"),
            Item::Last(0) => "L".into(),
            Item::Last(back) => format!("L-{back}"),
            Item::NearestWeekday(day) => format!("{day}W"),
            Item::LastWeekday => "LW".into(),
            Item::Nth(weekday, nth) => format!("{weekday}#{nth}"),
            Item::LastOf(weekday) => format!("{weekday}L"),
        }
    }

    /// For a plain number of a field that begins at `min` and ends at `max`: by counting from the item's start.
    fn fits(&self, number: u32, min: u32, max: u32) -> bool {
        let walk = |low: u32, high: u32, step: u32| {
            let (mut at, mut place) = (low, 0);
            loop {
                if at == number && place % step == 0 {
                    return true;
                }
                if at == high {
                    return false;
                }
                at = if at == max { min } else { at + 1 };
                place += 1;
            }
        };
        match *self {
            Item::Star => true,
            Item::StarStep(step) => walk(min, max, step),
            Item::One(one) => one == number,
            Item::Range(low, high) => walk(low, high, 1),
            Item::RangeStep(low, high, step) => walk(low, high, step),
            _ => false,
        }
    }

    fn fits_date(&self, date: Date) -> bool {
        let working = |date: Date| !matches!(date.weekday().to_sunday_zero_offset(), 0 | 6);
        let same_month = |days: i64| {
            date.checked_add(jiff::Span::new().days(days)).ok().filter(|other| other.month() == date.month())
        };
        match *self {
            Item::Last(back) => date.day() as u32 + back == date.days_in_month() as u32,
            Item::LastWeekday => {
                working(date) && (1..=31).all(|ahead| same_month(ahead).is_none_or(|day| !working(day)))
            }
            // The nearest working day in the month: ties cannot be, since a weekend has two days.
            Item::NearestWeekday(day) => {
                let wanted = Date::new(date.year(), date.month(), day as i8);
                let distance = |other: Date| (other.day() as i32 - day as i32).abs();
                let month = (1..=date.days_in_month()).filter_map(|day| Date::new(date.year(), date.month(), day).ok());
                wanted.is_ok() && month.filter(|day| working(*day)).min_by_key(|day| distance(*day)) == Some(date)
            }
            Item::Nth(weekday, nth) => is(date, weekday) && (date.day() as u32).div_ceil(7) == nth,
            Item::LastOf(weekday) => is(date, weekday) && date.day() + 7 > date.days_in_month(),
            _ => self.fits(date.day() as u32, 1, 31),
        }
    }

    fn fits_weekday(&self, date: Date) -> bool {
        match self {
            Item::Nth(..) | Item::LastOf(_) => self.fits_date(date),
            Item::One(7) => is(date, 0),
            Item::Range(low, 7) => is(date, 0) || (*low..=6).any(|weekday| is(date, weekday)),
            _ => self.fits(date.weekday().to_sunday_zero_offset() as u32, 0, 6),
        }
    }
}

fn is(date: Date, weekday: u32) -> bool {
    date.weekday().to_sunday_zero_offset() as u32 == weekday % 7
}

/// A schedule as it is written, with its own understanding of itself.
#[derive(Clone, Debug)]
struct Written([Vec<Item>; 6]);

impl Written {
    fn text(&self) -> String {
        let field = |items: &Vec<Item>| items.iter().map(Item::text).collect::<Vec<_>>().join(",");
        self.0.iter().map(field).collect::<Vec<_>>().join(" ")
    }

    fn fits_date(&self, date: Date) -> bool {
        let [_, _, _, days, months, weekdays] = &self.0;
        let star = |items: &[Item]| matches!(items[0], Item::Star | Item::StarStep(_));
        let (day, weekday) =
            (days.iter().any(|item| item.fits_date(date)), weekdays.iter().any(|item| item.fits_weekday(date)));
        let both = star(days) || star(weekdays);
        months.iter().any(|item| item.fits(date.month() as u32, 1, 12))
            && if both { day && weekday } else { day || weekday }
    }

    /// Which numbers of a time field fit.
    fn table(&self, field: usize, max: u32) -> Vec<bool> {
        (0..=max).map(|number| self.0[field].iter().any(|item| item.fits(number, 0, max))).collect()
    }

    /// The ticks in what a clock showed: a walk of instants with their wall-clock times, `step` seconds apart.
    fn ticks(&self, walk: &[(Timestamp, DateTime)], step: i64) -> Vec<Timestamp> {
        let [seconds, minutes, hours] = [self.table(0, 59), self.table(1, 59), self.table(2, 23)];
        let every_hour = hours.iter().all(|fits| *fits);
        let fits = |clock: DateTime| {
            seconds[clock.second() as usize]
                && minutes[clock.minute() as usize]
                && hours[clock.hour() as usize]
                && self.fits_date(clock.date())
        };
        let mut ticks = Vec::new();
        let mut shown = walk[0].1;
        for (instant, clock) in walk.iter().skip(1) {
            let due = if every_hour {
                fits(*clock)
            } else {
                let mut due = false;
                // Usually this is one step to what the clock shows; more if it jumped ahead, none if it was set back.
                while shown < *clock {
                    shown = shown.checked_add(jiff::SignedDuration::from_secs(step)).unwrap();
                    due |= fits(shown);
                }
                due
            };
            if due {
                ticks.push(*instant);
            }
        }
        ticks
    }
}

fn item(min: u32, max: u32) -> impl Strategy<Value = Item> {
    let number = min..=max;
    prop_oneof![
        3 => number.clone().prop_map(Item::One),
        2 => (number.clone(), number.clone()).prop_map(|(low, high)| Item::Range(low, high)),
        1 => (number.clone(), number, 1..=max - min + 1).prop_map(|(low, high, step)| Item::RangeStep(low, high, step)),
        1 => (1..=max - min + 1).prop_map(Item::StarStep),
        2 => Just(Item::Star),
    ]
}

fn items(item: impl Strategy<Value = Item>) -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item, 1..=3)
}

fn day_of_month() -> impl Strategy<Value = Item> {
    prop_oneof![
        6 => item(1, 31),
        1 => (0_u32..=30).prop_map(Item::Last),
        1 => (1_u32..=31).prop_map(Item::NearestWeekday),
        1 => Just(Item::LastWeekday),
    ]
}

fn day_of_week() -> impl Strategy<Value = Item> {
    prop_oneof![
        6 => item(0, 6),
        1 => Just(Item::One(7)),
        1 => (1_u32..=6).prop_map(|low| Item::Range(low, 7)),
        1 => (0_u32..=6, 1_u32..=5).prop_map(|(weekday, nth)| Item::Nth(weekday, nth)),
        1 => (0_u32..=6).prop_map(Item::LastOf),
    ]
}

/// Any schedule; with `seconds` false it ticks at second 0 only, with `dates` false on every day.
fn written(seconds: bool, dates: bool) -> impl Strategy<Value = Written> {
    let second = if seconds { items(item(0, 59)).boxed() } else { Just(vec![Item::One(0)]).boxed() };
    let star = || Just(vec![Item::Star]);
    let month =
        if dates { prop_oneof![3 => star().boxed(), 1 => items(item(1, 12)).boxed()].boxed() } else { star().boxed() };
    let day = if dates {
        prop_oneof![1 => star().boxed(), 2 => items(day_of_month()).boxed()].boxed()
    } else {
        star().boxed()
    };
    let weekday = if dates {
        prop_oneof![1 => star().boxed(), 1 => items(day_of_week()).boxed()].boxed()
    } else {
        star().boxed()
    };
    (second, items(item(0, 59)), items(item(0, 23)), day, month, weekday)
        .prop_map(|(second, minute, hour, day, month, weekday)| Written([second, minute, hour, day, month, weekday]))
}

/// Instants in order, each with what the clock showed.
type Walk = Vec<(Timestamp, DateTime)>;

/// What a zone's clock shows in steps of `step` seconds over `length` seconds from `from`.
fn walk(zone: &TimeZone, from: i64, length: i64, step: i64) -> Walk {
    let instants = (0..=length / step).map(|index| Timestamp::from_second(from + index * step).unwrap());
    instants.map(|instant| (instant, zone.to_datetime(instant))).collect()
}

/// What the clock of each zone showed around every change of ten years, minute by minute from 14 hours before to 14 after.
static CHANGES: LazyLock<Vec<(TimeZone, Walk)>> = LazyLock::new(|| {
    let (from, until) = ("2010-06-01T00:00Z".parse().unwrap(), "2020-06-01T00:00Z".parse().unwrap());
    let zones = ZONES.iter().map(|name| zone(name).unwrap());
    let around = |zone: TimeZone| {
        let changes = zone.following(from).map(|change| change.timestamp());
        let starts =
            changes.take_while(|change| *change < until).map(|change| change.as_second() / 60 * 60 - 14 * 3600);
        starts.map(|start| (zone.clone(), walk(&zone, start, 28 * 3600, 60))).collect::<Vec<_>>()
    };
    zones.flat_map(around).collect()
});

/// Follows the schedule from the walk's first instant to its last, and compares with the oracle: tick by tick, the count,
/// and what is said of instants between ticks.
fn agree(written: &Written, zone: &TimeZone, walk: &[(Timestamp, DateTime)], step: i64) -> Result<(), TestCaseError> {
    let Ok(schedule) = Schedule::parse(&written.text()) else { return Ok(()) };
    let (first, last) = (walk[0].0, walk[walk.len() - 1].0);
    let expected = written.ticks(walk, step);
    let found: Vec<Timestamp> = schedule.ticks(first, zone).take_while(|tick| *tick <= last).collect();
    prop_assert_eq!(&found, &expected, "{} in {:?}", written.text(), zone);
    let missed = schedule.ticks_between(first, last, zone);
    prop_assert_eq!(missed.map(|ticks| ticks.count).unwrap_or_default(), expected.len() as u64);
    prop_assert_eq!(
        missed.map(|ticks| (ticks.first, ticks.last)),
        expected.first().copied().zip(expected.last().copied())
    );
    for index in (0..walk.len()).step_by(1 + walk.len() / 19) {
        let instant = walk[index].0;
        let next = expected.get(expected.partition_point(|tick| *tick <= instant));
        prop_assert_eq!(schedule.after(instant, zone).filter(|tick| *tick <= last), next.copied());
        let count = schedule.ticks_between(instant, last, zone).map(|ticks| ticks.count).unwrap_or_default();
        prop_assert_eq!(count, expected.iter().filter(|tick| **tick > instant).count() as u64);
    }
    Ok(())
}

#[test]
fn common_schedules_agree_with_the_clock_around_every_change_of_ten_years() {
    assert!(CHANGES.len() > 250, "{} changes", CHANGES.len());
    let one = |number| vec![Item::One(number)];
    let star = || vec![Item::Star];
    let schedules = [
        // Every 5 minutes; half past two; midnight; every 20 minutes from 22 to 3; every other hour.
        Written([one(0), vec![Item::StarStep(5)], star(), star(), star(), star()]),
        Written([one(0), one(30), one(2), star(), star(), star()]),
        Written([one(0), one(0), one(0), star(), star(), star()]),
        Written([one(0), vec![Item::StarStep(20)], vec![Item::Range(22, 3)], star(), star(), star()]),
        Written([one(0), one(15), vec![Item::StarStep(2)], star(), star(), star()]),
    ];
    for (zone, walk) in CHANGES.iter() {
        for written in &schedules {
            agree(written, zone, walk, 60).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ticks_agree_with_the_clock_around_changes(
        written in written(false, false),
        changes in prop::collection::vec(any::<prop::sample::Index>(), 6),
    ) {
        for change in changes {
            let (zone, walk) = change.get(&CHANGES);
            agree(&written, zone, walk, 60)?;
        }
    }

    #[test]
    fn seconds_agree_with_the_clock_around_changes(
        written in written(true, false),
        change in any::<prop::sample::Index>(),
        liberia in prop::bool::weighted(0.2),
    ) {
        // Liberia went from 44 minutes and 30 seconds behind to UTC in 1972.
        let (zone, middle) = if liberia {
            (zone("Africa/Monrovia").unwrap(), 63_593_070)
        } else {
            let (zone, walk) = change.get(&CHANGES);
            (zone.clone(), walk[walk.len() / 2].0.as_second())
        };
        agree(&written, &zone, &walk(&zone, middle - 4000, 8000, 1), 1)?;
    }

    #[test]
    fn dates_agree_with_the_calendar(written in written(false, true), year in 1995_i16..2095) {
        let dates = [vec![Item::One(0)], vec![Item::One(0)], vec![Item::One(0)]];
        let [_, _, _, days, months, weekdays] = written.0;
        let [second, minute, hour] = dates;
        let written = Written([second, minute, hour, days, months, weekdays]);
        let begin = Date::new(year, 1, 1).unwrap();
        // Refused as never coming means not in the 28 years after which the calendar repeats itself.
        let years = if Schedule::parse(&written.text()).is_ok() { 5 } else { 28 };
        let calendar = begin.series(jiff::Span::new().days(1)).skip(1).take(years * 366);
        let end = calendar.clone().last().unwrap();
        let expected: Vec<Date> = calendar.filter(|date| written.fits_date(*date)).collect();
        match Schedule::parse(&written.text()) {
            Err(fault) => {
                prop_assert!(fault.message.starts_with("never comes"), "{}: {}", written.text(), fault);
                prop_assert_eq!(expected, vec![]);
            }
            Ok(schedule) => {
                let start = begin.to_zoned(TimeZone::UTC).unwrap().timestamp();
                let utc = TimeZone::UTC;
                let mut ticks = schedule.ticks(start, &utc).map(|tick| TimeZone::UTC.to_datetime(tick).date());
                let found: Vec<Date> = ticks.by_ref().take_while(|date| *date <= end).collect();
                prop_assert_eq!(found, expected);
                prop_assert!(ticks.next().is_some_and(|date| written.fits_date(date)));
            }
        }
    }

    #[test]
    fn counts_agree_with_visiting_every_tick(
        written in written(false, true),
        name in select(&ZONES[..]),
        after in 1_262_304_000_i64..1_577_836_800,
        days in 0_i64..500,
    ) {
        let Ok(schedule) = Schedule::parse(&written.text()) else { return Ok(()) };
        let (zone, after) = (zone(name).unwrap(), Timestamp::from_second(after).unwrap());
        let ticks: Vec<Timestamp> = schedule.ticks(after, &zone).take(2000).collect();
        let until = (after + jiff::SignedDuration::from_hours(24 * days)).min(ticks[ticks.len() - 1]);
        let expected: Vec<Timestamp> = ticks.into_iter().take_while(|tick| *tick <= until).collect();
        let found = schedule.ticks_between(after, until, &zone);
        prop_assert_eq!(found.map(|found| found.count).unwrap_or_default(), expected.len() as u64);
        prop_assert_eq!(found.map(|found| found.last), expected.last().copied());
    }

    #[test]
    fn the_canonical_text_is_the_same_schedule(written in written(true, true)) {
        let Ok(schedule) = Schedule::parse(&written.text()) else { return Ok(()) };
        let canonical = schedule.to_string();
        prop_assert_eq!(Schedule::parse(&canonical).unwrap(), schedule, "{} became {}", written.text(), canonical);
        prop_assert_eq!(Schedule::parse(&canonical).unwrap().to_string(), canonical);
    }

    #[test]
    fn every_schedule_has_words(written in written(true, true)) {
        let Ok(schedule) = Schedule::parse(&written.text()) else { return Ok(()) };
        let words = schedule.in_words();
        let tidy = words.starts_with("every") || words.starts_with("at ");
        prop_assert!(tidy && !words.contains("  ") && !words.ends_with(' '), "{}: {:?}", schedule, words);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[-*/,?#@0-9LWlw MONJANé\t]{0,40}") {
        if let Err(fault) = Schedule::parse(&text) {
            prop_assert!(!fault.message.is_empty() && fault.message.len() < 300);
        }
    }
}
