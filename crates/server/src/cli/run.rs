//! `revere run`: the server, until it is told to stop.

use std::{convert::Infallible, io::IsTerminal as _, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::ValueHint;
use revere_model::SystemClock;
use revere_sandbox::Sandbox;
use tokio::{
    runtime::{Handle, Runtime},
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    task::JoinHandle,
};

use super::{
    Exit, Global, ListensAt,
    startup::{self, Begun, Project},
};
use crate::{
    app::{App, AppParts, GRACE, Listener, Reloaded, Running},
    redact::Secrets,
    service_manager::ServiceManager,
    store::{DatabasePlace, PostgresAddress},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere run                              On http://127.0.0.1:5000/
  revere run -c /etc/revere/config.py -p 8080
  revere run --host 0.0.0.0 --log-format json
  revere run --look copy.db               Look into a copy; nothing runs

SIGHUP reads the configuration again, as `revere reload` has it done: checked first, refused whole where it has a fault, and \
runs that are under way are left alone. It also reads the files of TLS_CERTIFICATE and TLS_KEY again, which a change of them \
does too after some seconds.
SIGTERM and SIGINT (Ctrl+C) stop it: runs finish for up to 10 s, the rest is handed back and taken up by the next start.
A second signal stops it at once. On an address that others can reach it starts only where people log in; see \
docs/ACCESS.md.

Exit codes:
  0 stopped as asked
  1 it could not start, or a part of it failed, or it was stopped at once";

#[derive(clap::Args, Debug)]
pub(super) struct Run {
    #[command(flatten)]
    listens: ListensAt,
    /// Only look into this copy of a database: a SQLite file, or the address of one of PostgreSQL. Nothing runs, nobody is
    /// told, nothing can be changed
    #[arg(long, value_name = "COPY", value_hint = ValueHint::FilePath)]
    look: Option<String>,
}

impl Run {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let copy = self.look.as_deref().map(copy).transpose()?;
        let begun = Begun::new(global)?;
        let signals = begun.runtime.block_on(async { Signals::new() })?;
        // Before anything slow: who starts a second server should know at once.
        let listener = begun.runtime.block_on(Listener::bind(&self.listens.host, self.listens.port))?;
        let watched = signals.ending_the_process(&begun.runtime);
        let mut project = begun.project(global)?;
        if let Some(copy) = copy {
            if project.config.database.is_same(&copy) {
                anyhow::bail!(
                    "--look: {copy} is the database of the configuration itself, and no copy: `revere backup COPY` makes one (pg_dump and \
                     pg_restore another database, where it is PostgreSQL)"
                );
            }
            tracing::warn!(
                "{copy} is only looked into: nothing runs, nobody is notified, nothing can be changed. Log-ins, with what the audit says of \
                 them, are written into it, and a copy of an older version is brought up to this one"
            );
            project.config.database = copy;
            project.config.log_in.only_looks = true;
            project.config.heartbeat_url = None;
            project.config.audit_log = None;
        }
        let again = ReadAgain {
            global: global.clone(),
            sandbox: project.sandbox.clone(),
            secrets: project.secrets.clone(),
            runtime: project.runtime.handle().clone(),
            file: project.config.file.clone(),
        };
        let (runtime, parts) = parts(project, listener);
        let ended = runtime.block_on(async {
            let mut signals = watched.given_back().await;
            let running = tokio::select! {
                biased;
                name = signals.next() => return Ok(Ended::before_it_started(name)),
                running = App::start(parts) => running?,
            };
            if let Some(link) = &running.first_link {
                tracing::warn!(
                    "nobody can come in yet: open {link} to be the administrator. The link is good once, for 24 hours"
                );
            }
            tracing::info!("listening on {}", running.origin());
            until_stopped(running, signals, Some(again)).await
        });
        ended.as_ref().copied().unwrap_or(Ended::Stopped).shut_down(runtime);
        Ok(ended?.exit())
    }
}

/// Where a copy of a database is that is to be looked into.
fn copy(given: &str) -> anyhow::Result<DatabasePlace> {
    if given.starts_with("postgresql://") || given.starts_with("postgres://") {
        return Ok(PostgresAddress::read(given, None).map_err(|fault| anyhow::anyhow!("--look: {fault}"))?.into());
    }
    let path = PathBuf::from(given);
    if !path.is_file() {
        anyhow::bail!("--look: {given} is no file; `revere backup COPY` makes a copy to look into");
    }
    Ok(path.into())
}

/// Reads the configuration of a running server again.
pub(super) struct ReadAgain {
    global: Global,
    sandbox: Sandbox,
    secrets: Secrets,
    runtime: Handle,
    /// What the server was started with.
    file: Option<PathBuf>,
}

impl ReadAgain {
    /// Takes it up, or says why not and leaves everything as it was.
    async fn take_up(&self, running: &Running) {
        tracing::info!("reading the configuration again");
        let (global, sandbox, secrets) = (self.global.clone(), self.sandbox.clone(), self.secrets.clone());
        let runtime = self.runtime.clone();
        // Some clients want to be made where they are used, and plug-ins block.
        let read = tokio::task::spawn_blocking(move || {
            let _inside = runtime.enter();
            runtime.block_on(startup::read_again(&global, &sandbox, &secrets))
        });
        let parts = match read.await {
            Ok(Ok(parts)) => match &self.file {
                // Everything at its default would be no source, and nobody told.
                Some(file) if parts.config.file.is_none() => {
                    return tracing::error!(
                        "{} is not there any more; put it back\nThe server goes on with the configuration it has",
                        file.display()
                    );
                }
                _ => parts,
            },
            Ok(Err(fault)) => return tracing::error!("{fault:#}\nThe server goes on with the configuration it has"),
            Err(panic) => return tracing::error!(%panic, "the configuration could not be read again"),
        };
        match running.exchange(parts).await {
            Ok(Reloaded { in_force, at_next_start }) => {
                if !at_next_start.is_empty() {
                    tracing::warn!("these settings count from the next start: {}", at_next_start.join(", "));
                }
                match in_force.is_empty() {
                    true => tracing::info!("the configuration says the same as before"),
                    false => tracing::info!("the configuration was taken up; changed: {}", in_force.join(", ")),
                }
            }
            Err(error) => {
                tracing::error!(%error, "the configuration could not be taken up; the server goes on with the one it has")
            }
        }
    }
}

/// How a server that was told to stop ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// In order.
    Stopped,
    /// On the spot, because it was told so.
    AtOnce,
}

