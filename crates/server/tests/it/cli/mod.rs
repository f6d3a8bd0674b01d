//! The command line, from outside: the real program, its output and its exit code.

mod alert;
mod backup;
mod check;
mod config;
mod demo;
mod descriptors;
mod errors;
mod eval;
mod examples;
mod heartbeat;
mod help;
mod hostile;
mod import;
mod kept_elsewhere;
mod look;
mod monitor_files;
mod moving;
mod on_call;
mod original;
mod outbound_rules;
mod postgres;
pub(crate) mod postgres_tls;
mod proxied;
mod reload;
mod run;
mod sandbox_reset;
pub(crate) mod server;
mod service_manager;
mod several_servers;
mod store_troubles;
mod taking_over;
mod tape;
mod upgrading;

use std::{path::PathBuf, process::Command};

use crate::support::{revere_in, this_version};

/// A folder to work in, with the program.
pub(crate) struct Shell {
    folder: tempfile::TempDir,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Shell {
    pub(crate) fn new() -> Shell {
        Shell { folder: tempfile::tempdir().unwrap() }
    }

    /// A file in the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `revere`, in the folder, with nothing of the environment that would change what it does.
    pub(crate) fn revere(&self) -> Command {
        revere_in(this_version(), self.folder.path())
    }

    /// Runs `revere` with `arguments`, split at spaces.
    pub(crate) fn run(&self, arguments: &str) -> Said {
        said(self.revere().args(arguments.split_whitespace()))
    }
}

/// Runs the command to its end.
fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().expect("it was not ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Said {
    /// Checks the exit code, and shows everything that was said if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Said {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}
