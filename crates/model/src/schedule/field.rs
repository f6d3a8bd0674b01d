//! The six fields of a schedule, and sets of small numbers.

use crate::calendar::MONTHS;

/// One field of a schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

impl Field {
    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Field::Second => "second",
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::DayOfMonth => "day of month",
            Field::Month => "month",
            Field::DayOfWeek => "day of week",
        }
    }

    /// Its lowest number.
    pub(super) const fn min(self) -> u32 {
        match self {
            Field::DayOfMonth | Field::Month => 1,
            _ => 0,
        }
    }

    /// Its highest number. Sunday is 0; that it may also be written as 7 is the parser's business.
    pub(super) const fn max(self) -> u32 {
        match self {
            Field::Second | Field::Minute => 59,
            Field::Hour => 23,
            Field::DayOfMonth => 31,
            Field::Month => 12,
            Field::DayOfWeek => 6,
        }
    }

    /// Every number of the field.
    pub(super) const fn all(self) -> Bits {
        Bits::range(self.min(), self.max())
    }

    /// The names of its numbers, from the lowest on.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Field::Month => &MONTHS,
            Field::DayOfWeek => &WEEKDAYS,
            _ => &[],
        }
    }
}

/// Sunday first, as in crontab(5).
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A set of numbers from 0 to 63.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Bits(pub(super) u64);

impl Bits {
    pub(super) const EMPTY: Bits = Bits(0);

    /// The numbers from `low` to `high`, both included; `low <= high < 64`.
    pub(super) const fn range(low: u32, high: u32) -> Bits {
        Bits((u64::MAX >> (63 - high)) & (u64::MAX << low))
    }

    pub(super) const fn contains(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    pub(super) const fn insert(&mut self, number: u32) {
        self.0 |= 1 << number;
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn union(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }

    pub(super) const fn minus(self, other: Bits) -> Bits {
        Bits(self.0 & !other.0)
    }

    /// How many numbers it holds.
    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// How many of its numbers are lower than `number`, which is at most 63.
    pub(super) const fn count_below(self, number: u32) -> u32 {
        (self.0 & !(u64::MAX << number)).count_ones()
    }

    /// The lowest number, if there is one.
    pub(super) const fn first(self) -> Option<u32> {
        self.first_from(0)
    }

    /// The highest number, if there is one.
    pub(super) const fn last(self) -> Option<u32> {
        63_u32.checked_sub(self.0.leading_zeros())
    }

    /// The lowest number that is at least `number`.
    pub(super) const fn first_from(self, number: u32) -> Option<u32> {
        if number > 63 {
            return None;
        }
        let rest = self.0 >> number;
        if rest == 0 { None } else { Some(number + rest.trailing_zeros()) }
    }

    /// Its numbers, lowest first.
    pub(super) fn iter(self) -> impl Iterator<Item = u32> + Clone {
        std::iter::successors(self.first(), move |last| self.first_from(last + 1))
    }
}

impl FromIterator<u32> for Bits {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        numbers.into_iter().fold(Bits::EMPTY, |bits, number| Bits(bits.0 | 1 << number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_reach_both_ends() {
        assert_eq!(Bits::range(0, 63).count(), 64);
        assert_eq!(Bits::range(59, 59).iter().collect::<Vec<_>>(), [59]);
        assert_eq!(Bits::range(1, 31).first_from(32), None);
        assert_eq!(Bits::range(1, 31).count_below(3), 2);
    }
}
