//! Counters for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the sandbox did since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Runs that hold a slot now.
    pub in_flight: usize,
    /// Runs that wait for a slot now.
    pub waiting: usize,
    /// Runs that got a newly made instance.
    pub runs_fresh: u64,
    /// Runs that got a kept instance, put back to its pristine state.
    pub runs_kept: u64,
    /// Instances thrown away because the run was ended by a limit or a crash.
    pub discarded_stopped: u64,
    /// Instances thrown away because their memory had grown.
    pub discarded_grown: u64,
    /// Instances thrown away because they could not be put back.
    pub discarded_unresettable: u64,
    /// Instances thrown away because enough idle ones are kept, or none are to be kept.
    pub discarded_surplus: u64,
    /// Whether instances are kept at all here.
    pub keeps_instances: bool,
    /// Whether the compiled interpreter came from the cache.
    pub compiled_from_cache: bool,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) in_flight: Count,
    pub(crate) waiting: Count,
    pub(crate) runs_fresh: Count,
    pub(crate) runs_kept: Count,
    pub(crate) discarded_stopped: Count,
    pub(crate) discarded_grown: Count,
    pub(crate) discarded_unresettable: Count,
    pub(crate) discarded_surplus: Count,
}

/// A number that many threads count.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts one more until the answer is dropped.
    pub(crate) fn during(&self) -> impl Drop {
        struct During<'a>(&'a AtomicU64);
        impl Drop for During<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.add_one();
        During(&self.0)
    }
}
