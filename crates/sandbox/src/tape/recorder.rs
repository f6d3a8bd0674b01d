//! A broker that passes calls on to another, and notes them with what came back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt};
use jiff::Timestamp;

use super::{TapedAnswer, TapedCall};
use crate::{Broker, CallRecord, SourceCall, SourceFault, Value, cpu_meter::charged};

/// Notes the calls of one run.
pub(crate) struct Recorder {
    broker: Arc<dyn Broker>,
    noted: Arc<Mutex<Vec<Noted>>>,
}

/// A call as it was made.
struct Noted {
    call: SourceCall,
    answer: TapedAnswer,
    /// What the run was charged for it.
    cpu_time: Duration,
}

impl Recorder {
    pub(crate) fn new(broker: Arc<dyn Broker>) -> Recorder {
        Recorder { broker, noted: Arc::default() }
    }

    /// What was noted of a run that began at `instant` and made these calls.
    pub(crate) fn calls(&self, instant: Timestamp, records: &[CallRecord]) -> Vec<TapedCall> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        let taped = |(Noted { call, answer, cpu_time }, record): (Noted, &CallRecord)| TapedCall {
            source: call.source,
            method: call.method,
            args: call.args,
            kwargs: call.kwargs,
            at: call.now.duration_since(instant).try_into().unwrap_or_default(),
            duration: record.duration,
            cpu_time,
            answer,
            edited: false,
        };
        noted.into_iter().zip(records).map(taped).collect()
    }
}

impl Broker for Recorder {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        let number = {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.push(Noted { call: call.clone(), answer: TapedAnswer::Nothing, cpu_time: Duration::ZERO });
            noted.len() - 1
        };
        let (noted, answering) = (self.noted.clone(), self.broker.call(call));
        async move {
            let before = charged();
            let answer = answering.await;
            let cpu_time = charged().saturating_sub(before);
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(noted) = noted.get_mut(number) {
                noted.cpu_time = cpu_time;
                noted.answer = match &answer {
                    Ok(value) if value.to_json().is_err() => TapedAnswer::TooDeep,
                    Ok(value) => TapedAnswer::Value(value.clone()),
                    Err(fault) => TapedAnswer::Fault(fault.clone()),
                };
            }
            answer
        }
        .boxed()
    }
}
