//! Which days of a month a schedule fits: the two day fields, and how they combine.

use jiff::civil::Date;

use super::field::{Bits, Field};

/// The day-of-month and day-of-week fields together.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Days {
    /// Days of the month by number, 1 to 31.
    pub(super) numbers: Bits,
    /// Days counted back from the end of the month: 0 is the last (`L`), 3 the third before it (`L-3`).
    pub(super) from_end: Bits,
    /// `nW`: the weekday nearest to the n-th.
    pub(super) nearest_weekday: Bits,
    /// `LW`: the last weekday of the month.
    pub(super) last_weekday: bool,
    /// The day-of-month field begins with `*` or `?`.
    pub(super) numbers_star: bool,
    /// Days of the week, Sunday 0.
    pub(super) week: Bits,
    /// `d#n` at index n - 1: the n-th such day of the month.
    pub(super) nth: [Bits; 5],
    /// `dL`: the last such day of the month.
    pub(super) last: Bits,
    /// The day-of-week field begins with `*` or `?`.
    pub(super) week_star: bool,
}

impl Days {
    /// The days that fit in the month that begins on `first`.
    pub(super) fn of_month(&self, first: Date) -> Bits {
        let length = first.days_in_month() as u32;
        let starts_on = first.weekday().to_sunday_zero_offset() as u32;
        self.of_any_month(length, starts_on)
    }

    /// The days that fit in a month of `length` days that starts on weekday `starts_on`, Sunday 0.
    pub(super) fn of_any_month(&self, length: u32, starts_on: u32) -> Bits {
        let month = Month { length, starts_on };
        let by_number = self.by_number(month);
        let by_week = self.by_week(month);
        if self.numbers_star || self.week_star { Bits(by_number.0 & by_week.0) } else { by_number.union(by_week) }
    }

    fn by_number(&self, month: Month) -> Bits {
        let mut days = Bits(self.numbers.0 & month.all().0);
        for back in self.from_end.iter().filter(|back| *back < month.length) {
            days.insert(month.length - back);
        }
        for day in self.nearest_weekday.iter().filter(|day| *day <= month.length) {
            days.insert(month.nearest_weekday(day));
        }
        if self.last_weekday {
            days.insert(month.nearest_weekday(month.length));
        }
        days
    }

    fn by_week(&self, month: Month) -> Bits {
        if self.week == Field::DayOfWeek.all() {
            return month.all();
        }
        let mut days = Bits::EMPTY;
        for weekday in self.week.iter() {
            days = days.union(month.every(weekday));
        }
        for (index, weekdays) in self.nth.iter().enumerate() {
            for day in weekdays.iter().map(|weekday| month.first(weekday) + 7 * index as u32) {
                if day <= month.length {
                    days.insert(day);
                }
            }
        }
        for weekday in self.last.iter() {
            let fifth = month.first(weekday) + 28;
            days.insert(if fifth <= month.length { fifth } else { fifth - 7 });
        }
        days
    }
}

/// A month by what matters here.
#[derive(Clone, Copy)]
struct Month {
    /// In days, 28 to 31.
    length: u32,
    /// The weekday of its first day, Sunday 0.
    starts_on: u32,
}

impl Month {
    fn all(self) -> Bits {
        Bits::range(1, self.length)
    }

    /// The first day that is this weekday.
    fn first(self, weekday: u32) -> u32 {
        1 + (weekday + 7 - self.starts_on) % 7
    }

    /// All days that are this weekday.
    fn every(self, weekday: u32) -> Bits {
        const EVERY_SEVENTH: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
        Bits(EVERY_SEVENTH << self.first(weekday) & self.all().0)
    }

    /// The day from Monday to Friday nearest to `day`, which is in the month; never in another month (Quartz).
    fn nearest_weekday(self, day: u32) -> u32 {
        match (self.starts_on + day - 1) % 7 {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == self.length => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Crontab;
    use super::*;

    fn days(text: &str, year: i16, month: i8) -> Vec<u32> {
        let schedule = Crontab::parse(&format!("0 0 {text}")).unwrap();
        schedule.days.of_month(Date::constant(year, month, 1)).iter().collect()
    }

    #[test]
    fn days_from_the_end_and_nearest_weekdays() {
        assert_eq!(days("L * *", 2024, 2), [29]);
        assert_eq!(days("L-3,1 * *", 2023, 2), [1, 25]);
        assert_eq!(days("L-30 * *", 2023, 4), [0; 0]);
        // March 2025 begins on a Saturday and ends on a Monday.
        assert_eq!(days("1W * *", 2025, 3), [3]);
        assert_eq!(days("15W * *", 2025, 3), [14]);
        assert_eq!(days("16W * *", 2025, 3), [17]);
        assert_eq!(days("LW * *", 2025, 3), [31]);
        // August 2025 ends on a Sunday.
        assert_eq!(days("LW * *", 2025, 8), [29]);
        assert_eq!(days("31W * *", 2025, 8), [29]);
        assert_eq!(days("31W * *", 2025, 9), [0; 0]);
    }

    #[test]
    fn weekdays_counted_in_the_month() {
        assert_eq!(days("* * MON#2", 2025, 3), [10]);
        assert_eq!(days("* * SAT#5,5L", 2025, 3), [28, 29]);
        assert_eq!(days("* * SAT#5", 2025, 4), [0; 0]);
    }

    #[test]
    fn either_day_field_counts_unless_one_begins_with_a_star() {
        // June 2025 begins on a Sunday: the 13th is a Friday.
        assert_eq!(days("1 * FRI", 2025, 6), [1, 6, 13, 20, 27]);
        assert_eq!(days("*/2 * FRI", 2025, 6), [13, 27]);
        assert_eq!(days("13 * */5", 2025, 6), [13]);
        assert_eq!(days("13,14 * */5", 2025, 6), [13]);
        assert_eq!(days("? * FRI", 2025, 6), [6, 13, 20, 27]);
        assert_eq!(days("13 * ?", 2025, 6), [13]);
    }
}
