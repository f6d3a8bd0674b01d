//! When a mute is in force.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{Schedule, ScheduleFault, ZoneFault, zone};

/// No mute, and no turn of one that recurs, is longer.
pub const LONGEST_MUTE: SignedDuration = SignedDuration::from_hours(24 * 366);

/// So many turns that follow each other without a pause are taken as one; beyond that, its end is looked for anew then.
const JOINED: usize = 1000;

/// When a mute is in force.
#[derive(Clone, PartialEq, Debug)]
pub struct MutePeriod {
    /// From when on.
    pub starts_at: Timestamp,
    /// Until when. `None` is for ever, and only for one that recurs.
    pub ends_at: Option<Timestamp>,
    /// Only in the turns of this.
    pub recurs: Option<Recurrence>,
}

/// Turns that begin by a crontab in a time zone, each of the same length.
#[derive(Clone, PartialEq, Debug)]
pub struct Recurrence {
    /// When they begin.
    pub schedule: Schedule,
    /// Where the crontab is read.
    pub zone: TimeZone,
    /// How long each lasts.
    pub duration: SignedDuration,
}

/// A recurrence cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecurrenceFault {
    /// Its crontab.
    #[error(transparent)]
    Schedule(#[from] ScheduleFault),
    /// Its time zone.
    #[error(transparent)]
    Zone(#[from] ZoneFault),
}

impl MutePeriod {
    /// From an instant to another.
    pub const fn once(starts_at: Timestamp, ends_at: Timestamp) -> MutePeriod {
        MutePeriod { starts_at, ends_at: Some(ends_at), recurs: None }
    }

    /// Until when it is in force without a pause, if it is at `at`.
    pub fn until(&self, at: Timestamp) -> Option<Timestamp> {
        if at < self.starts_at || self.is_over(at) {
            return None;
        }
        let turn = match &self.recurs {
            None => return self.ends_at,
            Some(recurs) => recurs.until(at)?,
        };
        Some(self.ends_at.map_or(turn, |end| end.min(turn)))
    }

    /// When it begins next after `at`, if it is not in force then and ever will be.
    pub fn next_start(&self, at: Timestamp) -> Option<Timestamp> {
        if self.until(at).is_some() || self.is_over(at) {
            return None;
        }
        let from = at.max(self.starts_at);
        if self.until(from).is_some() {
            return Some(from);
        }
        let next = self.recurs.as_ref().and_then(|recurs| recurs.schedule.after(from, &recurs.zone))?;
        (!self.is_over(next)).then_some(next)
    }

    /// Whether it never comes again after `at`.
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| at >= end)
    }
}

impl Recurrence {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// The crontab or the time zone cannot be read.
    pub fn read(schedule: &str, timezone: &str, duration: SignedDuration) -> Result<Recurrence, RecurrenceFault> {
        Ok(Recurrence { schedule: Schedule::parse(schedule)?, zone: zone(timezone)?, duration })
    }

    /// The zone's name.
    pub fn timezone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Whether a turn ends before the next begins, at least once in the near future of `at`.
    pub fn pauses(&self, at: Timestamp) -> bool {
        let ticks: Vec<Timestamp> = self.schedule.ticks(at, &self.zone).take(50).collect();
        ticks.len() < 2 || ticks.windows(2).any(|two| two[1].duration_since(two[0]) > self.duration)
    }

    /// The end of the turn that `at` is in, and of those that follow it without a pause.
    fn until(&self, at: Timestamp) -> Option<Timestamp> {
        let earliest = at.checked_sub(self.duration).ok()?;
        let mut began = self.schedule.after(earliest, &self.zone).filter(|tick| *tick <= at)?;
        for _ in 0..JOINED {
            let end = began.saturating_add(self.duration).ok()?;
            match self.schedule.after(began, &self.zone) {
                Some(next) if next <= end => began = next,
                _ => break,
            }
        }
        began.saturating_add(self.duration).ok()
    }
}
