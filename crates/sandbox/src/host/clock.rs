//! The time that a run sees. It begins at one instant and moves only by what can be repeated: by how long source calls
//! took, by what the script slept, and by a little with every reading, so that a loop that waits for a time to come
//! ends. Computing takes no time on it.
//!
//! So a script that is given the same answers reads the same times again, on any machine. The run's limits are not kept
//! by this clock but by the machine's own.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

/// What every reading moves the clock on by: about what a loop around a reading takes, so that such a loop lasts about
/// as long as it means to.
pub(crate) const STEP: Duration = Duration::from_micros(1);

/// Where a recorded run was when its wall-clock time was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeOut {
    /// The waits that it had begun: source calls and sleeps.
    pub waits: u32,
    /// Whether it was in the last of them, and not computing after it.
    pub waiting: bool,
}

/// How a recorded run waited; a replay does not wait, but counts it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RecordedWaits {
    /// How long each source call took.
    pub(crate) calls: Vec<Duration>,
    /// Where its wall-clock time was over, if it was.
    pub(crate) time_out: Option<TimeOut>,
}

/// The clock of one run.
#[derive(Debug)]
pub(crate) struct RunClock {
    instant: Timestamp,
    step: Duration,
    elapsed: Duration,
    waits: u32,
    waiting: bool,
    recorded: Option<Arc<RecordedWaits>>,
    /// What a replay did not wait for.
    skipped: Duration,
}

impl RunClock {
    /// A clock that shows `instant` first, and waits as long as it says.
    pub(crate) fn at(instant: Timestamp) -> RunClock {
        RunClock {
            instant,
            step: STEP,
            elapsed: Duration::ZERO,
            waits: 0,
            waiting: false,
            recorded: None,
            skipped: Duration::ZERO,
        }
    }

    /// The clock of a recorded run, for its replay.
    pub(crate) fn replaying(instant: Timestamp, step: Duration, recorded: RecordedWaits) -> RunClock {
        RunClock { step, recorded: Some(Arc::new(recorded)), ..RunClock::at(instant) }
    }

    /// The instant it began with.
    pub(crate) fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The time since the beginning, as the script reads it.
    pub(crate) fn read(&mut self) -> Duration {
        let elapsed = self.elapsed;
        self.elapsed = elapsed.saturating_add(self.step);
        elapsed
    }

    /// The instant, as the script reads it.
    pub(crate) fn read_instant(&mut self) -> Timestamp {
        let now = self.now();
        self.read();
        now
    }

    /// The time since the beginning, without reading it.
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The instant, without reading it.
    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed).unwrap_or(SignedDuration::MAX);
        self.instant.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// How long source call `number` took when it was recorded, counted from 0; `None` where it is made for real.
    pub(crate) fn recorded_call(&self, number: usize) -> Option<Duration> {
        let recorded = self.recorded.as_ref()?;
        Some(recorded.calls.get(number).copied().unwrap_or_default())
    }

    /// Whether waiting takes no real time.
    pub(crate) fn is_replay(&self) -> bool {
        self.recorded.is_some()
    }

    /// Begins a wait; `false` if the recorded run had no time for it any more.
    #[must_use]
    pub(crate) fn begin_wait(&mut self) -> bool {
        self.waits = self.waits.saturating_add(1);
        self.waiting = true;
        self.recorded_time_out().is_none_or(|end| self.waits <= end.waits)
    }

    /// Ends a wait of so long; `false` if the recorded run's time was over in it.
    #[must_use]
    pub(crate) fn end_wait(&mut self, took: Duration) -> bool {
        self.elapsed = self.elapsed.saturating_add(took);
        if self.is_replay() {
            self.skipped = self.skipped.saturating_add(took);
        }
        if self.recorded_time_out().is_some_and(|end| end.waiting && self.waits >= end.waits) {
            return false;
        }
        self.waiting = false;
        true
    }

    /// What a replay has to add to its own time to come to the end of its limit where the recorded run came to it. Nothing
    /// before it has come that far: a slower machine must not end it sooner.
    pub(crate) fn skipped(&self) -> Duration {
        match self.recorded_time_out() {
            Some(end) if self.waits >= end.waits => self.skipped,
            _ => Duration::ZERO,
        }
    }

    /// Where the run is, should its time be over now.
    pub(crate) fn position(&self) -> TimeOut {
        TimeOut { waits: self.waits, waiting: self.waiting }
    }

    fn recorded_time_out(&self) -> Option<TimeOut> {
        self.recorded.as_ref().and_then(|recorded| recorded.time_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_moves_by_waits_and_readings_alone() {
        let mut clock = RunClock::at(Timestamp::UNIX_EPOCH);
        assert_eq!(
            (clock.read(), clock.read(), clock.read_instant()),
            (Duration::ZERO, STEP, { Timestamp::UNIX_EPOCH + 2 * STEP })
        );
        assert!(clock.begin_wait() && clock.end_wait(SECOND));
        assert_eq!(clock.elapsed(), SECOND + 3 * STEP);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH + SECOND + 3 * STEP);
        assert_eq!(clock.position(), TimeOut { waits: 1, waiting: false });
    }

    #[test]
    fn a_replay_ends_where_the_recorded_run_did() {
        let replay = |waiting| {
            let recorded = RecordedWaits { calls: vec![SECOND], time_out: Some(TimeOut { waits: 2, waiting }) };
            RunClock::replaying(Timestamp::UNIX_EPOCH, STEP, recorded)
        };
        let mut in_a_wait = replay(true);
        assert!(in_a_wait.begin_wait() && in_a_wait.end_wait(SECOND) && in_a_wait.begin_wait());
        assert!(!in_a_wait.end_wait(SECOND), "its time was over in the second wait");
        let mut between = replay(false);
        assert!(between.begin_wait() && between.end_wait(SECOND));
        assert_eq!(between.skipped(), Duration::ZERO, "the recorded run came further");
        assert!(between.begin_wait() && between.end_wait(SECOND));
        assert_eq!(between.skipped(), 2 * SECOND);
        assert!(!between.begin_wait(), "there was no third wait");
    }
}
