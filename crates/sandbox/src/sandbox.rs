//! The sandbox as the server sees it: opened once, cheap to clone, asked for runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
};

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use revere_model::{Clock, SystemClock};
use tokio::sync::Semaphore;
use wasmtime::{Engine, Module};

use crate::{
    ConfigRequest, ConfigValues, KeepInstances, OpenError, Options, Outcome, Progress, RunInputs, RunRequest,
    SandboxError, ScriptError, ScriptWarning, Stats, answer,
    bytecode_cache::{BytecodeCache, Code, Compilation},
    cpu_queue::CpuQueue,
    engine::{self, Optimization, Ticker},
    frozen_module,
    guest::Template,
    guest_pool::{End, Ended, GuestPool, Job},
    host::{
        Capabilities, Helpers, RunState, TapedHelpers,
        clock::{RunClock, TimeOut},
    },
    image::{Image, inert_run},
    module_cache, prelude,
    reset::Choice,
    stats::Counters,
    versions::script_version,
};

/// Interpreters kept for the next runs, per thread; each holds about 1.5 MB. More than begin at once, because those that
/// waited for a source come back in crowds.
const IDLE_PER_THREAD: usize = 8;

/// Runs scripts. Clones share everything.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<GuestPool>,
    scripts: BytecodeCache,
    threads: Threads,
    _ticker: Ticker,
    from_cache: bool,
}

impl Sandbox {
    /// Makes everything ready; blocks for milliseconds with a warm cache, for seconds without one.
    pub fn open(options: Options, progress: &(dyn Fn(Progress) + Sync)) -> Result<Sandbox, OpenError> {
        Sandbox::with(&options, progress, |engine, threads| {
            module_cache::load_or_compile(engine, &options.cache_dir, progress, || {
                threads.finish(frozen_module::module())
            })
        })
    }

    /// One of another size, in milliseconds and without a word: what is compiled stays compiled, also where it cannot be
    /// kept on disk.
    pub fn resized(&self, options: Options) -> Result<Sandbox, OpenError> {
        let old = &self.inner;
        Sandbox::with(&options, &|_| {}, |engine, _| {
            Ok((module_cache::load_again(engine, &options.cache_dir, old.pool.template.module())?, old.from_cache))
        })
    }

    fn with(
        options: &Options,
        progress: &(dyn Fn(Progress) + Sync),
        module: impl FnOnce(&Engine, &Threads) -> Result<(Module, bool), OpenError>,
    ) -> Result<Sandbox, OpenError> {
        let count = options.threads.max(1);
        let in_flight = options.max_in_flight.clamp(1, 10_000);
        let idle = IDLE_PER_THREAD * count;
        // A few more than are ever in use at once, because a slot of the pool is free only after its instance is gone; and
        // one for the image.
        let instances = in_flight + idle + count + 1;
        let engine = engine::engine(instances as u32, Optimization::Full).map_err(OpenError::engine)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count)
            .thread_name("revere-guests")
            .enable_time()
            // A slice of a guest takes up to a tick: look for expired timers and new runs after every few.
            .event_interval(3)
            .global_queue_interval(3)
            .build()
            .map_err(OpenError::Thread)?;
        let threads = Threads(Some(runtime));
        let (module, from_cache) = module(&engine, &threads)?;
        let template = Template::new(&module).map_err(OpenError::engine)?;
        let ticker = Ticker::start(&engine).map_err(OpenError::Thread)?;
        let (template, image, choice) = threads.finish(make_ready(template, options.keep))?;
        choice.refused.into_iter().for_each(progress);
        let pool = GuestPool {
            template,
            image,
            slots: Arc::new(Semaphore::new(in_flight)),
            cpu_queue: CpuQueue::new(count),
            resetter: choice.resetter,
            idle: Mutex::default(),
            most_idle: idle,
            counters: Counters::default(),
        };
        let (pool, scripts) = (Arc::new(pool), BytecodeCache::default());
        Ok(Sandbox { inner: Arc::new(Inner { pool, scripts, threads, _ticker: ticker, from_cache }) })
    }

    /// Runs a script. Waits for a slot first; the run's time begins when it has one. Dropping the future ends the run.
    pub async fn run(&self, request: RunRequest) -> Result<Outcome, SandboxError> {
        let code = self.code_of(&request.script).await?;
        Ok(self.execute(Execution::of(request, code)).await?.outcome)
    }

    /// Runs a script as [`Sandbox::run`] does, as `execution` has it.
    pub(crate) async fn execute(&self, execution: Execution) -> Result<Executed, SandboxError> {
        let Execution { request, code, clock, helpers, notes_helpers } = execution;
        let question = prelude::monitor(
            &request.script,
            code.as_deref(),
            request.seed,
            &request.sources,
            request.previous.as_ref(),
            !matches!(&helpers, Helpers::Folders(folders) if folders.is_empty()),
            request.limits.value_bytes,
        );
        let capabilities = Capabilities { sources: request.sources, broker: Some(request.broker), helpers };
        let (limits, seed) = (request.limits.clone(), request.seed);
        let script_version = script_version(&request.script);
        let mut ended = self
            .ended(Job {
                question: question.map_err(|error| SandboxError::Request(error.to_string()))?,
                begin: Box::new(move || {
                    let rng = ChaCha20Rng::seed_from_u64(seed);
                    let mut run = RunState::new(request.limits, clock(), rng, capabilities);
                    run.helpers_read = notes_helpers.then(TapedHelpers::default);
                    run
                }),
                keep: true,
            })
            .await?;
        let inputs = RunInputs { instant: ended.instant, seed, script_version };
        let (time_out, helpers_read) = (ended.time_out, std::mem::take(&mut ended.helpers_read));
        Ok(Executed { outcome: answer::outcome(ended, &limits, inputs), time_out, helpers_read })
    }

    /// Compiles a script without running it, and looks for what its author hardly means.
    pub async fn check(&self, script: &str) -> Result<Result<Vec<ScriptWarning>, ScriptError>, SandboxError> {
        let ended = self.compiled(script, true).await?;
        let warnings = answer::warnings(&ended);
        Ok(match answer::fault(&ended) {
            None => Ok(warnings),
            Some(error) => Err(error),
        })
    }

    /// The bytecode of a script that has run before.
    pub(crate) async fn code_of(&self, script: &str) -> Result<Option<Code>, SandboxError> {
        match self.inner.scripts.look(script) {
            Compilation::Compiled(code) => Ok(Some(code)),
            Compilation::New | Compilation::Never => Ok(None),
            Compilation::Seen => self.compiled_code(script).await,
        }
    }

    /// The bytecode of a script, whether it has run before or not; `None` where it has none that can be kept.
    pub(crate) async fn compiled_code(&self, script: &str) -> Result<Option<Code>, SandboxError> {
        if let Compilation::New | Compilation::Seen = self.inner.scripts.look(script) {
            self.compiled(script, false).await?;
        }
        Ok(match self.inner.scripts.look(script) {
            Compilation::Compiled(code) => Some(code),
            _ => None,
        })
    }

    /// Compiles a script in a guest of its own, and remembers the result.
    async fn compiled(&self, script: &str, lint: bool) -> Result<Ended, SandboxError> {
        let question = prelude::compile(script, lint).map_err(|error| SandboxError::Request(error.to_string()))?;
        let ended = self.ended(Job { question, begin: Box::new(inert_run), keep: true }).await?;
        // A guest that was stopped says nothing about the script.
        if matches!(ended.end, End::Answered(_)) {
            self.inner.scripts.remember(script, answer::code(&ended).as_deref());
        }
        Ok(ended)
    }

    /// Executes a configuration file and answers what it left. It may import from its own folder.
    pub async fn evaluate_config(
        &self,
        request: ConfigRequest,
    ) -> Result<Result<ConfigValues, ScriptError>, SandboxError> {
        let question = prelude::config(&request).map_err(|error| SandboxError::Request(error.to_string()))?;
        let limits = request.limits.clone();
        let helpers = Helpers::Folders(Arc::from([request.folder]));
        let capabilities = Capabilities { sources: Arc::new(BTreeMap::new()), broker: None, helpers };
        let ended = self
            .ended(Job {
                question,
                begin: Box::new(move || {
                    let clock = RunClock::at(SystemClock.now());
                    RunState::new(request.limits, clock, ChaCha20Rng::from_seed(request.seed), capabilities)
                }),
                // It has seen secrets.
                keep: false,
            })
            .await?;
        Ok(answer::config(ended, &limits))
    }

    /// Counters, as of now.
    pub fn stats(&self) -> Stats {
        Stats { compiled_from_cache: self.inner.from_cache, ..self.inner.pool.stats() }
    }

    #[cfg(test)]
    pub(crate) fn pool(&self) -> &GuestPool {
        &self.inner.pool
    }

    async fn ended(&self, job: Job) -> Result<Ended, SandboxError> {
        GuestPool::run(self.inner.pool.clone(), self.inner.threads.handle(), job).await
    }
}

