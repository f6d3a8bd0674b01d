//! Mutes: what is held back for a time although an alert would tell it.
//!
//! A mute names what it is about ([`MuteScope`]) and when ([`MutePeriod`]): once, or again and again by a crontab. Monitors go
//! on running under it. What it holds back and what becomes of that is [`tell()`](crate::tell())'s decision; here it is said
//! whether one is in force, and until when.

mod draft;
mod period;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorId, MuteId, Severity};

pub use draft::{MAX_MUTED_MONITORS, MuteDraft};
pub use period::{LONGEST_MUTE, MutePeriod, Recurrence};

/// A mute, as far as it bears on what is told.
#[derive(Clone, PartialEq, Debug)]
pub struct Mute {
    /// Its row.
    pub id: MuteId,
    /// What it is about.
    pub scope: MuteScope,
    /// When.
    pub period: MutePeriod,
}

/// What a mute is about: whatever fits all that it names. One that names nothing is about everything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MuteScope {
    /// One of these monitors; empty is any.
    pub monitors: Vec<MonitorId>,
    /// A monitor with this tag.
    pub tag: Option<String>,
    /// This alert.
    pub alert: Option<String>,
    /// Problems of this severity, and their ends.
    pub severity: Option<Severity>,
}

/// What a mute may be about: one alert that would tell of one monitor.
#[derive(Clone, Copy, Debug)]
pub struct MuteSubject<'a> {
    /// The monitor.
    pub monitor: MonitorId,
    /// Its tags.
    pub tags: &'a [String],
    /// The alert.
    pub alert: &'a str,
    /// How severe the problem is, or was that ends; `None` where it is about none.
    pub severity: Option<Severity>,
}

impl MuteScope {
    /// Whether it is about this alert, this monitor and such a problem.
    pub fn fits(&self, subject: &MuteSubject<'_>) -> bool {
        self.alert.as_deref().is_none_or(|alert| alert == subject.alert)
            && self.severity.is_none_or(|severity| subject.severity == Some(severity))
            && self.names(subject.monitor, subject.tags) != Some(false)
    }

    /// Whether it is about this monitor, whatever the alert and the problem; `None` if it names neither monitors nor a tag.
    pub fn names(&self, monitor: MonitorId, tags: &[String]) -> Option<bool> {
        let by_id = (!self.monitors.is_empty()).then(|| self.monitors.contains(&monitor));
        let same = |one: &String, other: &str| one.to_lowercase() == other.to_lowercase();
        let by_tag = self.tag.as_deref().map(|tag| tags.iter().any(|one| same(one, tag)));
        match (by_id, by_tag) {
            (None, None) => None,
            (by_id, by_tag) => Some(by_id.unwrap_or(true) && by_tag.unwrap_or(true)),
        }
    }

    /// Whether it silences everybody about everything.
    pub fn is_everything(&self) -> bool {
        self.monitors.is_empty() && self.tag.is_none() && self.alert.is_none() && self.severity.is_none()
    }
}

impl Mute {
    /// Until when it holds this back, if it does at `at`.
    pub fn holds(&self, subject: &MuteSubject<'_>, at: Timestamp) -> Option<Timestamp> {
        self.period.until(at).filter(|_| self.scope.fits(subject))
    }
}

/// The mute that holds this back at `at`, with its end; of several the one that does so longest.
pub fn held_by<'a>(mutes: &'a [Mute], subject: &MuteSubject<'_>, at: Timestamp) -> Option<(&'a Mute, Timestamp)> {
    mutes.iter().filter_map(|mute| Some((mute, mute.holds(subject, at)?))).max_by_key(|(mute, until)| (*until, mute.id))
}
