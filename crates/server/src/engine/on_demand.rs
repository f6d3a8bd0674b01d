//! What people ask the engine for directly: run a monitor now, test an alert.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use jiff::Timestamp;
use revere_model::{Act, Asked, MonitorId, RunKind, Target, TargetKind};
use revere_sandbox::Outcome;

use super::{EngineHandle, RunFault, tasks::evaluate};
use crate::{
    alerts::{Receipt, SendError, send_once, test_notification},
    error_words,
    runner::Script,
    store::{AuditEntry, Committed, RunResult, StoreError},
};

/// A monitor could not be run now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunNowError {
    /// The run could not be made; nothing is recorded.
    #[error(transparent)]
    Fault(#[from] RunFault),
    /// There is no such monitor, or its run could not be recorded yet. What the script did is not lost: it is recorded
    /// as soon as the store can.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An alert could not be tested.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TestAlertError {
    /// The configuration has no alert of that name, or has it switched off.
    #[error("there is no alert '{0}' in the configuration, or it is switched off there")]
    Unknown(String),
    /// The receiver did not take it.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// How long someone who asked for a run waits for its record.
const PATIENCE: Duration = Duration::from_secs(8);

impl EngineHandle {
    /// Runs a monitor now, whether it is active or not, and records it as a manual run. Answers what is recorded, and
    /// the outcome with its source calls. Who asked is written down with it.
    pub async fn run_now(&self, id: MonitorId, asked: Asked) -> Result<(Committed, Outcome), RunNowError> {
        self.run_at(id, asked.at, Some(asked)).await
    }

    /// The same for a monitor that was just made: nobody asked for the run by itself.
    pub async fn run_first(&self, id: MonitorId) -> Result<(Committed, Outcome), RunNowError> {
        self.run_at(id, self.shared.clock.now(), None).await
    }

    async fn run_at(
        &self,
        id: MonitorId,
        at: Timestamp,
        asked: Option<Asked>,
    ) -> Result<(Committed, Outcome), RunNowError> {
        let shared = &self.shared;
        let monitor = shared.store.monitor(id).await?;
        let script = Script {
            text: monitor.spec.script.clone(),
            previous: shared.store.previous_run(&monitor).await?.map(Into::into),
            timeout: monitor.spec.timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok()),
            seed: Some((shared.random)()),
        };
        let outcome = self.run(script).await?;
        let finished_at = shared.clock.now();
        let result = evaluate::result(id, None, RunKind::Manual, at, finished_at, outcome.clone());
        let entry = asked.map(|asked| {
            AuditEntry::new(Act::MonitorRun, &asked).about(Target::new(TargetKind::Monitor, id, &monitor.spec.name))
        });
        let result = RunResult { entry: entry.map(Box::new), ..result };
        // Recording goes on by itself if the asker is gone or the store is slow.
        let recording = shared.tracker.spawn({
            let shared = shared.clone();
            async move {
                let committed = shared.store.commit_run(result).await;
                if let Ok(committed) = &committed {
                    evaluate::announce(&shared, committed);
                }
                committed
            }
        });
        match tokio::time::timeout(PATIENCE, recording).await {
            Ok(Ok(committed)) => Ok((committed?, outcome)),
            Ok(Err(panic)) => Err(RunFault { message: format!("the run could not be recorded: {panic}") }.into()),
            Err(_) => Err(StoreError::Busy { retry_after: PATIENCE }.into()),
        }
    }

    /// Sends a test through an alert, past its queue and its settings.
    pub async fn test_alert(&self, key: &str) -> Result<Receipt, TestAlertError> {
        let shared = &self.shared;
        let channel = shared.channels.get(key).ok_or_else(|| TestAlertError::Unknown(key.to_owned()))?;
        let (address, number) = (shared.settings.address.clone(), (shared.random)());
        let notification = test_notification(key, address, shared.clock.now(), number);
        let sent = send_once(&**channel, &notification, shared.settings.send_limit).await;
        let clean = |text: String| shared.secrets.redact(&text).into_owned();
        match sent {
            Ok(receipt) => Ok(Receipt { reply: clean(receipt.reply) }),
            Err(error) => Err(SendError { message: clean(error.message), ..error }.into()),
        }
    }

    async fn run(&self, script: Script) -> Result<Outcome, RunFault> {
        let stopping = || RunFault { message: "the server is stopping".to_owned() };
        let _place = self.shared.on_demand.acquire().await.map_err(|_| stopping())?;
        tokio::select! {
            outcome = AssertUnwindSafe(self.shared.runner.run(script)).catch_unwind() => {
                outcome.unwrap_or_else(|panic| Err(RunFault { message: format!("the run panicked: {}", error_words::of_panic(&*panic)) }))
            }
            () = self.shared.cut.cancelled() => Err(stopping()),
        }
    }
}
