//! Running a monitor at a person's word.

use revere_model::{MonitorId, Run};

use super::{Failure, of};
use crate::{engine::RunNowError, store::Committed, web::WebState};

/// Runs a monitor now, active or not, and answers the run as it was recorded.
pub async fn run_now(state: &WebState, id: MonitorId) -> Result<Run, Failure> {
    match state.engine.run_now(id).await {
        Ok((Committed::Recorded { run, .. }, _)) => Ok(*run),
        // It was deleted while it ran.
        Ok((Committed::Gone | Committed::Superseded, _)) => {
            Err(Failure::NotFound { what: "monitor", key: id.to_string() })
        }
        Err(RunNowError::Store(error)) => Err(of("monitor", id)(error)),
        Err(RunNowError::Fault(fault)) => Err(Failure::Internal(Box::new(fault))),
    }
}
