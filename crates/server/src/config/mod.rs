//! The configuration: finds `config.py`, has it evaluated in the sandbox, and reads the upper-case names it leaves.
//!
//! Promises that every fault is reported at once, each with file, line, key and what was expected, and that a [`Config`]
//! is complete and within bounds. Refuses to know what the types of sources and alerts need: they read their own part of
//! it, and add their faults before [`Loaded::accept`] decides.

mod external_values;
mod fault_line;
mod keys;
mod log_in;
mod mask_traceback;
mod plain_data;
mod read;
mod reader;
mod warnings;
mod written_settings;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use revere_model::Flapping;
use revere_sandbox::{ConfigRequest, ConfigValues, Limits, Sandbox, SandboxError, ScriptError};

use external_values::Places;
pub(crate) use external_values::address as address_kept_elsewhere;
pub use keys::{IGNORED, KEYS, Key, REFUSED};

use crate::{
    access::LogInSettings,
    audit_log::AuditLog,
    building::ConfiguredEntry,
    outbound::{AddressRules, Url},
    redact::Secrets,
    settings::{self, ConfigFault},
    store::DatabasePlace,
};

pub use written_settings::WrittenSettings;

/// Looked for in the working directory unless another file is named.
pub const DEFAULT_FILE: &str = "config.py";
/// `DATABASE_PATH` unless that or `DATABASE_URL` is set.
pub const DEFAULT_DATABASE: &str = "revere.db";

/// Everything an operator decides, valid and complete.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from; `None` where there was none and everything is at its default.
    pub file: Option<PathBuf>,
    /// The folder that relative paths count from.
    pub folder: PathBuf,
    /// The database.
    pub database: DatabasePlace,
    /// `REVERE_SOURCES`, not yet seen by their types.
    pub sources: Vec<ConfiguredEntry>,
    /// `REVERE_ALERTS`, not yet seen by their types.
    pub alerts: Vec<ConfiguredEntry>,
    /// Time zone of new monitors.
    pub timezone: String,
    /// Whether the operator chose it.
    pub timezone_given: bool,
    /// Address for links, without a slash at its end.
    pub base_url: Option<String>,
    /// When monitors are said to flap; `None` is never.
    pub flapping: Option<Flapping>,
    /// What is called each minute while all is well.
    pub heartbeat_url: Option<SecretUrl>,
    /// The files of the server's certificate and of its key, where it is to speak TLS.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    /// Which addresses are connected to.
    pub address_rules: AddressRules,
    /// Folders whose `.py` files monitors may import.
    pub python_path: Vec<PathBuf>,
    /// Days the runs of new monitors are kept; `None` for ever.
    pub default_retain_days: Option<u32>,
    /// How much longer than its run may take a server holds a claim.
    pub claim_margin: Duration,
    /// Days a deleted monitor is kept.
    pub keep_deleted_days: u32,
    /// Days that the audit is kept; `None` for ever.
    pub audit_days: Option<u32>,
    /// Where the audit is written besides.
    pub audit_log: Option<AuditLog>,
    /// What one run may use.
    pub limits: Limits,
    /// Runs under way at once, if it was set.
    pub max_runs_in_flight: Option<usize>,
    /// Bytes that the answers of all source calls may hold together, if it was set.
    pub answers_in_flight: Option<usize>,
    /// Threads that execute Python, if it was set.
    pub run_threads: Option<usize>,
    /// Whether a source that is down is told of once, in the place of the monitors that need it.
    pub source_outages: bool,
    /// Whether `/metrics` has state and value of each monitor.
    pub metrics_per_monitor: bool,
    /// Who may come in.
    pub log_in: LogInSettings,
    /// What was written for each setting, to see what another reading changed.
    pub written: WrittenSettings,
    /// What was accepted but deserves a word.
    pub warnings: Vec<ConfigFault>,
}

/// An address that is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(pub Url);

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(..)")
    }
}

impl Config {
    /// Every setting at its default, relative paths counting from `folder`.
    pub fn default_in(folder: &Path) -> Config {
        let nowhere = Places { folder, variable: &|_| None };
        read::read(ConfigValues::default(), &nowhere, &Secrets::default()).config
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file was named, and is not there.
    #[error("{} does not exist; write one with `revere init`, or name another with -c", .0.display())]
    Missing(PathBuf),
    /// It is there, but cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not Python, or raised an exception, or hit a limit.
    #[error("{}", ScriptFault(.path, .error))]
    Script {
        /// The file.
        path: PathBuf,
        /// What Python said.
        error: ScriptError,
    },
    /// Python was content, and Revere is not.
    #[error("{}", Faults(.path, .faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// All that is wrong.
        faults: Vec<PlacedFault>,
    },
    /// The sandbox could not do its work.
    #[error("cannot evaluate the configuration")]
    Sandbox(#[source] SandboxError),
}

/// A fault with the line it stands on, where that could be found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedFault {
    /// From 1.
    pub line: Option<usize>,
    /// Place and message.
    pub fault: ConfigFault,
}

/// A configuration whose types of sources and alerts have not had their say yet.
#[derive(Debug)]
pub struct Loaded {
    /// What was read; where a setting has a fault, its default stands in for it.
    pub config: Config,
    /// What is wrong so far.
    pub faults: Vec<ConfigFault>,
    /// Where something stands that is no plain data.
    unreadable: Vec<String>,
    source: String,
}

