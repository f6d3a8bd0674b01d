//! What can be asked of Revere, whoever asks: pages, API and command line call the same functions.
//!
//! An operation is given a [`Context`]: who asks, and what it works with. Only here can a store or an engine be reached
//! through one, so that nobody goes past what an operation checks, and whoever acts is known where the act is done.
//! Inputs are typed; wrong ones come back as a [`Refusal`] with every fault, and nothing refused is half stored. No HTTP
//! in here: [`Failure`] says what a caller can do, and `web/error.rs` makes an answer of it.

mod actor;
pub mod alerts;
pub mod deliveries;
pub mod events;
mod failure;
pub mod health;
pub mod metrics;
mod monitor_input;
pub mod monitors;
pub mod overview;
pub mod runs;
pub mod schedule;
pub mod script;
pub mod series;
pub mod sources;

use std::{fmt::Display, sync::Arc};

use jiff::Timestamp;
use revere_model::Clock;

pub use actor::{Actor, Door};
pub use failure::{Failure, FieldFault, Refusal};

use crate::{
    engine::EngineHandle, entry::Entry, metrics::Metrics, runner::Runner, sources::source_health::SourceWatch,
    store::Store,
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
    /// The alerts of the configuration.
    pub alert_entries: Vec<Entry>,
}

/// What a new monitor gets that does not say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// The configured `TIMEZONE`.
    pub timezone: String,
    /// The configured `DEFAULT_RETAIN_DAYS`; `None` is for ever.
    pub retain_days: Option<u32>,
}

/// All operations, for whoever says who asks. Cheap to clone.
#[derive(Clone)]
pub struct Operations(Arc<Services>);

impl Operations {
    /// The operations of a server.
    pub fn new(services: Services) -> Operations {
        Operations(Arc::new(services))
    }

    /// The operations as `actor` asks for them.
    pub fn asked_by(&self, actor: Actor) -> Context {
        Context { actor, services: self.0.clone() }
    }
}

/// What an operation is given: who asks, and what it works with. The second is seen by operations alone.
#[derive(Clone)]
pub struct Context {
    actor: Actor,
    services: Arc<Services>,
}

impl Context {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    /// What a new monitor gets that does not say.
    pub fn defaults(&self) -> &Defaults {
        &self.services.defaults
    }

    /// Notes in the log what was done to what, and who asked for it.
    fn log(&self, act: &'static str, key: impl Display) {
        let Actor { door, request_id } = &self.actor;
        tracing::info!(%key, by = %door, request_id, "{act}");
    }
}
