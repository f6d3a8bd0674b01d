//! `revere check`: whether the configuration is right, and with `--connect` whether the sources answer.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use revere_model::{Clock as _, SystemClock};

use super::{
    Exit, Global,
    project::Project,
    terminal::{self, Paint, inert},
};
use crate::{
    access::{Access, LogInSettings},
    on_call,
    outbound::Outbound,
    sources::{self, SourceFault},
    store::{DatabasePlace, Store},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere check
  revere check --connect            Ask each source its cheapest question, too
  revere -c /etc/revere/config.py check && systemctl reload revere

Exit codes:
  0 all is right, 1 something is not";

/// How long a source has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args, Debug)]
pub(super) struct Check {
    /// Ask each source its cheapest question, and the database where it is on a server
    #[arg(long)]
    connect: bool,
}

impl Check {
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
        let first = match &config.file {
            Some(file) => format!("{} is {}", inert(file.display()), paint.green("right")),
            None => {
                "There is no config.py here, so everything is at its default. Write one with `revere init`.".to_owned()
            }
        };
        terminal::print_as_it_is(&format!(
            "{first}\n  database   {}\n  time zone  {}\n  sources    {}\n  alerts     {}\n  log-in     {}\n",
            inert(&config.database),
            config.timezone,
            inert(list(project.sources.keys())),
            inert(list(project.channels.keys())),
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
        let others = providers(&project).into_iter().chain(calendars(&project));
        for (name, took, answer) in database(&project).into_iter().chain(answers).chain(others) {
            let name = inert(name);
            let took = format!("{:.0} ms", took.as_secs_f64() * 1e3);
            terminal::print_as_it_is(&match answer {
                Ok(()) => format!("{}  {name} answers ({took})\n", paint.green("up  ")),
                Err(fault) => {
                    exit = Exit::Failure;
                    format!("{}  {name} ({took}): {}\n", paint.red("down"), inert(project.secrets.redact(&fault)))
                }
            });
        }
        Ok(exit)
    }
}

/// Asks the database what it is, where it is on a server.
fn database(project: &Project) -> Option<(String, Duration, Result<(), String>)> {
    let DatabasePlace::Server(address) = &project.config.database else { return None };
    let began = Instant::now();
    let answer = project.runtime.block_on(Store::probe(address)).map_err(|fault| fault.to_string());
    Some(("the database".to_owned(), began.elapsed(), answer))
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

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
