//! How many runs this server recorded in the last minute.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Counts runs of the last minute, second by second.
#[derive(Debug, Default)]
pub(super) struct RunRate(Mutex<VecDeque<(Instant, u64)>>);

impl RunRate {
    /// One more, now.
    pub(super) fn note(&self, now: Instant) {
        let mut seconds = self.lock();
        match seconds.back_mut() {
            Some((since, count)) if now.duration_since(*since) < SECOND => *count += 1,
            _ => seconds.push_back((now, 1)),
        }
        forget(&mut seconds, now);
    }

    /// How many there were.
    pub(super) fn a_minute(&self, now: Instant) -> u64 {
        let mut seconds = self.lock();
        forget(&mut seconds, now);
        seconds.iter().map(|(_, count)| count).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, u64)>> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}

fn forget(seconds: &mut VecDeque<(Instant, u64)>, now: Instant) {
    while seconds.front().is_some_and(|(since, _)| now.duration_since(*since) >= MINUTE) {
        seconds.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_minute_counts() {
        let (rate, begin) = (RunRate::default(), Instant::now());
        assert_eq!(rate.a_minute(begin), 0);
        for tenths in 0..1000 {
            rate.note(begin + Duration::from_millis(tenths * 100));
        }
        let end = begin + Duration::from_secs(100);
        assert_eq!(rate.a_minute(end), 590, "a second that is not over yet counts as a whole");
        assert_eq!(rate.a_minute(end + MINUTE), 0);
        assert!(rate.lock().is_empty());
    }
}
