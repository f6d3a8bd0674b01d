//! `revere init`: a commented configuration to start from. Never overwrites one.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use anyhow::Context;

use super::{Exit, Global, terminal};
use crate::config;

pub(super) const EXAMPLES: &str = "\
Examples:
  revere init                       Write config.py here
  revere init -c /etc/revere/config.py";

/// The example that the documentation shows is the one people get.
const EXAMPLE: &str = include_str!("../../../../config.example.py");

#[derive(clap::Args, Debug)]
pub(super) struct Init {}

impl Init {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let path = global.config.clone().unwrap_or_else(|| PathBuf::from(config::DEFAULT_FILE));
        let shown = path.display();
        // It will hold passwords, so only its owner may read it from the beginning.
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                anyhow::bail!(
                    "{shown} is already there and was left as it is; name another file with -c, or check this one with `revere check`"
                );
            }
            opened => opened.with_context(|| {
                format!("cannot write {shown}; choose a folder that exists and that you may write to")
            })?,
        };
        file.write_all(EXAMPLE.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
        let option = if global.config.is_some() { format!(" -c {shown}") } else { String::new() };
        terminal::print(&format!(
            "Wrote {shown}. Only you can read it, because it will hold passwords.\n\
             Next: name your sources and alerts in it, then\n\
             \n  revere check{option} --connect\n  revere run{option}\n"
        ));
        Ok(Exit::Success)
    }
}
