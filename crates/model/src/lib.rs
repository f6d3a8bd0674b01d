//! What Revere decides, without touching anything: schedules and their ticks, the state machine, who is told what.
//!
//! Everything here is a pure function of its arguments. No I/O, no async, no clock of its own: time comes in as an
//! argument or through [`Clock`]. Whatever needs a database or a network lives above.

mod clock;
mod ids;
mod monitor;
mod run;
mod state;

pub use clock::{Clock, ManualClock, SystemClock};
pub use ids::{DeliveryId, FlipId, MonitorId, RunId};
pub use monitor::{Monitor, MonitorSpec};
pub use run::{Gap, GapReason, ReturnValue, Run, RunKind};
pub use state::{ParseStateError, State, StateSet};
