//! The next tick: first on the calendar, then in the zone.
//!
//! Two questions are kept apart. Which wall-clock time fits next is arithmetic on the fields ([`Crontab::fits_from`]).
//! When that time is, and what a clock change does to it, is asked of the zone; the front page states the rule. Neither
//! walks through time: a tick costs the same whether it is a second or twenty-eight years away, give or take a
//! microsecond.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::Crontab;

impl Crontab {
    /// The first tick strictly after `instant` with the schedule read in `zone`, to the whole second.
    ///
    /// `None` only at the end of the calendar (year 9999): a schedule that never comes cannot be made.
    pub(super) fn after(&self, instant: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = whole_second(instant);
        let offset = zone.to_offset(start);
        let clock = offset.to_datetime(start);
        let next = clock.checked_add(SECOND).ok()?;
        match zone.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Fold { before, after } => {
                let change = fold_at(zone, clock, before, after)?;
                let first_pass = offset == before;
                if first_pass || self.keeps_pace() {
                    let end = if first_pass { before } else { after }.to_datetime(change);
                    let fits = self.fits_from(next)?;
                    if !first_pass || fits < end {
                        return self.happens(fits, start, zone);
                    }
                }
                // What is left of this pass holds nothing. A pace goes on with the second pass; times of day with what
                // the clock has not shown yet.
                let resume = if self.keeps_pace() { after } else { before }.to_datetime(change);
                self.happens(self.fits_from(resume)?, start, zone)
            }
            _ => self.happens(self.fits_from(next)?, start, zone),
        }
    }

    /// When the wall-clock time `fits` happens, given that nothing fits between `start` and it.
    fn happens(&self, mut fits: DateTime, start: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        loop {
            match zone.to_ambiguous_timestamp(fits).offset() {
                AmbiguousOffset::Unambiguous { offset } => return offset.to_timestamp(fits).ok(),
                AmbiguousOffset::Fold { before, after } => {
                    let first = before.to_timestamp(fits).ok()?;
                    return if first > start { Some(first) } else { after.to_timestamp(fits).ok() };
                }
                AmbiguousOffset::Gap { before, after } => {
                    let change = change_to(zone, after.to_timestamp(fits).ok()?, after)
                        .or_else(|| before.to_timestamp(fits).ok())?;
                    if !self.keeps_pace() {
                        return Some(change);
                    }
                    fits = self.fits_from(after.to_datetime(change))?;
                }
            }
        }
    }

    /// The first wall-clock time at or after `from` that fits.
    pub(super) fn fits_from(&self, from: DateTime) -> Option<DateTime> {
        let mut date = self.date_from(from.date())?;
        if date == from.date() {
            if let Some(time) = self.time_from(from.time()) {
                return Some(date.to_datetime(time));
            }
            date = self.date_from(date.tomorrow().ok()?)?;
        }
        Some(date.to_datetime(self.time_from(Time::midnight())?))
    }

    /// The first date at or after `from` that fits.
    fn date_from(&self, from: Date) -> Option<Date> {
        let (mut year, mut month) = (from.year(), from.month() as u32);
        let mut from_day = from.day() as u32;
        loop {
            if self.months.contains(month) {
                let first = Date::new(year, month as i8, 1).ok()?;
                if let Some(day) = self.days.of_month(first).first_from(from_day) {
                    return Date::new(year, month as i8, day as i8).ok();
                }
            }
            from_day = 1;
            month = match self.months.first_from(month + 1) {
                Some(month) => month,
                None => {
                    year += 1;
                    self.months.first()?
                }
            };
        }
    }

    /// The first time of day at or after `from` that fits.
    fn time_from(&self, from: Time) -> Option<Time> {
        let (hour, minute, second) = (from.hour() as u32, from.minute() as u32, from.second() as u32);
        if self.hours.contains(hour) {
            if self.minutes.contains(minute)
                && let Some(second) = self.seconds.first_from(second)
            {
                return time(hour, minute, second);
            }
            if let Some(minute) = self.minutes.first_from(minute + 1) {
                return time(hour, minute, self.seconds.first()?);
            }
        }
        time(self.hours.first_from(hour + 1)?, self.minutes.first()?, self.seconds.first()?)
    }

    /// Whether the date fits.
    pub(super) fn is_on(&self, date: Date) -> bool {
        self.months.contains(date.month() as u32)
            && self.days.of_month(date.first_of_month()).contains(date.day() as u32)
    }

    /// Whether the wall-clock time fits.
    pub(super) fn fits(&self, clock: DateTime) -> bool {
        self.seconds.contains(clock.second() as u32)
            && self.minutes.contains(clock.minute() as u32)
            && self.hours.contains(clock.hour() as u32)
            && self.months.contains(clock.month() as u32)
            && self.days.of_month(clock.date().first_of_month()).contains(clock.day() as u32)
    }
}

pub(super) const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The start of the second that `instant` is in.
pub(super) fn whole_second(instant: Timestamp) -> Timestamp {
    let seconds = instant.as_nanosecond().div_euclid(1_000_000_000) as i64;
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN)
}

/// When the clock was set back, for a wall-clock time that it showed twice.
pub(super) fn fold_at(zone: &TimeZone, clock: DateTime, before: Offset, after: Offset) -> Option<Timestamp> {
    let shown_first = before.to_timestamp(clock).ok()?;
    change_to(zone, shown_first, after).or_else(|| after.to_timestamp(clock).ok())
}

/// The first change after `instant` that leads to the offset `after`.
fn change_to(zone: &TimeZone, instant: Timestamp, after: Offset) -> Option<Timestamp> {
    zone.following(instant).take(8).find(|change| change.offset() == after).map(|change| change.timestamp())
}

fn time(hour: u32, minute: u32, second: u32) -> Option<Time> {
    Time::new(hour as i8, minute as i8, second as i8, 0).ok()
}
