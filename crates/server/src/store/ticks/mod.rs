//! Where a monitor's ticks lie, and the stretches of them that had no run of their own.

pub(super) mod due_ticks;
pub(super) mod gaps;

mod clock_set_back;
