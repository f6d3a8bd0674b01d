//! What runs scripts in measures of the engine: one that does nothing, and the real sandbox with a source that answers at once.

use std::{path::Path, sync::Arc, time::Duration, time::Instant};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use revere::{
    engine::{RunFault, RunScripts},
    metrics::Metrics,
    redact::Secrets,
    runner::{NamedSource, Runner, RunnerParts, Script},
    sources::{Call, MethodDescription, Source, SourceFault, Value},
};
use revere_model::{Clock, State, SystemClock};
use revere_sandbox::{KeepInstances, Limits, Options, Outcome, RunInputs, Sandbox};

/// DESIGN's example, with its two source calls.
pub(crate) const EXAMPLE: &str = "
total  = sources['graphite'].get_sum('sum(stats_counts.response.*)', '-10min')
errors = sources['graphite'].get_sum('stats_counts.response.500', '-10min')
return_value = errors / total
if return_value >= .005:
    raise MonitorFailure('High number of error responses: %.2f%%' % (100 * return_value))
";

/// Does nothing, at once.
pub(crate) struct Nothing;

impl RunScripts for Nothing {
    fn run(&self, _: Script) -> BoxFuture<'static, Result<Outcome, RunFault>> {
        Box::pin(std::future::ready(Ok(Outcome {
            state: State::Ok,
            severity: None,
            message: "Monitor Passed".to_owned(),
            return_value: None,
            threshold: None,
            output: String::new(),
            error: None,
            source_calls: Vec::new(),
            inputs: RunInputs { instant: SystemClock.now(), seed: 7, script_version: "0123".repeat(8) },
            duration: Duration::ZERO,
            cpu_time: Duration::ZERO,
            memory_bytes: 0,
        })))
    }
}

/// The real one; what it compiles it keeps in `cache`.
pub(crate) fn sandboxed(cache: &Path) -> Runner {
    let options = Options {
        cache_dir: cache.to_owned(),
        threads: std::thread::available_parallelism().unwrap().get(),
        max_in_flight: 300,
        keep: KeepInstances::Auto,
    };
    let sandbox = Sandbox::open(options, &|step| println!("sandbox: {step:?}")).unwrap();
    let graphite = NamedSource { kind: "graphite".to_owned(), description: String::new(), source: Arc::new(Instantly) };
    Runner::new(RunnerParts {
        sandbox,
        sources: [("graphite".to_owned(), graphite)].into(),
        answer_memory: revere::answer_memory::AnswerMemory::of(1 << 30),
        past: None,
        limits: Limits::default(),
        python_path: Vec::new(),
        clock: Arc::new(SystemClock),
        metrics: Arc::new(Metrics::new(SystemClock.now())),
        secrets: Secrets::default(),
    })
}

/// A source that answers at once: what it costs is not what is measured.
struct Instantly;

#[async_trait]
impl Source for Instantly {
    fn methods(&self) -> Vec<MethodDescription> {
        vec![MethodDescription {
            name: "get_sum".to_owned(),
            signature: "(path, from_date=None, to_date=None)".to_owned(),
            doc: "A sum.".to_owned(),
        }]
    }

    async fn call(&self, call: Call) -> Result<Value, SourceFault> {
        let errors = call.args.iter().any(|arg| matches!(arg, Value::Text(text) if text.ends_with("500")));
        Ok(Value::Float(if errors { 3.0 } else { 100_000.0 }))
    }

    async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
        Ok(())
    }
}
