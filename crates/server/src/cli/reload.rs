//! `revere reload`: has the running server take up a changed configuration, once that is found right here.

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use super::{Exit, Global, startup::Begun, terminal};
use crate::store::{DatabasePlace, Store, StoreOptions};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere reload
  revere reload -c /etc/revere/config.py

The configuration is checked first, and refused whole where it has a fault. Sources, alerts, time limits and what else the \
server's log names are in force at once; runs that are under way go on with what they began with. Other settings, such as the \
database, count from the next start. SIGHUP does the same (`systemctl reload revere`), and SIGUSR1 also at a terminal.

Exit codes:
  0 the server was asked to reload, 1 wrong configuration or no server runs";

#[derive(clap::Args, Debug)]
pub(super) struct Reload {}

impl Reload {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let secrets = begun.secrets.clone();
        let project = begun.project(global)?;
        if project.config.file.is_none() {
            anyhow::bail!(
                "there is no config.py in {}; go to the server's folder, or name the file: revere reload -c FILE",
                project.config.folder.display()
            );
        }
        let place = project.config.database.clone();
        let servers = match &place {
            DatabasePlace::File(path) => Store::server_of(path)
                .with_context(|| format!("cannot see which server has {}", path.display()))?
                .into_iter()
                .collect(),
            DatabasePlace::Server(_) => project.runtime.block_on(async {
                let mut options = StoreOptions::new(place.clone());
                options.beside_a_server = true;
                options.must_exist = true;
                options.secrets = secrets;
                let store = Store::open(options).await?;
                let servers = store.servers_of_this_machine().await;
                store.close().await;
                anyhow::Ok(servers?)
            })?,
        };
        if servers.is_empty() {
            anyhow::bail!(
                "the configuration is right, but no server of this machine has {place}; start one: revere run"
            );
        }
        for server in servers {
            tell(server)?;
            terminal::print(&format!(
                "The configuration is right. The server (process {server}) takes it up; its log says what changed.\n"
            ));
        }
        Ok(Exit::Success)
    }
}

/// Has a server read its configuration again.
fn tell(server: u32) -> anyhow::Result<()> {
    if !listens(server) {
        anyhow::bail!("the server (process {server}) cannot read its configuration again while it runs: start it anew");
    }
    let pid = i32::try_from(server).ok().and_then(Pid::from_raw).context("that is no process")?;
    kill_process(pid, Signal::USR1).with_context(|| {
        format!("cannot send the server (process {server}) a signal; do it as the user that it runs as, or as root")
    })
}

/// Whether the process does something at the signal: it would end one that does not know it.
fn listens(server: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{server}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught & (1 << (Signal::USR1.as_raw() - 1)) != 0
}
