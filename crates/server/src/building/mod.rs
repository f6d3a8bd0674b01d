//! What a source or a channel is built from: its entry in the configuration, read by the fields of its kind, and what of
//! the program it may use.

mod build_context;
mod build_input;
mod configured_entry;
mod hours;

pub use build_context::BuildContext;
pub use build_input::BuildInput;
pub use configured_entry::{ALERT_FIELDS, ConfiguredEntry, FIELDS as ENTRY_FIELDS, read_all as read_entries};
pub use hours::{HOURS_FIELDS, QUIET_HOURS_FIELDS, read_hours, read_quiet_hours, read_weekdays};
