//! What can be asked of Revere, whoever asks: pages, API and command line call the same functions.
//!
//! An operation is given a [`Context`]: who asks, and what it works with. The second it gets only by naming the row of the
//! table of rights (`revere_model::Operation`) that it is, so that none goes past it, and whoever acts is known where the act
//! is done.
//! Inputs are typed; wrong ones come back as a [`Refusal`] with every fault, and nothing refused is half stored. No HTTP
//! in here: [`Failure`] says what a caller can do, and `web/error.rs` makes an answer of it.

pub mod account;
pub mod acknowledgements;
pub mod alerts;
pub mod audit;
mod context;
pub mod decisions;
pub mod deleted_monitors;
pub mod deliveries;
pub mod events;
mod failure;
pub mod health;
pub mod log_in;
pub mod metrics;
mod monitor_input;
pub mod monitors;
pub mod mutes;
pub mod overview;
pub mod people;
pub mod provider_log_in;
pub mod proxy_log_in;
pub mod refusals;
pub mod runs;
pub mod schedule;
pub mod script;
pub mod series;
pub mod sources;
pub mod tokens;
pub mod versions;
pub mod who;

use std::{sync::Arc, time::Duration};

use revere_model::Clock;

pub use context::{Context, Operations};
pub use failure::{Failure, FieldFault, Refusal};

use crate::{
    access::Access, building::ConfiguredEntry, engine::EngineHandle, heartbeat_status::HeartbeatStatus,
    metrics::Metrics, runner::Runner, sources::source_health::SourceWatch, store::Store,
};

/// What operations work with: handles, shared with the engine.
pub struct Services {
    /// What a new monitor gets that does not say.
    pub defaults: Defaults,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Everything that is kept.
    pub store: Store,
    /// Runs what people ask for, and hears that something changed.
    pub engine: EngineHandle,
    /// Checks scripts; knows the sources and the sandbox.
    pub runner: Runner,
    /// What calls showed of the sources; the runner's sources are wrapped in it.
    pub watch: SourceWatch,
    /// The sources that the configuration has switched off.
    pub sources_off: Vec<sources::SourceOff>,
    /// The alerts of the configuration.
    pub alert_entries: Vec<ConfiguredEntry>,
    /// What log-ins work with.
    pub access: Access,
    /// How the heartbeat does, where one is configured.
    pub heartbeat: Option<Arc<HeartbeatStatus>>,
}

/// What a new monitor gets that does not say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// The configured `TIMEZONE`.
    pub timezone: String,
    /// The configured `DEFAULT_RETAIN_DAYS`; `None` is for ever.
    pub retain_days: Option<u32>,
    /// The configured `RUN_TIMEOUT`.
    pub run_limit: Duration,
}
