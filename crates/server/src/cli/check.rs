//! `revere check`: whether the configuration is right, and with `--connect` whether the sources answer.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use revere_model::{Clock as _, SystemClock};

use super::{
    Exit, Global, ListensAt,
    startup::Project,
    terminal::{self, Paint, inert},
};
use crate::{
    access::{Access, LogInSettings},
    app::{self, Listener},
    building::ConfiguredEntry,
    on_call,
    outbound::Outbound,
    sources::{self, SourceFault},
    store::{DatabasePlace, Found, Store},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere check
  revere check --connect            Ask each source its cheapest question, too
  revere -c /etc/revere/config.py check && systemctl reload revere
  revere check --host 0.0.0.0       Would `revere run` listen there?

The address and port are those of `revere run`: --host and --port, REVERE_HOST and REVERE_PORT.

Exit codes:
  0 all is right, 1 something is not";

/// What is said of whoever does.
const ANSWERS: &str = "answers";

/// How long a source has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args, Debug)]
pub(super) struct Check {
    /// Ask each source its cheapest question, and the database whether it can be used
    #[arg(long)]
    connect: bool,
    #[command(flatten)]
    listens: ListensAt,
}

impl Check {
    /// Where `revere run` would listen with the same arguments and environment, if it may.
    fn may_listen(&self, project: &Project) -> anyhow::Result<String> {
        let ListensAt { host, port } = &self.listens;
        let addresses = project.runtime.block_on(Listener::addresses(host, *port))?;
        // The one that is tried first.
        let Some(address) = addresses.first() else { return Ok(host.clone()) };
        app::may_listen(&project.config, address.ip(), project.certificate.is_some())?;
        Ok(address.to_string())
    }

    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let project = Project::open(global)?;
        let paint = Paint::stdout();
        let config = &project.config;
        let folder = match &config.database {
            DatabasePlace::File(path) => path.parent().filter(|folder| !folder.as_os_str().is_empty()),
            DatabasePlace::Server(_) => None,
        };
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            let folder = folder.display();
            anyhow::bail!("DATABASE_PATH: the folder {folder} is not there; make it, or name another one");
        }
        if let Some(path) = config.database.file().filter(|path| path.is_dir()) {
            let path = path.display();
            anyhow::bail!("DATABASE_PATH: {path} is a folder; name the file in it, as '{path}/revere.db'");
        }
        let listens = self.may_listen(&project)?;
        let first = match &config.file {
            Some(file) => format!("{} is {}", inert(file.display()), paint.green("right")),
            None => {
                "There is no config.py here, so everything is at its default. Write one with `revere init`.".to_owned()
            }
        };
        terminal::print_as_it_is(&format!(
            "{first}\n  database   {}\n  listens at {}\n  time zone  {}\n  sources    {}\n  alerts     {}\n  log-in     {}\n",
            inert(&config.database),
            inert(listens),
            config.timezone,
            inert(with_off(project.sources.keys(), &config.sources)),
            inert(with_off(project.channels.keys(), &config.alerts)),
            inert(log_ins(&config.log_in))
        ));
        let rotas = on_call::rotas(&config.alerts);
        if !rotas.is_empty() {
            terminal::print(&format!("  on call    {}\n", list(rotas.keys())));
        }
        if !self.connect {
            return Ok(Exit::Success);
        }
        let answers = project.runtime.block_on(join_all(project.sources.iter().map(async |(name, named)| {
            let began = Instant::now();
            let answer = tokio::time::timeout(PATIENCE, named.source.probe(began + PATIENCE)).await;
            let answer = answer
                .unwrap_or_else(|_| Err(SourceFault::Failed(format!("no answer within {} s", PATIENCE.as_secs()))));
            (name, began.elapsed(), answer)
        })));
        let mut exit = Exit::Success;
        let answers = answers.into_iter().map(|(name, took, answer)| {
            // The name stands in front.
            let fault = |fault: SourceFault| sources::reason(&fault.to_string(), name).to_owned();
            (name.clone(), took, answer.map_err(fault))
        });
        let others = answers.chain(providers(&project)).chain(calendars(&project));
        let others = others.map(|(name, took, answer)| (name, took, answer.map(|()| ANSWERS.to_owned())));
        for (name, took, answer) in std::iter::once(database(&project)).chain(others) {
            let name = inert(name);
            let took = format!("{:.0} ms", took.as_secs_f64() * 1e3);
            terminal::print_as_it_is(&match answer {
                Ok(words) => format!("{}  {name} {words} ({took})\n", paint.green("up  ")),
                Err(fault) => {
                    exit = Exit::Failure;
                    format!("{}  {name} ({took}): {}\n", paint.red("down"), inert(project.secrets.redact(&fault)))
                }
            });
        }
        Ok(exit)
    }
}

