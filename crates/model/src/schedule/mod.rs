//! Schedules: crontab text, and the instants at which it ticks in a time zone.
//!
//! # What may be written
//!
//! Five fields (minute, hour, day of month, month, day of week), or six with seconds first. Each field is `*`, a
//! number, a name (`JAN`, `Monday`, any case), a range `a-b`, a step `*/n`, `a-b/n` or `a/n` (from `a` to the end of
//! the field), or a list of these with commas. A range may wrap around: `FRI-MON`, `22-6`, `NOV-FEB`. Day of week 0 and
//! 7 are both Sunday, as in crontab(5); Quartz counts from 1 for Sunday, so its numbers do not carry over, its names do.
//!
//! The day fields know more, after Quartz: `?` is `*`; in the day of month `L` is the last day, `L-3` the third before
//! it, `15W` the weekday (Monday to Friday) nearest to the 15th within that month, `LW` the last weekday; in the day of
//! week `5L` is the last Friday of the month, `MON#2` the second Monday. A month that lacks such a day is passed over.
//!
//! `@hourly @daily @midnight @weekly @monthly @yearly @annually` stand for what crontab(5) says.
//!
//! **Several lines.** Each line is a crontab of its own, and the schedule ticks whenever one of them does; an instant that
//! several name is one tick. So `*/5 9-16 * * *` and `0 17 * * *` are every five minutes from 09:00 to 17:00.
//!
//! **Both day fields.** When day of month and day of week are both restricted, a day that fits *either* counts. A field
//! that begins with `*` (or `?`) is unrestricted in this sense even if a step follows, and then a day must fit *both*:
//! `0 9 13 * FRI` is every 13th and every Friday, `0 9 */2 * FRI` the Fridays with an odd date. This is the rule of
//! Vixie cron's crontab(5).
//!
//! # Clock changes: nothing runs twice, nothing is lost
//!
//! A crontab that fires in every hour of the day (hour `*` or anything equal to it) **keeps pace**: it ticks whenever
//! the wall clock, as it stands at that instant, fits. `*/5 * * * *` goes on every five minutes through a repeated hour
//! (in both passes of it), and a skipped hour has no ticks, because no time passed.
//!
//! Any other crontab **names times of day**, and each of them happens exactly once. A time that the clock shows twice
//! happens when it is first shown. A time that is skipped happens at the first instant after the gap; several skipped
//! times, and one that is due at that instant anyway, are one tick. That also holds where the gap is a whole day.
//!
//! This is what Vixie cron's cron(8) says of jobs without and with wildcards, without its limit of three hours, and
//! with one difference: cron looks at how hour and minute are written, this looks at whether any hour is left out. So
//! `0 */2 * * *` and `*/5 1 * * *` name times of day here: cron would run them in both passes, and lose them in a gap.

mod canonical;
mod count;
mod days;
mod field;
mod in_words;
mod next;
mod parse;
mod several;

use self::{days::Days, field::Bits};

pub use self::{parse::ScheduleFault, several::Ticks};

/// When a monitor is due: one crontab, or several, one a line, that tick together. It is known to come.
///
/// Two schedules are equal if the fields of their crontabs are, however they were written. [`std::fmt::Display`] gives the
/// canonical text, which parses back to an equal schedule.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Schedule {
    /// At least one; no two are equal.
    crontabs: Vec<Crontab>,
}

/// One crontab: which days and which times of day.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Crontab {
    seconds: Bits,
    minutes: Bits,
    hours: Bits,
    months: Bits,
    days: Days,
}

impl Crontab {
    /// Whether it ticks by the wall clock as it stands at each instant, rather than at times of day that happen once.
    fn keeps_pace(&self) -> bool {
        self.hours == Bits::range(0, 23)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
