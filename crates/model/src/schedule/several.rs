//! Several crontabs as one schedule: read line by line, and ticking whenever one of them does.

use std::{collections::HashMap, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::{Crontab, Schedule, ScheduleFault};

/// The most lines of a schedule.
const MOST_LINES: usize = 20;
/// Seconds of a day without a clock change.
const DAY: usize = 86_400;

/// The ticks in a stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticks {
    /// The first of them.
    pub first: Timestamp,
    /// The last of them; the same instant if there is only one.
    pub last: Timestamp,
    /// How many: always exact, at least 1.
    pub count: u64,
}

impl Schedule {
    /// Reads crontab syntax, one crontab a line; the module's front page says what may be written. Empty lines are none.
    ///
    /// # Errors
    ///
    /// The first fault found, from left to right, with its line where there are several; also that a crontab never comes
    /// ("February has no 30th day").
    pub fn parse(text: &str) -> Result<Schedule, ScheduleFault> {
        let lines: Vec<(usize, &str)> = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
        if lines.len() > MOST_LINES {
            let message = format!("{} lines: a schedule has {MOST_LINES} at most, write lists and ranges", lines.len());
            return Err(ScheduleFault { field: None, message });
        }
        if lines.len() < 2 {
            return Ok(Schedule { crontabs: vec![Crontab::parse(text)?] });
        }
        let mut crontabs = Vec::with_capacity(lines.len());
        for (number, line) in lines {
            let crontab = Crontab::parse(line)
                .map_err(|fault| ScheduleFault { message: format!("line {number}: {}", fault.message), ..fault })?;
            if !crontabs.contains(&crontab) {
                crontabs.push(crontab);
            }
        }
        Ok(Schedule { crontabs })
    }

    /// The first tick strictly after `instant` with the schedule read in `zone`, to the whole second.
    ///
    /// `None` only at the end of the calendar (year 9999): a schedule that never comes cannot be made.
    pub fn after(&self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        self.crontabs.iter().filter_map(|crontab| crontab.after(instant, zone)).min()
    }

    /// The ticks strictly after `instant`, in order, without end (but for the end of the calendar in year 9999).
    pub fn ticks(&self, instant: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.after(instant, zone), |tick| self.after(*tick, zone))
    }

    /// The ticks after `after`, up to and including `until`; `None` if there is none.
    ///
    /// Exact whatever the stretch, and agrees with following [`Schedule::after`] tick by tick. Of one crontab whole months are
    /// counted from the fields, so ten years of a tick a second cost some tens of microseconds; of several, whole days.
    pub fn ticks_between(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> Option<Ticks> {
        let each = self.crontabs.iter().filter_map(|crontab| crontab.ticks_between(after, until, zone));
        let all = each.reduce(|one, other| Ticks {
            first: one.first.min(other.first),
            last: one.last.max(other.last),
            count: one.count + other.count,
        })?;
        let count = if self.crontabs.len() == 1 { all.count } else { self.count_between(after, until, zone).max(1) };
        Some(Ticks { count, ..all })
    }

    /// The schedule in words, lower case and without a full stop.
    pub fn in_words(&self) -> String {
        self.crontabs.iter().map(Crontab::in_words).collect::<Vec<_>>().join("; ")
    }

    /// How many instants after `after` and not later than `until` at least one crontab names. Days are counted one by one, by
    /// which crontabs have times on them; what has a clock change near it, and where it begins and ends, is walked through.
    fn count_between(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> u64 {
        let mut by_crontabs: HashMap<Vec<bool>, u64> = HashMap::new();
        let (mut count, mut from) = (0, after);
        let mut date = zone.to_datetime(after).date();
        while from < until {
            let Ok(tomorrow) = date.tomorrow() else { break };
            let (Some(begin), Some(end)) = (start_of(date, zone), start_of(tomorrow, zone)) else { break };
            // Up to the last instant of the day.
            let last = end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end);
            if from < begin && last <= until && is_plain(begin, end, zone) {
                let on = self.crontabs.iter().map(|crontab| crontab.is_on(date)).collect::<Vec<_>>();
                count += *by_crontabs.entry(on).or_insert_with_key(|on| self.times_of_day(on));
            } else {
                count += self.ticks(from, zone).take_while(|tick| *tick <= last.min(until)).count() as u64;
            }
            (from, date) = (last.max(from), tomorrow);
        }
        count
    }

    /// How many times of day those crontabs name that are on.
    fn times_of_day(&self, on: &[bool]) -> u64 {
        let mut named = vec![false; DAY];
        for crontab in self.crontabs.iter().zip(on).filter(|(_, on)| **on).map(|(crontab, _)| crontab) {
            for hour in crontab.hours.iter() {
                for minute in crontab.minutes.iter() {
                    for second in crontab.seconds.iter() {
                        named[(hour * 3600 + minute * 60 + second) as usize] = true;
                    }
                }
            }
        }
        named.into_iter().filter(|named| *named).count() as u64
    }
}

