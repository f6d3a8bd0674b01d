//! `/healthz`: whether the server does its work, for whoever restarts it or watches the watcher.
//!
//! Asks the database nothing, so it answers while that is locked; that is when it is needed.

use axum::{
    Json,
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::WebState;
use crate::operations::{Context, health};

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, or `failing` if any part is.
    #[schema(example = "ok")]
    status: &'static str,
    /// Whether ticks are being looked after: `ok`, or what is wrong.
    #[schema(example = "ok")]
    scheduler: String,
    /// Whether the database can be written: `ok`, or what is wrong. Short waits for another process count as ok.
    #[schema(example = "ok")]
    store: String,
    /// Whether scripts can be run: `ok`, or what is wrong. All places being taken counts as ok.
    #[schema(example = "ok")]
    sandbox: String,
    /// How interpreters become pristine between runs, the fastest way that works here first: `written_pages`,
    /// `private_pages` or `new_instances`.
    #[schema(example = "written_pages")]
    sandbox_reset: &'static str,
    /// Whether the certificate that the server shows is in order: `ok`, or what a person has to see to. Left out where it
    /// shows none. The status stays `ok`: starting the server again mends no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    certificate: Option<String>,
    /// The version of the program.
    version: &'static str,
}

/// Whether the server is well
///
/// Looks at the scheduler, the store and the sandbox without asking the database, so it answers while that is locked.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "health",
    tag = "server",
    responses(
        (status = 200, description = "All is well.", body = Health),
        (status = 503, description = "Some part is failing, and says how.", body = Health),
    )
)]
pub(super) async fn health(Extract(state): Extract<WebState>, context: Context) -> Response {
    let (scheduler, store) = (health::scheduler(&context), health::store(&context));
    let sandbox = health::sandbox(&context).await;
    let well = scheduler.is_ok() && store.is_ok() && sandbox.is_ok();
    let shown = |part: Result<(), String>| part.err().unwrap_or_else(|| "ok".to_owned());
    let body = Health {
        status: if well { "ok" } else { "failing" },
        scheduler: shown(scheduler),
        store: shown(store),
        sandbox: shown(sandbox),
        sandbox_reset: health::sandbox_reset(&context),
        certificate: state
            .site
            .certificate
            .as_ref()
            .map(|certificate| certificate.state(context.now()).fault.unwrap_or_else(|| "ok".to_owned())),
        version: env!("CARGO_PKG_VERSION"),
    };
    (if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body)).into_response()
}
