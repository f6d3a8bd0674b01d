//! What is counted elsewhere than in the metrics, asked for when someone reads them.

use std::time::Duration;

use revere_model::Operation;
use revere_sandbox::ResetBy;

use super::{Context, Failure};
use crate::metrics::SandboxCounts;

/// The page has to come while the database is locked too; then it shows the numbers of the last time.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks for what others count, and puts it into the metrics.
pub async fn refresh(context: &Context) -> Result<(), Failure> {
    let services = context.may(Operation::SeeMetrics)?;
    let sandbox = services.runner.sandbox().stats();
    services.metrics.set_sandbox(SandboxCounts {
        fresh: sandbox.runs_fresh,
        kept: sandbox.runs_kept,
        discarded: sandbox.discarded_stopped
            + sandbox.discarded_grown
            + sandbox.discarded_unresettable
            + sandbox.discarded_surplus,
    });
    for way in ResetBy::ALL {
        services.metrics.set_sandbox_reset(way.as_str(), way == sandbox.reset_by);
    }
    for (task, fault) in services.engine.health().tasks {
        services.metrics.set_task_failing(&task, fault.is_some());
    }
    services.metrics.set_store_queue(services.store.health().queue_length);
    let questions = async {
        tokio::join!(services.store.count_by_state(), services.store.owed(), services.store.due_count(context.now()))
    };
    let Ok((monitors, owed, due)) = tokio::time::timeout(PATIENCE, questions).await else { return Ok(()) };
    for (monitor_state, count) in monitors.into_iter().flatten() {
        services.metrics.set_monitors(monitor_state, count);
    }
    if let Ok(owed) = owed {
        services.metrics.set_deliveries_owed(owed.iter().map(|(_, count, _)| count).sum());
    }
    if let Ok(due) = due {
        // Claimed ones may wait for a place in the sandbox, others for their claim.
        services.metrics.set_runs(sandbox.in_flight, sandbox.waiting + usize::try_from(due).unwrap_or(usize::MAX));
    }
    Ok(())
}
