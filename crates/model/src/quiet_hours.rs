//! Quiet hours: when an alert holds back what can wait.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    Severity, SeveritySet,
    on_call::{Hours, Weekdays, read_time_of_day, time_of_day},
    zone,
};

/// When an alert holds back problems of some severities, and their ends. What is left of it is told when they end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuietHours {
    /// The hours.
    pub hours: Hours,
    /// On whose clock.
    pub zone: TimeZone,
    /// What is held back.
    pub severities: SeveritySet,
}

impl QuietHours {
    /// Until when what is about such a problem is held back, if it is at `at`. What is about no problem is not.
    pub fn hold(&self, severity: Option<Severity>, at: Timestamp) -> Option<Timestamp> {
        let held = severity.is_some_and(|severity| self.severities.contains(severity));
        self.hours.around(at, &self.zone).filter(|_| held).map(|(_, until)| until)
    }

    /// When they end that `at` is in.
    pub fn until(&self, at: Timestamp) -> Option<Timestamp> {
        self.hours.around(at, &self.zone).map(|(_, until)| until)
    }
}

/// As they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    from: String,
    until: String,
    weekdays: Vec<String>,
    zone: String,
    severities: SeveritySet,
}

impl Serialize for QuietHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Kept {
            from: time_of_day(self.hours.from),
            until: time_of_day(self.hours.until),
            weekdays: self.hours.weekdays.names().into_iter().map(str::to_owned).collect(),
            zone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
            severities: self.severities,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Kept::deserialize(deserializer)?;
        let time = |text: &str| read_time_of_day(text).map_err(de::Error::custom);
        Ok(QuietHours {
            hours: Hours {
                from: time(&kept.from)?,
                until: time(&kept.until)?,
                weekdays: Weekdays::read(kept.weekdays.iter().map(String::as_str)).map_err(de::Error::custom)?,
            },
            zone: zone(&kept.zone).map_err(de::Error::custom)?,
            severities: kept.severities,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Time;

    use super::*;

    #[test]
    fn what_can_wait_waits_until_morning() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let quiet = QuietHours {
            hours: Hours {
                from: Time::constant(22, 0, 0, 0),
                until: Time::constant(7, 0, 0, 0),
                weekdays: Weekdays::ALL,
            },
            zone: zone("Europe/Berlin").unwrap(),
            severities: SeveritySet::EMPTY.with(Severity::Warning),
        };
        let night = at("2026-11-30T23:00:00Z");
        assert_eq!(quiet.hold(Some(Severity::Warning), night), Some(at("2026-12-01T06:00:00Z")));
        assert_eq!(quiet.hold(Some(Severity::Critical), night), None);
        assert_eq!(quiet.hold(None, night), None);
        assert_eq!(quiet.hold(Some(Severity::Warning), at("2026-12-01T06:00:00Z")), None);
        // The night in which the clocks are set forward ends an hour sooner.
        assert_eq!(quiet.until(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T05:00:00Z")));
    }
}
