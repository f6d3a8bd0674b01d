//! What happened to a monitor: its runs, changes of state and ticks without a run; and a run at a person's word.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use revere_model::{Asked, FlipId, Gap, Monitor, MonitorId, Operation, Run, RunId};

use super::{Context, Failure, Services, failure::of, monitors};
use crate::{
    engine::RunNowError,
    store::{Committed, RecordedFlip, RunFilter, StoreError},
};

/// Which of these monitors change their state again and again, and until when at least nothing more is told of them.
pub async fn flapping(
    context: &Context,
    ids: &[MonitorId],
) -> Result<std::collections::HashMap<MonitorId, jiff::Timestamp>, Failure> {
    context.may(Operation::SeeMonitors)?.store.flapping(ids, context.now()).await.map_err(Failure::Store)
}

/// Runs a monitor now, active or not, and answers the run as it was recorded. Once begun it is finished and recorded,
/// also if nobody waits for the answer any more.
pub async fn run_now(context: &Context, id: MonitorId) -> Result<Run, Failure> {
    let monitor = monitors::get(context, id).await?;
    let services = context.may_with(Operation::RunMonitor, Some(id), &monitor.spec.tags)?.clone();
    run(&services, id, Some(context.asked())).await
}

/// Runs a monitor that was just made, once: part of making it, and no act of its own.
pub async fn run_first(context: &Context, monitor: &Monitor) -> Result<Run, Failure> {
    let services = context.may_with(Operation::CreateMonitor, Some(monitor.id), &monitor.spec.tags)?;
    run(services, monitor.id, None).await
}

async fn run(services: &Arc<Services>, id: MonitorId, asked: Option<Asked>) -> Result<Run, Failure> {
    let services = services.clone();
    let running = tokio::spawn(async move {
        let ran = match asked {
            Some(asked) => services.engine.run_now(id, asked).await,
            None => services.engine.run_first(id).await,
        };
        // Counted also if nobody waits for the answer any more.
        if let Ok((Committed::Recorded { run, .. }, _)) = &ran {
            let took = Duration::try_from_secs_f64(run.duration_ms / 1e3).unwrap_or_default();
            services.metrics.observe_run(run.outcome, run.kind, took, Duration::ZERO);
        }
        ran
    });
    match running.await.map_err(|panicked| Failure::Internal(Box::new(panicked)))? {
        Ok((Committed::Recorded { run, .. }, _)) => Ok(*run),
        // It was deleted while it ran.
        Ok((Committed::Gone | Committed::Superseded, _)) => {
            Err(Failure::NotFound { what: "monitor", key: id.to_string() })
        }
        Err(RunNowError::Store(error)) => Err(of("monitor", id)(error)),
        Err(error @ RunNowError::Unrecorded) => Err(Failure::UnderWay(error.to_string())),
        Err(RunNowError::Fault(fault)) => Err(Failure::Internal(Box::new(fault))),
    }
}

/// A page of runs, newest first, and whether there are more. It ends before its texts have more than `bytes` bytes.
pub async fn list(
    context: &Context,
    id: MonitorId,
    filter: RunFilter,
    bytes: usize,
) -> Result<(Vec<Run>, bool), Failure> {
    context.may(Operation::SeeMonitors)?.store.runs_page(id, filter, bytes).await.map_err(Failure::Store)
}

/// One run of a monitor.
pub async fn get(context: &Context, monitor: MonitorId, id: RunId) -> Result<Run, Failure> {
    let run = context.may(Operation::SeeMonitors)?.store.run(id).await.map_err(of_run(id))?;
    if run.monitor_id == monitor { Ok(run) } else { Err(of_run(id)(StoreError::NotFound)) }
}

/// The run of its monitor that came after this one.
pub async fn after(context: &Context, run: &Run) -> Result<Option<RunId>, Failure> {
    context.may(Operation::SeeMonitors)?.store.run_after(run).await.map_err(Failure::Store)
}

fn of_run(id: RunId) -> impl FnOnce(StoreError) -> Failure {
    move |error| match error {
        StoreError::NotFound => Failure::NotFound { what: "run", key: id.to_string() },
        error => Failure::Store(error),
    }
}

/// The newest runs, newest first.
pub async fn newest(context: &Context, id: MonitorId, limit: u32) -> Result<Vec<Run>, Failure> {
    let filter = RunFilter { limit, ..RunFilter::default() };
    context.may(Operation::SeeMonitors)?.store.runs(id, filter).await.map_err(Failure::Store)
}

/// When the oldest run that is still kept began.
pub async fn oldest(context: &Context, id: MonitorId) -> Result<Option<Timestamp>, Failure> {
    context.may(Operation::SeeMonitors)?.store.oldest_run(id).await.map_err(Failure::Store)
}

/// Changes of state before `before`, newest first.
pub async fn flips(
    context: &Context,
    id: MonitorId,
    before: Option<FlipId>,
    limit: u32,
) -> Result<Vec<RecordedFlip>, Failure> {
    context.may(Operation::SeeMonitors)?.store.flips(id, before, limit).await.map_err(Failure::Store)
}

/// Ticks without a run of their own before the gap `before`, newest first, each gap with its id.
pub async fn gaps(
    context: &Context,
    id: MonitorId,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<(i64, Gap)>, Failure> {
    context.may(Operation::SeeMonitors)?.store.gaps(id, before, limit).await.map_err(Failure::Store)
}

/// Ticks without a run of their own within a stretch of time, oldest first.
pub async fn gaps_between(
    context: &Context,
    id: MonitorId,
    from: Timestamp,
    to: Timestamp,
    limit: u32,
) -> Result<Vec<Gap>, Failure> {
    context.may(Operation::SeeMonitors)?.store.gaps_between(id, from, to, limit).await.map_err(Failure::Store)
}
