//! `revere demo`: alive in a few seconds, with nothing installed and nothing left behind.

use std::{
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use revere_model::{Clock, SystemClock};

use super::{
    Exit, Global, port,
    progress::grouped,
    run::{self, Ended},
    startup::{Begun, default_options, open_sandbox},
    terminal::{self, Paint},
};
use crate::{
    app::{App, BindError, Listener},
    building,
    config::Config,
    demo,
    sources::demo::world::World,
    store::{DatabasePlace, Store, StoreOptions},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere demo
  revere demo --port 8080

It needs no configuration, keeps everything in a folder of its own, and removes that when it ends. Stop it with Ctrl+C.";

/// How often the folder's removal is tried.
const REMOVALS: usize = 10;

/// Tried when no port was asked for.
const PORTS: std::ops::Range<u16> = 5000..5020;

#[derive(clap::Args, Debug)]
pub(super) struct Demo {
    /// The port to listen on; 0 is any free one [default: 5000, or the next that is free]
    #[arg(short, long, value_parser = port)]
    port: Option<u16>,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
}

impl Demo {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let signals = begun.runtime.block_on(async { run::Signals::new() })?;
        let listener = begun.runtime.block_on(self.listener())?;
        let watched = signals.ending_the_process(&begun.runtime);
        let sandbox = open_sandbox(default_options())?;
        // From here on there is something to be removed.
        let mut signals = begun.runtime.block_on(watched.given_back());
        let folder = Folder::make()?;
        let now = SystemClock.now();
        let world = World { live_since: Some(now.as_second()) };
        let config = configuration(folder.path(), &listener.link(), now);
        let database = config.database.clone();
        // History ends now; the first ticks come when it has been written.
        let begin = now.saturating_add(SignedDuration::from_secs(2)).unwrap_or(now);
        let filled = begun.runtime.block_on(async {
            tokio::select! {
                biased;
                name = signals.next() => Err(Ended::before_it_started(name)),
                filled = fill(folder.path(), &database, world, now, begin) => Ok(filled),
            }
        });
        let runs = match filled {
            Ok(runs) => runs?,
            Err(ended) => {
                ended.shut_down(begun.runtime);
                return Ok(ended.exit());
            }
        };
        let project = begun.build(sandbox, config.into())?;
        let (runtime, parts) = run::parts(project, listener);
        let ended = runtime.block_on(async {
            let running = tokio::select! {
                biased;
                name = signals.next() => return Ok(Ended::before_it_started(name)),
                running = App::start(parts) => running?,
            };
            welcome(&format!("http://{}", running.address), runs, folder.path());
            let orders = folder.path().join(demo::ORDERS);
            let coming = tokio::spawn(async move { demo::keep_orders_coming(&orders, &world, now.as_second()).await });
            let ended = run::until_stopped(running, signals, None).await;
            coming.abort();
            ended
        });
        // Before the folder goes, so that hardly anything still writes to it.
        ended.as_ref().copied().unwrap_or(Ended::Stopped).shut_down(runtime);
        Ok(ended?.exit())
    }

    async fn listener(&self) -> Result<Listener, BindError> {
        if let Some(port) = self.port {
            return Listener::bind(&self.host, port).await;
        }
        for port in PORTS {
            match Listener::bind(&self.host, port).await {
                Err(BindError::InUse(_)) => {}
                listener => return listener,
            }
        }
        Listener::bind(&self.host, 0).await
    }
}

fn configuration(folder: &Path, address: &str, now: Timestamp) -> Config {
    let (sources, alerts) = demo::configuration(folder, address, now.as_second());
    let read = |key, value| {
        let (entries, faults) = building::read_entries(key, &value);
        assert!(faults.is_empty(), "the demo's own configuration: {faults:?}");
        entries
    };
    Config {
        database: folder.join("revere.db").into(),
        sources: read("REVERE_SOURCES", sources),
        alerts: read("REVERE_ALERTS", alerts),
        ..Config::default_in(folder)
    }
}

async fn fill(
    folder: &Path,
    database: &DatabasePlace,
    world: World,
    now: Timestamp,
    begin: Timestamp,
) -> anyhow::Result<u64> {
    demo::make_orders(&folder.join(demo::ORDERS), &world, now.as_second())
        .await
        .context("cannot make the demo's orders")?;
    let store = Store::open(StoreOptions::new(database.clone())).await?;
    let filled = demo::fill(&store, world, now, begin).await;
    store.close().await;
    filled.context("cannot write the demo's history")
}

fn welcome(address: &str, runs: u64, folder: &Path) {
    let paint = Paint::stdout();
    terminal::print_as_it_is(&format!(
        "\n{} on {}\n\n\
         {} monitors of a little web shop, with {} runs of the last four weeks. From now on something goes wrong every\n\
         minute or so: the error rate in a quarter of a minute, the mail queue in half of one. What the alert `terminal`\n\
         sends is printed below; the alert `on-call` reaches nobody, and its deliveries are tried again and again.\n\n\
         Look at\n\
         \x20 {address}/                                 the monitors\n\
         \x20 {address}/api/v1/monitors                  the same as JSON\n\
         \x20 {address}/api/v1/deliveries?status=queued  what `on-call` has queued, and why\n\
         \x20 {address}/api/v1/openapi.json              everything that can be asked\n\
         \x20 {address}/metrics                          what Revere counts about itself\n\n\
         Stop it with Ctrl+C. Everything is in {}, and is removed then.\n\n",
        paint.bold("The demo is running"),
        paint.bold(format!("{address}/")),
        demo::EXAMPLES.len(),
        grouped(runs),
        folder.display(),
    ));
}

/// A folder of the demo's own, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Folder> {
        let random = uuid::Uuid::new_v4().simple().to_string();
        let path = std::env::temp_dir().join(format!("revere-demo-{}", &random[..8]));
        let made: io::Result<()> = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}; set TMPDIR to one you can write to", path.display()))?;
        Ok(Folder(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A thread that was not waited for may make one more file meanwhile.
        let removed = (0..REMOVALS).map(|_| std::fs::remove_dir_all(&self.0)).find(Result::is_ok);
        if removed.is_none()
            && let Err(error) = std::fs::remove_dir_all(&self.0)
        {
            terminal::warn(format_args!("{} could not be removed: {error}", self.0.display()));
        }
    }
}
