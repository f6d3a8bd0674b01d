//! Sources: where a monitor's data comes from. One file is one type; `KINDS` registers it.
//!
//! A script holds a capability, never a credential: it names a configured source and one of its methods, and this side
//! adds the address and the password. A source that is down never stops the server from starting; it shows as down.

pub mod watch;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use jiff::Timestamp;
pub use revere_sandbox::{MethodDescription, SourceFault, Value};

use crate::settings::{Fault, Field, Settings};

/// A configured source.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its methods, as scripts and the editor see them. Known without contacting anything, but for plug-ins.
    fn methods(&self) -> Vec<MethodDescription>;

    /// Answers one call, within `call.deadline` and the source's own time limit. Faults say source, what was asked and
    /// what came back, and hold no secret.
    async fn call(&self, call: Call) -> Result<Value, SourceFault>;

    /// The cheapest question that shows whether the source can answer.
    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault>;
}

/// One call of one method.
#[derive(Clone, Debug)]
pub struct Call {
    /// One of the described methods.
    pub method: String,
    /// Positional arguments, as many as the signature allows.
    pub args: Vec<Value>,
    /// Keyword arguments, of names the signature has.
    pub kwargs: Vec<(String, Value)>,
    /// When the run's time is over.
    pub deadline: Instant,
    /// The largest answer the caller takes, in bytes; more is [`SourceFault::TooLarge`].
    pub answer_bytes: usize,
    /// The run's clock at the call: what relative times such as `-10min` count from.
    pub now: Timestamp,
}

/// A type of source.
pub struct SourceKind {
    /// Its names in the configuration; the first is the one to show.
    pub names: &'static [&'static str],
    /// What it is, for the documentation, in a sentence.
    pub doc: &'static str,
    /// What it needs.
    pub fields: &'static [Field],
    /// Makes one. Contacts nothing.
    pub build: fn(&str, &Settings, &Surroundings) -> Built,
}

/// A source, or everything that is wrong with its settings.
pub type Built = Result<Arc<dyn Source>, Vec<Fault>>;

/// What a source or a channel may use of the program around it.
#[derive(Clone)]
pub struct Surroundings {
    /// The folder of the configuration file: relative paths count from it.
    pub folder: std::path::PathBuf,
    /// Takes secrets out of texts.
    pub secrets: crate::redact::Secrets,
    /// Asks over HTTP.
    pub outbound: crate::outbound::Outbound,
}
