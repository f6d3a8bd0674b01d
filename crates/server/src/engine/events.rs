//! What happens, for whoever watches: the live page. Nothing depends on anybody watching.

use std::sync::Arc;

use revere_model::{DeliveryId, MonitorId, Run};

use crate::store::{DeliveryStatus, RecordedFlip};

/// Something that has just become durable.
#[derive(Clone, Debug)]
pub enum Event {
    /// A run was recorded.
    Run {
        /// The run.
        run: Arc<Run>,
        /// The change of state it made, if it made one.
        flip: Option<Arc<RecordedFlip>>,
    },
    /// A monitor's run could not be made or kept, by a fault of ours; its state stays.
    Fault {
        /// Whose.
        monitor_id: MonitorId,
        /// The fault.
        fault: String,
    },
    /// Somebody did something about a monitor: edited, paused, deleted or brought it back, or looks after its problem.
    Changed {
        /// Which.
        monitor_id: MonitorId,
    },
    /// An attempt at a delivery is over.
    Delivery {
        /// The delivery.
        id: DeliveryId,
        /// Its alert.
        alert_key: String,
        /// Its monitor.
        monitor_id: MonitorId,
        /// How it stands now: still owed if it is tried again.
        status: DeliveryStatus,
    },
}
