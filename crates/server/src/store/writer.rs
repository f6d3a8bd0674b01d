//! The one writer: takes what waits, writes it in one transaction, and answers each only after the commit.
//!
//! Each piece of work runs in a savepoint of its own, so that a refused one does not take its neighbours along. Results
//! of runs that wait together are written together, by few statements of many rows.
//! A locked or full database makes everyone wait, nobody lose: work is answered with a passing error and asked again by
//! [`Queue::write`], for a bounded time or for as long as it takes. Work that was given up is never done later.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::store::{
    StoreError,
    claiming::results::{self, Committed, RunResult},
    error::primary_code,
    health::Health,
    sqlite::lock::LockFile,
};

/// What [`Writer::probe`] writes and takes away again: a page that changed is written, even if it is as it was before.
const PROBE: &str = "insert into meta (key, value) values ('probe', ''); delete from meta where key = 'probe';";

/// The most pieces of work in one transaction: bounds how long the first of them waits for its answer.
const BATCH: usize = 512;

/// How many pieces of work may wait; beyond, those who ask wait outside.
const QUEUE: usize = 4096;

/// Where work waits for the writer. Clones feed the same one.
pub(super) struct Queue {
    jobs: mpsc::Sender<Job>,
    closing: CancellationToken,
    health: Arc<Health>,
}

struct Job {
    ticket: Arc<Ticket>,
    work: Work,
}

/// Who waits for an answer.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Work {
    /// The result of a run: many are written by the same statements.
    Result(Arc<RunResult>, Answer<Committed>),
    /// Anything else.
    Other(Box<dyn Operation>),
}

/// Whose turn it is: the writer takes work, or the one who waits gives it up; never both.
#[derive(Default)]
struct Ticket(AtomicU8);

