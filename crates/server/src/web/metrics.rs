//! `/metrics`: what Revere counts, as Prometheus text.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
};

use super::{Problem, WebState};
use crate::{
    metrics::Format,
    operations::{Context, metrics},
};

/// What the server counts
///
/// Prometheus text: the plain format 0.0.4, or OpenMetrics where the `Accept` header asks for it.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "server",
    responses((status = 200, description = "The counters.", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(
    State(state): State<WebState>,
    context: Context,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let monitors = metrics::refresh(&context).await?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    Ok(([(header::CONTENT_TYPE, format.content_type())], state.metrics.render(format, &monitors)))
}
