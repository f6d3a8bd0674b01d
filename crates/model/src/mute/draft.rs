//! A mute as somebody asks for it, and what is wrong with it.

use jiff::{SignedDuration, Timestamp};

use super::{LONGEST_MUTE, MutePeriod, MuteScope, Recurrence, period::RecurrenceFault};
use crate::{Fault, MonitorId, Severity, note_fault};

/// The most monitors that one mute names.
pub const MAX_MUTED_MONITORS: usize = 500;

/// The shortest time that one lasts.
const SHORTEST: SignedDuration = SignedDuration::from_secs(60);

/// What somebody asks for. Whether the monitors and the alert exist is asked elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MuteDraft {
    /// One of these monitors; empty is any.
    pub monitors: Vec<MonitorId>,
    /// A monitor with this tag.
    pub tag: Option<String>,
    /// This alert.
    pub alert: Option<String>,
    /// Problems of this severity.
    pub severity: Option<Severity>,
    /// From when on; `None` or the past is now.
    pub starts_at: Option<Timestamp>,
    /// Until when; of one that recurs, when that ends.
    pub ends_at: Option<Timestamp>,
    /// How long, in seconds; of one that recurs, each of its turns.
    pub duration_s: Option<i64>,
    /// The crontab by which it recurs.
    pub schedule: Option<String>,
    /// Where that is read; UTC if left out.
    pub timezone: Option<String>,
    /// Why, in one line.
    pub reason: String,
}

impl MuteDraft {
    /// What it comes to when it is asked for at `now`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn judged(&self, now: Timestamp) -> Result<(MuteScope, MutePeriod), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |field, message: String| faults.push(Fault { field, message });
        if !self.monitors.is_empty() && self.tag.is_some() {
            fault("tag", "monitors are named already: name a tag or monitors, not both".to_owned());
        }
        if self.monitors.len() > MAX_MUTED_MONITORS {
            let message = format!("{} monitors: {MAX_MUTED_MONITORS} at most, or a tag", self.monitors.len());
            fault("monitor_ids", message);
        }
        if let Some(message) = note_fault(self.reason.trim()) {
            fault("reason", message.replacen("the note", "the reason", 1));
        }
        let starts_at = self.starts_at.unwrap_or(now).max(now);
        if starts_at.duration_since(now) > LONGEST_MUTE {
            fault("starts_at", "begins more than a year from now: add it nearer to the time".to_owned());
        }
        let duration = self.duration_s.and_then(|seconds| {
            let duration = SignedDuration::from_secs(seconds);
            if duration < SHORTEST || duration > LONGEST_MUTE {
                fault(
                    "duration_s",
                    format!("{seconds} seconds: from {} to {}", SHORTEST.as_secs(), LONGEST_MUTE.as_secs()),
                );
                return None;
            }
            Some(duration)
        });
        let recurs = match (&self.schedule, duration) {
            (None, _) => {
                if self.timezone.is_some() {
                    fault("timezone", "says where a schedule is read, and there is none: leave it out".to_owned());
                }
                None
            }
            (Some(_), None) => {
                if self.duration_s.is_none() {
                    fault("duration_s", "missing: how long each turn of the schedule lasts, in seconds".to_owned());
                }
                None
            }
            (Some(schedule), Some(duration)) => {
                match Recurrence::read(schedule, self.timezone.as_deref().unwrap_or("UTC"), duration) {
                    Ok(recurs) => {
                        if !recurs.pauses(starts_at) {
                            let message =
                                "each turn lasts until the next begins, so it would never end: make the turns shorter";
                            fault("duration_s", message.to_owned());
                        }
                        Some(recurs)
                    }
                    Err(error) => {
                        let field = match error {
                            RecurrenceFault::Schedule(_) => "schedule",
                            RecurrenceFault::Zone(_) => "timezone",
                        };
                        fault(field, error.to_string());
                        None
                    }
                }
            }
        };
        let ends_at = match (self.ends_at, duration, self.schedule.is_some()) {
            (ends_at, _, true) => ends_at,
            (Some(_), Some(_), false) => {
                fault("ends_at", "the duration says when it ends already: give one of the two".to_owned());
                None
            }
            (Some(end), None, false) => Some(end),
            (None, Some(duration), false) => starts_at.checked_add(duration).ok(),
            (None, None, false) => {
                if self.duration_s.is_none() {
                    let message =
                        "a mute has an end: give duration_s or ends_at, or a schedule with the duration of its turns";
                    fault("duration_s", message.to_owned());
                }
                None
            }
        };
        if let Some(end) = ends_at {
            if end <= starts_at {
                fault("ends_at", "is over before it begins: give a moment that is to come".to_owned());
            } else if self.schedule.is_none() && end.duration_since(starts_at) > LONGEST_MUTE {
                fault("ends_at", "is more than a year away: a year at most, or switch the monitor off".to_owned());
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut monitors = self.monitors.clone();
        monitors.sort_unstable();
        monitors.dedup();
        let scope = MuteScope { monitors, tag: self.tag.clone(), alert: self.alert.clone(), severity: self.severity };
        Ok((scope, MutePeriod { starts_at, ends_at, recurs }))
    }
}
