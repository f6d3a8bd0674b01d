//! What tests share: a store with a database of its own, a clock in hand, and the plainest monitor.

mod client;
pub(crate) mod closing_server;
pub(crate) mod database;
pub(crate) mod field_tables;
mod manual_run;
mod older_database;
pub(crate) mod postgres_server;
pub(crate) mod processor;
pub(crate) mod push_browser;
mod rest;
pub(crate) mod scratch;
mod shown_secrets;
pub(crate) mod small_disk;
pub(crate) mod test_engine;
mod waiting;

pub(crate) use client::{client, client_without_redirects};
pub(crate) use closing_server::{CLOSINGS, Closing, ClosingServer};
pub(crate) use database::{Sql, TestDatabase, on_postgresql};
pub(crate) use manual_run::manual_run;
pub(crate) use older_database::{older_database, open_older_database};
pub(crate) use postgres_server::PostgresServer;
pub(crate) use rest::at_rest;
pub(crate) use scratch::{Scratch, claims_in_force, settle_one, switched};
pub(crate) use shown_secrets::ShownSecrets;
pub(crate) use small_disk::SmallDisk;
pub(crate) use test_engine::{Behaviour, TestEngine};
pub(crate) use waiting::{PATIENCE, eventually, until, within};

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jiff::Timestamp;
use revere_model::{Asked, MonitorSpec};

/// Where compiled code is shared by all tests of this machine: the embedded Python is compiled once, before any of them.
pub(crate) fn cache_dir() -> PathBuf {
    match std::env::var_os("REVERE_CACHE_DIR") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/revere-cache"),
    }
}

/// The real program, in a folder, with nothing of the environment that would change what it does.
pub(crate) fn revere_in(executable: &Path, folder: &Path) -> Command {
    let mut command = Command::new(executable);
    command.current_dir(folder).env("REVERE_CACHE_DIR", cache_dir()).stdin(Stdio::null());
    for name in ["REVERE_CONFIG_FILE", "REVERE_HOST", "REVERE_PORT", "RUST_LOG", "NO_COLOR", "TZ"] {
        command.env_remove(name);
    }
    command
}

/// The executable that is tested.
pub(crate) fn this_version() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_revere"))
}

/// Reads an instant.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("tests write times right")
}

/// The server, which asks for something by itself.
pub(crate) fn by_server(at: Timestamp) -> Asked {
    Asked::by_the_server(at)
}

/// A monitor that runs every minute in UTC and always passes.
pub(crate) fn spec(name: &str) -> MonitorSpec {
    MonitorSpec {
        name: name.to_owned(),
        script: "return_value = 1".to_owned(),
        schedule: "* * * * *".to_owned(),
        ..MonitorSpec::default()
    }
}

/// The same, but for its schedule: it comes once a year, so that only the test makes it run.
pub(crate) fn yearly(name: &str) -> MonitorSpec {
    MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec(name) }
}

/// The same with a script of its own.
pub(crate) fn scripted(name: &str, script: &str) -> MonitorSpec {
    MonitorSpec { script: script.to_owned(), ..spec(name) }
}

/// The address by which other machines reach this one. Fails where there is no network: what is not looked at is not shown.
#[track_caller]
pub(crate) fn network_address() -> std::net::IpAddr {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent by this.
    let led = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).map(|address| address.ip());
    match led {
        Ok(address) if !address.is_loopback() && !address.is_unspecified() => address,
        other => panic!("this test comes by an address that is not loopback, and this machine has none: {other:?}"),
    }
}
