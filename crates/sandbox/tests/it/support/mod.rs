//! One sandbox for the whole process, a broker that answers from a function, and a request to change.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt};
use revere_model::{ManualClock, State};
use revere_sandbox::{
    Broker, KeepInstances, Limits, MethodDescription, Options, Outcome, RunRequest, Sandbox, SourceCall,
    SourceDescription, SourceFault, Value,
};

pub(crate) const THREADS: usize = 2;

/// Where compiled code is shared by all tests of this machine.
pub(crate) fn cache_dir() -> PathBuf {
    match std::env::var_os("REVERE_CACHE_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/revere-cache"),
    }
}

pub(crate) fn options(keep: KeepInstances) -> Options {
    Options { cache_dir: cache_dir(), threads: THREADS, max_in_flight: 64, keep }
}

pub(crate) fn open(options: Options) -> Sandbox {
    Sandbox::open(options, &|_| {}).expect("a sandbox")
}

/// The sandbox that keeps its instances, as a server's does.
pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| open(options(KeepInstances::Auto)));
    &SANDBOX
}

/// One that keeps its instances where the kernel does not tell which pages were written.
pub(crate) fn untracked_sandbox() -> &'static Sandbox {
    static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| open(options(KeepInstances::WithoutTracking)));
    &SANDBOX
}

/// One that makes a new instance for every run.
pub(crate) fn fresh_sandbox() -> &'static Sandbox {
    static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| open(options(KeepInstances::Never)));
    &SANDBOX
}

/// Runs a future to its end, on one small runtime for the process.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    });
    RUNTIME.block_on(future)
}

/// Answers source calls from a function.
pub(crate) struct Answers<F>(pub F);

impl<F> Broker for Answers<F>
where
    F: Fn(SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> + Send + Sync,
{
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        self.0(call)
    }
}

/// A broker that answers at once.
pub(crate) fn answers(f: impl Fn(SourceCall) -> Result<Value, SourceFault> + Send + Sync + 'static) -> Arc<dyn Broker> {
    Arc::new(Answers(move |call| {
        let answer = f(call);
        async move { answer }.boxed()
    }))
}

/// the README's two graphite answers, an `echo` that gives back its one argument, and a `fail`.
pub(crate) fn usual_answers() -> Arc<dyn Broker> {
    answers(|call| match call.method.as_str() {
        "get_sum" if call.args.first().and_then(Value::as_text).is_some_and(|path| path.ends_with("500")) => {
            Ok(Value::Float(3.0))
        }
        "get_sum" => Ok(Value::Float(120.0)),
        "echo" => Ok(call.args.into_iter().next().unwrap_or(Value::Null)),
        "fail" => Err(SourceFault::Failed("graphite at metrics.example answered 503".into())),
        "huge" => Err(SourceFault::TooLarge(call.answer_bytes)),
        _ => Err(SourceFault::BadArguments("from_date is not a date".into())),
    })
}

pub(crate) fn sources() -> Arc<BTreeMap<String, SourceDescription>> {
    let method = |name: &str, signature: &str| MethodDescription {
        name: name.into(),
        signature: signature.into(),
        doc: format!("What {name} answers."),
    };
    let graphite = SourceDescription {
        kind: "graphite".into(),
        description: "Metrics".into(),
        methods: vec![
            method("get_sum", "(path, from_date=None, to_date=None)"),
            method("echo", "(value)"),
            method("fail", "()"),
            method("huge", "()"),
            method("picky", "()"),
        ],
    };
    // A plug-in that has not described itself yet judges by itself.
    let plugin = SourceDescription {
        kind: "command".into(),
        description: String::new(),
        methods: vec![method("*", "(*args, **kwargs)")],
    };
    Arc::new(BTreeMap::from([("graphite".into(), graphite), ("plugin".into(), plugin)]))
}

/// A request with the usual sources and answers, and limits short enough for tests.
pub(crate) fn request(script: &str) -> RunRequest {
    RunRequest {
        script: script.into(),
        sources: sources(),
        previous: None,
        seed: 7,
        clock: Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().expect("a timestamp"))),
        limits: Limits { wall_time: Duration::from_secs(20), cpu_time: Duration::from_secs(10), ..Limits::default() },
        python_path: Arc::default(),
        broker: usual_answers(),
    }
}

/// Runs a script in the usual way.
pub(crate) fn run(script: &str) -> Outcome {
    run_in(sandbox(), request(script))
}

pub(crate) fn run_in(sandbox: &Sandbox, request: RunRequest) -> Outcome {
    block_on(sandbox.run(request)).expect("our own side works")
}

/// Asserts that a run passed, and answers its value as text.
#[track_caller]
pub(crate) fn value(outcome: &Outcome) -> String {
    assert_eq!(outcome.state, State::Ok, "{outcome:#?}");
    outcome.return_value.as_ref().map(ToString::to_string).unwrap_or_else(|| "none".into())
}
