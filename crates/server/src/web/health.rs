//! `/healthz`: whether the server does its work, for whoever restarts it or watches the watcher.
//!
//! Asks the database nothing, so it answers while that is locked; that is when it is needed.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::SignedDuration;
use serde::Serialize;
use utoipa::ToSchema;

use super::WebState;

/// Another process may hold the database for a backup; that passes by itself, and nothing is lost meanwhile.
const STORE_GRACE: SignedDuration = SignedDuration::from_secs(10);

/// A trivial script takes a millisecond, and longer only where all places are taken.
const SANDBOX_TIME: Duration = Duration::from_secs(1);

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
pub(super) async fn health(State(state): State<WebState>) -> Response {
    let (scheduler, store, sandbox) = (scheduler(&state), store(&state), sandbox(&state).await);
    let well = scheduler.is_ok() && store.is_ok() && sandbox.is_ok();
    let shown = |part: Result<(), String>| part.err().unwrap_or_else(|| "ok".to_owned());
    let body = Health {
        status: if well { "ok" } else { "failing" },
        scheduler: shown(scheduler),
        store: shown(store),
        sandbox: shown(sandbox),
        version: env!("CARGO_PKG_VERSION"),
    };
    (if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body)).into_response()
}

fn scheduler(state: &WebState) -> Result<(), String> {
    let health = state.engine.health();
    if health.is_ok() { Ok(()) } else { Err(health.faults().collect::<Vec<_>>().join("; ")) }
}

fn store(state: &WebState) -> Result<(), String> {
    let health = state.store.health();
    let Some(since) = health.failing_since else { return Ok(()) };
    if state.clock.now().duration_since(since) <= STORE_GRACE {
        return Ok(());
    }
    let words = health.last_error.unwrap_or_default();
    Err(format!("cannot be written since {since}, {} writes wait: {words}", health.queue_length))
}

async fn sandbox(state: &WebState) -> Result<(), String> {
    match tokio::time::timeout(SANDBOX_TIME, state.runner.check("pass")).await {
        // Out of places is not out of order.
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot run scripts: {error}")),
    }
}
