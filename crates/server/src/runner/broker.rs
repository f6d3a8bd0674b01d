//! Makes the source calls of scripts: on the server's own runtime, counted, bounded in time, and without secrets in
//! what comes back.
//!
//! A source that answers at once does so on the guest's thread: to wake another and to be woken again takes longer than
//! such an answer. Whatever has to wait goes on where connections live.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use futures_util::{FutureExt, future::BoxFuture};
use revere_model::MonitorId;
use revere_sandbox::{Broker, OWN, SourceCall, SourceFault, Value, charge, with_cpu_time};
use tokio::runtime::Handle;

use super::{
    Sources,
    past::{self, PastRuns},
};
use crate::{
    answer_memory::AnswerMemory,
    error_words,
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
    pub(super) past: Option<Arc<dyn PastRuns>>,
}

/// The broker of one run, which knows whose run it is.
pub(super) struct RunBroker {
    pub(super) broker: Arc<SourceBroker>,
    pub(super) monitor: Option<MonitorId>,
}

impl Broker for RunBroker {
    fn call(&self, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        match call.source.as_str() {
            OWN => self.broker.own_past(self.monitor, call),
            _ => self.broker.call(call),
        }
    }
}

impl SourceBroker {
    /// What the monitor asks of its own past.
    fn own_past(&self, monitor: Option<MonitorId>, call: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        let (past, memory) = (self.past.clone(), self.answer_memory.clone());
        let answering = async move {
            let deadline = call.deadline;
            let answering = past::answer(past.as_deref().zip(monitor), call);
            match tokio::time::timeout_at(deadline.into(), memory.during(deadline, answering)).await {
                Ok(answer) => answer,
                Err(_) => Err(SourceFault::Failed("no answer before the run's time was over".to_owned())),
            }
        };
        answered(self.runtime.clone(), answering.boxed()).boxed()
    }

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
        let answering = async move {
            let began = Instant::now();
            let deadline = question.deadline;
            let answering = memory.during(deadline, named.source.call(question));
            let answer = match tokio::time::timeout_at(deadline.into(), answering).await {
                Ok(answer) => answer.map_err(|fault| redacted(fault, &secrets)),
                Err(_) => Err(SourceFault::Failed("no answer before the run's time was over".to_owned())),
            };
            let result = match &answer {
                Ok(_) => CallResult::Answered,
                Err(SourceFault::Failed(_) | SourceFault::Unavailable(_)) => CallResult::Failed,
                Err(SourceFault::BadArguments(_)) => CallResult::BadArguments,
                Err(SourceFault::TooLarge(_)) => CallResult::TooLarge,
                Err(SourceFault::Ours(_)) => CallResult::NotMade,
            };
            metrics.observe_source_call(&call.source, result, began.elapsed());
            answer
        };
        answered(self.runtime.clone(), answering.boxed()).boxed()
    }
}

/// Looks once whether the answer is there, and else waits for it on `runtime`.
async fn answered(
    runtime: Handle,
    mut answering: BoxFuture<'static, Result<Value, SourceFault>>,
) -> Result<Value, SourceFault> {
    let begun = {
        // Connections and timers that it begins belong there.
        let _on_runtime = runtime.enter();
        // Nobody is woken by this look: the task below looks again in any case, and is woken from then on.
        let mut context = Context::from_waker(Waker::noop());
        std::panic::catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(&mut context)))
    };
    match begun {
        Ok(Poll::Ready(answer)) => return answer,
        Ok(Poll::Pending) => {}
        Err(panic) => return Err(panicked(&error_words::of_panic(panic.as_ref()))),
    }
    let mut task = AbortOnDrop(runtime.spawn(with_cpu_time(answering)));
    match (&mut task.0).await {
        Ok((answer, spent)) => {
            // What a call costs us is the run's: it counts toward its processor time.
            charge(spent);
            answer
        }
        Err(error) => Err(panicked(&error)),
    }
}

