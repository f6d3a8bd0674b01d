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

/// A limit that is one of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeLimit {
    /// Wall-clock time.
    WallTime,
    /// Time on a processor.
    CpuTime,
}

/// Where a recorded run was when its time was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeOut {
    /// Which time.
    pub limit: TimeLimit,
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
    /// Where its time was over, if it was.
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

    /// Begins a wait, unless the recorded run had no time for it any more.
    pub(crate) fn begin_wait(&mut self) -> Result<(), TimeLimit> {
        self.waits = self.waits.saturating_add(1);
        self.waiting = true;
        match self.recorded_time_out() {
            Some(end) if self.waits > end.waits => Err(end.limit),
            _ => Ok(()),
        }
    }

    /// Ends a wait of so long, unless the recorded run's time was over in it.
    pub(crate) fn end_wait(&mut self, took: Duration) -> Result<(), TimeLimit> {
        self.elapsed = self.elapsed.saturating_add(took);
        if self.is_replay() {
            self.skipped = self.skipped.saturating_add(took);
        }
        if let Some(end) = self.recorded_time_out().filter(|end| end.waiting && self.waits >= end.waits) {
            return Err(end.limit);
        }
        self.waiting = false;
        Ok(())
    }

    /// What a replay has to add to its own time to come to the end of its limit where the recorded run came to it. Nothing
    /// before it has come that far: a slower machine must not end it sooner.
    pub(crate) fn skipped(&self) -> Duration {
        match self.recorded_time_out() {
            Some(end) if end.limit == TimeLimit::WallTime && self.waits >= end.waits => self.skipped,
            _ => Duration::ZERO,
        }
    }

    /// Where the run is, as this time of it is over.
    pub(crate) fn time_out(&self, limit: TimeLimit) -> TimeOut {
        TimeOut { limit, waits: self.waits, waiting: self.waiting }
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
        assert_eq!((clock.begin_wait(), clock.end_wait(SECOND)), (Ok(()), Ok(())));
        assert_eq!(clock.elapsed(), SECOND + 3 * STEP);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH + SECOND + 3 * STEP);
        let end = TimeOut { limit: TimeLimit::CpuTime, waits: 1, waiting: false };
        assert_eq!(clock.time_out(TimeLimit::CpuTime), end);
    }

    #[test]
    fn a_replay_ends_where_the_recorded_run_did() {
        let replay = |limit, waiting| {
            let time_out = Some(TimeOut { limit, waits: 2, waiting });
            RunClock::replaying(Timestamp::UNIX_EPOCH, STEP, RecordedWaits { calls: vec![SECOND], time_out })
        };
        let wait = |clock: &mut RunClock| clock.begin_wait().and_then(|()| clock.end_wait(SECOND));
        let mut in_a_wait = replay(TimeLimit::WallTime, true);
        assert_eq!(wait(&mut in_a_wait), Ok(()));
        assert_eq!(in_a_wait.begin_wait(), Ok(()));
        assert_eq!(in_a_wait.end_wait(SECOND), Err(TimeLimit::WallTime), "its time was over in the second wait");
        let mut between = replay(TimeLimit::WallTime, false);
        assert_eq!(wait(&mut between), Ok(()));
        assert_eq!(between.skipped(), Duration::ZERO, "the recorded run came further");
        assert_eq!(wait(&mut between), Ok(()));
        assert_eq!(between.skipped(), 2 * SECOND);
        assert_eq!(between.begin_wait(), Err(TimeLimit::WallTime), "there was no third wait");
        let mut computing = replay(TimeLimit::CpuTime, false);
        assert_eq!((wait(&mut computing), wait(&mut computing)), (Ok(()), Ok(())));
        assert_eq!(computing.skipped(), Duration::ZERO, "what it waited is no time on a processor");
        assert_eq!(computing.begin_wait(), Err(TimeLimit::CpuTime));
    }
}
