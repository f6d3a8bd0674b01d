//! What is counted elsewhere than in the metrics, asked for when someone reads them.

use std::time::Duration;

use revere_sandbox::ResetBy;

use super::Context;
use crate::metrics::SandboxCounts;

/// The page has to come while the database is locked too; then it shows the numbers of the last time.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks for what others count, and puts it into the metrics.
pub async fn refresh(context: &Context) {
    let sandbox = context.services.runner.sandbox().stats();
    context.services.metrics.set_sandbox(SandboxCounts {
        fresh: sandbox.runs_fresh,
        kept: sandbox.runs_kept,
        discarded: sandbox.discarded_stopped
            + sandbox.discarded_grown
            + sandbox.discarded_unresettable
            + sandbox.discarded_surplus,
    });
    for way in ResetBy::ALL {
        context.services.metrics.set_sandbox_reset(way.as_str(), way == sandbox.reset_by);
    }
    for (task, fault) in context.services.engine.health().tasks {
        context.services.metrics.set_task_failing(&task, fault.is_some());
    }
    context.services.metrics.set_store_queue(context.services.store.health().queue_length);
    let questions = async {
        tokio::join!(
            context.services.store.count_by_state(),
            context.services.store.owed(),
            context.services.store.due_count(context.now())
        )
    };
    let Ok((monitors, owed, due)) = tokio::time::timeout(PATIENCE, questions).await else { return };
    for (monitor_state, count) in monitors.into_iter().flatten() {
        context.services.metrics.set_monitors(monitor_state, count);
    }
    if let Ok(owed) = owed {
        context.services.metrics.set_deliveries_owed(owed.iter().map(|(_, count, _)| count).sum());
    }
    if let Ok(due) = due {
        // Claimed ones may wait for a place in the sandbox, others for their claim.
        context
            .services
            .metrics
            .set_runs(sandbox.in_flight, sandbox.waiting + usize::try_from(due).unwrap_or(usize::MAX));
    }
}
