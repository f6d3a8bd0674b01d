//! What a guest answered, turned into an outcome. Its bytes are the script's own claim at best: everything is checked,
//! bounded and cleaned here, after the guest has had its last word.

use revere_model::{ReturnValue, Severity, State};

use crate::{
    ConfigValues, LimitKind, Limits, Outcome, RunInputs, ScriptError, ScriptWarning, Value,
    codec::marshal,
    guest_pool::{End, Ended},
    sanitize::{clean, clean_begin},
    stop::{self, Stop},
};

const KIND_BYTES: usize = 200;
const TRACEBACK_BYTES: usize = 64 << 10;
/// The loader's mark before a failure that is not even an answer of ours.
const LOADER_FAILED: u8 = 0xff;

/// The outcome of a script's run.
pub(crate) fn outcome(ended: Ended, limits: &Limits, inputs: RunInputs) -> Outcome {
    let verdict = verdict(&ended, limits);
    let mut calls = ended.calls;
    // Looked for before it is cut, and the last of those that say so: all of them are of one source.
    let ended_by = calls.iter_mut().rfind(|call| call.answer.as_ref().err() == verdict.source_fault.as_ref());
    if let Some(call) = ended_by.filter(|_| verdict.source_fault.is_some()) {
        call.ended_run = true;
    }
    for call in &mut calls {
        call.arguments = clean(&call.arguments, 1 << 10);
        call.answer = match &call.answer {
            Ok(text) => Ok(clean(text, 1 << 10)),
            Err(text) => Err(clean(text, 1 << 10)),
        };
        for text in call.http.iter_mut().flat_map(|http| http.texts_mut()) {
            *text = clean(text, 4 << 10);
        }
    }
    Outcome {
        state: verdict.state,
        message: verdict.message,
        severity: verdict.severity,
        return_value: verdict.return_value,
        threshold: verdict.threshold,
        output: match (String::from_utf8_lossy(&ended.output), ended.output_is_cut) {
            (text, true) => clean_begin(&text, limits.output_bytes),
            (text, false) => clean(&text, limits.output_bytes),
        },
        error: verdict.error,
        source_calls: calls,
        inputs,
        duration: ended.duration,
        cpu_time: ended.cpu_time,
        memory_bytes: ended.memory_bytes,
    }
}

/// What is wrong with a script that was compiled.
pub(crate) fn fault(ended: &Ended) -> Option<ScriptError> {
    verdict(ended, &Limits::default()).error
}

/// What a configuration file left.
pub(crate) fn config(ended: Ended, limits: &Limits) -> Result<ConfigValues, ScriptError> {
    if let Some(error) = verdict(&ended, limits).error {
        return Err(error);
    }
    let unreadable =
        |what: &str| plain_error("Crash", format!("the configuration's values cannot be read: {what}"), None);
    let End::Answered(bytes) = &ended.end else { return Err(unreadable("no answer")) };
    let answer = marshal::read(bytes).map_err(|error| unreadable(&error.to_string()))?;
    ConfigValues::of(&answer).map_err(|what| unreadable(&what))
}

/// The bytecode that compiling gave.
pub(crate) fn code(ended: &Ended) -> Option<Vec<u8>> {
    let End::Answered(bytes) = &ended.end else { return None };
    match marshal::read(bytes).ok()?.get("code") {
        Some(Value::Bytes(code)) => Some(code.clone()),
        _ => None,
    }
}

/// What the lints found.
pub(crate) fn warnings(ended: &Ended) -> Vec<ScriptWarning> {
    let End::Answered(bytes) = &ended.end else { return Vec::new() };
    let Some(Value::List(found)) = marshal::read(bytes).ok().and_then(|answer| answer.get("warnings").cloned()) else {
        return Vec::new();
    };
    let warning = |value| match value {
        Value::List(parts) => match <[Value; 2]>::try_from(parts).ok()? {
            [Value::Int(line), Value::Text(text)] => {
                Some(ScriptWarning { line: u32::try_from(line).ok()?, message: clean(&text, 1 << 10) })
            }
            _ => None,
        },
        _ => None,
    };
    found.into_iter().filter_map(warning).collect()
}

struct Verdict {
    state: State,
    message: String,
    /// The text of the source's fault by which it came out so.
    source_fault: Option<String>,
    severity: Option<Severity>,
    return_value: Option<ReturnValue>,
    threshold: Option<f64>,
    error: Option<ScriptError>,
}

