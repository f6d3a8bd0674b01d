//! `revere completions`: completion scripts for shells.

use clap_complete::Shell;

use super::{Exit, terminal};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere completions bash > ~/.local/share/bash-completion/completions/revere
  revere completions zsh > ~/.zfunc/_revere
  revere completions fish > ~/.config/fish/completions/revere.fish";

#[derive(clap::Args, Debug)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut clap::Command) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "revere", &mut script);
        terminal::print_as_it_is(&String::from_utf8_lossy(&script));
        Ok(Exit::Success)
    }
}
