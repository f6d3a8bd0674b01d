//! Flapping: a monitor that changes its state again and again. Telling every change helps nobody; how it ends does.

use jiff::{SignedDuration, Timestamp};

/// So many changes of state within an hour, and a monitor flaps.
const WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// It does so until nothing has changed for as long as this.
const CALM: SignedDuration = SignedDuration::from_mins(10);

/// When a monitor is said to flap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flapping {
    /// So many changes of state within an hour; at least two.
    pub changes: u32,
}

impl Flapping {
    /// How many of the last changes have to be looked at.
    pub fn looks_at(self) -> u32 {
        self.changes.max(2)
    }

    /// No change before this counts any more at `now`.
    pub fn since(self, now: Timestamp) -> Timestamp {
        now.saturating_sub(WITHIN + CALM).unwrap_or(Timestamp::MIN)
    }

    /// Until when a monitor flaps at least, if it does at `now`: given when its last changes of state were, newest first.
    pub fn until(self, changes: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
        let (newest, oldest) = (changes.first()?, changes.get(self.looks_at() as usize - 1)?);
        let calm = newest.saturating_add(CALM).unwrap_or(Timestamp::MAX);
        (newest.duration_since(*oldest) <= WITHIN && now < calm).then_some(calm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_changes_within_an_hour_flap_until_it_is_calm() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let flapping = Flapping { changes: 3 };
        let until = |changes: &[i64], now| {
            let changes: Vec<Timestamp> = changes.iter().map(|minute| at(*minute)).collect();
            flapping.until(&changes, at(now)).map(|until| until.as_second() / 60)
        };
        assert_eq!(until(&[70, 40], 70), None, "too few");
        assert_eq!(until(&[70, 40, 9], 70), None, "too slow");
        assert_eq!(until(&[70, 40, 10], 70), Some(80));
        assert_eq!(until(&[70, 40, 10, 5], 79), Some(80));
        assert_eq!(until(&[70, 40, 10], 80), None, "it is calm");
        assert_eq!(flapping.until(&[], at(1)), None);
    }
}
