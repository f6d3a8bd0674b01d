//! The engine's tasks: one file each.

pub(super) mod audit_log;
pub(super) mod deliver;
pub(super) mod evaluate;
pub(super) mod housekeeping;
pub(super) mod on_call;
pub(super) mod others;
pub(super) mod push_again;
pub(super) mod remind;
mod send_messages;
pub(super) mod tell_held;
