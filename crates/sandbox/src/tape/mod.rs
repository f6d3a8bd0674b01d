//! A tape: everything that one run depended on, as one value, and what came of it.
//!
//! A run is a pure function of its script, the interpreter, its limits, an instant, a seed, what the previous run left,
//! the helper modules it read, and what the sources answered. [`Sandbox::record`](crate::Sandbox::record) notes all of
//! that while a run goes on; [`Sandbox::replay`](crate::Sandbox::replay) runs the script again from it, without any
//! source. As a file a tape is JSON; docs/TAPES.md describes it.
//!
//! What a tape holds is what the script saw. Secrets are taken out by [`Tape::redact`], by whoever knows them, before it
//! goes anywhere.

mod call_entry;
mod difference;
mod entries;
mod file;
mod player;
mod recorder;
mod redact;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use revere_model::{ReturnValue, Severity, State};

pub use self::{
    difference::{CallText, Difference, OutcomeField, Replay},
    file::TapeError,
};
pub(crate) use self::{player::Player, recorder::Recorder};
use crate::{HelperModule, Limits, Outcome, Previous, SourceDescription, SourceFault, TimeOut, Value};

/// Everything that one run depended on, and what came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Tape {
    /// The version of Revere that made it.
    pub made_by: String,
    /// The interpreter's checksum.
    pub guest: String,
    /// The checksum of our own Python in it.
    pub prelude: String,
    /// The author's Python.
    pub script: String,
    /// Its version, as [`script_version`](crate::script_version) makes it.
    pub script_version: String,
    /// Whether the run was given bytecode that was made before, or compiled the script itself: where objects lie in memory
    /// depends on it, and a script may look.
    pub compiled_before: bool,
    /// The helper modules it read, by name; `None` where no folder for them was configured.
    pub helpers: Option<BTreeMap<String, TapedHelper>>,
    /// The sources that it could name. What operators wrote about them is not seen by scripts, and empty here.
    pub sources: BTreeMap<String, SourceDescription>,
    /// What it could use.
    pub limits: Limits,
    /// What its clock showed first.
    pub instant: Timestamp,
    /// What every reading moved that clock on by.
    pub clock_step: Duration,
    /// What its randomness was drawn from.
    pub seed: u64,
    /// What the last recorded run left.
    pub previous: Option<Previous>,
    /// Its source calls, in order.
    pub calls: Vec<TapedCall>,
    /// Where it was when its time was over, if it was.
    pub time_out: Option<TimeOut>,
    /// What came of it.
    pub outcome: TapedOutcome,
    /// The places from which a secret was taken: the run saw something else there.
    pub redacted: Vec<String>,
}

/// A helper module as it was read, or why it could not be.
pub type TapedHelper = Result<HelperModule, String>;

/// One source call, with its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct TapedCall {
    /// The source's configured name.
    pub source: String,
    /// The method.
    pub method: String,
    /// Positional arguments as the script wrote them.
    pub args: Vec<Value>,
    /// Keyword arguments as the script wrote them.
    pub kwargs: Vec<(String, Value)>,
    /// When it was made, on the run's clock.
    pub at: Duration,
    /// How long it took.
    pub duration: Duration,
    /// What the run was charged for it, of its time on a processor.
    pub cpu_time: Duration,
    /// What came back.
    pub answer: TapedAnswer,
    /// Whether the file that it was read from has another checksum for it: somebody changed the call.
    pub edited: bool,
}

/// What came back from a source.
#[derive(Clone, PartialEq, Debug)]
pub enum TapedAnswer {
    /// A value.
    Value(Value),
    /// A fault, which the script saw as an exception or which ended it.
    Fault(SourceFault),
    /// A value nested too deeply, which ended the run.
    TooDeep,
    /// Nothing: the run's time was over first.
    Nothing,
}

/// What came of a run, as far as a replay must bring it about again.
#[derive(Clone, PartialEq, Debug)]
pub struct TapedOutcome {
    /// `OK`, `ALARM` or `ERROR`.
    pub state: State,
    /// What people read.
    pub message: String,
    /// How bad the failure says that it is.
    pub severity: Option<Severity>,
    /// What the script left in `return_value`.
    pub return_value: Option<ReturnValue>,
    /// What the script left in `threshold`.
    pub threshold: Option<f64>,
    /// What it printed.
    pub output: String,
    /// Python's traceback.
    pub traceback: Option<String>,
}

impl From<&Outcome> for TapedOutcome {
    fn from(outcome: &Outcome) -> TapedOutcome {
        TapedOutcome {
            state: outcome.state,
            message: outcome.message.clone(),
            severity: outcome.severity,
            return_value: outcome.return_value.clone(),
            threshold: outcome.threshold,
            output: outcome.output.clone(),
            traceback: outcome.error.as_ref().and_then(|error| error.traceback.clone()),
        }
    }
}
