//! Revere over HTTP: the API, health and metrics, and (beside them) the pages.
//!
//! [`router`] is the whole of it, as one table. Handlers extract, ask, answer: what an operation does is in
//! [`operations`], once, whoever asks. `web` and the engine meet only in the store and by a wake-up signal.

mod answer;
pub mod api;
pub mod body;
pub mod error;
pub mod fields;
mod guard;
mod health;
mod metrics;
mod openapi;
pub mod operations;
pub mod params;
mod router;

use std::sync::Arc;

use revere_model::Clock;

pub use answer::RequestId;
pub use error::{FieldFault, Problem, Refusal};
pub use guard::Site;
pub use openapi::document as openapi_document;
pub use router::router;

use crate::metrics::Metrics;

/// What handlers work with: handles, shared with the engine. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    /// Where this server is reached.
    pub site: Arc<Site>,
    /// The configured `TIMEZONE`: what a monitor gets that names none.
    pub default_timezone: Arc<str>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}
