//! Revere over HTTP: the API, health and metrics, and (beside them) the pages.
//!
//! [`router`] is the whole of it, as one table. Handlers extract, ask, answer: what an operation does is in
//! [`operations`], once, whoever asks. `web` and the engine meet only in the store and by a wake-up signal.

pub mod api;
pub mod body;
pub mod error;
pub mod fields;
mod health;
mod metrics;
mod openapi;
pub mod operations;
mod pages;
pub mod params;
mod request_layer;
mod router;
mod same_origin;

use std::sync::Arc;

use revere_model::Clock;
use tokio_util::sync::CancellationToken;

pub use error::{FieldFault, Problem, Refusal};
pub use openapi::document as openapi_document;
pub use request_layer::RequestId;
pub use router::router;
pub use same_origin::Site;

use crate::{
    engine::EngineHandle, entry::Entry, metrics::Metrics, runner::Runner, sources::source_health::SourceWatch,
    store::Store,
};

/// What handlers work with: handles, shared with the engine. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    /// Where this server is reached.
    pub site: Arc<Site>,
    /// What a new monitor gets that does not say.
    pub defaults: Arc<Defaults>,
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
    pub alert_entries: Arc<[Entry]>,
    /// Cancelled when the server stops: open streams end.
    pub stopping: CancellationToken,
}

/// What a new monitor gets that does not say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defaults {
    /// The configured `TIMEZONE`.
    pub timezone: String,
    /// The configured `DEFAULT_RETAIN_DAYS`; `None` is for ever.
    pub retain_days: Option<u32>,
}
