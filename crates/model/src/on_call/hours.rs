//! Hours of the day, on some days of the week: read on the clock of a place.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use crate::calendar::instant;

/// From a time of the day until another one, on some days of the week. Where the second is not after the first, it is of the
/// day after; the day of the week is that of the beginning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hours {
    /// When they begin.
    pub from: Time,
    /// When they end.
    pub until: Time,
    /// The days that they begin on.
    pub weekdays: Weekdays,
}

impl Hours {
    /// All of the day on these days.
    pub const fn all_day(weekdays: Weekdays) -> Hours {
        Hours { from: Time::midnight(), until: Time::midnight(), weekdays }
    }

    /// When the hours that `at` is in began and end, if it is in them.
    pub fn around(&self, at: Timestamp, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let today = zone.to_datetime(at).date();
        // Those of yesterday may reach into today; a clock that skips a day lets them reach further.
        let days = [0, -1, -2].into_iter().filter_map(|days| today.checked_add(days.days()).ok());
        days.filter_map(|day| self.on(day, zone)).find(|(from, until)| *from <= at && at < *until)
    }

    /// Every beginning and end after `from` and before `until`.
    pub fn edges(&self, from: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let mut edges = Vec::new();
        let mut day = zone.to_datetime(from).date().checked_sub(2.days()).unwrap_or(Date::MIN);
        let last = zone.to_datetime(until).date();
        while day <= last {
            edges.extend(self.on(day, zone).into_iter().flat_map(|(from, until)| [from, until]));
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        edges.retain(|edge| *edge > from && *edge < until);
        edges
    }

    /// Those that begin on a day, if it is one of theirs and has them: a clock that is set forward may take them away.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        if !self.weekdays.contains(day.weekday()) {
            return None;
        }
        let end = if self.until > self.from { day } else { day.tomorrow().ok()? };
        let (from, until) = (instant(day.to_datetime(self.from), zone), instant(end.to_datetime(self.until), zone));
        (from < until).then_some((from, until))
    }
}

/// Days of the week.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weekdays(u8);

/// Their names, from Monday on.
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Weekdays {
    /// All of them.
    pub const ALL: Weekdays = Weekdays(0b111_1111);

    /// Whether a day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Reads names of days, such as `mon`, `Tuesday` or `sat`.
    ///
    /// # Errors
    ///
    /// One of them is no day, or there is none.
    pub fn read<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Weekdays, String> {
        const LONG: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let mut days = Weekdays(0);
        for name in names {
            let lower = name.trim().to_lowercase();
            let known = (0..7).find(|day| NAMES[*day] == lower || LONG[*day] == lower);
            match known {
                Some(day) => days.0 |= 1 << day,
                None => {
                    let shown: String = name.chars().take(40).collect();
                    return Err(format!("{shown:?} is no day of the week: write mon, tue, wed, thu, fri, sat or sun"));
                }
            }
        }
        if days.0 == 0 { Err("no days: leave it out, where all are meant".to_owned()) } else { Ok(days) }
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        (0..7).filter(|day| self.0 & (1 << day) != 0).map(|day| NAMES[day]).collect()
    }
}

/// Reads a time of the day as people type it: `9:00`, `09:00`, `22:30`. `24:00` is midnight.
///
/// # Errors
///
/// The text is none; the message says what is expected.
pub fn read_time_of_day(text: &str) -> Result<Time, String> {
    let wrong = || {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} is no time of the day: write hours and minutes, such as 09:00 or 22:30")
    };
    let (hours, minutes) = text.trim().split_once(':').ok_or_else(wrong)?;
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let plain = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i8>().ok().filter(|_| plain).ok_or_else(wrong)
    };
    match (number(hours, 1..=2)?, number(minutes, 2..=2)?) {
        (24, 0) => Ok(Time::midnight()),
        (hours, minutes) => Time::new(hours, minutes, 0, 0).map_err(|_| wrong()),
    }
}

/// As it is typed: `09:00`.
pub fn time_of_day(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}
