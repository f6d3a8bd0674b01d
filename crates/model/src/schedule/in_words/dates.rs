//! The day fields and the month in words.

use super::{
    super::{
        Crontab,
        field::{Bits, Field, WEEKDAYS},
    },
    list, runs, stretch,
    times::ordinal,
};
use crate::calendar::MONTHS;

/// Which dates.
pub(super) struct Dates {
    /// What goes before `at 09:00` where that reads better: `every weekday`, `every day in July`.
    pub(super) every: Option<String>,
    /// What goes behind a time, with a space before it; empty if every day: ` on day 1 of the month`.
    pub(super) on: String,
}

/// Monday to Friday.
const WORKING_WEEK: Bits = Bits::range(1, 5);

impl Crontab {
    pub(super) fn dates(&self) -> Dates {
        let days = &self.days;
        let any_number = days.numbers == Field::DayOfMonth.all();
        let any_weekday = days.week == Field::DayOfWeek.all();
        let both = days.numbers_star || days.week_star;
        let in_months = self.in_months();
        match (any_number, any_weekday) {
            (true, true) => Dates { every: Some(format!("every day{in_months}")), on: in_months },
            (true, _) | (_, true) if !both => Dates { every: Some(format!("every day{in_months}")), on: in_months },
            (true, false) => match self.plain_weekdays() {
                Some((every, on)) => {
                    Dates { every: Some(format!("{every}{in_months}")), on: format!(" {on}{in_months}") }
                }
                None => Dates { every: None, on: format!(" on {} of {}", self.counted_weekdays(), self.of_months()) },
            },
            (false, true) => Dates { every: None, on: format!(" on {} of {}", self.numbers(), self.of_months()) },
            (false, false) => {
                let numbers = format!("{} of {}", self.numbers(), self.of_months());
                let on = match (both, self.plain_weekdays()) {
                    (true, Some(_)) => format!(" on {numbers} if it is {}", self.one_of_weekdays()),
                    (true, None) => format!(" on {numbers} if it is {}", self.counted_weekdays()),
                    (false, Some((every, _))) => format!(" on {numbers} and {every}{in_months}"),
                    (false, None) => format!(" on {numbers} and {}", self.counted_weekdays()),
                };
                Dates { every: None, on }
            }
        }
    }

    /// `every weekday` and `on weekdays`, if no day is counted within the month.
    fn plain_weekdays(&self) -> Option<(String, String)> {
        let days = &self.days;
        if !days.last.is_empty() || days.nth.iter().any(|weekdays| !weekdays.is_empty()) {
            return None;
        }
        if days.week == WORKING_WEEK {
            return Some(("every weekday".to_owned(), "on weekdays".to_owned()));
        }
        if let Some((first, last)) = stretch(Field::DayOfWeek, days.week)
            && days.week.count() > 2
        {
            let range = format!("from {} to {}", weekday(first), weekday(last));
            return Some((format!("every day {range}"), range));
        }
        let names = self.monday_first();
        Some((format!("every {}", list(&names)), format!("on {}", list(names.iter().map(|name| format!("{name}s"))))))
    }

    /// `a Monday or a Friday`.
    fn one_of_weekdays(&self) -> String {
        self.monday_first().iter().map(|name| format!("a {name}")).collect::<Vec<_>>().join(" or ")
    }

    fn monday_first(&self) -> Vec<&'static str> {
        let sunday_last = (1..=7).map(|number| number % 7);
        sunday_last.filter(|number| self.days.week.contains(*number)).map(weekday).collect()
    }

    /// `the second Monday and the last Friday`, and whole weekdays among them.
    fn counted_weekdays(&self) -> String {
        const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
        let every = self.monday_first().into_iter().map(|name| format!("every {name}"));
        let nth = NTH.iter().zip(&self.days.nth);
        let nth = nth.flat_map(|(nth, weekdays)| weekdays.iter().map(move |day| format!("the {nth} {}", weekday(day))));
        let last = self.days.last.iter().map(|day| format!("the last {}", weekday(day)));
        list(every.chain(nth).chain(last))
    }

    /// `days 1 and 15`, `the last day`, `the weekday nearest to day 15`.
    fn numbers(&self) -> String {
        let days = &self.days;
        let numbers = days.numbers;
        let mut items = Vec::new();
        match (numbers.count(), step_from_first(numbers)) {
            (0, _) => {}
            (1, _) => items.push(format!("day {}", numbers.first().unwrap_or_default())),
            (_, Some((first, step))) => items.push(format!("every {} day from day {first}", ordinal(step))),
            _ => items.push(format!("days {}", runs(numbers, |day| day.to_string()))),
        }
        items.extend(days.nearest_weekday.iter().map(|day| format!("the weekday nearest to day {day}")));
        items.extend(days.last_weekday.then(|| "the last weekday".to_owned()));
        items.extend(days.from_end.iter().map(|back| match back {
            0 => "the last day".to_owned(),
            _ => format!("the {} day before the last", ordinal(back)),
        }));
        list(items)
    }

    /// Nothing if all, else ` in July`, ` from November to February`.
    fn in_months(&self) -> String {
        if self.months == Field::Month.all() {
            return String::new();
        }
        match self.run_of_months() {
            Some(run) => format!(" {run}"),
            None => format!(" in {}", self.of_months()),
        }
    }

    /// What days are `of`.
    fn of_months(&self) -> String {
        if self.months == Field::Month.all() {
            return "the month".to_owned();
        }
        match self.run_of_months() {
            Some(run) => format!("every month {run}"),
            None => list(self.months.iter().map(month)),
        }
    }

    /// `from November to February`, if it is three months or more.
    fn run_of_months(&self) -> Option<String> {
        let (first, last) = stretch(Field::Month, self.months)?;
        (self.months.count() > 2).then(|| format!("from {} to {}", month(first), month(last)))
    }
}

/// First and step of days that go on evenly to the end of the month, more than three of them and not next to each other.
fn step_from_first(numbers: Bits) -> Option<(u32, u32)> {
    let first = numbers.first()?;
    let step = numbers.first_from(first + 1)? - first;
    let even: Bits = (first..=Field::DayOfMonth.max()).step_by(step as usize).collect();
    (even == numbers && step > 1 && numbers.count() > 3).then_some((first, step))
}

fn weekday(number: u32) -> &'static str {
    WEEKDAYS[number as usize % 7]
}

fn month(number: u32) -> &'static str {
    MONTHS[(number as usize + 11) % 12]
}
