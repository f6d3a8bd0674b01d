//! The store: everything Revere remembers, in one SQLite file.
//!
//! One file per kind of thing, one function per question, model types out; no SQL lives anywhere else. Reads go through
//! a pool, writes through one writer that commits many at once, and nothing is acknowledged before it is durable.
//! Claims carry a fence (the attempt), so that several servers could share one store without doubling a run.
//!
//! It refuses to know what a script is, how an alert is sent, or what HTTP is.

mod audit;
mod claiming;
mod columns;
mod database;
mod error;
mod health;
mod import;
mod many_rows;
mod monitors;
mod people;
mod reading;
mod retention;
mod sqlite;
mod telling;
#[cfg(test)]
mod test_store;
mod ticks;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use revere_model::{Clock, SystemClock};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use audit::{AuditEntry, AuditFilter, AuditRow, AuditWho, AuditedTarget, AuditedWho};
pub use claiming::claim_request::ClaimRequest;
pub use claiming::claims::{Claimed, Claims};
pub use claiming::release::{HandedBack, TakenBack};
pub use claiming::results::{Committed, RunResult};
pub use error::{OpenError, StoreError};
pub use health::StoreHealth;
pub use import::{
    ImportedAlert, ImportedChange, ImportedMonitor, ImportedRun, Past, PastAlert, PastDelivery, PastResult, Takeover,
};
pub use monitors::{
    MonitorFilter,
    deleted::DeletedMonitor,
    versions::{Author, SavedVersion},
};
pub use people::{Attempt, Link, Lookup, NewSession, NewToken, NewUser, Session, Token, User, UserChange};
pub use reading::chart::SeriesPoint;
pub use reading::counts::StateCounts;
pub use reading::flips::RecordedFlip;
pub use reading::overview::{OverviewFilter, OverviewPlace, OverviewRow};
pub use reading::previous_run::PreviousRun;
pub use reading::runs::RunFilter;
pub use sqlite::backup::BackupError;
pub use telling::alert_changes::{AlertChange, AlertSettings, ConfiguredAlert};
pub use telling::alert_records::AlertRow;
pub use telling::deliveries::{Delivery, DeliveryFilter, DeliveryStatus, Settlement};

use crate::{metrics::Metrics, redact::Secrets};
use database::{DbConnection, DbPool};

/// How a store is opened. The times are settable so that tests of locks and full disks are quick.
#[derive(Clone)]
pub struct StoreOptions {
    /// The database file; made if it is not there.
    pub path: PathBuf,
    /// Stamps the health report.
    pub clock: Arc<dyn Clock>,
    /// How long SQLite itself waits for a lock before it is asked again.
    pub busy_timeout: Duration,
    /// How long a person's write waits for a lock or for space before it is refused with [`StoreError::Busy`].
    pub patience: Duration,
    /// How long after a trouble that nobody met again the store looks by itself whether it is over.
    pub probe_every: Duration,
    /// Connections for reading.
    pub readers: u32,
    /// Whether the lock file keeps every other server away, so that whoever else has claimed something is gone. False where
    /// several share a database: then only time tells.
    pub alone: bool,
    /// Whether a server may have the database open as well: for a command that writes a little and ends. Then the schema must
    /// be this program's already.
    pub beside_a_server: bool,
    /// How many days a monitor is kept that is deleted.
    pub deleted_days: u32,
    /// Counts commits and faults, if someone wants to know.
    pub metrics: Option<Arc<Metrics>>,
    /// Taken out of what the audit says.
    pub secrets: Secrets,
    /// Whether the audit's rows are to be written elsewhere too, so that each is noted until it is.
    pub audit_is_logged: bool,
}

impl StoreOptions {
    /// The defaults, for the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        StoreOptions {
            path: path.into(),
            clock: Arc::new(SystemClock),
            busy_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(8),
            probe_every: Duration::from_secs(2),
            readers: 4,
            alone: true,
            beside_a_server: false,
            deleted_days: 30,
            metrics: None,
            secrets: Secrets::default(),
            audit_is_logged: false,
        }
    }
}

/// How long closing waits for the last writes, and then for readers.
const CLOSING: Duration = Duration::from_secs(2);

