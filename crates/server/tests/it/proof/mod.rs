//! What Revere promises as a whole, shown on the real program from outside.

mod crowd;
mod database;
mod example;
mod flips;
mod killed;
mod several_servers;
mod trouble;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cli::server::Server,
    support::{revere_in, this_version},
};

/// The real program, running. Killed when dropped.
struct Program {
    server: Server,
    base: String,
    started: Instant,
}

impl Program {
    /// Starts `revere run` in `folder` on a free port, and waits until it says where.
    fn start(folder: &Path) -> Program {
        Program::start_as(this_version(), folder, &[])
    }

    /// Starts this executable, with this in its environment.
    fn start_as(executable: &Path, folder: &Path, environment: &[(&str, &str)]) -> Program {
        let started = Instant::now();
        let mut command = command(executable, folder);
        command.envs(environment.iter().copied());
        // An alert that refuses what is owed from before is named with its address, and may be so earlier.
        let server = Server::start(&mut command, |server| server.stderr.wait_for("listening on"));
        Program { base: server.address.clone(), server, started }
    }

    /// Sends it a signal.
    fn signal(&self, name: &str) {
        self.server.signal(name);
    }

    /// As a power cut does.
    fn kill(self) {
        drop(self.server);
    }

    /// As an operator does; answers what it said.
    fn stop(self) -> String {
        self.server.stop()
    }

    /// The same; answers how long it took.
    fn terminate(mut self) -> Duration {
        let told = Instant::now();
        self.server.signal("TERM");
        assert_eq!(self.server.exit_code(), 0, "{}", self.server.stderr.whole());
        told.elapsed()
    }
}

/// `revere run` in `folder` on a free port.
fn command(executable: &Path, folder: &Path) -> Command {
    let mut command = revere_in(executable, folder);
    command.args(["run", "--port", "0"]);
    command
}

async fn get(client: &reqwest::Client, url: &str) -> Option<Value> {
    client.get(url).send().await.ok()?.json().await.ok()
}

/// Looks until there is something, whatever else there is before.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    crate::support::eventually(what, async || look().await.ok_or_else(String::new)).await
}
