//! A tape as a file: JSON, one object, fields by name. docs/TAPES.md describes it for whoever reads or writes one.
//!
//! Values of scripts are written as the codec writes them. A file of another version is refused; within a version fields
//! are neither renamed nor given another meaning. The whole is here; its parts are in [`entries`](super::entries) and
//! [`call_entry`](super::call_entry).

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use revere_model::ReturnValue;
use serde::{Deserialize, Serialize};

use super::{
    Tape, TapedOutcome,
    call_entry::CallEntry,
    entries::{
        HelperEntry, LimitsEntry, MOST_TEXT_BYTES, OutcomeEntry, PreviousEntry, SourceEntry, TimeOutEntry, number,
        raw_return_value, return_value,
    },
};
use crate::{Previous, TimeOut, ValueError, sanitize::clean};

const FORMAT: &str = "revere-tape";
const VERSION: u64 = 1;

const SHOWN_BYTES: usize = 300;

/// Bytes that are no tape, or a tape that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// Not a tape at all.
    #[error("this is not a tape: {0}; `revere eval --tape FILE` writes one")]
    NotATape(String),
    /// A tape, but of another version.
    #[error(
        "this is a tape of version {found}, and this Revere reads version {VERSION}; replay it with the Revere that made it{}, or record it again",
        made_by.as_ref().map(|made_by| format!(" ({made_by})")).unwrap_or_default()
    )]
    Version {
        /// The version that it has.
        found: u64,
        /// What it says that it was made by.
        made_by: Option<String>,
    },
    /// A tape with a fault in it.
    #[error("this tape has a fault: {0}")]
    Faulty(String),
    /// A value that has no written form.
    #[error("the tape cannot be written: {0}")]
    Unwritable(String),
}

impl Tape {
    /// The tape as the text of a file.
    pub fn to_json(&self) -> Result<String, TapeError> {
        let unwritable = |error: &dyn std::fmt::Display| TapeError::Unwritable(error.to_string());
        let file = self.to_file().map_err(|error| unwritable(&error))?;
        serde_json::to_string_pretty(&file).map(|text| text + "\n").map_err(|error| unwritable(&error))
    }

    /// Reads what [`Tape::to_json`] wrote.
    pub fn from_json(bytes: &[u8]) -> Result<Tape, TapeError> {
        let head: Head = serde_json::from_slice(bytes).map_err(|error| {
            TapeError::NotATape(match error.classify() {
                serde_json::error::Category::Data => "it says nothing of what it is".to_owned(),
                _ => format!("it stops being JSON in line {}", error.line()),
            })
        })?;
        if head.format.as_deref() != Some(FORMAT) {
            return Err(TapeError::NotATape(format!("it has no \"format\": \"{FORMAT}\"")));
        }
        match head.version {
            Some(VERSION) => {}
            Some(found) => {
                let made_by = head.made_by.map(|made_by| clean(&made_by, SHOWN_BYTES));
                return Err(TapeError::Version { found, made_by });
            }
            None => return Err(TapeError::Faulty("it has no version".to_owned())),
        }
        let file: TapeFile = serde_json::from_slice(bytes).map_err(|error| TapeError::Faulty(error.to_string()))?;
        file.into_tape().map_err(TapeError::Faulty)
    }

