//! Taking secrets off a tape: every text that it holds goes through one function, wherever it stands.

use std::borrow::Cow;

use revere_model::ReturnValue;

use super::{Tape, TapedAnswer, TapedCall};
use crate::{SourceFault, Value};

/// Takes the secrets out of a text.
pub(super) struct Redactor<'a> {
    clean: &'a dyn for<'t> Fn(&'t str) -> Cow<'t, str>,
    /// Whether something was taken since this was last asked.
    took: bool,
}

impl Tape {
    /// Takes out what `clean` takes out of a text, notes where, and answers whether it found anything. The clock, the seed
    /// and checksums are ours and hold no secret.
    pub fn redact(&mut self, clean: &dyn for<'t> Fn(&'t str) -> Cow<'t, str>) {
        let mut redactor = Redactor { clean, took: false };
        let mut places = Vec::new();
        let mut part = |place: String, redactor: &mut Redactor<'_>| {
            if std::mem::take(&mut redactor.took) {
                places.push(place);
            }
        };
        redactor.text(&mut self.script);
        part("script".to_owned(), &mut redactor);
        if let Some(previous) = &mut self.previous {
            redactor.text(&mut previous.message);
            redactor.return_value(&mut previous.return_value);
            part("previous".to_owned(), &mut redactor);
        }
        for (name, helper) in self.helpers.iter_mut().flatten() {
            match helper {
                Ok(module) => {
                    redactor.text(&mut module.file);
                    redactor.text(&mut module.source);
                }
                Err(text) => redactor.text(text),
            }
            part(format!("helpers.{name}"), &mut redactor);
        }
        for (name, source) in &mut self.sources {
            redactor.text(&mut source.kind);
            for method in &mut source.methods {
                redactor.text(&mut method.name);
                redactor.text(&mut method.signature);
                redactor.text(&mut method.doc);
            }
            part(format!("sources.{name}"), &mut redactor);
        }
        for (index, call) in self.calls.iter_mut().enumerate() {
            redactor.call(call);
            part(format!("calls[{index}]"), &mut redactor);
        }
        redactor.text(&mut self.outcome.message);
        redactor.text(&mut self.outcome.output);
        redactor.return_value(&mut self.outcome.return_value);
        if let Some(traceback) = &mut self.outcome.traceback {
            redactor.text(traceback);
        }
        part("outcome".to_owned(), &mut redactor);
        self.redacted.extend(places);
    }
}

impl Redactor<'_> {
    fn text(&mut self, text: &mut String) {
        if let Cow::Owned(clean) = (self.clean)(text) {
            self.took = true;
            *text = clean;
        }
    }

    fn return_value(&mut self, value: &mut Option<ReturnValue>) {
        match value {
            Some(ReturnValue::Text(text)) => self.text(text),
            Some(number) => {
                let mut written = number.to_string();
                self.text(&mut written);
                if written != number.to_string() {
                    *number = ReturnValue::Text(written);
                }
            }
            None => {}
        }
    }

    fn call(&mut self, call: &mut TapedCall) {
        self.text(&mut call.method);
        call.args.iter_mut().for_each(|value| self.value(value));
        for (name, value) in &mut call.kwargs {
            self.text(name);
            self.value(value);
        }
        match &mut call.answer {
            TapedAnswer::Value(value) => self.value(value),
            TapedAnswer::Fault(
                SourceFault::Failed(text)
                | SourceFault::Unavailable(text)
                | SourceFault::BadArguments(text)
                | SourceFault::Ours(text),
            ) => {
                self.text(text);
            }
            TapedAnswer::Fault(SourceFault::TooLarge(_)) | TapedAnswer::TooDeep | TapedAnswer::Nothing => {}
        }
    }

    fn value(&mut self, value: &mut Value) {
        let written = match value {
            Value::Null | Value::Bool(_) => return,
            Value::Text(text) => return self.text(text),
            Value::Bytes(bytes) => return self.bytes(bytes),
            Value::List(items) | Value::Tuple(items) => return items.iter_mut().for_each(|item| self.value(item)),
            Value::Dict(items) => {
                return items.iter_mut().for_each(|(key, value)| {
                    self.value(key);
                    self.value(value);
                });
            }
            Value::Int(int) => int.to_string(),
            Value::Float(float) => float.to_string(),
            Value::Duration(micros) => micros.to_string(),
            Value::BigInt(text)
            | Value::Decimal(text)
            | Value::Date(text)
            | Value::Time(text)
            | Value::DateTime(text)
            | Value::Uuid(text) => text.clone(),
        };
        // What is left of it is no number and no date any more.
        let mut clean = written.clone();
        self.text(&mut clean);
        if clean != written {
            *value = Value::Text(clean);
        }
    }

    /// Secrets are texts, so they stand where the bytes are UTF-8.
    fn bytes(&mut self, bytes: &mut Vec<u8>) {
        let mut clean = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            let mut text = chunk.valid().to_owned();
            self.text(&mut text);
            clean.extend_from_slice(text.as_bytes());
            clean.extend_from_slice(chunk.invalid());
        }
        *bytes = clean;
    }
}
