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
    /// Since when nothing could be written, although something was to be; `None` is healthy.
    pub failing_since: Option<Timestamp>,
    /// The last failure, whether or not it has passed.
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

/// A write that has waited for long, until it is over.
pub(super) struct Stuck(Arc<Health>);

impl Drop for Stuck {
    fn drop(&mut self) {
        let mut seen = self.0.seen();
        seen.stuck -= 1;
        if seen.stuck == 0 {
            tracing::info!("what waited for long to be written is written");
        }
    }
}

/// What is wrong, and what to do, where what was asked for did not come about in time.
const HELD_UP: &str = "what is to be written is held by somebody else, or the database takes too long: look for a transaction that \
    goes on for long, and at how busy the database's machine is; what waits is tried again";

pub(super) struct Health {
    clock: Arc<dyn Clock>,
    metrics: Option<Arc<Metrics>>,
    seen: Mutex<StoreHealth>,
    /// Why nothing can be written, while nothing can.
    cause: Mutex<Option<StoreError>>,
}

impl Health {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Option<Arc<Metrics>>) -> Self {
        Health { clock, metrics, seen: Mutex::default(), cause: Mutex::default() }
    }

    /// So many writes became durable; none, where the writer only looked whether it can write.
    pub(super) fn committed(&self, writes: usize, took: Duration) {
        if let Some(metrics) = &self.metrics
            && writes > 0
        {
            metrics.observe_commit(took, writes);
        }
        let now = self.clock.now();
        *self.cause() = None;
        let mut seen = self.seen();
        if let Some(since) = seen.failing_since.take() {
            tracing::info!(%since, "the store can be written again");
        }
        seen.last_commit_at = Some(now);
        seen.commits += u64::from(writes > 0);
        seen.writes += writes as u64;
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
        if seen.stuck == 0 && seen.failing_since.is_none() {
            tracing::error!(error = words, "results of runs cannot be written, although others are");
        }
        seen.stuck += 1;
        seen.last_error = Some(words);
        seen.last_error_at = Some(now);
        Stuck(self.clone())
    }

    fn fails(&self, kind: StoreFault, cause: StoreError, words: String) {
        if let Some(metrics) = &self.metrics {
            metrics.store_error(kind);
        }
        let now = self.clock.now();
        *self.cause() = Some(cause);
        let mut seen = self.seen();
        if seen.failing_since.is_none() {
            // Once per trouble: it is asked again several times a second.
            tracing::error!(error = words, "the store cannot be written");
            seen.failing_since = Some(now);
        }
        seen.last_error = Some(words);
        seen.last_error_at = Some(now);
    }

    pub(super) fn report(&self, queue_length: usize) -> StoreHealth {
        StoreHealth { queue_length, ..self.seen().clone() }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.seen().failing_since.is_some()
    }

    /// What to tell those whose patience has ended.
    pub(super) fn why_waiting(&self) -> StoreError {
        self.cause().clone().unwrap_or(StoreError::Busy { retry_after: RETRY_AFTER })
    }

    fn cause(&self) -> std::sync::MutexGuard<'_, Option<StoreError>> {
        self.cause.lock().expect("no code panics while it holds this lock")
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, StoreHealth> {
        self.seen.lock().expect("no code panics while it holds this lock")
    }
}
