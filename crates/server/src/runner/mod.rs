//! The one way a script is run: on its schedule, at a person's word, to try it out, from the command line.
//!
//! Knows sources and the sandbox; knows no store, no state and no alert. What a script does wrong is in the
//! [`Outcome`]; an error means that we could not do our work.

mod broker;
mod error_line;
mod past;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use revere_model::{Clock, MonitorId};
use revere_sandbox::{
    Limits, Outcome, Previous, RunRequest, Sandbox, SandboxError, ScriptError, ScriptWarning, SourceDescription, Tape,
};

use crate::{
    answer_memory::AnswerMemory,
    metrics::Metrics,
    redact::Secrets,
    sources::{self, Source},
};
use broker::{RunBroker, SourceBroker};

pub(crate) use error_line::say_line;

pub use past::{MOST_RUNS, MOST_TEXT_BYTES, PastFault, PastRun, PastRuns};

/// A configured source, by its name.
#[derive(Clone)]
pub struct NamedSource {
    /// Its `type` in the configuration.
    pub kind: String,
    /// What an operator wrote about it.
    pub description: String,
    /// The source.
    pub source: Arc<dyn Source>,
}

/// The configured sources, by name.
pub type Sources = BTreeMap<String, NamedSource>;

/// What a runner is made of.
pub struct RunnerParts {
    /// Runs the Python.
    pub sandbox: Sandbox,
    /// What scripts can name.
    pub sources: Sources,
    /// What a run may use, unless its monitor says otherwise.
    pub limits: Limits,
    /// Folders of the authors' helpers.
    pub python_path: Vec<PathBuf>,
    /// Says at which instant a run begins.
    pub clock: Arc<dyn Clock>,
    /// Counts source calls.
    pub metrics: Arc<Metrics>,
    /// Taken out of what sources and scripts say.
    pub secrets: Secrets,
    /// What the answers of all source calls share.
    pub answer_memory: AnswerMemory,
    /// Where `history()` finds a monitor's past; without it, it finds none.
    pub past: Option<Arc<dyn PastRuns>>,
}

/// Runs scripts. Clones share everything.
#[derive(Clone)]
pub struct Runner {
    inner: Arc<Inner>,
}

struct Inner {
    parts: RunnerParts,
    python_path: Arc<[PathBuf]>,
    /// Filled once every source has told its methods; a plug-in that could not is asked again at the next run.
    descriptions: OnceLock<Arc<BTreeMap<String, SourceDescription>>>,
    broker: Arc<SourceBroker>,
}

/// One script to run.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The author's Python.
    pub text: String,
    /// A wall-clock limit other than the runner's own.
    pub timeout: Option<Duration>,
    /// What the last recorded run left.
    pub previous: Option<Previous>,
    /// Whose past `history()` shows; without a monitor there is none.
    pub monitor: Option<MonitorId>,
    /// The seed of everything random in it; `None` draws one.
    pub seed: Option<u64>,
}

