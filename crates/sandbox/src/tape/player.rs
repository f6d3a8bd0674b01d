//! A broker that answers from a tape, as long as it is asked what is on it.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt};

use super::{CallText, Difference, TapedAnswer, TapedCall};
use crate::{Broker, SourceCall, SourceFault, Value, charge, codec::MAX_DEPTH};

/// Answers the calls of one replay. Clones share everything.
#[derive(Clone)]
pub(crate) struct Player {
    calls: Arc<[TapedCall]>,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Default)]
struct Progress {
    /// How many calls were asked for.
    made: usize,
    /// The first that is not on the tape.
    difference: Option<Difference>,
}

impl Player {
    pub(crate) fn new(calls: Vec<TapedCall>) -> Player {
        Player { calls: calls.into(), progress: Arc::default() }
    }

    /// The first call that is not on the tape, or the first of the tape that was not made.
    pub(crate) fn difference(&self) -> Option<Difference> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.difference.clone().or_else(|| {
            let taped = self.calls.get(progress.made)?;
            Some(Difference::Call { number: progress.made + 1, made: None, taped: Some(CallText::of_taped(taped)) })
        })
    }

    fn answer(&self, call: &SourceCall) -> Result<Value, SourceFault> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let taped = self.calls.get(progress.made);
        match taped {
            Some(taped) if progress.difference.is_none() && is_same(call, taped) => {
                progress.made += 1;
                // What it cost then counts toward the run's limit now.
                charge(taped.cpu_time);
                match &taped.answer {
                    TapedAnswer::Value(value) => Ok(value.clone()),
                    TapedAnswer::Fault(fault) => Err(fault.clone()),
                    TapedAnswer::TooDeep => Ok(too_deep()),
                    TapedAnswer::Nothing => Err(SourceFault::Failed("the tape has no answer to this call".to_owned())),
                }
            }
            _ => {
                let difference = Difference::Call {
                    number: progress.made + 1,
                    made: Some(CallText::of(call)),
                    taped: taped.map(CallText::of_taped),
                };
                progress.difference.get_or_insert(difference);
                // Nobody knows what the source would have said: the run ends here, and nothing is said of its outcome.
                Err(SourceFault::Ours("a call that is not on the tape".to_owned()))
            }
        }
    }
}

impl Broker for Player {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        // Answered when it is polled, as a call is charged to the run that polls it.
        let player = self.clone();
        async move { player.answer(&call) }.boxed()
    }
}

/// A value that no run takes.
fn too_deep() -> Value {
    (0..=MAX_DEPTH).fold(Value::List(Vec::new()), |value, _| Value::List(vec![value]))
}

/// By what is written, because NaN is not equal to itself.
fn is_same(call: &SourceCall, taped: &TapedCall) -> bool {
    let named = |kwargs: &[(String, Value)]| {
        Value::Dict(kwargs.iter().map(|(name, value)| (Value::Text(name.clone()), value.clone())).collect()).to_json()
    };
    call.source == taped.source
        && call.method == taped.method
        && Value::List(call.args.clone()).to_json() == Value::List(taped.args.clone()).to_json()
        && named(&call.kwargs) == named(&taped.kwargs)
}
