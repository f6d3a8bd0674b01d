//! What people ask the engine for directly: run a monitor now, test an alert.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use jiff::Timestamp;
use revere_model::{Act, Asked, MonitorId, RunKind, Target, TargetKind};
use revere_sandbox::Outcome;

use super::{EngineHandle, RunFault, tasks::evaluate};
use crate::{
    alerts::{
        MessagePreview, Notification, Receipt, SendError, WebPush, hide_credentials, preview, reached, send_once,
        test_notification, test_on_call,
    },
    error_words,
    runner::Script,
    store::{AuditEntry, Committed, RunResult, SourcesMet, StoreError},
    wording::{Templates, on_a_deep_stack},
};

/// A monitor could not be run now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RunNowError {
    /// The run could not be made; nothing is recorded.
    #[error(transparent)]
    Fault(#[from] RunFault),
    /// There is no such monitor, or it cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run is over and not recorded yet. What the script did is not lost: it is recorded as soon as the store can.
    #[error("the run is over, and recorded as soon as the database can be written; it need not be asked for again")]
    Unrecorded,
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

/// What an alert would say cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum PreviewAlertError {
    /// The configuration has no alert of that name, or has it switched off.
    #[error("there is no alert '{0}' in the configuration, or it is switched off there")]
    Unknown(String),
    /// It could not be sent either; why.
    #[error("{0}")]
    Unsayable(String),
    /// A fault of ours.
    #[error("it panicked")]
    Panicked(#[source] tokio::task::JoinError),
}

/// Where the link to acknowledge by would lead; the one of a preview leads nowhere.
const NO_LINK: &str = "acknowledge/in-a-preview";

/// How long someone who asked for a run waits for its record.
const PATIENCE: Duration = Duration::from_secs(8);

/// Gives a notification that is only looked at the links of one that is sent, but for the one that opens a door.
pub fn linked(notification: &mut Notification, address: &str, acknowledge_links: bool) {
    if address.is_empty() {
        return;
    }
    notification.monitor.url = format!("{address}/monitor/{}", notification.monitor.id);
    if acknowledge_links && notification.new_state.is_problem() {
        notification.acknowledge_url = Some(format!("{address}/{NO_LINK}"));
    }
}

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
            monitor: Some(id),
            seed: Some((shared.random)()),
        };
        let outcome = self.run(script).await?;
        let finished_at = shared.clock.now();
        let mut result = evaluate::result(id, None, RunKind::Manual, at, finished_at, outcome.clone());
        if !shared.in_force().configured.source_outages {
            result.sources = SourcesMet::default();
        }
        let entry = asked.map(|asked| {
            AuditEntry::new(Act::MonitorRun, &asked).about(Target::new(TargetKind::Monitor, id, &monitor.spec.name))
        });
        let result = RunResult { entry: entry.map(Box::new), ..result };
        // Recording goes on by itself if the asker is gone or the store is slow.
        let recording = shared.tracker.spawn({
            let shared = shared.clone();
            async move {
                let answered = result.sources.answered.clone();
                let committed = shared.store.commit_run(result).await;
                if let Ok(committed) = &committed {
                    shared.these_answered(&answered);
                    evaluate::announce(&shared, committed);
                }
                committed
            }
        });
        match tokio::time::timeout(PATIENCE, recording).await {
            Ok(Ok(committed)) => Ok((committed?, outcome)),
            Ok(Err(panic)) => Err(RunFault { message: format!("the run could not be recorded: {panic}") }.into()),
            Err(_) => Err(RunNowError::Unrecorded),
        }
    }

    /// Sends a test through an alert, past its queue and its settings.
    pub async fn test_alert(&self, key: &str) -> Result<Receipt, TestAlertError> {
        let shared = &self.shared;
        let (address, number, now) = (shared.settings.address.clone(), (shared.random)(), shared.clock.now());
        let mut notification = test_notification(key, address, now, number);
        let limit = shared.settings.send_limit;
        let in_force = shared.in_force();
        let configured = &in_force.configured;
        let sent = match (configured.channels.get(key), configured.rotas.get(key)) {
            (Some(channel), _) => {
                let unknown = |error| SendError::later(format!("which browsers to notify is not known: {error}"));
                let round = shared.add_browsers(key, &**channel, &mut notification).await.map_err(unknown)?;
                let sent = send_once(&**channel, &notification, limit).await;
                if let Some(round) = round {
                    shared.note_browsers(&round, true, now).await?;
                }
                sent
            }
            (None, Some(rota)) => {
                let changes = shared.store.on_call_changes(key, rota, now, now).await;
                let changes = changes.map_err(|error| SendError::later(error.to_string()))?;
                let people = reached(rota, &changes, now);
                let mut rounds = Vec::new();
                for alert in people.iter().flat_map(|(_, alerts)| alerts) {
                    if let Some(channel) = configured.channels.get(alert) {
                        let unknown =
                            |error| SendError::later(format!("which browsers to notify is not known: {error}"));
                        let round = shared.add_browsers(alert, &**channel, &mut notification).await;
                        rounds.extend(round.map_err(unknown)?);
                    }
                }
                let sent = test_on_call(people, &configured.channels, &notification, limit).await;
                for round in rounds {
                    shared.note_browsers(&round, true, now).await?;
                }
                sent
            }
            (None, None) => return Err(TestAlertError::Unknown(key.to_owned())),
        };
        let clean = |text: String| shared.secrets.redact(&text).into_owned();
        match sent {
            Ok(receipt) => Ok(Receipt { reply: clean(receipt.reply), ..receipt }),
            Err(error) => Err(SendError { message: clean(error.message), ..error }.into()),
        }
    }

    /// The alert with that key, where it tells browsers, to ask something of it.
    pub fn with_web_push<T>(&self, key: &str, ask: impl FnOnce(&WebPush) -> T) -> Option<T> {
        let channel = self.shared.in_force().configured.channels.get(key).cloned()?;
        channel.web_push().map(ask)
    }

    /// What an alert would say of `notification` in the words of `templates`, with the links it would have. Sends nothing. `place`
    /// is held until that is made.
    pub async fn preview_alert(
        &self,
        key: &str,
        mut notification: Notification,
        templates: Templates,
        place: impl Send + 'static,
    ) -> Result<(Notification, Templates, MessagePreview), PreviewAlertError> {
        let shared = &self.shared;
        let channel = shared.in_force().configured.channels.get(key).cloned();
        let channel = channel.ok_or_else(|| PreviewAlertError::Unknown(key.to_owned()))?;
        let settings = &shared.settings;
        linked(&mut notification, &settings.address, settings.acknowledge_links);
        let secrets = shared.secrets.clone();
        let made = tokio::task::spawn_blocking(move || {
            let _place = place;
            let said = on_a_deep_stack(|| {
                let mut said = preview(&*channel, &notification, &templates, &secrets)?;
                hide_credentials(&*channel, &notification, &templates, &mut said.parts);
                Ok(said)
            });
            let mut shown = Templates::default();
            for (one, template) in templates.all() {
                shown.set(one, Some(secrets.redact(template).into_owned()));
            }
            said.map(|said| (notification, shown, said))
        });
        made.await.map_err(PreviewAlertError::Panicked)?.map_err(PreviewAlertError::Unsayable)
    }

    async fn run(&self, script: Script) -> Result<Outcome, RunFault> {
        let stopping = || RunFault { message: "the server is stopping".to_owned() };
        let _place = self.shared.on_demand.acquire().await.map_err(|_| stopping())?;
        tokio::select! {
            outcome = AssertUnwindSafe(self.shared.in_force().configured.runner.run(script)).catch_unwind() => {
                outcome.unwrap_or_else(|panic| Err(RunFault { message: format!("the run panicked: {}", error_words::of_panic(&*panic)) }))
            }
            () = self.shared.cut.cancelled() => Err(stopping()),
        }
    }
}