impl Ended {
    pub(super) fn before_it_started(signal: &str) -> Ended {
        tracing::info!("{signal}: stopped before it had started");
        Ended::Stopped
    }

    /// Ends all threads, without waiting long for any.
    pub(super) fn shut_down(self, runtime: Runtime) {
        match self {
            // What still blocks a thread now has been told to stop and did not.
            Ended::Stopped => runtime.shutdown_timeout(Duration::from_secs(1)),
            Ended::AtOnce => runtime.shutdown_background(),
        }
    }

    pub(super) fn exit(self) -> Exit {
        match self {
            Ended::Stopped => Exit::Success,
            Ended::AtOnce => Exit::Failure,
        }
    }
}

/// Everything for a server, and the runtime it lives on.
pub(super) fn parts(project: Project, listener: Listener) -> (Runtime, AppParts) {
    let Project { runtime, secrets, sandbox, in_flight, config, sources, channels, metrics, certificate } = project;
    (
        runtime,
        AppParts {
            config,
            sandbox,
            in_flight,
            sources,
            channels,
            clock: Arc::new(SystemClock),
            metrics,
            secrets,
            listener,
            certificate,
        },
    )
}

/// Waits for a signal and stops, or for a part to fail. A second signal means at once: everything that was acknowledged
/// is written, and the next start takes up what was going on.
pub(super) async fn until_stopped(
    running: Running,
    mut signals: Signals,
    again: Option<ReadAgain>,
) -> anyhow::Result<Ended> {
    let manager = ServiceManager::of_the_environment();
    if let Some(manager) = &manager {
        manager.ready(&format!("listening on {}", running.origin()));
    }
    let stop = async {
        loop {
            match signals.next_or_hang_up().await {
                Some(name) => return name,
                None => {
                    running.reload_certificate();
                    if let Some(again) = &again {
                        again.take_up(&running).await;
                    }
                }
            }
        }
    };
    tokio::select! {
        name = stop => tracing::info!("{name}: stopping; what is going on may take up to {} s to finish", GRACE.as_secs()),
        words = running.failed() => {
            running.stop(GRACE).await;
            anyhow::bail!("a part of the server failed: {words}. Start it again; if that does not help, look at the log above");
        }
        never = say_alive(manager.as_ref(), &running) => match never {},
    }
    if let Some(manager) = &manager {
        manager.stopping();
    }
    tokio::select! {
        () = running.stop(GRACE) => {
            tracing::info!("stopped");
            Ok(Ended::Stopped)
        }
        name = signals.next() => {
            tracing::warn!("{name} again: stopped at once; the next start takes up what was going on");
            Ok(Ended::AtOnce)
        }
    }
}

/// Says to the service manager again and again that the schedule is looked after, as long as it is.
async fn say_alive(manager: Option<&ServiceManager>, running: &Running) -> Infallible {
    let Some((manager, every)) = manager.and_then(|manager| Some((manager, manager.alive_every()?))) else {
        return std::future::pending().await;
    };
    loop {
        if running.looks_after_its_schedule() {
            manager.alive();
        }
        tokio::time::sleep(every).await;
    }
}

/// The signals that stop a server. From the moment it is made they are waited for, and no longer end the process.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Asks to read configuration and certificate again. At a terminal it means that the terminal is gone, and ends the program.
    hang_up: Option<Signal>,
    /// The same wherever it runs.
    reload: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Signals> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let hang_up = (!std::io::stdin().is_terminal()).then(|| listen(SignalKind::hangup())).transpose()?;
        Ok(Signals {
            hang_up,
            reload: listen(SignalKind::user_defined1())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Until they are given back, a signal ends the process: nothing is open yet that would have to be closed.
    pub(super) fn ending_the_process(mut self, runtime: &Runtime) -> Watched {
        let (back, wanted_back) = oneshot::channel::<()>();
        let watch = runtime.spawn(async move {
            tokio::select! {
                biased;
                name = self.next() => std::process::exit(Ended::before_it_started(name).exit().code().into()),
                _ = wanted_back => self,
            }
        });
        Watched { back, watch }
    }

    /// The next one that is to stop the server, or `None` for one that has it read its configuration again.
    async fn next_or_hang_up(&mut self) -> Option<&'static str> {
        let hung_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = hung_up => None,
            _ = self.reload.recv() => None,
        }
    }

    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Signals that end the process for now.
pub(super) struct Watched {
    back: oneshot::Sender<()>,
    watch: JoinHandle<Signals>,
}

impl Watched {
    /// From now on they are the caller's again.
    pub(super) async fn given_back(self) -> Signals {
        drop(self.back);
        self.watch.await.expect("the watch ends the process or gives the signals back")
    }
}