/// One run of a script, however it came to be asked for.
pub(crate) struct Execution {
    pub(crate) request: RunRequest,
    /// Its bytecode, if it was compiled before.
    pub(crate) code: Option<Code>,
    /// Makes the run's clock; called when the run begins.
    pub(crate) clock: Box<dyn FnOnce() -> RunClock + Send>,
    pub(crate) helpers: Helpers,
    /// Whether the helper modules that it reads are noted.
    pub(crate) notes_helpers: bool,
}

impl Execution {
    /// A run for real, which begins at the instant that the request's clock then shows.
    pub(crate) fn of(request: RunRequest, code: Option<Code>) -> Execution {
        let clock = request.clock.clone();
        let helpers = Helpers::Folders(request.python_path.clone());
        let clock = Box::new(move || RunClock::at(whole_micros(clock.now())));
        Execution { request, code, clock, helpers, notes_helpers: false }
    }
}

/// What came of it.
pub(crate) struct Executed {
    pub(crate) outcome: Outcome,
    pub(crate) time_out: Option<TimeOut>,
    pub(crate) helpers_read: TapedHelpers,
}

/// As it is recorded, so that the record has what the script saw.
fn whole_micros(instant: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(instant)
}

/// The pristine image, and the means to put guests back.
async fn make_ready(template: Template, keep: KeepInstances) -> Result<(Template, Image, Choice), OpenError> {
    let mut image = Image::of(&template).await?;
    let choice = Choice::of(&template, &image, keep).await;
    if let Err(error) = image.forget_pages() {
        tracing::debug!(%error, "the pristine interpreter's pages stay in memory");
    }
    Ok((template, image, choice))
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// The threads that compute for scripts: a runtime of its own, so that scripts never take the server's.
struct Threads(Option<tokio::runtime::Runtime>);

impl Threads {
    fn handle(&self) -> &tokio::runtime::Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }

    /// Runs a future to its end. Not `block_on`, which panics where the caller is async itself.
    fn finish<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, OpenError>> + Send + 'static,
    ) -> Result<T, OpenError> {
        let (send, receive) = mpsc::sync_channel(1);
        self.handle().spawn(async move { send.send(future.await) });
        receive.recv().map_err(|_| OpenError::Prelude("making the interpreter ready panicked".to_owned()))?
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for guests to end is not possible where the last clone is dropped in async code, and not needed.
            runtime.shutdown_background();
        }
    }
}
