//! The command line: one file is one subcommand. What they share is here: arguments that all take, exit codes, and how
//! an error looks to a person.
//!
//! Promises that an error is one paragraph that ends with the next step, without a backtrace, and that standard output
//! holds only what was asked for: progress and logs go to standard error.

mod alert;
mod apply;
mod backup;
mod check;
mod completions;
mod demo;
mod eval;
mod export;
mod import;
mod init;
mod logging;
mod move_database;
mod nodes;
mod outcome_text;
mod progress;
mod reload;
mod remote_server;
mod replay;
mod run;
mod startup;
mod tape_file;
mod terminal;
mod user;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use revere_model::State;

pub use logging::{LogFormat, LogLevel};

/// How a command ended. The numbers are part of the command line's contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It did what was asked; for `eval`, the script's outcome was OK.
    Success,
    /// It did not; for `eval`, the outcome was ALARM.
    Failure,
    /// For `eval`, the outcome was ERROR. Also what every other command answers to arguments it does not know.
    Error,
    /// `eval` could not run the script at all, `replay` not play the tape.
    NotRun,
    /// `replay` came to something else than the tape has.
    Differs,
}

impl Exit {
    /// The number a shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Error => 2,
            Exit::NotRun => 3,
            Exit::Differs => 4,
        }
    }

    /// How `eval` ends with an outcome.
    fn of(state: State) -> Exit {
        match state {
            State::Ok | State::Inactive => Exit::Success,
            State::Alarm => Exit::Failure,
            State::Error => Exit::Error,
        }
    }
}

const ABOUT: &str = "Self-hosted monitoring and alerting. Monitors are plain Python, run in a sandbox on crontab schedules; \
they read your data from configured sources, and alerts notify people when their state changes.";

const EXAMPLES: &str = "\
Examples:
  revere demo                    See it alive: monitors, history, alerts
  revere init                    Write a commented config.py to start from
  revere check --connect         Is config.py right, do the sources answer?
  revere eval queue.py           Run one script once, against the sources
  revere replay queue.tape.json  Run it again from a tape, without them
  revere run                     Run the server on http://127.0.0.1:5000/
  revere export monitors         Write each monitor to a file, for git
  revere apply monitors          Bring them back
  revere backup copy.db          Copy the database, while the server runs
  revere alert test ops          Does this alert reach anybody?
  revere user add alice          Let people come in by name and password

Exit codes:
  0  it worked                   (eval: the outcome was OK)
  1  it did not, and says why    (eval: ALARM)
  2  the arguments are wrong     (eval: ERROR)
  3  eval, replay: the script could not be run at all
  4  replay only: the run differs from its tape";

/// The command line as a whole.
#[derive(Parser, Debug)]
#[command(name = "revere", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 110, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The configuration file [default: config.py in the working directory, if it is there]
    #[arg(short, long, global = true, value_name = "FILE", env = "REVERE_CONFIG_FILE", hide_env_values = true, value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// How much to log on standard error [default: $RUST_LOG, else info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// How to write log lines
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    log_format: LogFormat,
    /// Whose log it is.
    #[arg(skip)]
    command: Speaker,
}

