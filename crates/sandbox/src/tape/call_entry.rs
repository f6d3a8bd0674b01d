//! A source call in a tape's file: what was asked, when, and what came back. A checksum tells whether somebody edited it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    TapedAnswer, TapedCall,
    entries::{micros, raw, value},
};
use crate::{SourceFault, Value, ValueError};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallEntry {
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
            TapedAnswer::Fault(
                SourceFault::Failed(text) | SourceFault::Unavailable(text) | SourceFault::Ours(text),
            ) => (FaultKind::Failed, text.as_str(), None),
            TapedAnswer::Fault(SourceFault::BadArguments(text)) => (FaultKind::BadArguments, text.as_str(), None),
            TapedAnswer::Fault(SourceFault::TooLarge(most)) => (FaultKind::TooLarge, "", Some(*most)),
            TapedAnswer::TooDeep => (FaultKind::TooDeep, "", None),
            TapedAnswer::Nothing => (FaultKind::NoAnswer, "", None),
        };
        Some(FaultEntry { kind, text: text.to_owned(), bytes })
    }
}

impl CallEntry {
    pub(super) fn of(call: &TapedCall) -> Result<CallEntry, ValueError> {
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

    pub(super) fn into_call(self) -> Result<TapedCall, String> {
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

/// A field that is there, whatever it holds.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}
