//! How the store is, as the writer sees it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use revere_model::Clock;

use crate::metrics::{Metrics, StoreFault};
use crate::store::{
    StoreError,
    database::faults::{self, DbFault, fault},
    error::RETRY_AFTER,
};

/// How the store is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreHealth {
    /// When something was last made durable.
    pub last_commit_at: Option<Timestamp>,
    /// Writes that wait.
    pub queue_length: usize,
    /// Since when nothing could be written, or no claims, although something was to be; `None` is healthy.
    pub failing_since: Option<Timestamp>,
    /// Whether it is claims alone that cannot be written.
    pub claims_alone: bool,
    /// The last failure, whether or not it has passed; where one part cannot be written, that part's.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Timestamp>,
    /// Transactions made durable.
    pub commits: u64,
    /// Writes made durable: several share a transaction.
    pub writes: u64,
    /// Results of runs, and what else may not be given up, that have waited for long, whether or not others were
    /// written meanwhile.
    pub stuck: usize,
}

impl StoreHealth {
    /// How the whole is, of which this is what is recorded, and the other one claims.
    pub(super) fn with_claims(self, claims: StoreHealth) -> StoreHealth {
        let of_claims = match (self.failing_since, claims.failing_since) {
            (None, Some(_)) => true,
            (Some(_), None) => false,
            _ => claims.last_error_at > self.last_error_at,
        };
        let (last_error, last_error_at) = match of_claims {
            true => (claims.last_error, claims.last_error_at),
            false => (self.last_error, self.last_error_at),
        };
        StoreHealth {
            last_commit_at: self.last_commit_at.max(claims.last_commit_at),
            queue_length: self.queue_length + claims.queue_length,
            failing_since: [self.failing_since, claims.failing_since].into_iter().flatten().min(),
            claims_alone: self.failing_since.is_none() && claims.failing_since.is_some(),
            last_error,
            last_error_at,
            commits: self.commits + claims.commits,
            writes: self.writes + claims.writes,
            stuck: self.stuck + claims.stuck,
        }
    }
}

/// A write that has waited for long, until it is over.
pub(super) struct Stuck(Arc<Health>);

impl Drop for Stuck {
    fn drop(&mut self) {
        let mut seen = self.0.seen();
        seen.report.stuck -= 1;
        seen.say_if_it_is_over(self.0.part);
    }
}

/// What is wrong, and what to do, where what was asked for did not come about in time.
const HELD_UP: &str = "what is to be written is held by somebody else, or the database takes too long: look for a transaction that \
    goes on for long, and at how busy the database's machine is; what waits is tried again";

/// How what one writer writes is. Each writer has its own: a connection that one of them has says nothing of the other's.
pub(super) struct Health {
    clock: Arc<dyn Clock>,
    metrics: Option<Arc<Metrics>>,
    /// What it is of, where that is not all there is.
    part: Option<&'static str>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    report: StoreHealth,
    /// Why nothing can be written, while nothing can.
    cause: Option<StoreError>,
    /// What the log said of a trouble that is not over, and since when that is.
    said: Option<(Said, Timestamp)>,
    /// The kinds of faults that it named since.
    named: Vec<StoreFault>,
}

/// What the log said at the beginning of a trouble.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// That results wait, although others are written.
    ResultsWait,
    /// That nothing can be written.
    CannotBeWritten,
}

impl Seen {
    /// Says the end of a trouble, once nothing fails and nothing waits for long: while it waits, others may be written in between.
    fn say_if_it_is_over(&mut self, part: Option<&'static str>) {
        if self.report.failing_since.is_some() || self.report.stuck > 0 {
            return;
        }
        self.named.clear();
        match self.said.take() {
            Some((Said::CannotBeWritten, since)) => tracing::info!(part, %since, "the store can be written again"),
            Some((Said::ResultsWait, since)) => {
                tracing::info!(part, %since, "what waited for long to be written is written");
            }
            None => {}
        }
    }
}