fn verdict(ended: &Ended, limits: &Limits) -> Verdict {
    match &ended.end {
        End::Answered(bytes) => match marshal::read(bytes) {
            Ok(answer) => from_answer(&answer, ended.memory_refused, limits)
                .unwrap_or_else(|| crashed("the run's result is not one that a run can have")),
            Err(error) => match bytes.split_first() {
                Some((&LOADER_FAILED, _)) if ended.memory_refused => error_verdict(memory_error(limits, None, None)),
                Some((&LOADER_FAILED, text)) => {
                    let text = clean(&String::from_utf8_lossy(text), TRACEBACK_BYTES);
                    let last = text.trim_end().lines().last().unwrap_or_default().to_owned();
                    let mut error = plain_error("Crash", format!("the run broke the interpreter: {last}"), None);
                    error.traceback = Some(text);
                    error_verdict(error)
                }
                _ => crashed(&format!("the run's result cannot be read: {error}")),
            },
        },
        End::Stopped(stop) => {
            let kind = if stop.limit().is_some() { "Limit" } else { "Crash" };
            let mut message = stop.to_string();
            if ended.memory_refused && matches!(stop, Stop::WallTime(_) | Stop::CpuTime(_)) {
                message += &format!("; its memory limit of {} was reached too", stop::bytes(limits.memory_bytes));
            }
            error_verdict(plain_error(kind, message, stop.limit()))
        }
        End::StackOverflow => error_verdict(plain_error(
            "Limit",
            "recursion too deep: the run used up its stack of 2 MiB".to_owned(),
            Some(LimitKind::Stack),
        )),
        End::Crashed(_) if ended.memory_refused => error_verdict(memory_error(limits, None, None)),
        End::Crashed(trap) => crashed(&format!("the script brought the interpreter down: {trap}")),
    }
}

fn from_answer(answer: &Value, memory_refused: bool, limits: &Limits) -> Option<Verdict> {
    let text = |key: &str| answer.get(key).and_then(Value::as_text);
    let state: State = text("state")?.parse().ok()?;
    let mut message = clean(text("message").unwrap_or_default(), limits.message_bytes);
    let return_value = match answer.get("return_value") {
        None | Some(Value::Null) => None,
        Some(Value::Int(int)) => Some(ReturnValue::Int(*int)),
        Some(Value::Bool(value)) => Some(ReturnValue::Int((*value).into())),
        Some(Value::Float(float)) if float.is_finite() => Some(ReturnValue::Float(*float)),
        Some(Value::Text(value)) => Some(ReturnValue::Text(clean(value, limits.value_bytes))),
        Some(_) => return None,
    };
    let error = match state {
        State::Ok => None,
        State::Inactive => return None,
        State::Alarm | State::Error => {
            let kind = clean(text("kind").unwrap_or("Exception"), KIND_BYTES);
            let line = match answer.get("line") {
                Some(Value::Int(line)) => u32::try_from(*line).ok(),
                _ => None,
            };
            let column = match answer.get("column") {
                Some(Value::Int(column)) => u32::try_from(*column).ok(),
                _ => None,
            };
            let traceback = text("traceback").map(|text| clean(text, TRACEBACK_BYTES));
            if kind == "MemoryError" && (memory_refused || message == "MemoryError") && state == State::Error {
                let error = memory_error(limits, line, traceback);
                message = error.message.clone();
                Some(error)
            } else {
                Some(ScriptError { kind, message: message.clone(), line, column, traceback, limit: None })
            }
        }
    };
    if let Some(note) = text("note") {
        // The note is about the value, and must not be what pushes the failure's own words over the limit.
        let room = limits.message_bytes.saturating_sub(message.len() + 1);
        if room > note.len() {
            message = format!("{message}\n{}", clean(note, room));
        }
    }
    // What a script spoilt is as good as nothing said.
    let severity = text("severity").filter(|_| state == State::Alarm).and_then(|word| word.parse().ok());
    let threshold = match answer.get("threshold") {
        Some(Value::Float(number)) if number.is_finite() => Some(*number),
        _ => None,
    };
    let source_fault = text("source_fault").map(str::to_owned);
    Some(Verdict { state, message, source_fault, severity, return_value, threshold, error })
}

fn error_verdict(error: ScriptError) -> Verdict {
    let message = error.message.clone();
    let (source_fault, severity, return_value, threshold) = (None, None, None, None);
    Verdict { state: State::Error, message, source_fault, severity, return_value, threshold, error: Some(error) }
}

fn crashed(message: &str) -> Verdict {
    error_verdict(plain_error("Crash", clean(message, 1 << 10), None))
}

fn plain_error(kind: &str, message: String, limit: Option<LimitKind>) -> ScriptError {
    ScriptError { kind: kind.to_owned(), message, limit, ..ScriptError::default() }
}

fn memory_error(limits: &Limits, line: Option<u32>, traceback: Option<String>) -> ScriptError {
    let message = format!("memory limit reached: the run needed more than {}", stop::bytes(limits.memory_bytes));
    ScriptError {
        kind: "MemoryError".to_owned(),
        message,
        line,
        column: None,
        traceback,
        limit: Some(LimitKind::Memory),
    }
}