/// Asks the database what it is, and whether a server could use it.
fn database(project: &Project) -> (String, Duration, Result<String, String>) {
    let began = Instant::now();
    let found = project.runtime.block_on(Store::probe(&project.config.database));
    let answer = found.map(|found| match found {
        Found::Current => ANSWERS.to_owned(),
        Found::Older => format!("{ANSWERS}; the next start of a server brings it up to this version"),
        Found::Nothing if project.config.database.file().is_none() => {
            format!("{ANSWERS}; it is empty, and the first start of a server makes its tables")
        }
        Found::Nothing => "is not there yet; the first start of a server makes it".to_owned(),
    });
    ("the database".to_owned(), began.elapsed(), answer.map_err(|fault| terminal::paragraph(&fault.into())))
}

/// Fetches the calendar of each rota that goes by one.
fn calendars(project: &Project) -> Vec<(String, Duration, Result<(), String>)> {
    let config = &project.config;
    let outbound = Outbound::ruled(project.secrets.clone(), config.address_rules.clone());
    let sources = on_call::calendars(&config.alerts, &config.folder);
    let fetched = join_all(sources.iter().map(async |source| {
        let began = Instant::now();
        let answer = source.fetch(&outbound, SystemClock.now()).await.map(drop);
        (format!("the calendar of {}", source.rota), began.elapsed(), answer)
    }));
    project.runtime.block_on(fetched)
}

/// Asks each provider of log-ins for its metadata and keys.
fn providers(project: &Project) -> Vec<(String, Duration, Result<(), String>)> {
    let config = &project.config;
    let outbound = Outbound::ruled(project.secrets.clone(), config.address_rules.clone());
    let access =
        Access::new(config.log_in.clone(), &outbound, config.base_url.as_deref().unwrap_or("http://127.0.0.1"));
    let asked = join_all(access.providers.iter().map(async |provider| {
        let began = Instant::now();
        let answer = provider.probe(SystemClock.now()).await.map_err(|refused| refused.to_string());
        (format!("log-in by {}", provider.settings.name), began.elapsed(), answer)
    }));
    project.runtime.block_on(asked)
}

/// The ways in which people come in.
fn log_ins(settings: &LogInSettings) -> String {
    let mut ways: Vec<&str> = settings.providers.iter().map(|provider| provider.name.as_str()).collect();
    if settings.local_users {
        ways.push("name and password");
    }
    if settings.proxy_user_header.is_some() {
        ways.push("a proxy's word");
    }
    if ways.is_empty() { "nobody has to".to_owned() } else { ways.join(", ") }
}

/// What is on, and after that what the configuration has switched off.
fn with_off<'a>(on: impl Iterator<Item = &'a String>, entries: &[ConfiguredEntry]) -> String {
    let off: Vec<&String> = entries.iter().filter(|entry| !entry.enabled).map(|entry| &entry.name).collect();
    let on = on.filter(|name| !off.contains(name)).cloned();
    let names: Vec<String> = on.chain(off.iter().map(|name| format!("{name} (off)"))).collect();
    list(names.iter())
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
