//! `/metrics`: what Revere counts, as Prometheus text.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
};

use super::WebState;
use crate::metrics::{Format, SandboxCounts};

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
pub(super) async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> impl IntoResponse {
    refresh(&state).await;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    ([(header::CONTENT_TYPE, format.content_type())], state.metrics.render(format))
}

/// The page has to come while the database is locked too; then it shows the numbers of the last time.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks for what others count.
async fn refresh(state: &WebState) {
    let sandbox = state.runner.sandbox().stats();
    state.metrics.set_sandbox(SandboxCounts {
        fresh: sandbox.runs_fresh,
        kept: sandbox.runs_kept,
        discarded: sandbox.discarded_stopped
            + sandbox.discarded_grown
            + sandbox.discarded_unresettable
            + sandbox.discarded_surplus,
    });
    for (task, fault) in state.engine.health().tasks {
        state.metrics.set_task_failing(&task, fault.is_some());
    }
    state.metrics.set_store_queue(state.store.health().queue_length);
    let questions = async {
        tokio::join!(state.store.count_by_state(), state.store.owed(), state.store.due_count(state.clock.now()))
    };
    let Ok((monitors, owed, due)) = tokio::time::timeout(PATIENCE, questions).await else { return };
    for (monitor_state, count) in monitors.into_iter().flatten() {
        state.metrics.set_monitors(monitor_state, count);
    }
    if let Ok(owed) = owed {
        state.metrics.set_deliveries_owed(owed.iter().map(|(_, count, _)| count).sum());
    }
    if let Ok(due) = due {
        // Claimed ones may wait for a place in the sandbox, others for their claim.
        state.metrics.set_runs(sandbox.in_flight, sandbox.waiting + usize::try_from(due).unwrap_or(usize::MAX));
    }
}