impl Runner {
    /// A runner that makes its source calls on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(parts: RunnerParts) -> Runner {
        parts.sources.keys().for_each(|source| parts.metrics.source(source));
        let broker = Arc::new(SourceBroker {
            sources: parts.sources.clone(),
            runtime: tokio::runtime::Handle::current(),
            metrics: parts.metrics.clone(),
            secrets: parts.secrets.clone(),
            answer_memory: parts.answer_memory.clone(),
            past: parts.past.clone(),
        });
        let python_path = parts.python_path.clone().into();
        Runner { inner: Arc::new(Inner { parts, python_path, descriptions: OnceLock::new(), broker }) }
    }

    /// Runs `script` once. Dropping the future ends the run.
    pub async fn run(&self, script: Script) -> Result<Outcome, SandboxError> {
        let request = self.request(script).await;
        let mut outcome = self.inner.parts.sandbox.run(request).await?;
        self.finish(&mut outcome);
        Ok(outcome)
    }

    /// Runs `script` as [`Runner::run`] does, and records what the run depended on, without the secrets.
    pub async fn record(&self, script: Script) -> Result<(Outcome, Tape), SandboxError> {
        let request = self.request(script).await;
        let (mut outcome, mut tape) = self.inner.parts.sandbox.record(request).await?;
        self.finish(&mut outcome);
        tape.redact(&|text| self.inner.parts.secrets.redact(text));
        Ok((outcome, tape))
    }

    async fn request(&self, script: Script) -> RunRequest {
        let inner = &self.inner;
        let mut limits = inner.parts.limits.clone();
        limits.wall_time = script.timeout.unwrap_or(limits.wall_time);
        RunRequest {
            script: script.text,
            sources: self.descriptions().await,
            previous: script.previous,
            seed: script.seed.unwrap_or_else(draw_seed),
            clock: inner.parts.clock.clone(),
            limits,
            python_path: inner.python_path.clone(),
            broker: Arc::new(RunBroker { broker: inner.broker.clone(), monitor: script.monitor }),
        }
    }

    /// Whether `script` is Python, without running it, and what in it is hardly meant.
    pub async fn check(&self, script: &str) -> Result<Result<Vec<ScriptWarning>, ScriptError>, SandboxError> {
        self.inner.parts.sandbox.check(script).await
    }

    /// The configured sources.
    pub fn sources(&self) -> &Sources {
        &self.inner.parts.sources
    }

    /// The sandbox, for its counters.
    pub fn sandbox(&self) -> &Sandbox {
        &self.inner.parts.sandbox
    }

    /// The sources as scripts and the editor see them.
    pub async fn descriptions(&self) -> Arc<BTreeMap<String, SourceDescription>> {
        if let Some(known) = self.inner.descriptions.get() {
            return known.clone();
        }
        let sources = self.inner.parts.sources.clone();
        // A plug-in that has to be started first may take a moment.
        let described = tokio::task::spawn_blocking(move || describe(&sources)).await;
        let described = Arc::new(described.unwrap_or_else(|_| describe(&self.inner.parts.sources)));
        if described.values().any(|source| source.methods.is_empty() || source.methods[0].name == "*") {
            return described;
        }
        self.inner.descriptions.get_or_init(|| described).clone()
    }

    /// Makes an outcome what people and programs read.
    fn finish(&self, outcome: &mut Outcome) {
        self.redact(outcome);
        say_line(outcome, self.inner.parts.limits.message_bytes);
        for call in &mut outcome.source_calls {
            // What was asked stands beside it.
            if let Err(fault) = &mut call.answer {
                fault.truncate(sources::reason(fault, &call.source).len());
            }
        }
    }

    /// A source cannot hand a secret to a script, but an address that a script was told in a fault may hold one.
    fn redact(&self, outcome: &mut Outcome) {
        let secrets = &self.inner.parts.secrets;
        let clean = |text: &mut String| {
            if let std::borrow::Cow::Owned(redacted) = secrets.redact(text) {
                *text = redacted;
            }
        };
        clean(&mut outcome.message);
        clean(&mut outcome.output);
        if let Some(revere_model::ReturnValue::Text(text)) = &mut outcome.return_value {
            clean(text);
        }
        if let Some(traceback) = outcome.error.as_mut().and_then(|error| error.traceback.as_mut()) {
            clean(traceback);
        }
        for call in &mut outcome.source_calls {
            clean(&mut call.arguments);
            match &mut call.answer {
                Ok(text) | Err(text) => clean(text),
            }
            call.http.iter_mut().flat_map(|http| http.texts_mut()).for_each(clean);
        }
    }
}

fn describe(sources: &Sources) -> BTreeMap<String, SourceDescription> {
    sources
        .iter()
        .map(|(name, named)| {
            let described = SourceDescription {
                kind: named.kind.clone(),
                description: named.description.clone(),
                methods: named.source.methods(),
            };
            (name.clone(), described)
        })
        .collect()
}

fn draw_seed() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    // The fixed bits of a version 4 UUID stand at different places of its halves.
    high ^ low
}
