//! What a server asks with when it claims ticks.

use std::time::Duration;

use jiff::Timestamp;

/// What a claim is asked with.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimRequest {
    /// The server that asks; another one has another name.
    pub node: String,
    /// The present.
    pub now: Timestamp,
    /// A tick before this instant comes late because nobody was there: it is a catch-up run.
    pub up_since: Timestamp,
    /// How long a run may take where the monitor does not say; with a margin it bounds the claim.
    pub run_limit: Duration,
    /// At most so many monitors are looked at.
    pub limit: u32,
    /// At most so many of them are claimed; the others stay due.
    pub places: usize,
}
