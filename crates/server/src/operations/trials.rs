//! Scripts that are tried out: run once, on the configured sources, and nothing of it is kept.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use revere_model::{Act, MonitorId, Operation, Target, TargetKind};
use revere_sandbox::Outcome;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Context, Failure, FieldFault, Refusal, failure::of, monitors, script::too_large};
use crate::{runner::Script, store::AuditEntry};

/// Trials that go on at the same time. More wait, so that they never take the places of scheduled runs.
const AT_A_TIME: usize = 8;
static PLACES: Semaphore = Semaphore::const_new(AT_A_TIME);
/// Trials that wait for a place.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// How long a trial waits before its author hears why.
const PATIENCE: Duration = Duration::from_secs(5);

/// A script to try once.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Python.
    pub script: String,
    /// A time limit other than the server's.
    pub timeout: Option<Duration>,
    /// Whose last run it sees as `previous`, and whose past `history()` shows.
    pub monitor: Option<MonitorId>,
    /// What reading the input already found wrong.
    pub faults: Vec<FieldFault>,
}

/// Runs a script on the configured sources, and keeps nothing of it but who tried what. What is wrong with the script is in
/// the outcome.
pub async fn evaluate(context: &Context, mut trial: Trial) -> Result<Outcome, Failure> {
    let services = context.may(Operation::TryScripts)?;
    if let Some(fault) = too_large(&trial.script) {
        trial.faults.push(fault);
        return Err(Failure::TooLarge(Refusal { faults: trial.faults }));
    }
    Refusal::unless_clean(trial.faults, ())?;
    let tried = AuditEntry::new(Act::ScriptTried, &context.asked());
    let (tried, previous) = match trial.monitor {
        Some(id) => {
            let monitor = monitors::get(context, id).await?;
            context.may_with(Operation::EditMonitor, Some(id), &monitor.spec.tags)?;
            let target = Target::new(TargetKind::Monitor, id, &monitor.spec.name);
            let previous = services.store.previous_run(&monitor).await.map_err(of("monitor", id))?.map(Into::into);
            (tried.about(target).changing_script(&monitor.spec.script, &trial.script), previous)
        }
        None => (tried.changing_script(&String::new(), &trial.script), None),
    };
    let _place = place().await?;
    // Before anything runs: it may change what its sources reach, and what cannot be written down is not done.
    services.store.note(tried).await.map_err(Failure::Store)?;
    let script = Script { text: trial.script, timeout: trial.timeout, previous, monitor: trial.monitor, seed: None };
    services.runner.run(script).await.map_err(|error| Failure::Internal(Box::new(error)))
}

async fn place() -> Result<SemaphorePermit<'static>, Failure> {
    let waiting = Waiting::begin();
    match tokio::time::timeout(PATIENCE, PLACES.acquire()).await {
        Ok(place) => place.map_err(|closed| Failure::Internal(Box::new(closed))),
        Err(_) => Err(Failure::NotNow {
            detail: format!(
                "{AT_A_TIME} scripts are being tried out, as many as may be at a time, and {} wait before this one; try again \
                 in a moment",
                waiting.ahead
            ),
            retry_after: PATIENCE,
        }),
    }
}

/// A trial that waits for its place.
struct Waiting {
    ahead: usize,
}

impl Waiting {
    fn begin() -> Waiting {
        Waiting { ahead: WAITING.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}
