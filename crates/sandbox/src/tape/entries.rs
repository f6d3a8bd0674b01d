//! The parts of a tape's file that describe a run: what it began from, what it could use, and what came out.

use std::time::Duration;

use jiff::Timestamp;
use revere_model::{ReturnValue, Severity, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    HelperModule, Limits, MethodDescription, Previous, SourceDescription, TimeLimit, Value, ValueError, sanitize::clean,
};

/// A file may come from anywhere, and these texts of it are printed: nothing in them may act on a terminal.
pub(super) const MOST_TEXT_BYTES: usize = 1 << 30;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviousEntry {
    pub(super) state: State,
    pub(super) return_value: Option<Box<RawValue>>,
    pub(super) message: String,
    pub(super) at: Timestamp,
}

impl PreviousEntry {
    pub(super) fn into_previous(self) -> Result<Previous, String> {
        let PreviousEntry { state, return_value: value, message, at } = self;
        Ok(Previous { state, return_value: return_value("previous.return_value", value)?, message, at })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsEntry {
    pub(super) wall_time_s: f64,
    pub(super) cpu_time_s: f64,
    pub(super) memory_bytes: usize,
    pub(super) source_calls: u32,
    pub(super) answer_bytes: usize,
    pub(super) output_bytes: usize,
    pub(super) message_bytes: usize,
    pub(super) value_bytes: usize,
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
    pub(super) fn into_limits(self) -> Result<Limits, String> {
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
pub(super) struct SourceEntry {
    pub(super) kind: String,
    pub(super) methods: Vec<MethodEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodEntry {
    pub(super) name: String,
    pub(super) signature: String,
    pub(super) doc: String,
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
pub(super) enum HelperEntry {
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

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeLimitWord {
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
pub(super) struct TimeOutEntry {
    pub(super) limit: TimeLimitWord,
    pub(super) waits: u32,
    pub(super) waiting: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeEntry {
    pub(super) state: State,
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<Severity>,
    pub(super) return_value: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) threshold: Option<Box<RawValue>>,
    pub(super) output: String,
    pub(super) traceback: Option<String>,
}

pub(super) fn raw_return_value(value: Option<&ReturnValue>) -> Result<Option<Box<RawValue>>, ValueError> {
    value
        .map(|value| match value {
            ReturnValue::Int(int) => raw(&Value::Int(*int)),
            ReturnValue::Float(float) => raw(&Value::Float(*float)),
            ReturnValue::Text(text) => raw(&Value::Text(text.clone())),
        })
        .transpose()
}

/// Not by serde: its numbers may be off in the last digit.
pub(super) fn return_value(field: &str, raw: Option<Box<RawValue>>) -> Result<Option<ReturnValue>, String> {
    let Some(raw) = raw else { return Ok(None) };
    match value(field, &raw)? {
        Value::Int(int) => Ok(Some(ReturnValue::Int(int))),
        Value::Float(float) => Ok(Some(ReturnValue::Float(float))),
        Value::Text(text) => Ok(Some(ReturnValue::Text(clean(&text, MOST_TEXT_BYTES)))),
        _ => Err(format!("{field}: a number or a text is expected")),
    }
}

/// A number, as a return value is read.
pub(super) fn number(field: &str, raw: Option<Box<RawValue>>) -> Result<Option<f64>, String> {
    match return_value(field, raw)? {
        None => Ok(None),
        Some(value) => value.as_number().map(Some).ok_or_else(|| format!("{field}: a number is expected")),
    }
}

pub(super) fn raw(value: &Value) -> Result<Box<RawValue>, ValueError> {
    let json = String::from_utf8(value.to_json()?).map_err(|error| ValueError(error.to_string()))?;
    RawValue::from_string(json).map_err(|error| ValueError(error.to_string()))
}

pub(super) fn value(field: &str, raw: &RawValue) -> Result<Value, String> {
    Value::from_json(raw.get().as_bytes()).map_err(|error| format!("{field}: {error}"))
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
