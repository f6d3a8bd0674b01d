//! Where a monitor's ticks lie, for those who must know in a transaction. Thin: the schedule itself is the model's.

use jiff::{Timestamp, tz::TimeZone};
use revere_model::{Gap, GapReason, MonitorId, MonitorSpec, Schedule, zone};

/// When a monitor runs next, or why it cannot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct FirstTick {
    /// The first tick; `None` while it is off, set aside, or has no tick left.
    pub(in crate::store) next_tick_at: Option<Timestamp>,
    /// Why it is set aside.
    pub(in crate::store) fault: Option<String>,
}

/// The schedule of a monitor, read in its zone.
pub(in crate::store) struct Ticks {
    schedule: Schedule,
    zone: TimeZone,
}

impl Ticks {
    /// Reads the schedule, or says in words why that cannot be done.
    pub(in crate::store) fn read(schedule: &str, timezone: &str) -> Result<Ticks, String> {
        let schedule = Schedule::parse(schedule).map_err(|fault| format!("the schedule cannot be read: {fault}"))?;
        let zone = zone(timezone).map_err(|fault| format!("the time zone cannot be read: {fault}"))?;
        Ok(Ticks { schedule, zone })
    }

    /// The first tick after `instant`.
    pub(in crate::store) fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.schedule.after(instant, &self.zone)
    }

    /// How many ticks there are after `after`, up to and including `until`.
    pub(in crate::store) fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        self.schedule.ticks_between(after, until, &self.zone).map_or(0, |ticks| ticks.count)
    }

    /// The ticks from `next` (itself a tick, of this schedule or of the one before an edit) up to `until`.
    pub(in crate::store) fn due(&self, next: Timestamp, until: Timestamp) -> Option<Due> {
        if next > until {
            return None;
        }
        let more = self.schedule.ticks_between(next, until, &self.zone);
        Some(match more {
            None => Due { first: next, before_last: None, last: next, count: 1 },
            Some(more) => {
                let before_last = (more.count > 1)
                    .then(|| {
                        self.schedule.ticks_between(next, just_before(more.last), &self.zone).map(|ticks| ticks.last)
                    })
                    .flatten()
                    .unwrap_or(next);
                Due { first: next, before_last: Some(before_last), last: more.last, count: more.count as i64 + 1 }
            }
        })
    }
}

/// Ticks that are due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) struct Due {
    pub(in crate::store) first: Timestamp,
    /// The last but one, if there are several.
    pub(in crate::store) before_last: Option<Timestamp>,
    pub(in crate::store) last: Timestamp,
    pub(in crate::store) count: i64,
}

impl Due {
    /// All of them as a gap.
    pub(in crate::store) fn all(self, monitor_id: MonitorId, reason: GapReason) -> Gap {
        Gap { monitor_id, reason, first_tick_at: self.first, last_tick_at: self.last, count: self.count }
    }

    /// All but the last as a gap, if there are several.
    pub(in crate::store) fn all_but_last(self, monitor_id: MonitorId, reason: GapReason) -> Option<Gap> {
        let last_tick_at = self.before_last?;
        Some(Gap { monitor_id, reason, first_tick_at: self.first, last_tick_at, count: self.count - 1 })
    }
}

/// The first tick of a monitor that begins, or begins again, at `now`.
pub(in crate::store) fn first(spec: &MonitorSpec, now: Timestamp) -> FirstTick {
    if !spec.active {
        return FirstTick::default();
    }
    match Ticks::read(&spec.schedule, &spec.timezone) {
        Ok(ticks) => FirstTick { next_tick_at: ticks.after(now), fault: None },
        Err(fault) => FirstTick { next_tick_at: None, fault: Some(fault) },
    }
}

fn just_before(tick: Timestamp) -> Timestamp {
    tick.checked_sub(jiff::SignedDuration::from_micros(1)).unwrap_or(tick)
}
