//! Who runs which tick, from due to recorded: claims, their release, results, and ticks that had no run.

pub(super) mod claims;
pub(super) mod clock_set_back;
pub(super) mod due_ticks;
pub(super) mod gaps;
pub(super) mod release;
pub(super) mod results;