/// The store. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    readers: DbPool,
    /// The engine's own: it never waits behind somebody's long list.
    engine_readers: DbPool,
    queue: writer::Queue,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// The writer is the last to let go of the database; a store that was never closed lets go all the same.
    readers_gone: CancellationToken,
    _let_go: DropGuard,
    health: Arc<health::Health>,
    path: PathBuf,
    patience: Duration,
    alone: bool,
    deleted_days: u32,
    counted: reading::counts::Counted,
    /// Tells this database apart in delivery keys.
    instance: String,
    audit: audit::AuditSettings,
    /// Rings when rows were written to the audit.
    audit_written: Arc<Notify>,
}

impl Store {
    /// Opens the database, or makes it: takes the lock file, brings the schema up to date, starts the writer.
    pub async fn open(options: StoreOptions) -> Result<Store, OpenError> {
        let path = options.path.clone();
        let lock = match sqlite::lock::LockFile::take(&path) {
            Err(error @ OpenError::InUse { .. }) if options.beside_a_server => {
                // Only the holder of the lock may change the schema.
                if !sqlite::migrate::is_current(&path).await? {
                    return Err(error);
                }
                None
            }
            taken => Some(taken?),
        };
        let connect = sqlite::connection::options(&options);
        let mut connection = sqlite::migrate::open(&connect, &path).await?;
        let instance = sqlx::query_scalar("select value from meta where key = 'instance'")
            .fetch_one(&mut connection)
            .await
            .map_err(|source| OpenError::Unreadable { path: path.clone(), source })?;
        let (readers, engine_readers) =
            (sqlite::connection::readers(&options, options.readers), sqlite::connection::readers(&options, 2));
        let health = Arc::new(health::Health::new(options.clock.clone(), options.metrics.clone()));
        let readers_gone = CancellationToken::new();
        let (queue, writer) =
            writer::start(connect, connection, health.clone(), lock, options.probe_every, readers_gone.clone());
        Ok(Store(Arc::new(Inner {
            readers,
            engine_readers,
            queue,
            writer: Mutex::new(Some(writer)),
            _let_go: readers_gone.clone().drop_guard(),
            readers_gone,
            health,
            path,
            patience: options.patience,
            alone: options.alone,
            deleted_days: options.deleted_days,
            counted: reading::counts::Counted::default(),
            instance,
            audit: audit::AuditSettings { secrets: options.secrets, is_logged: options.audit_is_logged },
            audit_written: Arc::default(),
        })))
    }

    /// Writes what waits, and lets go of the file and its lock. Later writes are refused. What cannot be written for a
    /// few seconds, because the disk is full or another process holds the database, was never acknowledged and is dropped.
    pub async fn close(&self) {
        self.0.queue.close();
        let readers = async { tokio::join!(self.0.readers.close(), self.0.engine_readers.close()) };
        if tokio::time::timeout(CLOSING, readers).await.is_err() {
            tracing::warn!("a question to the database was still being answered; it is cut off");
        }
        self.0.readers_gone.cancel();
        let writer = self.0.writer.lock().expect("no code panics while it holds this lock").take();
        if let Some(mut writer) = writer {
            match tokio::time::timeout(CLOSING, &mut writer).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the store's writer ended badly"),
                Err(_) => {
                    tracing::error!("the database could not be written to the end; the next start makes up for it");
                    writer.abort();
                }
            }
        }
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How the store is, for `/healthz` and `/metrics`.
    pub fn health(&self) -> StoreHealth {
        self.0.health.report(self.0.queue.waiting())
    }

    /// A random text that belongs to this database alone.
    pub fn instance(&self) -> &str {
        &self.0.instance
    }

    fn readers(&self) -> &DbPool {
        &self.0.readers
    }

    fn engine_readers(&self) -> &DbPool {
        &self.0.engine_readers
    }

    /// A write that someone waits for: refused after a few seconds of a locked or full disk.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.0.queue.write(Some(self.0.patience), work).await
    }

    /// A write that must not be lost: waits as long as it takes.
    async fn write_patiently<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.0.queue.write(None, work).await
    }
}
