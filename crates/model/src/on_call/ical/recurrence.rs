//! How an event comes again and again: `FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;UNTIL=20261231T235959Z`.

use std::cell::Cell;

use jiff::{
    Span,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};

use super::{
    shortened,
    times::{Moment, clock, date},
};
use crate::calendar::instant;

/// Of a rule so many turns are looked at, which is a daily one's for a hundred years.
const MOST_TURNS: usize = 40_000;

/// A list of a rule has no more entries.
const MOST_ENTRIES: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Every {
    Day,
    Week,
    Month,
    Year,
}

/// A day of the week, and which one of the month; from its end where it is negative, and every one where it is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Day {
    which: Option<i8>,
    weekday: Weekday,
}

/// A rule.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Recurrence {
    every: Every,
    interval: i32,
    count: Option<usize>,
    until: Option<DateTime>,
    days: Vec<Day>,
    month_days: Vec<i8>,
    months: Vec<i8>,
    week_begins: Weekday,
}

impl Recurrence {
    /// Reads one, of an event that begins then.
    pub(super) fn read(text: &str, starts: &Moment) -> Result<Recurrence, String> {
        let mut rule = Recurrence {
            every: Every::Day,
            interval: 1,
            count: None,
            until: None,
            days: Vec::new(),
            month_days: Vec::new(),
            months: Vec::new(),
            week_begins: Weekday::Monday,
        };
        let mut has_frequency = false;
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| wrong(part))?;
            match name.to_uppercase().as_str() {
                "FREQ" => {
                    has_frequency = true;
                    rule.every = match value.to_uppercase().as_str() {
                        "DAILY" => Every::Day,
                        "WEEKLY" => Every::Week,
                        "MONTHLY" => Every::Month,
                        "YEARLY" => Every::Year,
                        _ => return Err(format!("it recurs {}, which is not read", shortened(value))),
                    };
                }
                "INTERVAL" => {
                    rule.interval = value.parse().ok().filter(|n| (1..=1000).contains(n)).ok_or_else(|| wrong(part))?;
                }
                "COUNT" => rule.count = Some(value.parse().map_err(|_| wrong(part))?),
                "UNTIL" => rule.until = Some(until(value, starts).ok_or_else(|| wrong(part))?),
                "BYDAY" => rule.days = list(value, part, day)?,
                "BYMONTHDAY" => rule.month_days = list(value, part, |text| number(text, 31))?,
                "BYMONTH" => rule.months = list(value, part, |text| number(text, 12).filter(|month| *month > 0))?,
                "WKST" => rule.week_begins = weekday(value).ok_or_else(|| wrong(part))?,
                _ => return Err(format!("it recurs by {}, which is not read", shortened(part))),
            }
        }
        if !has_frequency {
            return Err("its rule says not how often (FREQ)".to_owned());
        }
        let by_number = rule.days.iter().any(|day| day.which.is_some());
        if by_number && matches!(rule.every, Every::Day | Every::Week)
            || rule.every == Every::Year && !rule.days.is_empty() && rule.months.is_empty()
        {
            return Err(format!("it recurs by {}, which is not read", shortened(text)));
        }
        Ok(rule)
    }

    /// When it begins, on the clock of the event: the first time and all others until the day `last`, in order. Each turn that
    /// is looked at takes one of `work`, and there are no more where that is used up.
    pub(super) fn beginnings(&self, starts: &Moment, last: Date, work: &Cell<usize>) -> impl Iterator<Item = DateTime> {
        let (first, time) = (starts.civil, starts.civil.time());
        let turns = (0..MOST_TURNS).map_while(move |turn| {
            work.set(work.get().checked_sub(1)?);
            self.turn(first.date(), turn)
        });
        // A rule may never come to a day at all: what begins a turn decides.
        let days = turns.take_while(move |(begins, _)| *begins <= last).map(|(_, days)| days);
        let all = days.flatten().map(move |day| day.to_datetime(time)).filter(move |at| *at >= first);
        let until = self.until;
        // The beginning itself counts, whether or not the rule says so.
        let rest = all.filter(move |at| *at > first);
        std::iter::once(first)
            .chain(rest)
            .take(self.count.unwrap_or(MOST_TURNS).min(MOST_TURNS))
            .take_while(move |at| until.is_none_or(|until| *at <= until))
    }

    /// When one turn begins at the earliest, and its days, in order; `None` beyond the calendar's end.
    fn turn(&self, first: Date, turn: usize) -> Option<(Date, Vec<Date>)> {
        let steps = i64::try_from(turn).ok()? * i64::from(self.interval);
        let (begins, mut days) = match self.every {
            Every::Day => {
                let day = first.checked_add(Span::new().try_days(steps).ok()?).ok()?;
                (day, vec![day])
            }
            Every::Week => {
                let back = first.weekday().since(self.week_begins);
                let begins = first.checked_sub(Span::new().days(back)).ok()?;
                let begins = begins.checked_add(Span::new().try_weeks(steps).ok()?).ok()?;
                let chosen = |day: &Date| match self.days.is_empty() {
                    true => day.weekday() == first.weekday(),
                    false => self.days.iter().any(|one| one.weekday == day.weekday()),
                };
                let days = (0..7).filter_map(|n| begins.checked_add(Span::new().days(n)).ok());
                (begins, days.filter(chosen).collect())
            }
            Every::Month => {
                let month = first.first_of_month().checked_add(Span::new().try_months(steps).ok()?).ok()?;
                (month, self.of_month(month, first.day()))
            }
            Every::Year => {
                let year = first.first_of_month().checked_add(Span::new().try_years(steps).ok()?).ok()?;
                let months = if self.months.is_empty() { vec![first.month()] } else { self.months.clone() };
                let months = months.into_iter().filter_map(|month| Date::new(year.year(), month, 1).ok());
                let days = months.flat_map(|month| self.of_month(month, first.day())).collect();
                (Date::new(year.year(), 1, 1).ok()?, days)
            }
        };
        days.retain(|day| self.months.is_empty() || self.months.contains(&day.month()));
        if self.every == Every::Day {
            days.retain(|day| self.days.is_empty() || self.days.iter().any(|one| one.weekday == day.weekday()));
            days.retain(|day| self.month_days.is_empty() || self.is_month_day(*day));
        }
        days.sort_unstable();
        days.dedup();
        Some((begins, days))
    }

    /// The days of a month, which begins with `month`.
    fn of_month(&self, month: Date, usual: i8) -> Vec<Date> {
        let all = (1..=month.days_in_month()).filter_map(|day| Date::new(month.year(), month.month(), day).ok());
        let chosen = |day: &Date| match (self.days.is_empty(), self.month_days.is_empty()) {
            (true, true) => day.day() == usual,
            (true, false) => self.is_month_day(*day),
            (false, true) => self.is_day(*day),
            (false, false) => self.is_day(*day) && self.is_month_day(*day),
        };
        all.filter(chosen).collect()
    }

    fn is_month_day(&self, day: Date) -> bool {
        let from_the_end = day.day() - day.days_in_month() - 1;
        self.month_days.iter().any(|one| *one == day.day() || *one == from_the_end)
    }

    fn is_day(&self, day: Date) -> bool {
        let number = (day.day() - 1) / 7 + 1;
        let from_the_end = -((day.days_in_month() - day.day()) / 7 + 1);
        self.days.iter().any(|one| {
            one.weekday == day.weekday() && one.which.is_none_or(|which| which == number || which == from_the_end)
        })
    }
}

