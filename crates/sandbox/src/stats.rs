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
    /// How instances become pristine again here.
    pub reset_by: ResetBy,
    /// Whether the compiled interpreter came from the cache.
    pub compiled_from_cache: bool,
}

/// How the instance of one run becomes the pristine instance of the next: the fastest way that works on this machine, as
/// a test at the start found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ResetBy {
    /// The kernel notes which pages are written (userfaultfd, Linux 6.7), and those are put back.
    WrittenPages,
    /// Pages that are not the image's any more are looked for, and put back.
    PrivatePages,
    /// Not at all: each run has a new instance.
    #[default]
    NewInstances,
}

impl ResetBy {
    /// All ways, the fastest first.
    pub const ALL: [ResetBy; 3] = [ResetBy::WrittenPages, ResetBy::PrivatePages, ResetBy::NewInstances];

    /// Its name in `/healthz` and `/metrics`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ResetBy::WrittenPages => "written_pages",
            ResetBy::PrivatePages => "private_pages",
            ResetBy::NewInstances => "new_instances",
        }
    }
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
