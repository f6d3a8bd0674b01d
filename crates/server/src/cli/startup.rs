//! What most subcommands begin with: a runtime, the sandbox, and a configuration whose every part has been looked at.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context;
use revere_model::{Clock, SystemClock};
use revere_sandbox::{KeepInstances, Options, Progress, Sandbox};
use tokio::runtime::Runtime;

use super::{Global, Speaker, logging, terminal};
use crate::{
    alerts::{self, Channel},
    answer_memory::{AnswerMemory, machine_memory},
    app::{NewParts, ROOM_BESIDE},
    building::{BuildContext, ConfiguredEntry},
    config::{self, Config, Loaded},
    descriptors,
    metrics::Metrics,
    on_call,
    outbound::Outbound,
    redact::Secrets,
    runner::{NamedSource, Runner, RunnerParts, Sources},
    settings::ConfigFault,
    sources,
    tls::ServerCertificate,
};

/// Logging and threads: all there is before anything was read.
pub(super) struct Begun {
    pub(super) runtime: Runtime,
    pub(super) secrets: Secrets,
}

/// A configuration with what was built from it.
pub(super) struct Project {
    pub(super) runtime: Runtime,
    pub(super) secrets: Secrets,
    pub(super) sandbox: Sandbox,
    /// Runs that may go on at the same time.
    pub(super) in_flight: usize,
    pub(super) config: Config,
    pub(super) sources: Sources,
    pub(super) channels: BTreeMap<String, Arc<dyn Channel>>,
    pub(super) metrics: Arc<Metrics>,
    /// What the server shows, where it is to speak TLS.
    pub(super) certificate: Option<Arc<ServerCertificate>>,
}

impl Begun {
    /// Starts logging, and the threads that wait; Python has threads of its own.
    pub(super) fn new(global: &Global) -> anyhow::Result<Begun> {
        let secrets = Secrets::default();
        logging::start(global, &secrets);
        descriptors::raise_limit();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("cannot start threads; is there a limit on them (ulimit -u)?")?;
        Ok(Begun { runtime, secrets })
    }

    /// Opens the sandbox, loads the configuration and builds its sources and alerts, contacting nothing. Every fault of
    /// the configuration comes back in one error.
    pub(super) fn project(self, global: &Global) -> anyhow::Result<Project> {
        let sandbox = open_sandbox(default_options())?;
        let loaded = self.load(&sandbox, global)?;
        if loaded.config.file.is_none() && global.command == Speaker::Server {
            tracing::info!(
                "there is no config.py in {}, so everything is at its default; `revere init` writes one",
                loaded.config.folder.display()
            );
        }
        let gaps = on_call::gap_warnings(&loaded.config.alerts, SystemClock.now());
        for warning in loaded.config.warnings.iter().chain(&alerts::warnings(&loaded.config.alerts)).chain(&gaps) {
            terminal::warn(warning);
        }
        self.build(sandbox, loaded)
    }

    /// The configuration alone: nothing it names is built.
    pub(super) fn configuration(&self, global: &Global) -> anyhow::Result<Config> {
        Ok(self.load(&open_sandbox(default_options())?, global)?.accept(Vec::new(), &self.secrets)?)
    }

    fn load(&self, sandbox: &Sandbox, global: &Global) -> anyhow::Result<Loaded> {
        let folder = std::env::current_dir().context("the working directory is gone; change to one that exists")?;
        Ok(self.runtime.block_on(config::load(sandbox, global.config.as_deref(), &folder, &self.secrets))?)
    }

    /// Builds what the configuration names.
    pub(super) fn build(self, sandbox: Sandbox, loaded: Loaded) -> anyhow::Result<Project> {
        let Begun { runtime, secrets } = self;
        let context = BuildContext {
            folder: loaded.config.folder.clone(),
            secrets: secrets.clone(),
            outbound: Outbound::ruled(secrets.clone(), loaded.config.address_rules.clone()),
        };
        let (config, sources, channels, certificate) = {
            // Some clients want to be made where they are used.
            let _inside = runtime.enter();
            let (sources, mut faults) = sources::build_all(&loaded.config.sources, &context);
            let (channels, more) = alerts::build_all(&loaded.config.alerts, &context);
            faults.extend(more);
            let certificate = server_certificate(&loaded.config, &mut faults);
            (loaded.accept(faults, &secrets)?, sources, channels, certificate)
        };
        let in_flight = config.max_runs_in_flight.unwrap_or_else(in_flight_by_memory);
        let sandbox = resized(sandbox, &config)?;
        let sources = named(&config.sources, sources);
        let metrics = Arc::new(Metrics::new(SystemClock.now()));
        Ok(Project { runtime, secrets, sandbox, in_flight, config, sources, channels, metrics, certificate })
    }
}