fn wrong(part: &str) -> String {
    format!("its rule has {:?}, which cannot be read", shortened(part))
}

fn list<T: PartialEq>(value: &str, part: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    for (number, text) in value.split(',').enumerate() {
        let entry = read(text.trim()).filter(|_| number < MOST_ENTRIES).ok_or_else(|| wrong(part))?;
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    Ok(found)
}

fn number(text: &str, most: i8) -> Option<i8> {
    text.parse::<i8>().ok().filter(|number| *number != 0 && (-most..=most).contains(number))
}

/// `MO`, `1MO`, `-1FR`.
fn day(text: &str) -> Option<Day> {
    let split = text.len().checked_sub(2).filter(|split| text.is_char_boundary(*split))?;
    let (which, name) = text.split_at(split);
    let which = match which {
        "" => None,
        which => Some(which.trim_start_matches('+').parse().ok().filter(|n| *n != 0 && (-5..=5).contains(n))?),
    };
    Some(Day { which, weekday: weekday(name)? })
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.trim().to_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

/// The last time at which it may begin, on the clock of the event.
fn until(value: &str, starts: &Moment) -> Option<DateTime> {
    let value = value.trim();
    let Some((day, time)) = value.split_once(['T', 't']) else {
        return Some(date(value)?.to_datetime(Time::MAX));
    };
    let (time, utc) = time.strip_suffix(['Z', 'z']).map_or((time, false), |time| (time, true));
    let civil = date(day)?.to_datetime(clock(time)?);
    Some(if utc { starts.civil_at(instant(civil, &TimeZone::UTC)) } else { civil })
}
