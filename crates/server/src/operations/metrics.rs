//! What is counted elsewhere than in the metrics, asked for when someone reads them.

use std::time::Duration;

use revere_model::{
    Operation,
    on_call::{Changes, Rota},
};
use revere_sandbox::ResetBy;

use super::{Context, Failure, on_call};
use crate::metrics::{MonitorSample, SandboxCounts};

/// The page has to come while the database is locked too; then it shows the numbers of the last time.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks for what others count, and puts it into the metrics. Answers the monitors, where each of them has series of its own.
pub async fn refresh(context: &Context) -> Result<Vec<MonitorSample>, Failure> {
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
        let each = async {
            match services.metrics_per_monitor {
                true => services.store.monitor_samples().await,
                false => Ok(Vec::new()),
            }
        };
        let store = &services.store;
        let now = context.now();
        let rotas = on_call::with_changes(services, now);
        tokio::join!(store.count_by_state(), store.owed(), store.due_count(now), each, rotas)
    };
    let Ok((monitors, owed, due, each, rotas)) = tokio::time::timeout(PATIENCE, questions).await else {
        return Ok(Vec::new());
    };
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
    if let Ok(rotas) = rotas {
        let is_gap = |(key, (rota, changes)): (String, (Rota, Changes))| {
            let nobody = rota.on_call(context.now(), &changes).is_empty();
            (key, nobody)
        };
        services.metrics.set_on_call_gaps(&rotas.into_iter().map(is_gap).collect::<Vec<_>>());
    }
    Ok(each.unwrap_or_default())
}
