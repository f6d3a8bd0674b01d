//! Outages of sources: what runs meet of them, and how each is told, once for all monitors that wait.
//!
//! An outage begins with a run that a source failed and that had no such failure before; it is over with the first run that began
//! after that and had an answer of the source, on whichever server. What monitors go through meanwhile is held back as by a
//! mute ([`held`](super::mutes::held)); what is told of the source itself goes the way of everything that is told: a row among
//! the monitors stands for it, which no list shows. At the end what waited runs once more.

mod catch_up;
mod event;
mod records;
mod runs;
mod shares;
mod stand_in;

pub use event::OutagesTold;
pub use records::Outage;
pub(in crate::store) use runs::{Met, Outages, write};
pub use runs::{SourceDown, SourcesMet};
