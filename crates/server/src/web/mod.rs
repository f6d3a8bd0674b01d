//! Revere over HTTP: the API, health and metrics, and (beside them) the pages.
//!
//! [`router`] is the whole of it, as one table. Handlers extract, ask, answer: what an operation does is in
//! [`operations`](crate::operations), once, whoever asks. Nothing in here holds the store or the engine.

mod access_table;
pub mod api;
pub mod body;
mod caller;
mod client_address;
pub mod error;
pub mod fields;
mod guard;
mod health;
mod in_the_clear;
mod method_table;
mod metrics;
mod openapi;
mod pages;
pub mod params;
mod proxy_header;
mod request_id;
mod request_layer;
mod request_schemas;
mod router;
mod same_origin;
mod security_headers;
mod session_cookie;
mod unique_json;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use access_table::{ROUTES, Route};
pub use error::Problem;
pub use request_id::RequestId;
pub use router::{openapi_document, router};
pub use same_origin::Site;

use crate::{metrics::Metrics, operations::Operations};

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    /// Where this server is reached.
    pub site: Arc<Site>,
    /// Counts requests and listeners.
    pub metrics: Arc<Metrics>,
    /// What can be asked for.
    pub operations: Operations,
    /// Cancelled when the server stops: open streams end.
    pub stopping: CancellationToken,
}
