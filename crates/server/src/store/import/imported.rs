//! What is taken over: monitors with their past, and what people had chosen about alerts.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{MonitorId, MonitorSpec, ReturnValue, RunKind, State, StateSet};

/// A monitor to take over.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportedMonitor {
    /// The id it keeps; `None` for the next free one.
    pub id: Option<MonitorId>,
    /// What its author decides.
    pub spec: MonitorSpec,
    /// The state it was in; told to nobody.
    pub state: State,
    /// The state that people heard last, through the alerts that are taken over with it: if that was a problem, they will
    /// hear of its end.
    pub heard: State,
    /// Its history, oldest first.
    pub history: Vec<Past>,
}

/// A piece of history to take over.
#[derive(Clone, PartialEq, Debug)]
pub enum Past {
    /// A run, which may have changed the state.
    Run(ImportedRun),
    /// A change of state that no run caused.
    Change(ImportedChange),
}

impl Past {
    /// What the monitor was in afterwards.
    pub fn new_state(&self) -> State {
        match self {
            Past::Run(run) => run.new_state,
            Past::Change(change) => change.new_state,
        }
    }

    pub(super) fn run(&self) -> Option<&ImportedRun> {
        match self {
            Past::Run(run) => Some(run),
            Past::Change(_) => None,
        }
    }

    /// What it did to the state.
    pub(super) fn change(&self) -> Change<'_> {
        match self {
            Past::Run(run) => Change {
                at: run.at,
                old_state: run.old_state,
                new_state: run.new_state,
                message: &run.message,
                return_value: run.return_value.as_ref(),
            },
            Past::Change(change) => Change {
                at: change.at,
                old_state: change.old_state,
                new_state: change.new_state,
                message: &change.message,
                return_value: None,
            },
        }
    }
}

/// A run to take over.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportedRun {
    /// Why it happened.
    pub kind: RunKind,
    /// When it was.
    pub at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What the script did.
    pub outcome: State,
    /// The state before.
    pub old_state: State,
    /// The state after.
    pub new_state: State,
    /// Its message.
    pub message: String,
    /// Its value.
    pub return_value: Option<ReturnValue>,
    /// What it printed.
    pub output: String,
    /// The traceback of an `ERROR`.
    pub traceback: Option<String>,
}

/// A change of state without a run to take over.
#[derive(Clone, PartialEq, Debug)]
pub struct ImportedChange {
    /// When it was.
    pub at: Timestamp,
    /// The state before.
    pub old_state: State,
    /// The state after.
    pub new_state: State,
    /// Why.
    pub message: String,
}

/// What people had chosen about an alert. It takes effect when the configuration has an alert of that key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportedAlert {
    /// Its key.
    pub key: String,
    /// Whether it was on.
    pub enabled: bool,
    /// The states it told.
    pub states: StateSet,
}

/// What a piece of history did to the state.
pub(super) struct Change<'a> {
    pub(super) at: Timestamp,
    pub(super) old_state: State,
    pub(super) new_state: State,
    pub(super) message: &'a str,
    pub(super) return_value: Option<&'a ReturnValue>,
}
