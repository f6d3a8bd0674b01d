//! `/healthz`: whether the server does its work, for whoever restarts it or watches the watcher.
//!
//! Asks the database nothing, so it answers while that is locked; that is when it is needed.

use axum::{
    Json,
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use revere_model::Operation;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Problem, WebState};
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
    /// `private_pages` or `new_instances`; not said to whoever may not see more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "written_pages")]
    sandbox_reset: Option<&'static str>,
    /// How many servers share the database, this one among them, as far as they were seen in the last half minute; left out where
    /// one server has it for itself. Not said to whoever may not see more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false, example = 3)]
    servers: Option<u64>,
    /// Whether runs of the next days have a partition to go into: `ok`, or what a person has to see to. Left out where runs are in no
    /// partitions, on SQLite. The status stays `ok`: results still make the partition that they lack, and say so in `store` if they
    /// cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    partitions: Option<String>,
    /// Whether the certificate that the server shows is in order: `ok`, or what a person has to see to. Left out where it
    /// shows none. The status stays `ok`: starting the server again mends no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    certificate: Option<String>,
    /// Whether whoever watches this server hears of it (`HEARTBEAT_URL`): `ok`, or what is wrong. Left out where none is
    /// configured. The status stays `ok`: starting the server again mends no network.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    heartbeat: Option<String>,
    /// The version of the program; not said to whoever may not see more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    version: Option<&'static str>,
}

/// Whether the server is well
///
/// Looks at the scheduler, the store and the sandbox without asking the database, so it answers while that is locked. Whoever
/// has not said who they are, where one has to, learns which part is failing and not why.
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
pub(super) async fn health(Extract(state): Extract<WebState>, context: Context) -> Result<Response, Problem> {
    let parts = health::look(&context).await?;
    let well = parts.scheduler.is_ok() && parts.store.is_ok() && parts.sandbox.is_ok();
    let knows = context.might(Operation::SeeMonitors).is_ok();
    let shown = |part: Result<(), String>| match part {
        Ok(()) => "ok".to_owned(),
        Err(words) if knows => words,
        Err(_) => "failing".to_owned(),
    };
    let body = Health {
        status: if well { "ok" } else { "failing" },
        scheduler: shown(parts.scheduler),
        store: shown(parts.store),
        sandbox: shown(parts.sandbox),
        sandbox_reset: knows.then_some(parts.sandbox_reset),
        servers: parts.servers.filter(|_| knows),
        partitions: parts.partitions.map(shown),
        certificate: state.site.certificate.as_ref().map(|certificate| {
            let fault = certificate.state(context.now()).fault;
            shown(fault.map_or(Ok(()), Err))
        }),
        heartbeat: parts.heartbeat.map(shown),
        version: knows.then_some(env!("CARGO_PKG_VERSION")),
    };
    Ok((if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body)).into_response())
}