/// Reads the configuration again and builds what it names, contacting nothing; an error has every fault.
pub(super) async fn read_again(global: &Global, sandbox: &Sandbox, secrets: &Secrets) -> anyhow::Result<NewParts> {
    let folder = std::env::current_dir().context("the working directory is gone; change to one that exists")?;
    let loaded = config::load(sandbox, global.config.as_deref(), &folder, secrets).await?;
    for warning in loaded.config.warnings.iter().chain(&alerts::warnings(&loaded.config.alerts)) {
        tracing::warn!("{warning}");
    }
    let context = BuildContext {
        folder: loaded.config.folder.clone(),
        secrets: secrets.clone(),
        outbound: Outbound::ruled(secrets.clone(), loaded.config.address_rules.clone()),
    };
    let (sources, mut faults) = sources::build_all(&loaded.config.sources, &context);
    let (channels, more) = alerts::build_all(&loaded.config.alerts, &context);
    faults.extend(more);
    let config = loaded.accept(faults, secrets)?;
    let sources = named(&config.sources, sources);
    Ok(NewParts { config, sources, channels })
}

impl Project {
    /// What [`Begun::new`] and [`Begun::project`] do.
    pub(super) fn open(global: &Global) -> anyhow::Result<Project> {
        Begun::new(global)?.project(global)
    }

    /// Runs scripts as the configuration says.
    pub(super) fn runner(&self) -> Runner {
        let _inside = self.runtime.enter();
        Runner::new(RunnerParts {
            sandbox: self.sandbox.clone(),
            sources: self.sources.clone(),
            limits: self.config.limits.clone(),
            python_path: self.config.python_path.clone(),
            clock: Arc::new(SystemClock),
            metrics: self.metrics.clone(),
            secrets: self.secrets.clone(),
            answer_memory: AnswerMemory::configured(self.config.answers_in_flight),
            past: None,
        })
    }
}

/// What the server is to show, judged like every other part of the configuration.
fn server_certificate(config: &Config, faults: &mut Vec<ConfigFault>) -> Option<Arc<ServerCertificate>> {
    let (certificate, key) = config.tls_files.clone()?;
    match ServerCertificate::open(certificate, key) {
        Ok(certificate) => Some(certificate),
        Err(fault) => {
            let (setting, message) = fault.split_once(": ").unwrap_or(("TLS_CERTIFICATE", &fault));
            faults.push(ConfigFault::new(setting, message));
            None
        }
    }
}

fn named(entries: &[ConfiguredEntry], mut built: BTreeMap<String, Arc<dyn sources::Source>>) -> Sources {
    let named = |entry: &ConfiguredEntry| {
        let source = built.remove(&entry.name)?;
        let named = NamedSource { kind: entry.kind.clone(), description: entry.description.clone(), source };
        Some((entry.name.clone(), named))
    };
    entries.iter().filter_map(named).collect()
}

const SANDBOX: &str = "cannot start the sandbox that runs Python";

/// The sandbox as it is before the configuration was read, which takes a sandbox.
pub(super) fn default_options() -> Options {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let max_in_flight = in_flight_by_memory() + ROOM_BESIDE;
    Options { cache_dir: cache_dir(), threads, max_in_flight, keep: KeepInstances::Auto }
}

/// The sandbox that the configuration asks for: another one if it names sizes of its own.
fn resized(sandbox: Sandbox, config: &Config) -> anyhow::Result<Sandbox> {
    if config.run_threads.is_none() && config.max_runs_in_flight.is_none() {
        return Ok(sandbox);
    }
    let mut options = default_options();
    options.threads = config.run_threads.unwrap_or(options.threads);
    options.max_in_flight = config.max_runs_in_flight.map_or(options.max_in_flight, |runs| runs + ROOM_BESIDE);
    sandbox.resized(options).context(SANDBOX)
}

/// Opens the sandbox, and says so where that takes long: the first time, and after an upgrade.
pub(super) fn open_sandbox(options: Options) -> anyhow::Result<Sandbox> {
    Sandbox::open(options, &say).context(SANDBOX)
}

fn say(progress: Progress) {
    match progress {
        Progress::Compiling => terminal::note(
            "Compiling the embedded Python for this machine. This happens once and takes about ten seconds ...",
        ),
        Progress::Compiled { took } => {
            terminal::note(format_args!("Compiled in {:.1} s, and kept for the next time.", took.as_secs_f64()));
        }
        Progress::CacheUnusable { reason } => terminal::warn(format_args!(
            "the compiled Python cannot be kept: {reason}. Every start will take that long; set REVERE_CACHE_DIR to a \
             folder you can write to"
        )),
        Progress::WritesNotTracked { reason } => {
            tracing::info!(reason, "runs take some longer: the kernel does not note which pages they write");
        }
        Progress::InstancesNotKept { reason } => tracing::info!(reason, "every run makes a new interpreter"),
    }
}

/// `REVERE_CACHE_DIR`, else where the desktop standard puts caches, else beside other temporary files.
fn cache_dir() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("REVERE_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("revere")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/revere")))
        .unwrap_or_else(|| std::env::temp_dir().join("revere-cache"))
}

/// A run that waits holds about 2 MB, and may grow to its limit while it computes. An eighth of the memory for those that
/// wait leaves room for the others.
fn in_flight_by_memory() -> usize {
    let memory = machine_memory().unwrap_or(2 << 30);
    usize::try_from(memory / 8 / (2 << 20)).unwrap_or(usize::MAX).clamp(64, 2048)
}
