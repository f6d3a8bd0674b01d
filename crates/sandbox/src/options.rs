//! How a sandbox is set up, and what is said while it is opened.

use std::{path::PathBuf, time::Duration};

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the compiled interpreter is kept. Only the server's own user should be able to write there.
    pub cache_dir: PathBuf,
    /// Threads that compute for scripts; at least 1.
    pub threads: usize,
    /// Runs that have begun and not ended, waiting for sources included; at least 1. Each holds 1 to 2 MB, more if its
    /// script needs more.
    pub max_in_flight: usize,
    /// Whether interpreters are put back and used again.
    pub keep: KeepInstances,
}

/// Whether interpreters are put back to their pristine state after a run and used again, which is some times faster than
/// making a new one and gives the same isolation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeepInstances {
    /// Where the kernel tells which pages were written, and a test at the start confirms it: the fastest way that passes.
    #[default]
    Auto,
    /// As [`KeepInstances::Auto`], without userfaultfd.
    WithoutTracking,
    /// A new one for every run.
    Never,
}

/// What happens while a sandbox is opened, for whoever waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The interpreter is being compiled for this machine, which takes some seconds.
    Compiling,
    /// It is compiled.
    Compiled {
        /// How long that took.
        took: Duration,
    },
    /// Compiled code cannot be kept, so the next start has to compile again.
    CacheUnusable {
        /// What is wrong with the folder.
        reason: String,
    },
    /// The kernel does not note which pages are written; interpreters are kept, but putting them back takes longer.
    WritesNotTracked {
        /// What is missing.
        reason: String,
    },
    /// Interpreters cannot be kept on this machine; runs work, but slower.
    InstancesNotKept {
        /// What is missing.
        reason: String,
    },
}
