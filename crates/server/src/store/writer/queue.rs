//! Where work waits for the writer, and how it is asked for.
//!
//! A locked or full database makes everyone wait, nobody lose: work that ends with a passing error is asked again, for a
//! bounded time or for as long as it takes. Work that was given up is never done later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use revere_model::MonitorId;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::store::{
    StoreError,
    claiming::results::{Committed, RunResult},
    database::DbConnection,
    health::{Health, StoreHealth},
};

/// How many pieces of work may wait; beyond, those who ask wait outside.
const QUEUE: usize = 4096;

/// How long what may not be given up waits before it is said.
const STUCK: Duration = Duration::from_secs(10);

/// Where work waits for the writer. Clones feed the same one.
pub(in crate::store) struct Queue {
    jobs: mpsc::Sender<Job>,
    closing: CancellationToken,
    health: Arc<Health>,
}

/// A piece of work that waits.
pub(super) struct Job {
    pub(super) ticket: Arc<Ticket>,
    pub(super) work: Work,
}

/// Who waits for an answer.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// A piece of work, with its answer.
pub(super) enum Work {
    /// The result of a run: many are written by the same statements.
    Result(Arc<RunResult>, Answer<Committed>),
    /// Anything else.
    Other(Box<dyn Operation>),
}

/// Whose turn it is: the writer takes work, or the one who waits gives it up; never both.
#[derive(Default)]
pub(super) struct Ticket(AtomicU8);

const WAITS: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Ticket {
    pub(super) fn take(&self) -> bool {
        self.0.compare_exchange(WAITS, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_up(&self) -> bool {
        self.0.compare_exchange(WAITS, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) == GIVEN_UP
    }
}

/// Gives the work up when its asker goes away.
struct Asking(Arc<Ticket>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl Queue {
    /// Has `work` done in a transaction, once. `patience` bounds the waiting for a locked or full disk; `None` waits
    /// for ever.
    pub(in crate::store) async fn write<T, F>(&self, patience: Option<Duration>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.write_about(Vec::new(), patience, work).await
    }

    /// The same of work that keeps the rows of these monitors' states until its transaction ends.
    pub(in crate::store) async fn write_about<T, F>(
        &self,
        monitors: Vec<MonitorId>,
        patience: Option<Duration>,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.ask(patience, |answer| {
            let (monitors, work) = (monitors.clone(), Some(work.clone()));
            Work::Other(Box::new(Pending { monitors, work, result: None, answer: Some(answer) }))
        })
        .await
    }

    /// Has the result of a run recorded, however long it takes.
    pub(in crate::store) async fn record(&self, result: RunResult) -> Result<Committed, StoreError> {
        let result = Arc::new(result);
        self.ask(None, |answer| Work::Result(result.clone(), answer)).await
    }

    async fn ask<T>(&self, patience: Option<Duration>, make: impl Fn(Answer<T>) -> Work) -> Result<T, StoreError> {
        let asked = Instant::now();
        let until = patience.map(|patience| asked + patience);
        let mut pause = Duration::from_millis(20);
        let mut stuck = None;
        loop {
            let (answer, answered) = oneshot::channel();
            let error = match self.ask_once(until, make(answer), answered).await {
                Err(error) if error.is_passing() => error,
                settled => return settled,
            };
            if until.is_some_and(|until| Instant::now() + pause >= until) {
                return Err(error);
            }
            if until.is_none() && stuck.is_none() && asked.elapsed() > STUCK {
                stuck = Some(self.health.stuck(&error));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn ask_once<T>(
        &self,
        until: Option<Instant>,
        work: Work,
        mut answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let busy = || Err(self.health.why_waiting());
        let gone = || StoreError::internal("the writer ended before it answered");
        let ticket = Arc::new(Ticket::default());
        let _asking = Asking(ticket.clone());
        let send = self.jobs.send(Job { ticket: ticket.clone(), work });
        let sent = match until {
            None => send.await,
            Some(until) => match timeout_at(until, send).await {
                Ok(sent) => sent,
                Err(_) => return busy(),
            },
        };
        if sent.is_err() {
            return Err(StoreError::Closed);
        }
        if let Some(until) = until {
            match timeout_at(until, &mut answered).await {
                Ok(answer) => return answer.unwrap_or_else(|_| Err(gone())),
                Err(_) if ticket.give_up() => return busy(),
                // The writer has begun it: what becomes of it is known in a moment, and must not be guessed.
                Err(_) => {}
            }
        }
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// A queue and the end that the writer takes from.
    pub(super) fn new(closing: CancellationToken, health: Arc<Health>) -> (Queue, mpsc::Receiver<Job>) {
        let (jobs, receiver) = mpsc::channel(QUEUE);
        (Queue { jobs, closing, health }, receiver)
    }

    /// How what it feeds is, and how much waits.
    pub(in crate::store) fn health(&self) -> StoreHealth {
        self.health.report(self.jobs.max_capacity() - self.jobs.capacity())
    }

    /// Why nothing of it can be written, while nothing can.
    pub(in crate::store) fn trouble(&self) -> Option<StoreError> {
        self.health.trouble()
    }

    /// Takes nothing more; what waits is still written.
    pub(in crate::store) fn close(&self) {
        self.closing.cancel();
    }
}

/// Any piece of work: done in a transaction, answered after its commit.
pub(super) trait Operation: Send {
    /// The monitors whose rows of `states` it keeps, in the order of their ids; none where whoever asked did not say.
    fn monitors(&self) -> &[MonitorId];
    fn run<'c>(&'c mut self, connection: &'c mut DbConnection) -> BoxFuture<'c, Result<(), StoreError>>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Pending<T, F> {
    monitors: Vec<MonitorId>,
    work: Option<F>,
    result: Option<T>,
    answer: Option<Answer<T>>,
}

impl<T, F> Operation for Pending<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    fn monitors(&self) -> &[MonitorId] {
        &self.monitors
    }

    fn run<'c>(&'c mut self, connection: &'c mut DbConnection) -> BoxFuture<'c, Result<(), StoreError>> {
        Box::pin(async move {
            let work = self.work.take().expect("the writer runs a piece of work once");
            self.result = Some(work(connection).await?);
            Ok(())
        })
    }

    fn answer(mut self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = self.answer.take().expect("the writer answers once");
        let result = outcome.and_then(|()| self.result.take().ok_or_else(|| StoreError::internal("no result")));
        // Nobody there any more: the work is done all the same.
        let _ = answer.send(result);
    }
}
