//! Mutes: what holds back for a time what alerts would tell, and what becomes of that.
//!
//! What is held back stands in a table of its own until it is told or over ([`held`]), so that nothing is forgotten whatever
//! happens at the moment a mute ends: whoever looks next, here or on another server, finds it.

pub(in crate::store) mod changes;
pub(in crate::store) mod held;
mod records;

pub use held::HeldTold;
pub(in crate::store) use records::in_force_from;
pub use records::{HeldBack, MuteFilter, MuteRecord};
