//! The engine's tasks: one file each.

pub(super) mod audit_log;
pub(super) mod deliver;
pub(super) mod evaluate;
pub(super) mod housekeeping;
pub(super) mod others;
pub(super) mod remind;
pub(super) mod tell_held;
