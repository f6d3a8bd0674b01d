//! Counting ticks between two instants without visiting them.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{
    Crontab, Ticks,
    next::{SECOND, fold_at, whole_second},
};

impl Crontab {
    /// The ticks after `after`, up to and including `until`; `None` if there is none.
    ///
    /// Exact whatever the stretch: whole months are counted from the fields, so ten years of a tick a second cost some
    /// tens of microseconds. Agrees with following [`Crontab::after`] tick by tick.
    pub(super) fn ticks_between(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> Option<Ticks> {
        let first = self.after(after, zone).filter(|first| *first <= until)?;
        let last = self.last_until(first, until, zone);
        let count = self.count_between(after, until, zone).max(1);
        Some(Ticks { first, last, count })
    }

    /// The last tick up to and including `until`, given an earlier one: looks back in strides that double until it
    /// meets a tick, then halves the stride that holds the last.
    fn last_until(&self, first: Timestamp, until: Timestamp, zone: &TimeZone) -> Timestamp {
        let tick_after = |instant| self.after(instant, zone).filter(|tick| *tick <= until);
        let (mut last, mut high) = (first, whole_second(until));
        let mut stride = SECOND;
        while let Ok(low) = high.checked_sub(stride)
            && low > last
        {
            if let Some(tick) = tick_after(low) {
                last = tick;
                break;
            }
            high = low;
            stride = stride.saturating_mul(2);
        }
        // Every tick up to `until` that is later than `last` is before or at `high`.
        while let Some(middle) = middle(last, high) {
            match tick_after(middle) {
                Some(tick) => last = tick,
                None => high = middle,
            }
        }
        tick_after(last).unwrap_or(last)
    }

    /// How many ticks are after `after` and not later than `until`.
    ///
    /// Goes from one clock change to the next. `shown` is the wall-clock time up to which everything has been counted:
    /// the front page's rule for times of day is that each counts when it is first shown or skipped. A pace simply
    /// counts what the clock shows.
    fn count_between(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> u64 {
        let start = whole_second(after);
        let mut offset = zone.to_offset(start);
        let clock = offset.to_datetime(start);
        let (Ok(mut from), Ok(end), Ok(mut shown)) =
            (start.checked_add(SECOND), whole_second(until).checked_add(SECOND), clock.checked_add(SECOND))
        else {
            return 0;
        };
        if let AmbiguousOffset::Fold { before, after } = zone.to_ambiguous_timestamp(clock).offset()
            && offset == after
            && let Some(change) = fold_at(zone, clock, before, after)
        {
            shown = before.to_datetime(change);
        }
        let changes = zone.following(start).map(|change| (change.timestamp(), Some(change.offset())));
        let mut count = 0;
        for (change, next_offset) in changes.take_while(|change| change.0 < end).chain([(end, None)]) {
            let (begins, ends) = (offset.to_datetime(from), offset.to_datetime(change));
            if self.keeps_pace() {
                count += self.count_on_calendar(begins, ends);
            } else {
                if shown < begins && !self.fits(begins) {
                    count += self.count_on_calendar(shown, begins).min(1);
                }
                count += self.count_on_calendar(begins.max(shown), ends);
                shown = shown.max(ends);
            }
            from = change;
            offset = next_offset.unwrap_or(offset);
        }
        count
    }

    /// How many wall-clock times from `from` to before `until` fit.
    fn count_on_calendar(&self, from: DateTime, until: DateTime) -> u64 {
        if from >= until {
            return 0;
        }
        let per_day = u64::from(self.hours.count() * self.minutes.count() * self.seconds.count());
        let days = self.count_days(from.date(), until.date());
        (days * per_day + self.count_in_day(until)).saturating_sub(self.count_in_day(from))
    }

    /// How many dates from `from` to before `until` fit.
    fn count_days(&self, from: Date, until: Date) -> u64 {
        let mut count = 0;
        let mut first = from.first_of_month();
        while first < until {
            if self.months.contains(first.month() as u32) {
                let days = self.days.of_month(first);
                let until_day = if first == until.first_of_month() { until.day() as u32 } else { 32 };
                let from_day = if first == from.first_of_month() { from.day() as u32 } else { 1 };
                count += u64::from(days.count_below(until_day).saturating_sub(days.count_below(from_day)));
            }
            let next = if first.month() == 12 {
                Date::new(first.year() + 1, 1, 1)
            } else {
                Date::new(first.year(), first.month() + 1, 1)
            };
            match next {
                Ok(next) => first = next,
                Err(_) => break,
            }
        }
        count
    }

    /// How many times of `clock`'s day before `clock` fit.
    fn count_in_day(&self, clock: DateTime) -> u64 {
        if clock.time() == Time::midnight()
            || self.count_days(clock.date(), clock.date().tomorrow().unwrap_or(Date::MAX)) == 0
        {
            return 0;
        }
        let (hour, minute, second) = (clock.hour() as u32, clock.minute() as u32, clock.second() as u32);
        let mut count = self.hours.count_below(hour) * self.minutes.count() * self.seconds.count();
        if self.hours.contains(hour) {
            count += self.minutes.count_below(minute) * self.seconds.count();
            if self.minutes.contains(minute) {
                count += self.seconds.count_below(second);
            }
        }
        u64::from(count)
    }
}

/// An instant between two, to the whole second; `None` if they are no more than a second apart.
fn middle(low: Timestamp, high: Timestamp) -> Option<Timestamp> {
    let apart = high.as_second() - low.as_second();
    if apart <= 1 { None } else { low.checked_add(SignedDuration::from_secs(apart / 2)).ok() }
}