impl From<Config> for Loaded {
    /// One that was not read from a file.
    fn from(config: Config) -> Loaded {
        Loaded { config, faults: Vec::new(), unreadable: Vec::new(), source: String::new() }
    }
}

impl Loaded {
    /// The configuration, if neither reading it nor its types found a fault. What was given by mistake in the place of a
    /// word may be one of `secrets`, which no fault shows.
    pub fn accept(self, found_by_types: Vec<ConfigFault>, secrets: &Secrets) -> Result<Config, LoadError> {
        let Loaded { config, mut faults, unreadable, source } = self;
        // What cannot be read was said: that it is missing is no fault of its own.
        faults.extend(found_by_types);
        let mut said = std::collections::HashSet::new();
        faults.retain(|fault| {
            let follows = |place: &String| {
                fault
                    .place
                    .strip_prefix(place.as_str())
                    .is_some_and(|rest| rest.starts_with('[') || rest.is_empty() && !said.insert(place.clone()))
            };
            !unreadable.iter().any(follows)
        });
        if faults.is_empty() {
            return Ok(config);
        }
        let mut faults: Vec<PlacedFault> = faults
            .into_iter()
            .map(|fault| PlacedFault {
                line: fault_line::line_of(&source, &fault.place),
                fault: ConfigFault { message: secrets.redact(&fault.message).into_owned(), ..fault },
            })
            .collect();
        // From top to bottom, as a person mends them; those without a line come last.
        faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        Err(LoadError::Faults { path: config.file.unwrap_or_else(|| DEFAULT_FILE.into()), faults })
    }
}

/// Loads `named`, or `config.py` in `working_folder` if it is there, or the defaults.
/// The secrets in it that no type knows of (`SECRET_KEY`) are taught to `secrets`.
pub async fn load(
    sandbox: &Sandbox,
    named: Option<&Path>,
    working_folder: &Path,
    secrets: &Secrets,
) -> Result<Loaded, LoadError> {
    let path = working_folder.join(named.unwrap_or(Path::new(DEFAULT_FILE)));
    let source = match tokio::fs::read(&path).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            return Ok(Config::default_in(working_folder).into());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LoadError::Missing(path)),
        Err(source) => return Err(LoadError::Unreadable { path, source }),
    };
    let source = String::from_utf8(source).map_err(|error| LoadError::Unreadable {
        path: path.clone(),
        source: io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is not UTF-8 text: byte {} is no character", error.utf8_error().valid_up_to()),
        ),
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    // What the file read there may be in what Python says of a mistake, and in none of the file's lines.
    let hidden = Secrets::default();
    for (name, value) in environment.iter().filter(|(name, _)| !matches!(name.as_str(), "PWD" | "OLDPWD")) {
        settings::learn_variable(name, value, &hidden);
    }
    let request = ConfigRequest {
        source: source.clone(),
        filename: path.display().to_string(),
        folder: folder.clone(),
        seed: random_seed(),
        environment,
        limits: Limits { wall_time: Duration::from_secs(10), ..Limits::default() },
    };
    let left = match sandbox.evaluate_config(request).await {
        Ok(Ok(left)) => left,
        Ok(Err(error)) => {
            let masked = |text: &str| hidden.redact(&mask_traceback::traceback(text, &source)).into_owned();
            let traceback = error.traceback.as_deref().map(masked);
            let message = hidden.redact(&error.message).into_owned();
            return Err(LoadError::Script { path, error: ScriptError { traceback, message, ..error } });
        }
        Err(error) => return Err(LoadError::Sandbox(error)),
    };
    let variable = |name: &str| std::env::var(name).ok();
    let places = Places { folder: &folder, variable: &variable };
    let read::Read { config, faults, unreadable } = read::read(left, &places, secrets);
    Ok(Loaded { config: Config { file: Some(path), ..config }, faults, unreadable, source })
}

/// 244 random bits of the operating system: what a configuration makes of them is as secret as if it ran outside.
fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    for half in seed.as_chunks_mut::<16>().0 {
        *half = uuid::Uuid::new_v4().into_bytes();
    }
    seed
}

struct Faults<'a>(&'a Path, &'a [PlacedFault]);

impl fmt::Display for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Faults(path, faults) = self;
        match faults.len() {
            1 => write!(f, "{} has a fault", path.display())?,
            many => write!(f, "{} has {many} faults", path.display())?,
        }
        for PlacedFault { line, fault } in *faults {
            match line {
                Some(line) => write!(f, "\n  line {line}: {fault}")?,
                None => write!(f, "\n  {fault}")?,
            }
        }
        Ok(())
    }
}

struct ScriptFault<'a>(&'a Path, &'a ScriptError);

impl fmt::Display for ScriptFault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScriptFault(path, error) = self;
        write!(f, "{} could not be evaluated: {}", path.display(), error.kind)?;
        if let Some(line) = error.line {
            write!(f, " in line {line}")?;
        }
        match &error.traceback {
            Some(traceback) => {
                let traceback = traceback.trim_end();
                write!(f, "\n{traceback}")?;
                // The message ends with what to do instead, where the sandbox is the reason.
                let last = traceback.lines().last().unwrap_or_default();
                match error.message.strip_prefix(last).map(str::trim) {
                    Some(hint) if !hint.is_empty() => write!(f, "\n{hint}"),
                    _ => Ok(()),
                }
            }
            None => write!(f, ": {}", error.message),
        }
    }
}
