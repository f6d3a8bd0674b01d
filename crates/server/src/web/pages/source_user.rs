//! A monitor that a source is asked by, or that waits for one.

use revere_model::MonitorId;

/// What it is called, and where its page is.
pub(super) struct User {
    pub(super) id: MonitorId,
    pub(super) name: String,
}
