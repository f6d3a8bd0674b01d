//! `history()`: a monitor's own past, for its script.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, State};
use revere_sandbox::{HISTORY, OWN, SourceCall, SourceFault, Value, own_methods};

use crate::sources::time_arguments::resolve;

/// Runs that one call answers at most: 13 days of a monitor that runs every minute.
pub const MOST_RUNS: usize = 20_000;
/// Bytes that the texts among their values have at most.
pub const MOST_TEXT_BYTES: usize = 4 << 20;

/// Where recorded runs are kept.
pub trait PastRuns: Send + Sync {
    /// The runs of a monitor that began from `since` until before `until`, oldest first: at most [`MOST_RUNS`], whose values
    /// have at most [`MOST_TEXT_BYTES`] of text.
    fn past_runs(
        &self,
        monitor: MonitorId,
        since: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'static, Result<Vec<PastRun>, PastFault>>;
}

/// A recorded run, as `history()` shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct PastRun {
    /// When it began.
    pub at: Timestamp,
    /// The state that it left.
    pub state: State,
    /// Its value.
    pub return_value: Option<ReturnValue>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PastFault {
    /// More runs than one call answers.
    #[error("more than {MOST_RUNS} runs")]
    TooMany,
    /// More text than one call answers.
    #[error("runs with more than {} MiB of text", MOST_TEXT_BYTES >> 20)]
    TooLarge,
    /// They could not be read: our fault.
    #[error("the past runs of the monitor cannot be read: {0}")]
    Ours(String),
}

/// Answers a call of [`OWN`]; a script that is no monitor's has no past.
pub(super) async fn answer(past: Option<(&dyn PastRuns, MonitorId)>, call: SourceCall) -> Result<Value, SourceFault> {
    debug_assert_eq!(call.source, OWN);
    // The guest may have forged the call.
    if call.method != HISTORY {
        return Err(SourceFault::BadArguments("a monitor has no such method".to_owned()));
    }
    let shown = call.args.iter().map(|argument| argument.repr(60)).collect::<Vec<_>>().join(", ");
    let (since, until) = stretch(call)?;
    let Some((past, monitor)) = past else { return Ok(Value::List(Vec::new())) };
    match past.past_runs(monitor, since, until).await {
        Ok(runs) => Ok(Value::List(runs.into_iter().map(row).collect())),
        Err(fault @ PastFault::Ours(_)) => Err(SourceFault::Ours(fault.to_string())),
        Err(fault) => Err(SourceFault::Failed(format!(
            "history({shown}) has {fault}; ask for a shorter time, or for parts of it: history('-14d', '-7d')"
        ))),
    }
}

/// From when until when it asks.
fn stretch(call: SourceCall) -> Result<(Timestamp, Timestamp), SourceFault> {
    let mut args = call.args.into_iter();
    let mut named = call.kwargs;
    let mut argument = |name: &str| {
        let at = named.iter().position(|(key, _)| key == name);
        args.next().or_else(|| at.map(|at| named.swap_remove(at).1)).filter(|value| *value != Value::Null)
    };
    let since = argument("since").unwrap_or_else(|| Value::Text(default_since().to_owned()));
    let until = argument("until");
    let since = resolve("since", since, call.now)?;
    let until = until.map_or(Ok(call.now), |until| resolve("until", until, call.now))?;
    Ok((since, until))
}

/// As the signature that scripts see has it.
fn default_since() -> &'static str {
    own_methods()[0].signature.split('\'').nth(1).unwrap_or("-7d")
}

fn row(run: PastRun) -> Value {
    let at = run.at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string();
    let value = match run.return_value {
        None => Value::Null,
        Some(ReturnValue::Int(int)) => Value::Int(int),
        Some(ReturnValue::Float(float)) => Value::Float(float),
        Some(ReturnValue::Text(text)) => Value::Text(text),
    };
    Value::Tuple(vec![Value::DateTime(at), Value::Text(run.state.to_string()), value])
}
