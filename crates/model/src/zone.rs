//! Time zones by their IANA name, from the database inside the binary.
//!
//! The machine's own zone files are not read: the same server gives the same ticks on every machine.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::spelling::slips;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The text names no time zone.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ZoneFault {
    /// The known name that is nearest, if one is near.
    pub suggestion: Option<String>,
    /// The whole message, the suggestion included.
    pub message: String,
}

/// The time zone of that IANA name, in either case; [`TimeZone::iana_name`] has the usual spelling.
///
/// # Errors
///
/// No zone has that name; the nearest known one is suggested.
pub fn zone(name: &str) -> Result<TimeZone, ZoneFault> {
    if let Ok(zone) = ZONES.get(name)
        && !zone.is_unknown()
    {
        return Ok(zone);
    }
    let shown: String = name.chars().take(60).collect();
    let suggestion = nearest(name);
    let message = if name.trim().is_empty() {
        "the time zone is empty: write an IANA name such as Europe/Berlin, or UTC".to_owned()
    } else if is_offset(name) {
        format!("{shown:?} is an offset, which knows no clock changes: write a place such as Europe/Berlin, or UTC")
    } else if let Some(near) = &suggestion {
        format!("{shown:?} is not a known time zone: did you mean {near}?")
    } else {
        format!("{shown:?} is not a known time zone: write an IANA name such as Europe/Berlin, or UTC")
    };
    Err(ZoneFault { suggestion, message })
}

/// The usual spelling of that name: `Europe/Berlin` for `europe/berlin`. What is kept and shown is this.
///
/// # Errors
///
/// As [`zone`].
pub fn zone_name(name: &str) -> Result<String, ZoneFault> {
    zone(name).map(|zone| zone.iana_name().unwrap_or(name).to_owned())
}

/// Names of all known zones, in alphabetical order, for a form to choose from.
pub fn zone_names() -> Vec<String> {
    let mut names: Vec<String> = ZONES.available().map(|name| name.to_string()).collect();
    names.sort_unstable();
    names
}

fn is_offset(name: &str) -> bool {
    let upper = name.trim().to_ascii_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    rest.trim_start().starts_with(['+', '-', '0', '1', '2'])
}

/// The known name with the fewest slips of the pen between it and `name`: as a whole, or by the place alone (`Berlin`).
/// One slip in three letters at most. Abbreviations such as `PST` get none: they are near to too many.
fn nearest(name: &str) -> Option<String> {
    let typed = name.trim().to_lowercase().replace(' ', "_");
    if typed.len() < 4 || typed.len() > 60 || is_offset(name) {
        return None;
    }
    let most = typed.len() / 3;
    let candidates = ZONES.available().filter_map(|known| {
        let known = known.to_string();
        let lower = known.to_lowercase();
        let place = lower.rsplit('/').next().filter(|_| !typed.contains('/'));
        let by_place = place.and_then(|place| slips(&typed, place, most));
        Some((by_place.into_iter().chain(slips(&typed, &lower, most)).min()?, known))
    });
    candidates.min().map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_either_case() {
        for (typed, usual) in [
            ("europe/berlin", "Europe/Berlin"),
            ("AMERICA/NEW_YORK", "America/New_York"),
            ("utc", "UTC"),
            ("Asia/Calcutta", "Asia/Calcutta"),
        ] {
            assert_eq!(zone_name(typed).as_deref(), Ok(usual));
        }
        assert!(zone_names().iter().all(|name| zone_name(&name.to_lowercase()).as_ref() == Ok(name)));
        assert_eq!(zone("UTC").unwrap(), TimeZone::UTC);
        assert!(zone_names().len() > 400);
        assert!(zone("Etc/Unknown").is_err());
    }

    #[test]
    fn a_slip_of_the_pen_gets_the_name_meant() {
        for (typed, meant) in [
            ("Europe/Berln", "Europe/Berlin"),
            ("Eruope/Paris", "Europe/Paris"),
            ("Berlin", "Europe/Berlin"),
            ("new york", "America/New_York"),
            ("Asia/Calcuta", "Asia/Calcutta"),
        ] {
            let fault = zone(typed).unwrap_err();
            assert_eq!(fault.suggestion.as_deref(), Some(meant));
            assert_eq!(fault.message, format!("{typed:?} is not a known time zone: did you mean {meant}?"));
        }
    }

    #[test]
    fn what_is_near_to_nothing_gets_an_example() {
        for typed in ["PST", "local", "Mars/Olympus_Mons", "", "UTC+2", "+02:00", &"x".repeat(10_000)] {
            let fault = zone(typed).unwrap_err();
            assert_eq!(fault.suggestion, None, "{typed}");
            assert!(fault.message.contains("Europe/Berlin"), "{}", fault.message);
            assert!(fault.message.len() < 200);
        }
    }
}
