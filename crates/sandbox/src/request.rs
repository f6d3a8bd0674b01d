//! What goes into a run, and whom it may ask.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Instant,
};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use revere_model::{Clock, ReturnValue, State};

use crate::{Limits, Value};

/// Everything a run depends on. The same request with the same answers gives the same outcome.
#[derive(Clone)]
pub struct RunRequest {
    /// The author's Python.
    pub script: String,
    /// The sources the script can name. Descriptions only; calls go to `broker`.
    pub sources: Arc<BTreeMap<String, SourceDescription>>,
    /// What the last recorded run left.
    pub previous: Option<Previous>,
    /// Seeds `random` and everything else that asks for randomness.
    pub seed: u64,
    /// Says at which instant the run begins; what `time` and `datetime` show moves on from there as docs/MONITORS.md has it.
    pub clock: Arc<dyn Clock>,
    /// What it may use.
    pub limits: Limits,
    /// Folders whose `.py` files the script may import, read by the host.
    pub python_path: Arc<[PathBuf]>,
    /// Answers source calls.
    pub broker: Arc<dyn Broker>,
}

/// The last recorded run, as the script's `previous` shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Previous {
    /// The monitor's state after it.
    pub state: State,
    /// Its value.
    pub return_value: Option<ReturnValue>,
    /// Its message.
    pub message: String,
    /// When it began.
    pub at: Timestamp,
}

/// The source of what a script asks of its own monitor: no configured source has an empty name.
pub const OWN: &str = "";

/// `history(...)`, which the broker answers as a call of [`OWN`]: a list of tuples of `at`, `state` and `return_value`, oldest
/// first.
pub const HISTORY: &str = "history";

/// What a script can ask of its own monitor, as methods are described.
pub fn own_methods() -> &'static [MethodDescription] {
    static METHODS: LazyLock<[MethodDescription; 1]> = LazyLock::new(|| {
        [MethodDescription {
            name: HISTORY.to_owned(),
            signature: "(since='-7d', until=None)".to_owned(),
            doc: "The monitor's own recorded runs that began from `since` until before `until`, oldest first."
                .to_owned(),
        }]
    });
    &*METHODS
}

/// A call as people read it: `source.method`, or `history` alone.
pub fn call_name(source: &str, method: &str) -> String {
    if source == OWN { method.to_owned() } else { format!("{source}.{method}") }
}

/// A configured source as a script sees it, and as the editor completes it.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct SourceDescription {
    /// The configured `type`, for messages.
    pub kind: String,
    /// What an operator wrote about it.
    pub description: String,
    /// Its methods; anything else is an `AttributeError` naming these.
    pub methods: Vec<MethodDescription>,
}

/// One method of a source.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct MethodDescription {
    /// The Python name.
    pub name: String,
    /// The parameters as Python shows them: `(path, from_date=None, to_date=None)`. Calls that do not fit it are a
    /// `TypeError` in the script, before any request is made.
    pub signature: String,
    /// What it answers, in a sentence or two.
    pub doc: String,
}

/// A helper module as a script imports it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HelperModule {
    /// The file, as tracebacks show it.
    pub file: String,
    /// Its text.
    pub source: String,
    /// Whether it is a package's `__init__.py`.
    pub package: bool,
}

/// One call of a method of a source, its arguments already bound to the names of the signature.
#[derive(Clone, PartialEq, Debug)]
pub struct SourceCall {
    /// The configured name, or [`OWN`]; the broker checks it again.
    pub source: String,
    /// The method; the broker checks it again.
    pub method: String,
    /// Positional arguments as the script wrote them.
    pub args: Vec<Value>,
    /// Keyword arguments as the script wrote them.
    pub kwargs: Vec<(String, Value)>,
    /// The instant of the call, as the script reads it.
    pub now: Timestamp,
    /// When the run's time is over: an answer after that reaches nobody.
    pub deadline: Instant,
    /// The largest answer the run takes, in bytes.
    pub answer_bytes: usize,
}

/// Why a source gave no answer; raised in the script.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SourceFault {
    /// The source failed: `SourceError`. The text says source, what was asked and what came back, without secrets.
    #[error("{0}")]
    Failed(String),
    /// The same, because nobody reaches or can use the source: no connection, or one that broke, or nobody is let in.
    #[error("{0}")]
    Unavailable(String),
    /// The arguments do not fit: `TypeError` or `ValueError` in the script.
    #[error("{0}")]
    BadArguments(String),
    /// The answer is larger than the run takes; ends the run.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The call could not be made, by a fault of the server: ends the run, which counts as not made.
    #[error("{0}")]
    Ours(String),
}

/// Answers source calls. The secrets are on its side.
pub trait Broker: Send + Sync {
    /// Makes one call. The future may be dropped at any time; it must not block the thread.
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>>;
}

/// A configuration file to evaluate.
#[derive(Clone, PartialEq, Debug)]
pub struct ConfigRequest {
    /// Its text.
    pub source: String,
    /// Its name, as tracebacks and `__file__` show it.
    pub filename: String,
    /// The folder it may import `.py` files from.
    pub folder: PathBuf,
    /// Seeds `random`, `os.urandom` and `secrets`. A configuration may make keys from them, so nobody must be able to
    /// guess it.
    pub seed: [u8; 32],
    /// What `os.environ` holds.
    pub environment: Vec<(String, String)>,
    /// What it may use; source calls have no meaning here.
    pub limits: Limits,
}
