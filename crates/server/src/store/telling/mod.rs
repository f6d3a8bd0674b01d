//! Who must be told: the alerts, what a flip owes each of them, what mutes hold back, and the deliveries that come of it.

pub(super) mod acknowledgements;
pub(super) mod alert_changes;
pub(super) mod alert_choices;
pub(super) mod alert_records;
mod asked_for;
pub(super) mod browsers;
pub(super) mod decisions;
pub(super) mod deliveries;
pub(super) mod flapping;
pub(super) mod incidents;
pub(super) mod keys;
mod link_keys;
pub(super) mod mutes;
pub(super) mod on_call;
pub(super) mod outages;
mod owing;
pub(super) mod record_flips;
pub(super) mod reminders;
pub(super) mod told_monitors;
pub(super) mod told_records;
