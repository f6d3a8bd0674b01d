//! A monitor: what its author wrote, and what Revere knows of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MonitorId, Severity, State, StateInOutage};

macro_rules! spec {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// What the author of a monitor decides. [`MonitorSpec::faults`] judges it before it is stored.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        pub struct MonitorSpec {
            $(#[doc = $doc] pub $field: $type,)*
        }

        impl Default for MonitorSpec {
            /// Before anybody says anything: without name, script and schedule it may not be stored.
            fn default() -> Self {
                MonitorSpec { $($field: $default,)* }
            }
        }
    };
}

crate::monitor_fields!(spec);

impl MonitorSpec {
    /// How the numbers of its runs are shown.
    pub fn number_format(&self) -> crate::NumberFormat {
        crate::NumberFormat { unit: self.unit.clone(), decimals: self.decimals }
    }
}

/// A source that is down, or was at a monitor's last run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaitsFor {
    /// Its name.
    pub source: String,
    /// Since when it is down.
    pub since: Timestamp,
    /// Whether what the monitor goes through because of that is held back.
    pub held: bool,
    /// Whether it is back, and only the monitor's next run is missing.
    pub over: bool,
}

/// A stored monitor.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Monitor {
    /// Its row.
    pub id: MonitorId,
    /// Grows by one with every saved edit; an edit names the version it started from.
    pub version: i64,
    /// What its author wrote.
    pub spec: MonitorSpec,
    /// The state it is in.
    pub state: State,
    /// How severe the problem is, while there is one.
    pub severity: Option<Severity>,
    /// Since when it is in that state.
    pub state_since: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its author last changed it.
    pub updated_at: Timestamp,
    /// Start of the last recorded run.
    pub last_run_at: Option<Timestamp>,
    /// Message of the last recorded run.
    pub last_message: Option<String>,
    /// Value of the last recorded run.
    pub last_value: Option<crate::ReturnValue>,
    /// The next tick; `None` while it is not active.
    pub next_run_at: Option<Timestamp>,
    /// Ticks that were missed (server down or too busy), ever.
    pub missed_ticks: i64,
    /// Ticks that found the previous run still going, ever.
    pub overlapped_ticks: i64,
    /// What is there already of a change of state that has not come yet.
    pub pending: Option<crate::Pending>,
    /// Why it is not run although it is active, or why its last tick has no result yet: a fault of Revere, never of
    /// what is monitored. `None` is well.
    pub fault: Option<String>,
    /// The source that it waits for, if one that it needs is down.
    pub waits_for: Option<WaitsFor>,
}
