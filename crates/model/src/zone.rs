//! Time zones by their IANA name, from the database inside the binary.
//!
//! The machine's own zone files are not read: the same server gives the same ticks on every machine.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

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
    let candidates = ZONES.available().map(|known| {
        let known = known.to_string();
        let lower = known.to_lowercase();
        let place = lower.rsplit('/').next().unwrap_or(&lower);
        let by_place = if typed.contains('/') { usize::MAX } else { slips(&typed, place) };
        (by_place.min(slips(&typed, &lower)), known)
    });
    let (slips, near) = candidates.min()?;
    (slips <= typed.len() / 3).then_some(near)
}

/// Letters to add, drop, change or swap with their neighbour to get from one text to the other.
fn slips(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, wanted) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != wanted);
            let mut least = changed.min(last[column + 1] + 1).min(this[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *wanted {
                least = least.min(before_last[column - 1] + 1);
            }
            this.push(least);
        }
        before_last = std::mem::replace(&mut last, this);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_either_case() {
        assert_eq!(zone("europe/berlin").unwrap().iana_name(), Some("Europe/Berlin"));
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
