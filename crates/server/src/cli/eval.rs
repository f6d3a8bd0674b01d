//! `revere eval FILE`: runs one script once against the configured sources and records nothing.

use std::{io::Read, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::ValueHint;
use revere_sandbox::SandboxError;

use super::{
    Exit, Global, outcome_text,
    startup::Project,
    tape_file,
    terminal::{self, Paint},
};
use crate::{operations::script::too_large, runner::Script};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere eval queue.py
  revere eval --json queue.py | jq .return_value
  revere eval --tape queue.tape.json queue.py
  echo \"return_value = sources['shop'].get('/').status\" | revere eval -

Exit codes:
  0 the outcome was OK, 1 ALARM, 2 ERROR
  3 the script could not be run (no such file, faulty configuration, ...)";

#[derive(clap::Args, Debug)]
pub(super) struct Eval {
    /// The script; - reads it from standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    script: PathBuf,
    /// Print one JSON object: state, message, return_value, threshold, duration_ms, output, traceback, source_calls, warnings
    #[arg(long)]
    json: bool,
    /// Wall-clock seconds it may take [default: RUN_TIMEOUT of the configuration, else 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Also write what the run depended on, answers of sources included, for `revere replay`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    tape: Option<PathBuf>,
}

impl Eval {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let text = self.read()?;
        if let Some(fault) = too_large(&text) {
            anyhow::bail!(fault.message);
        }
        let project = Project::open(global)?;
        let script = Script { text, timeout: self.timeout, ..Script::default() };
        let runner = project.runner();
        let records = self.tape.is_some();
        let (warnings, outcome, tape) = project
            .runtime
            .block_on(async {
                // One that does not compile says so when it runs.
                let warnings = runner.check(&script.text).await?.unwrap_or_default();
                let (outcome, tape) = if records {
                    let (outcome, tape) = runner.record(script).await?;
                    (outcome, Some(tape))
                } else {
                    (runner.run(script).await?, None)
                };
                Ok::<_, SandboxError>((warnings, outcome, tape))
            })
            .context("the script could not be run")?;
        if self.json {
            terminal::print_json(&outcome_text::as_json(&outcome, &warnings));
        } else {
            terminal::print_as_it_is(&outcome_text::for_a_person(&outcome, &warnings, Paint::stdout()));
        }
        if let (Some(path), Some(tape)) = (&self.tape, &tape) {
            tape_file::write(path, tape)?;
        }
        Ok(Exit::of(outcome.state))
    }

    fn read(&self) -> anyhow::Result<String> {
        let (bytes, name) = if self.script.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read the script from standard input")?;
            (bytes, "standard input".to_owned())
        } else {
            let name = self.script.display().to_string();
            (std::fs::read(&self.script).with_context(|| format!("cannot read the script {name}"))?, name)
        };
        String::from_utf8(bytes).map_err(|error| {
            anyhow::anyhow!(
                "{name} is not UTF-8 text: byte {} is no character; save it as UTF-8",
                error.utf8_error().valid_up_to()
            )
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number of seconds above 0 and up to 86400".to_owned()),
    }
}
