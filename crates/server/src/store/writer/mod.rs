//! The writer: takes what waits, writes it in one transaction, and answers each only after the commit. A file has one; on a database
//! that several servers share, each has another one for its claims.
//!
//! Work waits in the [`queue`]; what is done within a transaction is a [`batch`].

mod batch;
mod commit;
mod queue;

use std::{sync::Arc, time::Duration};

pub(super) use queue::Queue;
use queue::{Job, Work};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    StoreError,
    database::{
        self as db, DbConnection, DbOptions,
        faults::{self, DbFault},
    },
    health::Health,
    postgres::commits::Transaction,
    sqlite::lock::LockFile,
};

/// What [`Writer::probe`] writes and takes away again: a page that changed is written, even if it is as it was before.
const PROBE: &str = "insert into meta (key, value) values ('probe', ''); delete from meta where key = 'probe';";

/// The most pieces of work in one transaction: bounds how long the first of them waits for its answer.
const BATCH: usize = 512;

/// Starts the writer on `connection`, or on one that it makes when it is needed. It keeps the lock file until it has ended.
pub(super) fn start(
    options: DbOptions,
    connection: Option<DbConnection>,
    health: Arc<Health>,
    lock: Option<LockFile>,
    probe_every: Duration,
    readers_gone: CancellationToken,
) -> (Queue, JoinHandle<()>) {
    let closing = CancellationToken::new();
    let (queue, jobs) = Queue::new(closing.clone(), health.clone());
    let writer = Writer {
        jobs,
        closing,
        options,
        connection,
        transaction: None,
        health,
        held_up: 0,
        probe_every,
        readers_gone,
        lock,
    };
    (queue, tokio::spawn(writer.run()))
}

struct Writer {
    jobs: mpsc::Receiver<Job>,
    closing: CancellationToken,
    options: DbOptions,
    /// `None` before the first transaction, and after a fault that may have hurt it: made before the next one.
    connection: Option<DbConnection>,
    /// What the open transaction is known by, where its commit may go unanswered.
    transaction: Option<Transaction>,
    health: Arc<Health>,
    /// How many transactions in a row were in somebody's way, or took too long.
    held_up: u32,
    /// How long nobody may write after a trouble before the writer looks by itself whether it is over.
    probe_every: Duration,
    /// Whether nobody reads any more: the last to let go of the database tidies its log file away.
    readers_gone: CancellationToken,
    lock: Option<LockFile>,
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
        self.readers_gone.cancelled().await;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the store was not tidied up at its end; nothing is lost");
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
                match db::raw_sql(PROBE).execute(&mut *connection).await {
                    Ok(_) => db::query("commit").execute(&mut *connection).await.map(drop),
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
                    let _ = db::query("rollback").execute(connection).await;
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
        if let Some(lock) = &self.lock {
            lock.still_there()?;
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.options.connect().await?),
        };
        self.transaction = connection.begin().await?;
        Ok(())
    }

    async fn write(&mut self, batch: Vec<Job>) {
        let connection = self.connection.as_mut().expect("a transaction was begun on it");
        let work: Vec<Work> = batch.into_iter().map(|job| job.work).collect();
        let (mut done, written) = batch::write(connection, work).await;
        if let Some(transaction) = done.anew.take() {
            self.transaction = transaction;
        }
        let began = Instant::now();
        let committed = match written {
            Ok(()) => self.commit().await,
            Err(error) => Err(error),
        };
        match committed {
            Ok(()) => {
                self.held_up = 0;
                // A transaction whose work was all given up shows nothing.
                if done.len() > 0 {
                    self.health.committed(done.len(), began.elapsed());
                }
                done.answer(None);
            }
            Err(error) => {
                self.roll_back(&error).await;
                // Whatever it was, nothing of this was written, and all of it may be asked again.
                let error = match error {
                    StoreError::Busy { .. } | StoreError::Unavailable(_) => error,
                    StoreError::Internal { source: Some(source), .. } => StoreError::Unavailable(source),
                    other => StoreError::Unavailable(Arc::new(sqlx::Error::Protocol(other.to_string()))),
                };
                if let StoreError::Unavailable(source) = &error {
                    self.failed(source);
                } else {
                    self.held_up += 1;
                    // Once happens between servers that are well.
                    if self.held_up > 1 {
                        self.health.held_up();
                    }
                }
                done.answer(Some(error));
            }
        }
    }

    fn failed(&mut self, error: &Arc<sqlx::Error>) {
        self.health.failed(error);
        // A lock and a full disk leave the connection sound; after anything else it is made anew.
        let sound = matches!(faults::fault(error), Some(DbFault::Locked | DbFault::Full));
        if !sound || self.connection.as_ref().is_some_and(DbConnection::is_spent) {
            self.connection = None;
        }
    }
}
