//! `revere replay FILE`: runs a script again from its tape, without the configuration, the sources or the network.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::Context;
use clap::ValueHint;
use revere_sandbox::{
    Difference, Limits, OutcomeField, Replay, Tape, call_name, guest_version, prelude_version, script_version,
};
use serde_json::{Value, json};

use super::{
    Exit, Global, outcome_text,
    startup::{Begun, default_options, open_sandbox},
    tape_file,
    terminal::{self, Paint, inert},
};
use crate::runner::say_line;

pub(super) const EXAMPLES: &str = "\
Examples:
  revere eval --tape queue.tape.json queue.py
  revere replay queue.tape.json
  revere replay --json queue.tape.json | jq .differences

Exit codes:
  0 the outcome was OK, 1 ALARM, 2 ERROR, as on the tape
  3 the tape could not be played (no such file, another version, ...)
  4 the run differs from its tape";

#[derive(clap::Args, Debug)]
pub(super) struct ReplayCommand {
    /// The tape, as `revere eval --tape` writes it
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    tape: PathBuf,
    /// Print one JSON object: what `revere eval --json` prints, differences, notes
    #[arg(long)]
    json: bool,
}

impl ReplayCommand {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let tape = tape_file::read(&self.tape)?;
        let begun = Begun::new(global)?;
        let sandbox = open_sandbox(default_options())?;
        let mut replay = begun.runtime.block_on(sandbox.replay(&tape)).context("the tape could not be played")?;
        if let Some(outcome) = &mut replay.outcome {
            say_line(outcome, Limits::default().message_bytes);
        }
        let notes = notes(&tape);
        if self.json {
            terminal::print_json(&as_json(&replay, &notes));
        } else {
            terminal::print_as_it_is(&for_a_person(&replay, &notes, Paint::stdout()));
        }
        Ok(match &replay.outcome {
            Some(outcome) if replay.differences.is_empty() => Exit::of(outcome.state),
            _ => Exit::Differs,
        })
    }
}

/// What may be why a run differs from its tape.
fn notes(tape: &Tape) -> Vec<String> {
    let mut notes = Vec::new();
    let made_by = &tape.made_by;
    if tape.guest != guest_version() {
        notes.push(format!(
            "the tape was made with another embedded Python, that of Revere {made_by}; it is played with the one of {}",
            env!("CARGO_PKG_VERSION")
        ));
    } else if tape.prelude != prelude_version() {
        notes.push(format!(
            "the tape was made with Revere {made_by}, whose own Python around scripts is another than that of {}",
            env!("CARGO_PKG_VERSION")
        ));
    }
    if !tape.redacted.is_empty() {
        let places = tape.redacted.join(", ");
        notes.push(format!("secrets were taken off the tape, so the run saw something else in: {places}"));
    }
    if script_version(&tape.script) != tape.script_version && !tape.redacted.iter().any(|place| place == "script") {
        notes.push("the script was changed after it was recorded".to_owned());
    }
    for (number, call) in (1..).zip(&tape.calls).filter(|(_, call)| call.edited) {
        notes.push(format!(
            "call {number}, {}, was changed after it was recorded",
            call_name(&call.source, &call.method)
        ));
    }
    if tape.time_out.is_some_and(|end| !end.waiting) {
        notes.push(
            "the recorded run was ended by its time while it computed: nobody can say at which instruction".to_owned(),
        );
    }
    notes
}

fn for_a_person(replay: &Replay, notes: &[String], paint: Paint) -> String {
    let mut text = match &replay.outcome {
        Some(outcome) => outcome_text::for_a_person(outcome, &[], paint),
        None => String::new(),
    };
    for difference in &replay.differences {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}  {}", paint.yellow("DIFFERS"), inert(sentence(difference)));
    }
    if replay.differences.is_empty() {
        text.push_str("The same as on the tape.\n");
    }
    for note in notes {
        let _ = writeln!(text, "{}  {}", paint.dim("note"), inert(note));
    }
    text
}

fn sentence(difference: &Difference) -> String {
    match difference {
        Difference::Call { number, made: Some(made), taped: Some(taped) } => format!(
            "call {number}: the script asks {made}, which is not on the tape: it has {taped} there. The replay ended here"
        ),
        Difference::Call { number, made: Some(made), taped: None } => {
            format!(
                "call {number}: the script asks {made}, which is not on the tape: it has no more calls. The replay ended here"
            )
        }
        Difference::Call { number, made: None, taped } => {
            let taped = taped.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("call {number}: the script came to its end without {taped}, which is on the tape")
        }
        Difference::Outcome { field, taped, replayed } => {
            let quoted = |text: &str| match field {
                OutcomeField::State | OutcomeField::ReturnValue | OutcomeField::Threshold => text.to_owned(),
                _ => format!("{text:?}"),
            };
            format!("{}: {} on the tape, {} now", field.as_str(), quoted(taped), quoted(replayed))
        }
    }
}

fn as_json(replay: &Replay, notes: &[String]) -> Value {
    let mut object = match &replay.outcome {
        Some(outcome) => outcome_text::as_json(outcome, &[]),
        None => outcome_text::no_outcome(),
    };
    object["differences"] = replay.differences.iter().map(difference_as_json).collect();
    object["notes"] = json!(notes);
    object
}

fn difference_as_json(difference: &Difference) -> Value {
    match difference {
        Difference::Call { number, made, taped } => json!({
            "what": "call",
            "number": number,
            "taped": taped.as_ref().map(ToString::to_string),
            "replayed": made.as_ref().map(ToString::to_string),
        }),
        Difference::Outcome { field, taped, replayed } => {
            json!({ "what": field.as_str(), "taped": taped, "replayed": replayed })
        }
    }
}