/// The first instant of a date. What comes before it is the day before, also where the clock skips or repeats midnight.
fn start_of(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    date.to_zoned(zone.clone()).ok()?.start_of_day().ok().map(|start| start.timestamp())
}

/// Whether no clock changes from the beginning of a day to its end.
fn is_plain(begin: Timestamp, end: Timestamp, zone: &TimeZone) -> bool {
    let before = begin.checked_sub(SignedDuration::from_secs(1)).unwrap_or(begin);
    end.duration_since(begin) == SignedDuration::from_secs(DAY as i64)
        && zone.following(before).next().is_none_or(|change| change.timestamp() > end)
}

impl FromStr for Schedule {
    type Err = ScheduleFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Schedule::parse(text)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, crontab) in self.crontabs.iter().enumerate() {
            write!(f, "{}{crontab}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::zone;

    fn fault(text: &str) -> String {
        Schedule::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn lines_are_read_one_by_one_and_tick_together() {
        let schedule = Schedule::parse("*/30 9-10 * * 1-5\r\n\n 0 11 * * MON-FRI \n0,30 9,10 * * 1-5").unwrap();
        assert_eq!(schedule.to_string(), "0,30 9,10 * * 1-5\n0 11 * * 1-5");
        assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule.clone()));
        let at: Timestamp = "2026-07-03T09:59:00Z".parse().unwrap();
        let ticks: Vec<String> = schedule.ticks(at, &TimeZone::UTC).take(4).map(|tick| tick.to_string()).collect();
        let expected = ["2026-07-03T10:00:00Z", "2026-07-03T10:30:00Z", "2026-07-03T11:00:00Z", "2026-07-06T09:00:00Z"];
        assert_eq!(ticks, expected);
        let hours = Schedule::parse("*/5 9-16 * * *\n0 17 * * *").unwrap();
        assert_eq!(hours.in_words(), "every 5 minutes from 09:00 to 16:55; every day at 17:00");
    }

    #[test]
    fn a_fault_names_its_line() {
        assert_eq!(fault("* * * * *\n\n61 * * * *"), "line 3: minute: 61 is outside 0-59");
        assert_eq!(Schedule::parse("* * * * *\n* 25 * * *").unwrap_err().field, Some("hour"));
        assert!(fault("@daily\n0 0 30 2 *").starts_with("line 2: never comes"));
        assert_eq!(fault("\n61 * * * *"), "minute: 61 is outside 0-59");
        assert_eq!(fault(" \n "), fault(""));
        let many = "@daily\n".repeat(21);
        assert_eq!(fault(&many), "21 lines: a schedule has 20 at most, write lists and ranges");
    }

    proptest! {
        #[test]
        fn ticks_of_several_are_counted_as_they_come(
            lines in proptest::collection::vec(select(vec![
                "*/7 * * * *", "*/30 * * * *", "0 * * * *", "*/20 0-3 * * *", "30 0 * * *", "30 2 * * *", "0 0 * * *",
                "15,45 1-5 * * 0", "0 0 1 * *", "59 23 L * *", "*/17 0 0 * * *", "5 */2 * * *",
            ]), 1..4),
            zone_name in select(vec![
                "UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Cairo",
            ]),
            from in 0..400_i64, hours in 0..2200_i64, minutes in 0..60_i64,
        ) {
            let (schedule, zone) = (Schedule::parse(&lines.join("\n")).unwrap(), zone(zone_name).unwrap());
            // Around the day that Samoa skipped, and a year of changes after it.
            let after = Timestamp::from_second(1_324_900_000 + from * 86_400 / 4 + minutes).unwrap();
            let until = after + SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes);
            let walked: Vec<Timestamp> = schedule.ticks(after, &zone).take_while(|tick| *tick <= until).collect();
            let counted = schedule.ticks_between(after, until, &zone);
            prop_assert_eq!(counted.map_or(0, |ticks| ticks.count), walked.len() as u64, "{:?} {}", lines, zone_name);
            prop_assert_eq!(counted.map(|ticks| (ticks.first, ticks.last)), walked.first().copied().zip(walked.last().copied()));
        }
    }
}
