//! Makes the source calls of scripts: on the server's own runtime, counted, bounded in time, and without secrets in
//! what comes back.

use std::{sync::Arc, time::Instant};

use futures_util::future::BoxFuture;
use revere_sandbox::{Broker, SourceCall, SourceFault, Value, charge, with_cpu_time};
use tokio::runtime::Handle;

use super::Sources;
use crate::{
    answer_memory::AnswerMemory,
    metrics::{CallResult, Metrics},
    redact::Secrets,
    sources::Call,
};

/// Answers the source calls of every run.
pub(super) struct SourceBroker {
    pub(super) sources: Sources,
    /// Where connections live. Guests run on a runtime of their own and only wait here.
    pub(super) runtime: Handle,
    pub(super) metrics: Arc<Metrics>,
    pub(super) secrets: Secrets,
    pub(super) answer_memory: AnswerMemory,
}

impl Broker for SourceBroker {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        // The guest may have forged the call: names are looked up again on this side.
        let Some(named) = self.sources.get(&call.source).cloned() else {
            return Box::pin(std::future::ready(Err(SourceFault::BadArguments("no such source".to_owned()))));
        };
        let (metrics, secrets, memory) = (self.metrics.clone(), self.secrets.clone(), self.answer_memory.clone());
        let question = Call {
            method: call.method,
            args: call.args,
            kwargs: call.kwargs,
            deadline: call.deadline,
            answer_bytes: call.answer_bytes,
            now: call.now,
        };
        let task = AbortOnDrop(self.runtime.spawn(with_cpu_time(async move {
            let began = Instant::now();
            let deadline = question.deadline;
            let answering = memory.during(deadline, named.source.call(question));
            let answer = match tokio::time::timeout_at(deadline.into(), answering).await {
                Ok(answer) => answer.map_err(|fault| redacted(fault, &secrets)),
                Err(_) => Err(SourceFault::Failed("no answer before the run's time was over".to_owned())),
            };
            let result = match &answer {
                Ok(_) => CallResult::Answered,
                Err(SourceFault::Failed(_)) => CallResult::Failed,
                Err(SourceFault::BadArguments(_)) => CallResult::BadArguments,
                Err(SourceFault::TooLarge(_)) => CallResult::TooLarge,
                Err(SourceFault::Ours(_)) => CallResult::NotMade,
            };
            metrics.observe_source_call(&call.source, result, began.elapsed());
            answer
        })));
        Box::pin(async move {
            let mut task = task;
            match (&mut task.0).await {
                Ok((answer, spent)) => {
                    // What a call costs us is the run's: it counts toward its processor time.
                    charge(spent);
                    answer
                }
                // A panic in a source is our fault, but the run has to end somehow: it sees a failed source, the log
                // the panic.
                Err(error) => {
                    tracing::error!(%error, "a source call panicked");
                    Err(SourceFault::Failed("the source failed inside Revere; its log says how".to_owned()))
                }
            }
        })
    }
}

/// A run that is over wants no answer any more: the call ends with it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn redacted(fault: SourceFault, secrets: &Secrets) -> SourceFault {
    match fault {
        SourceFault::Failed(text) => SourceFault::Failed(secrets.redact(&text).into_owned()),
        SourceFault::BadArguments(text) => SourceFault::BadArguments(secrets.redact(&text).into_owned()),
        other => other,
    }
}
