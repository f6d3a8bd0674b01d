//! A tape as a file: JSON, one object, fields by name. docs/TAPES.md describes it for whoever reads or writes one.
//!
//! Values of scripts are written as the codec writes them. A file of another version is refused; within a version fields
//! are neither renamed nor given another meaning.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use revere_model::{ReturnValue, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Tape, TapedAnswer, TapedCall, TapedOutcome};
use crate::{
    HelperModule, Limits, MethodDescription, Previous, SourceDescription, SourceFault, TimeLimit, TimeOut, Value,
    ValueError, sanitize::clean,
};

const FORMAT: &str = "revere-tape";
const VERSION: u64 = 1;

/// A file may come from anywhere, and these texts of it are printed: nothing in them may act on a terminal.
const MOST_TEXT_BYTES: usize = 1 << 30;
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
        let head: Head = serde_json::from_slice(bytes).map_err(|error| TapeError::NotATape(error.to_string()))?;
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
                return_value: raw_return_value(self.outcome.return_value.as_ref())?,
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
                return_value: return_value("outcome.return_value", self.outcome.return_value)?,
                output: clean(&self.outcome.output, MOST_TEXT_BYTES),
                traceback: self.outcome.traceback.map(|text| clean(&text, MOST_TEXT_BYTES)),
            },
            redacted: self.redacted.iter().map(|place| clean(place, SHOWN_BYTES)).collect(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreviousEntry {
    state: State,
    return_value: Option<Box<RawValue>>,
    message: String,
    at: Timestamp,
}

impl PreviousEntry {
    fn into_previous(self) -> Result<Previous, String> {
        let PreviousEntry { state, return_value: value, message, at } = self;
        Ok(Previous { state, return_value: return_value("previous.return_value", value)?, message, at })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsEntry {
    wall_time_s: f64,
    cpu_time_s: f64,
    memory_bytes: usize,
    source_calls: u32,
    answer_bytes: usize,
    output_bytes: usize,
    message_bytes: usize,
    value_bytes: usize,
}

impl From<&Limits> for LimitsEntry {
    fn from(limits: &Limits) -> LimitsEntry {
        LimitsEntry {
            wall_time_s: limits.wall_time.as_secs_f64(),
            cpu_time_s: limits.cpu_time.as_secs_f64(),
            memory_bytes: limits.memory_bytes,
            source_calls: limits.source_calls,
            answer_bytes: limits.answer_bytes,
            output_bytes: limits.output_bytes,
            message_bytes: limits.message_bytes,
            value_bytes: limits.value_bytes,
        }
    }
}

impl LimitsEntry {
    /// A file may come from anywhere, and must not be a way past the limits.
    fn into_limits(self) -> Result<Limits, String> {
        const MOST_SECONDS: f64 = 86_400.0;
        let seconds = |name: &str, seconds: f64| match seconds {
            _ if seconds > 0.0 && seconds <= MOST_SECONDS => Ok(Duration::from_secs_f64(seconds)),
            _ => Err(format!("limits.{name}: a number of seconds above 0 and up to {MOST_SECONDS} is expected")),
        };
        for (name, bytes) in [
            ("answer_bytes", self.answer_bytes),
            ("output_bytes", self.output_bytes),
            ("message_bytes", self.message_bytes),
            ("value_bytes", self.value_bytes),
        ] {
            if bytes > MOST_TEXT_BYTES {
                return Err(format!("limits.{name}: at most {MOST_TEXT_BYTES} are expected"));
            }
        }
        Ok(Limits {
            wall_time: seconds("wall_time_s", self.wall_time_s)?,
            cpu_time: seconds("cpu_time_s", self.cpu_time_s)?,
            memory_bytes: self.memory_bytes,
            source_calls: self.source_calls,
            answer_bytes: self.answer_bytes,
            output_bytes: self.output_bytes,
            message_bytes: self.message_bytes,
            value_bytes: self.value_bytes,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceEntry {
    kind: String,
    methods: Vec<MethodEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodEntry {
    name: String,
    signature: String,
    doc: String,
}

impl From<&SourceDescription> for SourceEntry {
    fn from(source: &SourceDescription) -> SourceEntry {
        let method = |method: &MethodDescription| MethodEntry {
            name: method.name.clone(),
            signature: method.signature.clone(),
            doc: method.doc.clone(),
        };
        SourceEntry { kind: source.kind.clone(), methods: source.methods.iter().map(method).collect() }
    }
}

impl From<SourceEntry> for SourceDescription {
    fn from(source: SourceEntry) -> SourceDescription {
        let method = |MethodEntry { name, signature, doc }| MethodDescription { name, signature, doc };
        let methods = source.methods.into_iter().map(method).collect();
        SourceDescription { kind: source.kind, description: String::new(), methods }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum HelperEntry {
    Module { file: String, source: String, package: bool },
    Fault(String),
}

impl From<&Result<HelperModule, String>> for HelperEntry {
    fn from(helper: &Result<HelperModule, String>) -> HelperEntry {
        match helper.clone() {
            Ok(HelperModule { file, source, package }) => HelperEntry::Module { file, source, package },
            Err(text) => HelperEntry::Fault(text),
        }
    }
}

impl From<HelperEntry> for Result<HelperModule, String> {
    fn from(helper: HelperEntry) -> Result<HelperModule, String> {
        match helper {
            HelperEntry::Module { file, source, package } => Ok(HelperModule { file, source, package }),
            HelperEntry::Fault(text) => Err(text),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallEntry {
    source: String,
    method: String,
    args: Box<RawValue>,
    kwargs: Box<RawValue>,
    at_us: u64,
    duration_us: u64,
    cpu_us: u64,
    /// The value, where the source answered; null is one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    answer: Option<Box<RawValue>>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<FaultEntry>,
    /// Of the call and its answer; one written by hand may leave it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultEntry {
    kind: FaultKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    Failed,
    BadArguments,
    TooLarge,
    TooDeep,
    NoAnswer,
}

impl FaultEntry {
    fn of(answer: &TapedAnswer) -> Option<FaultEntry> {
        let (kind, text, bytes) = match answer {
            TapedAnswer::Value(_) => return None,
            TapedAnswer::Fault(SourceFault::Failed(text) | SourceFault::Ours(text)) => {
                (FaultKind::Failed, text.as_str(), None)
            }
            TapedAnswer::Fault(SourceFault::BadArguments(text)) => (FaultKind::BadArguments, text.as_str(), None),
            TapedAnswer::Fault(SourceFault::TooLarge(most)) => (FaultKind::TooLarge, "", Some(*most)),
            TapedAnswer::TooDeep => (FaultKind::TooDeep, "", None),
            TapedAnswer::Nothing => (FaultKind::NoAnswer, "", None),
        };
        Some(FaultEntry { kind, text: text.to_owned(), bytes })
    }
}

impl CallEntry {
    fn of(call: &TapedCall) -> Result<CallEntry, ValueError> {
        let kwargs = call.kwargs.iter().map(|(name, value)| (Value::Text(name.clone()), value.clone())).collect();
        let answer = match &call.answer {
            TapedAnswer::Value(value) => Some(raw(value)?),
            _ => None,
        };
        Ok(CallEntry {
            source: call.source.clone(),
            method: call.method.clone(),
            args: raw(&Value::List(call.args.clone()))?,
            kwargs: raw(&Value::Dict(kwargs))?,
            at_us: micros(call.at),
            duration_us: micros(call.duration),
            cpu_us: micros(call.cpu_time),
            answer,
            fault: FaultEntry::of(&call.answer),
            checksum: Some(checksum(call)),
        })
    }

    fn into_call(self) -> Result<TapedCall, String> {
        let Value::List(args) = value("args", &self.args)? else { return Err("args is not a list".to_owned()) };
        let Value::Dict(kwargs) = value("kwargs", &self.kwargs)? else { return Err("kwargs is not a dict".to_owned()) };
        let named = |(key, value)| match key {
            Value::Text(name) => Ok((name, value)),
            _ => Err("kwargs has a key that is no text".to_owned()),
        };
        let answer = match (self.answer, self.fault) {
            (Some(answer), None) => TapedAnswer::Value(value("answer", &answer)?),
            (None, Some(fault)) => match fault.kind {
                FaultKind::Failed => TapedAnswer::Fault(SourceFault::Failed(fault.text)),
                FaultKind::BadArguments => TapedAnswer::Fault(SourceFault::BadArguments(fault.text)),
                FaultKind::TooLarge => TapedAnswer::Fault(SourceFault::TooLarge(
                    fault.bytes.ok_or("a fault of kind too_large says how many bytes were allowed")?,
                )),
                FaultKind::TooDeep => TapedAnswer::TooDeep,
                FaultKind::NoAnswer => TapedAnswer::Nothing,
            },
            _ => return Err("either an answer or a fault is expected".to_owned()),
        };
        let mut call = TapedCall {
            source: self.source,
            method: self.method,
            args,
            kwargs: kwargs.into_iter().map(named).collect::<Result<_, _>>()?,
            at: Duration::from_micros(self.at_us),
            duration: Duration::from_micros(self.duration_us),
            cpu_time: Duration::from_micros(self.cpu_us),
            answer,
            edited: false,
        };
        call.edited = self.checksum.is_some_and(|written| written != checksum(&call));
        Ok(call)
    }
}

/// The checksum of what was asked and answered, however its JSON is laid out.
fn checksum(call: &TapedCall) -> String {
    let json = |value: &Value| value.to_json().unwrap_or_default();
    let answer = match &call.answer {
        TapedAnswer::Value(value) => json(value),
        fault => serde_json::to_vec(&FaultEntry::of(fault)).unwrap_or_default(),
    };
    let kwargs = call.kwargs.iter().map(|(name, value)| (Value::Text(name.clone()), value.clone())).collect();
    let (args, kwargs) = (json(&Value::List(call.args.clone())), json(&Value::Dict(kwargs)));
    let mut hasher = blake3::Hasher::new();
    for part in [call.source.as_bytes(), call.method.as_bytes(), &args, &kwargs, &answer] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.update(&micros(call.duration).to_le_bytes());
    hasher.finalize().to_hex()[..16].to_owned()
}

fn raw_return_value(value: Option<&ReturnValue>) -> Result<Option<Box<RawValue>>, ValueError> {
    value
        .map(|value| match value {
            ReturnValue::Int(int) => raw(&Value::Int(*int)),
            ReturnValue::Float(float) => raw(&Value::Float(*float)),
            ReturnValue::Text(text) => raw(&Value::Text(text.clone())),
        })
        .transpose()
}

/// Not by serde: its numbers may be off in the last digit.
fn return_value(field: &str, raw: Option<Box<RawValue>>) -> Result<Option<ReturnValue>, String> {
    let Some(raw) = raw else { return Ok(None) };
    match value(field, &raw)? {
        Value::Int(int) => Ok(Some(ReturnValue::Int(int))),
        Value::Float(float) => Ok(Some(ReturnValue::Float(float))),
        Value::Text(text) => Ok(Some(ReturnValue::Text(clean(&text, MOST_TEXT_BYTES)))),
        _ => Err(format!("{field}: a number or a text is expected")),
    }
}

/// A field that is there, whatever it holds.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

fn raw(value: &Value) -> Result<Box<RawValue>, ValueError> {
    let json = String::from_utf8(value.to_json()?).map_err(|error| ValueError(error.to_string()))?;
    RawValue::from_string(json).map_err(|error| ValueError(error.to_string()))
}

fn value(field: &str, raw: &RawValue) -> Result<Value, String> {
    Value::from_json(raw.get().as_bytes()).map_err(|error| format!("{field}: {error}"))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimeLimitWord {
    WallTime,
    CpuTime,
}

impl From<TimeLimit> for TimeLimitWord {
    fn from(limit: TimeLimit) -> TimeLimitWord {
        match limit {
            TimeLimit::WallTime => TimeLimitWord::WallTime,
            TimeLimit::CpuTime => TimeLimitWord::CpuTime,
        }
    }
}

impl From<TimeLimitWord> for TimeLimit {
    fn from(limit: TimeLimitWord) -> TimeLimit {
        match limit {
            TimeLimitWord::WallTime => TimeLimit::WallTime,
            TimeLimitWord::CpuTime => TimeLimit::CpuTime,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeOutEntry {
    limit: TimeLimitWord,
    waits: u32,
    waiting: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeEntry {
    state: State,
    message: String,
    return_value: Option<Box<RawValue>>,
    output: String,
    traceback: Option<String>,
}
