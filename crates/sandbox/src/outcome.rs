//! What a run did. A script's fault is data here; an `Err` beside it means that the sandbox could not do its work.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{ReturnValue, Severity, State};

use crate::HttpAnswer;

/// What a run did.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// `OK`, `ALARM` or `ERROR`.
    pub state: State,
    /// The failure's text, `Type: message` of another exception, or `Monitor Passed`. Bounded, valid UTF-8, no control
    /// characters but newline and tab.
    pub message: String,
    /// How bad the failure says that it is; `None` where it does not say, and for everything but an `ALARM`.
    pub severity: Option<Severity>,
    /// What the script left in `return_value`, if it is an int, float or str.
    pub return_value: Option<ReturnValue>,
    /// What the script left in `threshold`, if it is a finite number.
    pub threshold: Option<f64>,
    /// What it printed, bounded, cleaned as the message is.
    pub output: String,
    /// What went wrong, for an `ERROR`, and the place for an `ALARM`.
    pub error: Option<ScriptError>,
    /// The source calls it made, in order.
    pub source_calls: Vec<CallRecord>,
    /// What it began with.
    pub inputs: RunInputs,
    /// Wall-clock time.
    pub duration: Duration,
    /// Time on a processor.
    pub cpu_time: Duration,
    /// The most linear memory it had, in bytes.
    pub memory_bytes: usize,
}

/// What a run began with, as its record keeps it. The same script with the same answers does the same from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunInputs {
    /// What its clock showed first, in whole microseconds.
    pub instant: Timestamp,
    /// What its randomness was drawn from.
    pub seed: u64,
    /// Which script it was, as [`script_version`](crate::script_version) makes it.
    pub script_version: String,
}

/// What went wrong in the author's words and lines.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScriptError {
    /// The exception's type, for instance `ZeroDivisionError`; `Limit` or `Crash` where no Python exception was left.
    pub kind: String,
    /// What it says: the exception's text with its type, or the limit with its number. The same as the outcome's message,
    /// unless that is a failure's own.
    pub message: String,
    /// The line of the script, from 1, where known.
    pub line: Option<u32>,
    /// The column, from 1, of what does not compile.
    pub column: Option<u32>,
    /// Python's traceback, beginning at the author's code.
    pub traceback: Option<String>,
    /// The limit that was hit.
    pub limit: Option<LimitKind>,
}

/// Something in a script that compiles and yet hardly does what its author means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptWarning {
    /// The line, from 1.
    pub line: u32,
    /// What happens, and what to write instead.
    pub message: String,
}

/// The limits a run can hit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LimitKind {
    /// Wall-clock time.
    WallTime,
    /// Processor time.
    CpuTime,
    /// Memory.
    Memory,
    /// Number of source calls.
    SourceCalls,
    /// Size of a source's answer.
    Answer,
    /// Recursion in native code.
    Stack,
}

/// One source call as it is shown to the author.
#[derive(Clone, PartialEq, Debug)]
pub struct CallRecord {
    /// The source's configured name; empty where the monitor's own past was asked.
    pub source: String,
    /// The method.
    pub method: String,
    /// The arguments as Python would write them, shortened.
    pub arguments: String,
    /// The answer as Python would write it, shortened, or the fault's text.
    pub answer: Result<String, String>,
    /// Whether the source was there: true where it answered, false where it could not be reached or used; `None` where the
    /// call shows neither.
    pub available: Option<bool>,
    /// Whether the run ended by it: its fault was the exception that ended the run, or one that this came from, or the
    /// run's time was over while it waited.
    pub ended_run: bool,
    /// The answer with its parts, where it came over HTTP; `answer` is then `200 OK · 1.6 ms · 49 B`.
    pub http: Option<Box<HttpAnswer>>,
    /// How long it took.
    pub duration: Duration,
}
