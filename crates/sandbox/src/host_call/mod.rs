//! The guest's one way out: `host-call`. Whatever Python wrote the request, the checks are here.

mod helper_modules;
mod reply;
mod signature;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use wasmtime::{Caller, Error, Linker};

use self::reply::{encode, fault, malformed, ok};
use crate::{
    CallRecord, HttpAnswer, MethodDescription, OWN, SourceCall, SourceDescription, SourceFault, Value, call_name,
    codec::marshal::{self, EncodeError, ReadError},
    guest_import::GuestImport,
    host::{Host, bridge},
    own_methods,
    stop::Stop,
};

/// Larger requests are refused before they are read: arguments are questions, not data.
const REQUEST_BYTES: u32 = 2 << 20;
/// The longest name of a method or an argument; Python's own have no limit, but these are kept and shown.
const NAME_BYTES: usize = 100;
/// A run whose answer comes this soon keeps its place: beginning another meanwhile would take a further interpreter.
const SOON: Duration = Duration::from_millis(2);
/// How much of arguments and answers an author is shown.
const SHOWN_BYTES: usize = 300;

/// Defines the import.
pub(crate) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let realloc = import.realloc()?;
    linker.func_wrap_async(
        import.module,
        import.name,
        move |mut caller: Caller<'_, Host>, (pointer, length, result): (u32, u32, u32)| {
            let realloc = realloc.clone();
            Box::new(async move {
                let answer = answer(&mut caller, pointer, length).await?;
                bridge::give_list(&mut caller, &realloc, result, 1, &answer).await
            })
        },
    )?;
    Ok(())
}

async fn answer(caller: &mut Caller<'_, Host>, pointer: u32, length: u32) -> Result<Vec<u8>, Error> {
    if length > REQUEST_BYTES {
        return Ok(fault("value", &format!("arguments larger than {} bytes", REQUEST_BYTES)));
    }
    let request = match marshal::read(bridge::read(caller, pointer, length)?) {
        Ok(Value::Tuple(request)) => request,
        Ok(_) => return Ok(malformed()),
        Err(error @ ReadError::LoneSurrogate(_)) => return Ok(fault("value", &error.to_string())),
        Err(error) => return Ok(fault("value", &format!("the request cannot be read: {error}"))),
    };
    match request.as_slice() {
        [Value::Text(op), ..] if op == "call" => source_call(caller, request).await,
        [Value::Text(op), Value::Text(source), Value::Text(method)] if op == "describe" => {
            Ok(describe(caller.data(), source, method))
        }
        [Value::Text(op), Value::Text(name)] if op == "import" => helper_modules::answer(caller.data_mut(), name).await,
        _ => Ok(malformed()),
    }
}

