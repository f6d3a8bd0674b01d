//! Reminders: an alert tells again of a problem that goes on, ever more seldom.

use jiff::{SignedDuration, Timestamp};

/// Whatever was asked for, it is reminded at least so often: nobody should have to wonder whether it is still so.
const SELDOM: SignedDuration = SignedDuration::from_hours(24);

/// How often an alert reminds of a problem that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reminders {
    /// After so long for the first time; each wait after that is twice the one before, and a day at most.
    pub after: SignedDuration,
}

impl Reminders {
    /// When the next is due, if the last that was told, a reminder or the problem itself, was told at `told_at`, and there were
    /// so many reminders since the problem.
    pub fn due(&self, told_at: Timestamp, reminders: u32) -> Timestamp {
        let longest = self.after.max(SELDOM);
        let factor = 1_i32.checked_shl(reminders.min(30)).unwrap_or(i32::MAX);
        let wait = self.after.checked_mul(factor).unwrap_or(longest).min(longest);
        told_at.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_day() {
        let told_at = Timestamp::UNIX_EPOCH;
        let hours = |reminders: Reminders| {
            (0..8).map(|number| reminders.due(told_at, number).as_second() / 3600).collect::<Vec<_>>()
        };
        assert_eq!(hours(Reminders { after: SignedDuration::from_hours(1) }), [1, 2, 4, 8, 16, 24, 24, 24]);
        assert_eq!(
            hours(Reminders { after: SignedDuration::from_hours(48) }),
            [48; 8],
            "as asked for, where that is longer"
        );
        assert!(Reminders { after: SignedDuration::from_hours(1) }.due(told_at, u32::MAX) > told_at);
    }
}
