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
pub mod browsers;
mod code_check;
mod context;
pub mod decisions;
pub mod deleted_monitors;
pub mod deliveries;
pub mod events;
mod failure;
pub mod health;
mod last_used;
pub mod log_in;
pub mod metrics;
mod monitor_input;
pub mod monitors;
pub mod mutes;
pub mod on_call;
pub mod overview;
pub mod people;
mod person_name;
pub mod preview;
pub mod provider_log_in;
pub mod proxy_log_in;
pub mod refusals;
pub mod rights;
pub mod runs;
pub mod saved_filters;
pub mod schedule;
pub mod script;
pub mod series;
pub mod server;
pub mod sources;
pub mod tokens;
pub mod trials;
pub mod versions;
pub mod week_before;
pub mod who;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use revere_model::{Clock, on_call::Rota};

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
    /// Those of them that are rotas and switched on, by name.
    pub rotas: BTreeMap<String, Rota>,
    /// What log-ins work with.
    pub access: Arc<Access>,
    /// How the heartbeat does, where one is configured.
    pub heartbeat: Option<Arc<HeartbeatStatus>>,
    /// Whether `/metrics` has state and value of each monitor.
    pub metrics_per_monitor: bool,
}

/// What another configuration puts in the place of what operations worked with.
pub struct Configured {
    /// What a new monitor gets that does not say.
    pub defaults: Defaults,
    /// Checks scripts; knows the sources and the sandbox.
    pub runner: Runner,
    /// What calls showed of the sources; the runner's sources are wrapped in it.
    pub watch: SourceWatch,
    /// The sources that the configuration has switched off.
    pub sources_off: Vec<sources::SourceOff>,
    /// The alerts of the configuration.
    pub alert_entries: Vec<ConfiguredEntry>,
    /// Those of them that are rotas and switched on, by name.
    pub rotas: BTreeMap<String, Rota>,
    /// Whether `/metrics` has state and value of each monitor.
    pub metrics_per_monitor: bool,
}

impl Services {
    /// The same of another configuration.
    fn with(&self, configured: Configured) -> Services {
        let Configured { defaults, runner, watch, sources_off, alert_entries, rotas, metrics_per_monitor } = configured;
        Services {
            defaults,
            runner,
            watch,
            sources_off,
            alert_entries,
            rotas,
            metrics_per_monitor,
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            store: self.store.clone(),
            engine: self.engine.clone(),
            access: self.access.clone(),
            heartbeat: self.heartbeat.clone(),
        }
    }
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
