//! Questions that pages and API ask. Nothing here writes.

pub(super) mod chart;
pub(super) mod counts;
pub(super) mod flips;
pub(super) mod monitor_samples;
pub(super) mod overview;
pub(super) mod past_values;
pub(super) mod previous_run;
pub(super) mod runs;