impl Health {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Option<Arc<Metrics>>, part: Option<&'static str>) -> Self {
        Health { clock, metrics, part, seen: Mutex::default() }
    }

    /// So many writes became durable; none, where the writer only looked whether it can write.
    pub(super) fn committed(&self, writes: usize, took: Duration) {
        if let Some(metrics) = &self.metrics
            && writes > 0
        {
            metrics.observe_commit(took, writes);
        }
        let now = self.clock.now();
        let mut seen = self.seen();
        seen.cause = None;
        seen.report.failing_since = None;
        seen.report.last_commit_at = Some(now);
        seen.report.commits += u64::from(writes > 0);
        seen.report.writes += writes as u64;
        seen.say_if_it_is_over(self.part);
    }

    pub(super) fn failed(&self, error: &Arc<sqlx::Error>) {
        let kind = match fault(error) {
            Some(DbFault::Locked) => StoreFault::Busy,
            Some(DbFault::Full | DbFault::Disk) => StoreFault::Disk,
            _ => StoreFault::Other,
        };
        let cause = match fault(error) {
            Some(DbFault::Locked) => StoreError::Busy { retry_after: RETRY_AFTER },
            _ => StoreError::Unavailable(error.clone()),
        };
        self.fails(kind, cause, faults::words(error));
    }

    /// Transactions get nowhere, one after the other, although the database is there.
    pub(super) fn held_up(&self) {
        self.fails(StoreFault::Busy, StoreError::Busy { retry_after: RETRY_AFTER }, HELD_UP.to_owned());
    }

    /// A write that may not be given up has waited for long, and was refused once more with this.
    pub(super) fn stuck(self: &Arc<Self>, error: &StoreError) -> Stuck {
        let words = match error {
            StoreError::Unavailable(error) => faults::words(error),
            _ => HELD_UP.to_owned(),
        };
        let now = self.clock.now();
        let mut seen = self.seen();
        if seen.said.is_none() {
            tracing::error!(part = self.part, error = words, "results of runs cannot be written, although others are");
            seen.said = Some((Said::ResultsWait, now));
        }
        seen.report.stuck += 1;
        seen.report.last_error = Some(words);
        seen.report.last_error_at = Some(now);
        Stuck(self.clone())
    }

    fn fails(&self, kind: StoreFault, cause: StoreError, words: String) {
        if let Some(metrics) = &self.metrics {
            metrics.store_error(kind);
        }
        let now = self.clock.now();
        let mut seen = self.seen();
        seen.cause = Some(cause);
        // Once per trouble, and once for each kind of fault that comes up in it: it is asked again several times a second.
        let begins = seen.said.is_none_or(|(said, _)| said == Said::ResultsWait);
        if begins || !seen.named.contains(&kind) {
            tracing::error!(part = self.part, error = words, "the store cannot be written");
            seen.named.push(kind);
        }
        if begins {
            seen.said = Some((Said::CannotBeWritten, now));
        }
        seen.report.failing_since.get_or_insert(now);
        seen.report.last_error = Some(words);
        seen.report.last_error_at = Some(now);
    }

    pub(super) fn report(&self, queue_length: usize) -> StoreHealth {
        StoreHealth { queue_length, ..self.seen().report.clone() }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.seen().report.failing_since.is_some()
    }

    /// Why nothing can be written, while nothing can.
    pub(super) fn trouble(&self) -> Option<StoreError> {
        self.seen().cause.clone()
    }

    /// What to tell those whose patience has ended.
    pub(super) fn why_waiting(&self) -> StoreError {
        self.trouble().unwrap_or(StoreError::Busy { retry_after: RETRY_AFTER })
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("no code panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use revere_model::ManualClock;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Checks that `work` logs these lines, each of which has all of its words, and no others.
    #[track_caller]
    fn logs(work: impl FnOnce(), lines: &[&[&str]]) {
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || written.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, work);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), lines.len(), "{text}");
        for (line, words) in text.lines().zip(lines) {
            assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
        }
    }

    fn health(part: Option<&'static str>) -> Arc<Health> {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        Arc::new(Health::new(Arc::new(clock), None, part))
    }

    #[test]
    fn what_one_part_writes_does_not_end_the_trouble_of_the_other() {
        let (records, claims) = (health(Some("records")), health(Some("claims")));
        let refused = Arc::new(sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into()));
        let whole = || records.report(1).with_claims(claims.report(2));
        let fails = || {
            for _ in 0..3 {
                claims.failed(&refused);
                records.committed(1, Duration::ZERO);
            }
        };
        logs(fails, &[&["ERROR", "the store cannot be written", "claims", "PostgreSQL does not answer"]]);
        assert!(claims.trouble().is_some() && records.trouble().is_none(), "who writes the rest is not told of it");
        let seen = whole();
        assert!(seen.failing_since.is_some() && seen.claims_alone && seen.queue_length == 3, "{seen:?}");
        logs(|| records.failed(&refused), &[&["ERROR", "the store cannot be written", "records"]]);
        assert!(!whole().claims_alone);
        logs(|| records.committed(0, Duration::ZERO), &[&["INFO", "the store can be written again", "records"]]);
        logs(|| claims.committed(0, Duration::ZERO), &[&["INFO", "the store can be written again", "claims"]]);
        assert_eq!((whole().failing_since, whole().claims_alone), (None, false));
    }

    #[test]
    fn another_kind_of_fault_within_a_trouble_is_said_once() {
        let health = health(None);
        let refused = Arc::new(sqlx::Error::Io(io::ErrorKind::ConnectionRefused.into()));
        let changes = || {
            for _ in 0..3 {
                health.held_up();
                health.failed(&refused);
            }
            health.committed(1, Duration::ZERO);
        };
        let lines: [&[&str]; 3] = [
            &["ERROR", "the store cannot be written", "held by somebody else"],
            &["ERROR", "the store cannot be written", "PostgreSQL does not answer"],
            &["INFO", "the store can be written again"],
        ];
        logs(changes, &lines);
        // Another trouble begins from the start.
        let anew = || {
            health.failed(&refused);
            health.held_up();
        };
        logs(anew, &[lines[1], lines[0]]);
    }

    #[test]
    fn what_waits_for_long_is_one_trouble_whatever_is_written_meanwhile() {
        let (health, busy) = (health(None), StoreError::Busy { retry_after: RETRY_AFTER });
        let waits = || {
            health.held_up();
            let stuck = health.stuck(&busy);
            for _ in 0..3 {
                health.committed(1, Duration::ZERO);
                health.held_up();
            }
            health.committed(1, Duration::ZERO);
            assert_eq!(health.report(0).failing_since, None, "others are written");
            drop(stuck);
        };
        logs(waits, &[&["ERROR", "the store cannot be written"], &["INFO", "the store can be written again"]]);
        let alone = || drop(health.stuck(&busy));
        logs(alone, &[&["ERROR", "although others are"], &["INFO", "what waited for long to be written is written"]]);
        let worse = || {
            let stuck = health.stuck(&busy);
            health.held_up();
            drop(stuck);
            health.committed(1, Duration::ZERO);
        };
        let lines: [&[&str]; 3] = [
            &["ERROR", "although others are"],
            &["ERROR", "the store cannot be written"],
            &["INFO", "the store can be written again"],
        ];
        logs(worse, &lines);
    }
}