const WAITS: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Ticket {
    fn take(&self) -> bool {
        self.0.compare_exchange(WAITS, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn give_up(&self) -> bool {
        self.0.compare_exchange(WAITS, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn is_given_up(&self) -> bool {
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
    pub(super) async fn write<T, F>(&self, patience: Option<Duration>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.ask(patience, |answer| {
            Work::Other(Box::new(Pending { work: Some(work.clone()), result: None, answer: Some(answer) }))
        })
        .await
    }

    /// Has the result of a run recorded, however long it takes.
    pub(super) async fn record(&self, result: RunResult) -> Result<Committed, StoreError> {
        let result = Arc::new(result);
        self.ask(None, |answer| Work::Result(result.clone(), answer)).await
    }

    async fn ask<T>(&self, patience: Option<Duration>, make: impl Fn(Answer<T>) -> Work) -> Result<T, StoreError> {
        let until = patience.map(|patience| Instant::now() + patience);
        let mut pause = Duration::from_millis(20);
        loop {
            let (answer, answered) = oneshot::channel();
            let error = match self.ask_once(until, make(answer), answered).await {
                Err(error) if error.is_passing() => error,
                settled => return settled,
            };
            if until.is_some_and(|until| Instant::now() + pause >= until) {
                return Err(error);
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

    /// How much waits.
    pub(super) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// Takes nothing more; what waits is still written.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }
}

trait Operation: Send {
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<(), StoreError>>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    result: Option<T>,
    answer: Option<Answer<T>>,
}

impl<T, F> Operation for Pending<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, Result<(), StoreError>> {
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

/// Starts the writer on `connection`. It keeps the lock file until it has ended.
pub(super) fn start(
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    health: Arc<Health>,
    lock: LockFile,
    probe_every: Duration,
) -> (Queue, JoinHandle<()>) {
    let (jobs, receiver) = mpsc::channel(QUEUE);
    let queue = Queue { jobs, closing: CancellationToken::new(), health: health.clone() };
    let writer = Writer {
        jobs: receiver,
        closing: queue.closing.clone(),
        options,
        connection: Some(connection),
        health,
        probe_every,
        _lock: lock,
    };
    (queue, tokio::spawn(writer.run()))
}

struct Writer {
    jobs: mpsc::Receiver<Job>,
    closing: CancellationToken,
    options: SqliteConnectOptions,
    /// `None` after a fault that may have hurt it: made again before the next transaction.
    connection: Option<SqliteConnection>,
    health: Arc<Health>,
    /// How long nobody may write after a trouble before the writer looks by itself whether it is over.
    probe_every: Duration,
    _lock: LockFile,
}

impl Writer {
    async fn run(mut self) {
        while let Some(first) = self.next().await {
            let mut batch = vec![first];
            if !self.begin(&mut batch).await {
                continue;
            }
            while batch.len() < BATCH
                && let Ok(job) = self.jobs.try_recv()
            {
                batch.push(job);
            }
            batch.retain(|job| job.ticket.take());
            self.write(batch).await;
        }
        if let Some(mut connection) = self.connection.take() {
            let tidy = sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut connection).await;
            if let Err(error) = tidy.and(connection.close().await) {
                tracing::warn!(%error, "the store was not tidied up at its end; nothing is lost");
            }
        }
    }

    async fn next(&mut self) -> Option<Job> {
        loop {
            tokio::select! {
                biased;
                job = self.jobs.recv() => return job,
                () = self.closing.cancelled() => {
                    self.jobs.close();
                    return self.jobs.recv().await;
                }
                () = sleep(self.probe_every), if self.health.is_failing() => self.probe().await,
            }
        }
    }

    /// Whether the store works again, although nobody has anything to write: who was refused may not come back, and
    /// whoever looks at the health must not have to.
    async fn probe(&mut self) {
        let began = Instant::now();
        let probed = match self.try_begin().await {
            Ok(()) => {
                let connection = self.connection.as_mut().expect("a transaction was begun on it");
                match sqlx::raw_sql(PROBE).execute(&mut *connection).await {
                    Ok(_) => sqlx::query("commit").execute(&mut *connection).await.map(drop),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        match probed {
            Ok(()) => self.health.committed(0, began.elapsed()),
            Err(error) => {
                if let Some(connection) = &mut self.connection {
                    // There may be no transaction to take back.
                    let _ = sqlx::query("rollback").execute(connection).await;
                }
                self.failed(&Arc::new(error));
            }
        }
    }

    /// Begins a transaction, however long that takes; false when nobody waits for it any more.
    async fn begin(&mut self, batch: &mut Vec<Job>) -> bool {
        let mut pause = Duration::from_millis(20);
        loop {
            let error = match self.try_begin().await {
                Ok(()) => return true,
                Err(error) => Arc::new(error),
            };
            self.failed(&error);
            batch.retain(|job| !job.ticket.is_given_up());
            if batch.is_empty() {
                return false;
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    async fn try_begin(&mut self) -> Result<(), sqlx::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.options.connect().await?),
        };
        sqlx::query("begin immediate").execute(connection).await.map(|_| ())
    }

    async fn write(&mut self, batch: Vec<Job>) {
        let connection = self.connection.as_mut().expect("a transaction was begun on it");
        let (results, others): (Vec<Work>, Vec<Work>) =
            batch.into_iter().map(|job| job.work).partition(|work| matches!(work, Work::Result(..)));
        let alone = results.len() + others.len() == 1;
        let mut done = Done::default();
        let written = match write_results(connection, results, &mut done).await {
            Ok(()) => write_others(connection, others, alone, &mut done).await,
            Err(error) => {
                done.unwritten.extend(others);
                Err(error)
            }
        };
        let began = Instant::now();
        let committed = match written {
            Ok(()) => sqlx::query("commit").execute(&mut *connection).await.map(drop).map_err(StoreError::from),
            Err(error) => Err(error),
        };
        match committed {
            Ok(()) => {
                // A transaction whose work was all given up shows nothing.
                if done.len() > 0 {
                    self.health.committed(done.len(), began.elapsed());
                }
                done.answer(None);
            }
            Err(error) => {
                // The transaction may be gone already: the database ends it by itself after some faults.
                let _ = sqlx::query("rollback").execute(&mut *connection).await;
                // Whatever it was, nothing of this was written, and all of it may be asked again.
                let error = match error {
                    StoreError::Busy { .. } | StoreError::Unavailable(_) => error,
                    StoreError::Internal { source: Some(source), .. } => StoreError::Unavailable(source),
                    other => StoreError::Unavailable(Arc::new(sqlx::Error::Protocol(other.to_string()))),
                };
                if let StoreError::Unavailable(source) = &error {
                    self.failed(source);
                }
                done.answer(Some(error));
            }
        }
    }

    fn failed(&mut self, error: &Arc<sqlx::Error>) {
        self.health.failed(error);
        // BUSY, LOCKED and FULL leave the connection sound; after anything else it is made anew.
        if !matches!(primary_code(error), Some(5 | 6 | 13)) {
            self.connection = None;
        }
    }
}

/// What was done in the open transaction, to be answered after its commit.
#[derive(Default)]
struct Done {
    results: Vec<(Answer<Committed>, Result<Committed, StoreError>)>,
    others: Vec<(Box<dyn Operation>, Result<(), StoreError>)>,
    /// Not begun, because the transaction had to be ended.
    unwritten: Vec<Work>,
}

impl Done {
    fn len(&self) -> usize {
        self.results.len() + self.others.len()
    }

    fn answer(self, fault: Option<StoreError>) {
        let fault = &fault;
        for (answer, result) in self.results {
            let _ = answer.send(fault.clone().map_or(result, Err));
        }
        for (operation, outcome) in self.others {
            operation.answer(fault.clone().map_or(outcome, Err));
        }
        for work in self.unwritten {
            let error = fault.clone().unwrap_or_else(|| StoreError::internal("work was left over"));
            match work {
                Work::Result(_, answer) => drop(answer.send(Err(error))),
                Work::Other(operation) => operation.answer(Err(error)),
            }
        }
    }
}

/// Writes results of runs together. Should one be refused, each is written by itself, to refuse only that one.
async fn write_results(connection: &mut SqliteConnection, work: Vec<Work>, done: &mut Done) -> Result<(), StoreError> {
    let mut asked = Vec::with_capacity(work.len());
    for item in work {
        if let Work::Result(result, answer) = item {
            asked.push((result, answer));
        }
    }
    if asked.is_empty() {
        return Ok(());
    }
    let all: Vec<&RunResult> = asked.iter().map(|(result, _)| &**result).collect();
    let mut answers = match record_in_savepoint(connection, &all).await {
        Ok(committed) => Ok(committed.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) if error.is_passing() => Err(error),
        Err(_) => {
            let mut answers = Vec::with_capacity(all.len());
            let mut fault = None;
            for one in &all {
                match record_in_savepoint(connection, std::slice::from_ref(one)).await {
                    Ok(mut committed) => {
                        answers.push(committed.pop().ok_or_else(|| StoreError::internal("a result without an answer")));
                    }
                    Err(error) if error.is_passing() => {
                        fault = Some(error);
                        break;
                    }
                    Err(error) => answers.push(Err(error)),
                }
            }
            fault.map_or(Ok(answers), Err)
        }
    };
    match &mut answers {
        Ok(answers) => {
            done.results.extend(asked.into_iter().map(|(_, answer)| answer).zip(answers.drain(..)));
            Ok(())
        }
        Err(error) => {
            done.unwritten.extend(asked.into_iter().map(|(result, answer)| Work::Result(result, answer)));
            Err(error.clone())
        }
    }
}

async fn write_others(
    connection: &mut SqliteConnection,
    work: Vec<Work>,
    alone: bool,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut work = work.into_iter();
    while let Some(item) = work.next() {
        let Work::Other(mut operation) = item else { continue };
        let outcome = write_other(connection, &mut *operation, alone).await;
        let fault = outcome.as_ref().err().filter(|error| error.is_passing()).cloned();
        done.others.push((operation, outcome));
        if let Some(fault) = fault {
            done.unwritten.extend(work);
            return Err(fault);
        }
    }
    Ok(())
}

async fn write_other(
    connection: &mut SqliteConnection,
    operation: &mut dyn Operation,
    alone: bool,
) -> Result<(), StoreError> {
    if !alone {
        begin_piece(connection).await?;
        let outcome = run_caught(operation.run(connection)).await;
        return end_piece(connection, outcome).await;
    }
    // Nothing else is in the transaction: a savepoint would only cost. If it is refused, the whole is taken back.
    let outcome = run_caught(operation.run(connection)).await;
    if outcome.as_ref().is_err_and(|error| !error.is_passing()) {
        sqlx::query("rollback").execute(&mut *connection).await?;
        sqlx::query("begin immediate").execute(connection).await?;
    }
    outcome
}

async fn record_in_savepoint(
    connection: &mut SqliteConnection,
    all: &[&RunResult],
) -> Result<Vec<Committed>, StoreError> {
    begin_piece(connection).await?;
    let outcome = run_caught(Box::pin(results::record(connection, all))).await;
    end_piece(connection, outcome).await
}

async fn begin_piece(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("savepoint piece").execute(connection).await?;
    Ok(())
}

/// Keeps or takes back what was done since [`begin_piece`]. After a passing fault the whole transaction is lost anyway.
async fn end_piece<T>(connection: &mut SqliteConnection, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
    match &outcome {
        Err(error) if error.is_passing() => return outcome,
        Err(_) => {
            sqlx::query("rollback to piece").execute(&mut *connection).await?;
        }
        Ok(_) => {}
    }
    sqlx::query("release piece").execute(connection).await?;
    outcome
}

/// A panic in one piece of work is that piece's fault; the writer lives.
async fn run_caught<T>(work: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(%words, "a write panicked");
        Err(StoreError::internal(format!("a write panicked: {words}")))
    })
}
