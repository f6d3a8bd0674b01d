//! Running a monitor at a person's word.

use std::time::Duration;

use revere_model::{MonitorId, Run};

use super::{Failure, of};
use crate::{engine::RunNowError, store::Committed, web::WebState};

/// Runs a monitor now, active or not, and answers the run as it was recorded. Once begun it is finished and recorded,
/// also if nobody waits for the answer any more.
pub async fn run_now(state: &WebState, id: MonitorId) -> Result<Run, Failure> {
    let engine = state.engine.clone();
    let running = tokio::spawn(async move { engine.run_now(id).await });
    match running.await.map_err(|panicked| Failure::Internal(Box::new(panicked)))? {
        Ok((Committed::Recorded { run, .. }, _)) => {
            let took = Duration::try_from_secs_f64(run.duration_ms / 1e3).unwrap_or_default();
            state.metrics.observe_run(run.outcome, run.kind, took, Duration::ZERO);
            Ok(*run)
        }
        // It was deleted while it ran.
        Ok((Committed::Gone | Committed::Superseded, _)) => {
            Err(Failure::NotFound { what: "monitor", key: id.to_string() })
        }
        Err(RunNowError::Store(error)) => Err(of("monitor", id)(error)),
        Err(RunNowError::Fault(fault)) => Err(Failure::Internal(Box::new(fault))),
    }
}