async fn source_call(caller: &mut Caller<'_, Host>, request: Vec<Value>) -> Result<Vec<u8>, Error> {
    let run = &mut caller.data_mut().run;
    let made = run.calls.len() as u32;
    if made >= run.limits.source_calls {
        return Err(Stop::SourceCalls(run.limits.source_calls).into());
    }
    if let Some(Value::Dict(kwargs)) = request.last()
        && kwargs.iter().any(|(name, _)| name.as_text().is_some_and(|name| name.len() > NAME_BYTES))
    {
        return Ok(fault("value", &format!("the name of an argument has at most {NAME_BYTES} bytes")));
    }
    let Some(call) = parts(request) else { return Ok(malformed()) };
    let method = match find(&run.capabilities.sources, &call.source, &call.method) {
        Ok(method) => method,
        Err(unknown) => return Ok(unknown),
    };
    if let Err(text) = signature::check(method, &call.args, &call.kwargs) {
        return Ok(fault("type", &text));
    }
    let Some(broker) = run.capabilities.broker.clone() else { return Ok(malformed()) };

    let most = run.limits.answer_bytes;
    run.begin_wait()?;
    let call = SourceCall { now: run.clock.now(), deadline: run.deadline(), answer_bytes: most, ..call };
    let mut record = CallRecord {
        source: call.source.clone(),
        method: call.method.clone(),
        arguments: shown_arguments(&call),
        answer: Err("no answer within the run's time".to_owned()),
        available: None,
        ended_run: true,
        http: None,
        duration: Duration::ZERO,
    };
    // Recorded before it is made, so that a run that ends while it waits still shows what it waited for.
    run.calls.push(record.clone());
    let what = call_name(&call.source, &call.method);
    let began = Instant::now();
    let mut answer = broker.call(call);
    let result = match tokio::time::timeout(SOON, &mut answer).await {
        Ok(result) => result,
        Err(_) => {
            caller.data().run.end_turn();
            answer.await
        }
    };
    let run = &mut caller.data_mut().run;
    record.duration = run.clock.recorded_call(made as usize).unwrap_or_else(|| whole_micros(began.elapsed()));
    record.http = result.as_ref().ok().and_then(HttpAnswer::of).map(Box::new);
    record.answer = match (&result, &record.http) {
        (_, Some(http)) => Ok(http.in_short()),
        (Ok(value), None) => Ok(value.repr(SHOWN_BYTES)),
        (Err(fault), None) => Err(fault.to_string()),
    };
    record.available = match &result {
        Ok(_) | Err(SourceFault::TooLarge(_)) => Some(true),
        Err(SourceFault::Unavailable(_)) => Some(false),
        Err(SourceFault::Failed(_) | SourceFault::BadArguments(_) | SourceFault::Ours(_)) => None,
    };
    // An answer of somebody else's shows nothing of the source.
    if result.as_ref().is_ok_and(HttpAnswer::is_of_another) {
        record.available = None;
    }
    let took = record.duration;
    let in_time = run.end_wait(took);
    record.ended_run = in_time.is_err();
    if let Some(last) = run.calls.last_mut() {
        *last = record;
    }
    if let Err(SourceFault::Ours(text)) = result {
        return Err(Stop::Ours(text).into());
    }
    in_time?;
    match result {
        Ok(value) => encode(&value, most).map_err(|error| match error {
            EncodeError::TooLarge => Stop::Answer { what, most }.into(),
            EncodeError::TooDeep => Error::from(Stop::Refused("a source's answer is nested too deeply")),
        }),
        Err(SourceFault::Failed(text) | SourceFault::Unavailable(text)) => Ok(fault("failed", &text)),
        Err(SourceFault::BadArguments(text)) => Ok(fault("value", &text)),
        Err(SourceFault::TooLarge(most)) => Err(Stop::Answer { what, most }.into()),
        Err(SourceFault::Ours(text)) => Err(Stop::Ours(text).into()),
    }
}

/// As a tape keeps it.
fn whole_micros(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn parts(request: Vec<Value>) -> Option<SourceCall> {
    let Ok([_, Value::Text(source), Value::Text(method), Value::Tuple(args), Value::Dict(kwargs)]) =
        <[Value; 5]>::try_from(request)
    else {
        return None;
    };
    let named = |(key, value)| match key {
        Value::Text(name) if is_name(&name) => Some((name, value)),
        _ => None,
    };
    Some(SourceCall {
        source,
        method,
        args,
        kwargs: kwargs.into_iter().map(named).collect::<Option<_>>()?,
        now: Timestamp::UNIX_EPOCH,
        deadline: Instant::now(),
        answer_bytes: 0,
    })
}

/// The method, or the fault to raise. Python has checked the names already; forged requests end here.
fn find<'a>(
    sources: &'a BTreeMap<String, SourceDescription>,
    source: &str,
    method: &str,
) -> Result<&'a MethodDescription, Vec<u8>> {
    if source == OWN {
        let found = own_methods().iter().find(|own| own.name == method);
        return found.ok_or_else(|| fault("no_method", "a monitor has no such method"));
    }
    let Some(description) = sources.get(source) else { return Err(fault("no_source", "no such source")) };
    // The method `*` stands for any: a plug-in that has not described itself yet judges by itself.
    let any =
        || description.methods.iter().find(|m| m.name == "*").filter(|_| is_name(method) && !method.starts_with('_'));
    let found = description.methods.iter().find(|m| m.name == method).or_else(any);
    found.ok_or_else(|| fault("no_method", "the source has no such method"))
}

/// Whether a plug-in could have a method or a parameter of this name.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_BYTES && !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn describe(host: &Host, source: &str, method: &str) -> Vec<u8> {
    match find(&host.run.capabilities.sources, source, method) {
        Ok(found) => ok(&Value::List(vec![Value::Text(found.signature.clone()), Value::Text(found.doc.clone())])),
        Err(unknown) => unknown,
    }
}

fn shown_arguments(call: &SourceCall) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut budget = SHOWN_BYTES;
    for value in &call.args {
        push_within(&mut shown, &mut budget, || value.repr(SHOWN_BYTES));
    }
    for (name, value) in &call.kwargs {
        push_within(&mut shown, &mut budget, || format!("{name}={}", value.repr(SHOWN_BYTES)));
    }
    shown.join(", ")
}

fn push_within(shown: &mut Vec<String>, budget: &mut usize, text: impl FnOnce() -> String) {
    if *budget > 0 {
        shown.push(text());
        *budget = budget.saturating_sub(shown.last().map_or(0, String::len));
    }
}
