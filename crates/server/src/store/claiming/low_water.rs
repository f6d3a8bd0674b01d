//! Where looking for what is due begins, on a database that keeps what was due before.
//!
//! While anybody holds a snapshot, PostgreSQL keeps every former entry of an index, and of the times at which monitors are due the
//! former ones all stand before the present ones. Whoever looks for the first one from the very beginning reads them all, each time.
//! Nothing becomes due in the past but by an edit or an old tick that is handed back: it is enough to look at all of it now and then.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use crate::store::columns::micros;

/// So often all of it is looked at.
const WHOLE: Duration = Duration::from_secs(5);

/// What was due so long before what is due first now is still looked at.
const BEFORE: SignedDuration = SignedDuration::from_secs(30);

/// From the beginning.
pub(in crate::store) const BEGINNING: i64 = i64::MIN;

/// What the last look at all of it found.
#[derive(Default)]
pub(in crate::store) struct LowWater(Mutex<Option<Look>>);

struct Look {
    looked: Instant,
    now: Timestamp,
    /// Microseconds, as the column has it.
    mark: i64,
}

impl LowWater {
    /// From where it is enough to look at `now`: the due time, in microseconds. [`BEGINNING`] where it is time to look at all.
    pub(in crate::store) fn mark(&self, now: Timestamp) -> i64 {
        match &*self.look() {
            // A clock that was set back makes due what was due before.
            Some(look) if look.looked.elapsed() < WHOLE && now >= look.now => look.mark,
            _ => BEGINNING,
        }
    }

    /// A look at all of it found that this is due first.
    pub(in crate::store) fn found(&self, first: Option<Timestamp>, now: Timestamp) {
        let first = first.map_or(now, |first| first.min(now));
        let mark = micros(first.checked_sub(BEFORE).unwrap_or(Timestamp::MIN));
        *self.look() = Some(Look { looked: Instant::now(), now, mark });
    }

    fn look(&self) -> std::sync::MutexGuard<'_, Option<Look>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_before_what_is_due_and_never_in_the_time_to_come() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let water = LowWater::default();
        assert_eq!(water.mark(at(1000)), BEGINNING, "nobody has looked");
        for (first, mark) in [(Some(at(900)), 870), (Some(at(5000)), 970), (None, 970)] {
            water.found(first, at(1000));
            assert_eq!(water.mark(at(1001)), mark * 1_000_000, "{first:?}");
            assert_eq!(water.mark(at(999)), BEGINNING, "the clock was set back");
        }
    }
}