/// A panic in a source is our fault, but the run has to end somehow: it sees a failed source, the log the panic.
fn panicked(error: &dyn std::fmt::Display) -> SourceFault {
    tracing::error!(%error, "a source call panicked");
    SourceFault::Failed("the source failed inside Revere; its log says how".to_owned())
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
        SourceFault::Unavailable(text) => SourceFault::Unavailable(secrets.redact(&text).into_owned()),
        SourceFault::BadArguments(text) => SourceFault::BadArguments(secrets.redact(&text).into_owned()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use jiff::Timestamp;
    use revere_sandbox::MethodDescription;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{runner::NamedSource, sources::Source};

    /// Does what its method is called.
    struct Odd {
        /// Closed when the call is over.
        ended: mpsc::Sender<()>,
    }

    #[async_trait]
    impl Source for Odd {
        fn methods(&self) -> Vec<MethodDescription> {
            Vec::new()
        }

        async fn call(&self, call: Call) -> Result<Value, SourceFault> {
            let _ended = self.ended.clone();
            match call.method.as_str() {
                "at_once" => Ok(Value::Int(1)),
                "panics" => panic!("as it is told to"),
                "panics_later" => {
                    tokio::task::yield_now().await;
                    panic!("as it is told to")
                }
                "never" => std::future::pending().await,
                // A timer and a task, both begun by the first look.
                _ => {
                    let beside = tokio::spawn(async { 2 });
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok(Value::Int(beside.await.unwrap()))
                }
            }
        }

        async fn probe(&self, _: Instant) -> Result<(), SourceFault> {
            Ok(())
        }
    }

    fn broker(runtime: &tokio::runtime::Runtime, ended: mpsc::Sender<()>) -> SourceBroker {
        let odd = NamedSource { kind: "odd".into(), description: String::new(), source: Arc::new(Odd { ended }) };
        SourceBroker {
            sources: Sources::from([("odd".to_owned(), odd)]),
            runtime: runtime.handle().clone(),
            metrics: Arc::new(Metrics::new(Timestamp::UNIX_EPOCH)),
            secrets: Secrets::default(),
            answer_memory: AnswerMemory::of(1 << 20),
            past: None,
        }
    }

    fn call(method: &str) -> SourceCall {
        SourceCall {
            source: "odd".into(),
            method: method.into(),
            args: Vec::new(),
            kwargs: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            deadline: Instant::now() + Duration::from_secs(60),
            answer_bytes: 1 << 20,
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn what_is_known_at_once_costs_no_other_thread() {
        let (ended, _) = mpsc::channel(1);
        // Nobody runs this runtime: a task on it would never end.
        let idle = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let broker = broker(&idle, ended);
        assert_eq!(broker.call(call("at_once")).now_or_never(), Some(Ok(Value::Int(1))));
        let failed = broker.call(call("panics")).now_or_never();
        assert!(
            matches!(&failed, Some(Err(SourceFault::Failed(text))) if text.contains("its log says how")),
            "{failed:?}"
        );
        assert_eq!(broker.call(call("never")).now_or_never(), None);
    }

    #[test]
    fn what_has_to_wait_goes_on_on_the_servers_runtime_and_wakes_whoever_waits() {
        let (ended, _) = mpsc::channel(1);
        let (servers, guests) = (runtime(), runtime());
        let broker = broker(&servers, ended);
        for _ in 0..200 {
            assert_eq!(guests.block_on(broker.call(call("later"))), Ok(Value::Int(2)));
        }
        let failed = guests.block_on(broker.call(call("panics_later")));
        assert!(matches!(&failed, Err(SourceFault::Failed(text)) if text.contains("its log says how")), "{failed:?}");
    }

    #[test]
    fn a_call_that_nobody_waits_for_ends() {
        let (ended, mut over) = mpsc::channel(1);
        let (servers, guests) = (runtime(), runtime());
        let broker = broker(&servers, ended);
        guests.block_on(async {
            let mut calling = broker.call(call("never"));
            assert!(futures_util::poll!(&mut calling).is_pending());
            drop((calling, broker));
            assert_eq!(over.recv().await, None, "the last to hold the sender is gone");
        });
    }
}