    fn to_file(&self) -> Result<TapeFile, ValueError> {
        let previous = |previous: &Previous| {
            Ok(PreviousEntry {
                state: previous.state,
                return_value: raw_return_value(previous.return_value.as_ref())?,
                message: previous.message.clone(),
                at: previous.at,
            })
        };
        Ok(TapeFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_by: self.made_by.clone(),
            guest: self.guest.clone(),
            prelude: self.prelude.clone(),
            script: self.script.clone(),
            script_version: self.script_version.clone(),
            compiled_before: self.compiled_before,
            instant: self.instant,
            clock_step_ns: u64::try_from(self.clock_step.as_nanos()).unwrap_or(u64::MAX),
            seed: self.seed.to_string(),
            previous: self.previous.as_ref().map(previous).transpose()?,
            limits: LimitsEntry::from(&self.limits),
            sources: self.sources.iter().map(|(name, source)| (name.clone(), source.into())).collect(),
            helpers: self.helpers.as_ref().map(|helpers| {
                helpers.iter().map(|(name, helper)| (name.clone(), HelperEntry::from(helper))).collect()
            }),
            calls: self.calls.iter().map(CallEntry::of).collect::<Result<_, _>>()?,
            time_out: self.time_out.map(|end| TimeOutEntry {
                limit: end.limit.into(),
                waits: end.waits,
                waiting: end.waiting,
            }),
            outcome: OutcomeEntry {
                state: self.outcome.state,
                message: self.outcome.message.clone(),
                severity: self.outcome.severity,
                return_value: raw_return_value(self.outcome.return_value.as_ref())?,
                threshold: raw_return_value(self.outcome.threshold.map(ReturnValue::Float).as_ref())?,
                output: self.outcome.output.clone(),
                traceback: self.outcome.traceback.clone(),
            },
            redacted: self.redacted.clone(),
        })
    }
}

/// What tells a tape from other files.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u64>,
    made_by: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TapeFile {
    format: String,
    version: u64,
    made_by: String,
    guest: String,
    prelude: String,
    script_version: String,
    compiled_before: bool,
    instant: Timestamp,
    clock_step_ns: u64,
    /// In digits: not every reader of JSON has 64 bits.
    seed: String,
    previous: Option<PreviousEntry>,
    limits: LimitsEntry,
    sources: BTreeMap<String, SourceEntry>,
    helpers: Option<BTreeMap<String, HelperEntry>>,
    script: String,
    calls: Vec<CallEntry>,
    time_out: Option<TimeOutEntry>,
    outcome: OutcomeEntry,
    redacted: Vec<String>,
}

impl TapeFile {
    fn into_tape(self) -> Result<Tape, String> {
        let calls = self
            .calls
            .into_iter()
            .enumerate()
            .map(|(index, call)| call.into_call().map_err(|fault| format!("call {}: {fault}", index + 1)));
        Ok(Tape {
            made_by: clean(&self.made_by, SHOWN_BYTES),
            guest: self.guest,
            prelude: self.prelude,
            script: self.script,
            script_version: self.script_version,
            compiled_before: self.compiled_before,
            helpers: self
                .helpers
                .map(|helpers| helpers.into_iter().map(|(name, helper)| (name, helper.into())).collect()),
            sources: self.sources.into_iter().map(|(name, source)| (name, source.into())).collect(),
            limits: self.limits.into_limits()?,
            instant: self.instant,
            clock_step: Duration::from_nanos(self.clock_step_ns),
            seed: self.seed.parse().map_err(|_| format!("seed: {:?} is no whole number of 64 bits", self.seed))?,
            previous: self.previous.map(PreviousEntry::into_previous).transpose()?,
            calls: calls.collect::<Result<_, _>>()?,
            time_out: self.time_out.map(|end| TimeOut {
                limit: end.limit.into(),
                waits: end.waits,
                waiting: end.waiting,
            }),
            outcome: TapedOutcome {
                state: self.outcome.state,
                message: clean(&self.outcome.message, MOST_TEXT_BYTES),
                severity: self.outcome.severity,
                return_value: return_value("outcome.return_value", self.outcome.return_value)?,
                threshold: number("outcome.threshold", self.outcome.threshold)?,
                output: clean(&self.outcome.output, MOST_TEXT_BYTES),
                traceback: self.outcome.traceback.map(|text| clean(&text, MOST_TEXT_BYTES)),
            },
            redacted: self.redacted.iter().map(|place| clean(place, SHOWN_BYTES)).collect(),
        })
    }
}
