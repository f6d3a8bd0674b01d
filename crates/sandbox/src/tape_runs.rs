//! Runs that are recorded on a tape, and runs from one.

use std::sync::Arc;

use revere_model::ManualClock;

use crate::{
    Outcome, Replay, RunRequest, Sandbox, SandboxError, SourceDescription, Tape, TapedOutcome,
    host::{
        Helpers,
        clock::{RecordedWaits, RunClock, STEP},
    },
    sandbox::Execution,
    tape::{Player, Recorder},
    versions::{guest_version, prelude_version},
};

impl Sandbox {
    /// Runs a script as [`Sandbox::run`] does, and records what the run depended on.
    pub async fn record(&self, mut request: RunRequest) -> Result<(Outcome, Tape), SandboxError> {
        let recorder = Arc::new(Recorder::new(request.broker.clone()));
        request.broker = recorder.clone();
        let code = self.code_of(&request.script).await?;
        let compiled_before = code.is_some();
        let recorded = request.clone();
        let execution = Execution { notes_helpers: true, ..Execution::of(request, code) };
        let executed = self.execute(execution).await?;
        let outcome = executed.outcome;
        let sources = recorded
            .sources
            .iter()
            .map(|(name, source)| (name.clone(), SourceDescription { description: String::new(), ..source.clone() }));
        let tape = Tape {
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            guest: guest_version(),
            prelude: prelude_version(),
            script_version: outcome.inputs.script_version.clone(),
            compiled_before,
            helpers: (!recorded.python_path.is_empty()).then_some(executed.helpers_read),
            sources: sources.collect(),
            limits: recorded.limits,
            instant: outcome.inputs.instant,
            clock_step: STEP,
            seed: recorded.seed,
            previous: recorded.previous,
            calls: recorder.calls(outcome.inputs.instant, &outcome.source_calls),
            time_out: executed.time_out,
            outcome: TapedOutcome::from(&outcome),
            redacted: Vec::new(),
            script: recorded.script,
        };
        Ok((outcome, tape))
    }

    /// Runs the script of a tape again from there: no source is asked, and nothing is waited for.
    pub async fn replay(&self, tape: &Tape) -> Result<Replay, SandboxError> {
        let player = Arc::new(Player::new(tape.calls.clone()));
        let request = RunRequest {
            script: tape.script.clone(),
            sources: Arc::new(tape.sources.clone()),
            previous: tape.previous.clone(),
            seed: tape.seed,
            clock: Arc::new(ManualClock::at(tape.instant)),
            limits: tape.limits.clone(),
            python_path: Arc::default(),
            broker: player.clone(),
        };
        let recorded =
            RecordedWaits { calls: tape.calls.iter().map(|call| call.duration).collect(), time_out: tape.time_out };
        let (instant, step) = (tape.instant, tape.clock_step);
        let execution = Execution {
            code: if tape.compiled_before { self.compiled_code(&tape.script).await? } else { None },
            clock: Box::new(move || RunClock::replaying(instant, step, recorded)),
            helpers: match &tape.helpers {
                Some(helpers) => Helpers::Taped(Arc::new(helpers.clone())),
                None => Helpers::Folders(Arc::default()),
            },
            notes_helpers: false,
            request,
        };
        match self.execute(execution).await {
            Ok(executed) => Ok(Replay::of(tape, Some(executed.outcome), player.difference())),
            // The player ends a run that asks for what it does not have.
            Err(error) => match player.difference() {
                Some(difference) if matches!(error, SandboxError::Server(_)) => {
                    Ok(Replay::of(tape, None, Some(difference)))
                }
                _ => Err(error),
            },
        }
    }
}
