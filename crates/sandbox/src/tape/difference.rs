//! What a replay came to, and where it differed from its tape.

use revere_model::{ReturnValue, Severity};

use super::{Tape, TapedCall, TapedOutcome};
use crate::{Outcome, SourceCall, Value, call_name, sanitize::clean};

/// How much of an argument is shown.
const SHOWN_BYTES: usize = 300;

/// What a replay came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// What came of it; `None` where it asked a source for something that is not on the tape, and so was ended.
    pub outcome: Option<Outcome>,
    /// Where it differed from the tape: the first call that did, then what is different in the outcome.
    pub differences: Vec<Difference>,
}

/// One difference between a replay and its tape.
#[derive(Clone, PartialEq, Debug)]
pub enum Difference {
    /// A source call: one that is not on the tape at this place, or one of the tape that was not made.
    Call {
        /// Which, from 1.
        number: usize,
        /// What the replay asked; `None` if it ended without this call.
        made: Option<CallText>,
        /// What the tape has; `None` if it has no more.
        taped: Option<CallText>,
    },
    /// A part of the outcome.
    Outcome {
        /// Which.
        field: OutcomeField,
        /// What the tape has.
        taped: String,
        /// What the replay has.
        replayed: String,
    },
}

/// A part of an outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeField {
    /// Its state.
    State,
    /// Its message.
    Message,
    /// How bad the failure says that it is.
    Severity,
    /// What the script left in `return_value`.
    ReturnValue,
    /// What the script left in `threshold`.
    Threshold,
    /// What it printed.
    Output,
    /// Python's traceback.
    Traceback,
}

impl OutcomeField {
    /// The name that it has everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            OutcomeField::State => "state",
            OutcomeField::Message => "message",
            OutcomeField::Severity => "severity",
            OutcomeField::ReturnValue => "return_value",
            OutcomeField::Threshold => "threshold",
            OutcomeField::Output => "output",
            OutcomeField::Traceback => "traceback",
        }
    }
}

/// A source call as people read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallText {
    /// The source's configured name.
    pub source: String,
    /// The method.
    pub method: String,
    /// The arguments as Python would write them, shortened.
    pub arguments: String,
}

impl CallText {
    pub(super) fn of(call: &SourceCall) -> CallText {
        CallText::new(&call.source, &call.method, &call.args, &call.kwargs)
    }

    pub(super) fn of_taped(call: &TapedCall) -> CallText {
        CallText::new(&call.source, &call.method, &call.args, &call.kwargs)
    }

    fn new(source: &str, method: &str, args: &[Value], kwargs: &[(String, Value)]) -> CallText {
        let args = args.iter().map(|value| value.repr(SHOWN_BYTES));
        let kwargs = kwargs.iter().map(|(name, value)| format!("{name}={}", value.repr(SHOWN_BYTES)));
        let arguments = args.chain(kwargs).collect::<Vec<_>>().join(", ");
        // A tape may come from anywhere, and this is printed.
        CallText {
            source: clean(source, SHOWN_BYTES),
            method: clean(method, SHOWN_BYTES),
            arguments: clean(&arguments, 4 * SHOWN_BYTES),
        }
    }
}

impl std::fmt::Display for CallText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", call_name(&self.source, &self.method), self.arguments)
    }
}

impl Replay {
    /// What `outcome` came to in the replay of `tape`, which asked `call` first of all that is not on it.
    pub(crate) fn of(tape: &Tape, outcome: Option<Outcome>, call: Option<Difference>) -> Replay {
        let mut differences: Vec<Difference> = call.into_iter().collect();
        if let Some(outcome) = &outcome {
            differences.extend(between(&tape.outcome, &outcome.into()));
        }
        Replay { outcome, differences }
    }
}

fn between(taped: &TapedOutcome, replayed: &TapedOutcome) -> Vec<Difference> {
    // As JSON has it, which tells 3 from "3".
    let value = |value: &Option<ReturnValue>| serde_json::to_string(value).unwrap_or_default();
    let number = |number: Option<f64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
    let severity = |outcome: &TapedOutcome| outcome.severity.map_or("none", Severity::as_str).to_owned();
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let fields = [
        (OutcomeField::State, taped.state.to_string(), replayed.state.to_string()),
        (OutcomeField::Message, taped.message.clone(), replayed.message.clone()),
        (OutcomeField::Severity, severity(taped), severity(replayed)),
        (OutcomeField::ReturnValue, value(&taped.return_value), value(&replayed.return_value)),
        (OutcomeField::Threshold, number(taped.threshold), number(replayed.threshold)),
        (OutcomeField::Output, taped.output.clone(), replayed.output.clone()),
        (OutcomeField::Traceback, text(&taped.traceback), text(&replayed.traceback)),
    ];
    fields
        .into_iter()
        .filter(|(_, taped, replayed)| taped != replayed)
        .map(|(field, taped, replayed)| Difference::Outcome { field, taped, replayed })
        .collect()
}
