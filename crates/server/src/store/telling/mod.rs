//! Who must be told: the alerts, what a flip owes each of them, and the deliveries that come of it.

pub(super) mod alerts;
pub(super) mod deliveries;
pub(super) mod tell;
