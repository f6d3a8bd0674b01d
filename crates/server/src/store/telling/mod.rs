//! Who must be told: the alerts, what a flip owes each of them, and the deliveries that come of it.

pub(super) mod alert_changes;
pub(super) mod alert_records;
pub(super) mod decisions;
pub(super) mod deliveries;
pub(super) mod incidents;
pub(super) mod keys;
pub(super) mod record_flips;
pub(super) mod told_records;