/// Who writes the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Speaker {
    /// The server, whose log is all it says.
    Server,
    /// The demo, which also talks to a person.
    Demo,
    /// A command that ends soon.
    #[default]
    Other,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    #[command(after_help = run::EXAMPLES)]
    Run(run::Run),
    /// Write a commented config.py to start from
    #[command(after_help = init::EXAMPLES)]
    Init(init::Init),
    /// Show Revere alive, with example monitors, weeks of history and alerts that print
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
    /// Say whether the configuration is right
    #[command(after_help = check::EXAMPLES)]
    Check(check::Check),
    /// Run one monitor script once, against the configured sources
    #[command(after_help = eval::EXAMPLES)]
    Eval(eval::Eval),
    /// Run a script again from a tape, which `revere eval --tape` writes, and say where it differs
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::ReplayCommand),
    /// Bring in the monitors, history and alert settings of the original program's database
    #[command(after_help = import::EXAMPLES)]
    Import(import::Import),
    /// Write each monitor of a server to a file
    #[command(after_help = export::EXAMPLES)]
    Export(export::Export),
    /// Make the monitors of a server what files say
    #[command(after_help = apply::EXAMPLES)]
    Apply(apply::Apply),
    /// Copy the database, whether or not a server is using it
    #[command(after_help = backup::EXAMPLES)]
    Backup(backup::Backup),
    /// Copy everything to another database, of SQLite or PostgreSQL
    #[command(after_help = move_database::EXAMPLES)]
    Move(move_database::Move),
    /// Say who would be notified of a monitor; try an alert out
    #[command(after_help = alert::EXAMPLES)]
    Alert(alert::AlertCommand),
    /// Have the running server take up a changed configuration
    #[command(after_help = reload::EXAMPLES)]
    Reload(reload::Reload),
    /// List the servers that share a database of PostgreSQL
    #[command(after_help = nodes::EXAMPLES)]
    Nodes(nodes::Nodes),
    /// Say who may come in
    #[command(after_help = user::EXAMPLES)]
    User(user::UserCommand),
    /// Print a script that teaches a shell to complete revere's arguments
    #[command(after_help = completions::EXAMPLES)]
    Completions(completions::Completions),
}

/// Where the server listens: the same for whoever asks whether it may.
#[derive(Args, Clone, Debug)]
struct ListensAt {
    /// The port to listen on; 0 is any free one
    #[arg(short, long, value_parser = port, default_value_t = 5000, env = "REVERE_PORT", hide_env_values = true)]
    port: u16,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1", env = "REVERE_HOST", hide_env_values = true)]
    host: String,
}

/// A port to listen on.
fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "expected a whole number from 0 to 65535")
}

/// The whole program: reads the arguments, runs the command, reports what went wrong.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(usage(&error, &arguments).code()),
    };
    let runs_a_script = matches!(cli.command, Command::Eval(_) | Command::Replay(_));
    match dispatch(cli) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            terminal::complain(&error);
            ExitCode::from(if runs_a_script { Exit::NotRun } else { Exit::Failure }.code())
        }
    }
}

fn dispatch(Cli { mut global, command }: Cli) -> anyhow::Result<Exit> {
    global.command = match command {
        Command::Run(_) => Speaker::Server,
        Command::Demo(_) => Speaker::Demo,
        _ => Speaker::Other,
    };
    match command {
        Command::Run(run) => run.run(&global),
        Command::Init(init) => init.run(&global),
        Command::Demo(demo) => demo.run(&global),
        Command::Check(check) => check.run(&global),
        Command::Eval(eval) => eval.run(&global),
        Command::Replay(replay) => replay.run(&global),
        Command::Import(import) => import.run(&global),
        Command::Export(export) => export.run(&global),
        Command::Apply(apply) => apply.run(&global),
        Command::Backup(backup) => backup.run(&global),
        Command::Move(it) => it.run(&global),
        Command::Alert(alert) => alert.run(&global),
        Command::Nodes(nodes) => nodes.run(&global),
        Command::Reload(nodes) => nodes.run(&global),
        Command::User(user) => user.run(&global),
        Command::Completions(completions) => completions.run(&mut Cli::command()),
    }
}

/// Help and version are successes; wrong arguments are not, and `eval` and `replay` keep their own number for "did not run".
fn usage(error: &clap::Error, arguments: &[OsString]) -> Exit {
    // Nothing is left to tell about a closed pipe.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Success;
    }
    let runs_a_script = arguments.iter().skip(1).any(|argument| argument == "eval" || argument == "replay");
    if runs_a_script { Exit::NotRun } else { Exit::Error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_has_a_help_text_with_an_example() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let after = command.get_after_help().unwrap_or_else(|| panic!("{name} has no examples")).to_string();
            assert!(after.contains(&format!("revere {name}")), "{name}: {after}");
            assert!(command.get_about().is_some(), "{name} has no help text");
        }
    }
}
