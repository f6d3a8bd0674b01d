//! The store: everything Revere remembers, in one SQLite file or in a database of PostgreSQL that several servers share.
//!
//! One file per kind of thing, one function per question, model types out; no SQL lives anywhere else. Reads go through
//! a pool, writes through one writer that commits many at once, and nothing is acknowledged before it is durable.
//! Claims carry a fence (the attempt), so that several servers share one store without doubling a run.
//!
//! It refuses to know what a script is, how an alert is sent, or what HTTP is.

mod audit;
mod claiming;
mod columns;
mod database;
mod error;
mod facts;
mod health;
mod import;
mod location;
mod many_rows;
mod meta_table;
mod migrations;
mod monitors;
mod moving;
mod name_order;
mod name_search;
mod nodes;
mod page_cut;
mod partitions;
mod people;
mod postgres;
mod probe;
mod reading;
mod retention;
mod running_servers;
mod sqlite;
mod telling;
#[cfg(test)]
mod test_store;
mod ticks;
mod writer;

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use revere_model::{Clock, MonitorId, SystemClock};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use audit::{AuditEntry, AuditFilter, AuditRow, AuditWho, AuditedTarget, AuditedWho, address_text};
pub use claiming::claim_request::ClaimRequest;
pub use claiming::claims::{Claimed, Claims};
pub use claiming::release::{HandedBack, TakenBack};
pub use claiming::results::{Committed, RunResult};
pub use error::{OpenError, StoreError};
pub use facts::{DatabaseFacts, KeptFor};
pub use health::StoreHealth;
pub use import::{
    ImportedAlert, ImportedChange, ImportedMonitor, ImportedRun, Past, PastAlert, PastDelivery, PastResult, Takeover,
};
pub use location::DatabasePlace;
pub use monitors::{
    MonitorFilter,
    deleted::DeletedMonitor,
    versions::{Author, SavedVersion},
};
pub use moving::{MoveError, MoveStep, Moved, MovedTable};
pub use nodes::{Due, Holding, MISSED_FOR, Node, SILENT, Successor};
pub use people::{
    Attempt, Link, Lookup, NewSession, NewToken, NewUser, SavedFilter, Session, Token, User, UserChange, WaysIn,
    failures_of_codes,
};
pub use postgres::{address::PostgresAddress, clock::DatabaseClock};
pub use probe::Found;
pub use reading::chart::SeriesPoint;
pub use reading::counts::StateCounts;
pub use reading::flips::RecordedFlip;
pub use reading::overview::{OverviewColumn, OverviewFilter, OverviewOrder, OverviewPlace, OverviewRow};
pub use reading::past_values::TooMuch;
pub use reading::previous_run::PreviousRun;
pub use reading::runs::RunFilter;
pub use sqlite::{backup::BackupError, file_mode::open_to_others};
pub use telling::acknowledgements::{Acknowledged, AcknowledgedBy, Acknowledgement, ToldMessage};
pub use telling::alert_changes::ConfiguredAlert;
pub use telling::alert_choices::{AlertChange, AlertSeen, AlertSettings};
pub use telling::alert_records::AlertRow;
pub use telling::browsers::{BrowserNext, BrowserOwed, BrowserRecord, NewBrowser};
pub use telling::decisions::{NotTold, NotToldFilter};
pub use telling::deliveries::{
    BeingSent, Delivery, DeliveryFilter, DeliveryStatus, Settlement, standing::DeliveryStanding,
};
pub use telling::mutes::{HeldBack, HeldTold, MuteFilter, MuteRecord};
pub use telling::on_call::{
    CalendarCopy, KeptCalendar, OnCallSettled, OnCallTold, OverrideFilter, OverrideRecord, Usable,
};
pub use telling::outages::{Outage, OutagesTold, SourceDown, SourcesMet};
pub use telling::reminders::Reminded;
pub use telling::told_records::unseen;

use crate::{metrics::Metrics, redact::Secrets};
use database::{DbConnection, DbOptions, DbPool, Opened};

/// How a store is opened. The times are settable so that tests of locks and full disks are quick.
#[derive(Clone)]
pub struct StoreOptions {
    /// The database.
    pub place: DatabasePlace,
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
    /// Whether it is an error that there is no database: for whoever only looks, and makes none.
    pub must_exist: bool,
    /// By which ways people may come in.
    pub ways_in: WaysIn,
    /// How much longer than a run may take its claim holds, before another server may take the tick over: time to write down
    /// what came of it.
    pub claim_margin: Duration,
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
    /// The defaults, for the database at `place`: a file, or a server.
    pub fn new(place: impl Into<DatabasePlace>) -> Self {
        let place = place.into();
        StoreOptions {
            alone: matches!(place, DatabasePlace::File(_)),
            place,
            clock: Arc::new(SystemClock),
            busy_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(8),
            probe_every: Duration::from_secs(2),
            readers: 4,
            beside_a_server: false,
            must_exist: false,
            ways_in: WaysIn::default(),
            claim_margin: Duration::from_secs(60),
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
    /// How another connection for writing is made.
    connect: DbOptions,
    queue: writer::Queue,
    /// Where several servers share the database: claims go on beside what is recorded, by a connection of their own, as they do
    /// beside what other servers record. A file has one writer at a time.
    claims: Option<writer::Queue>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    /// The writer is the last to let go of the database; a store that was never closed lets go all the same.
    readers_gone: CancellationToken,
    _let_go: DropGuard,
    place: DatabasePlace,
    patience: Duration,
    alone: bool,
    /// Whether other servers may have the same database open.
    shared: bool,
    /// The clock that all of them go by, where this one does.
    database_clock: OnceLock<DatabaseClock>,
    claim_margin: Duration,
    low_water: claiming::low_water::LowWater,
    in_hand: telling::deliveries::in_hand::InHand,
    partitions: partitions::Partitions,
    deleted_days: u32,
    ways_in: WaysIn,
    counted: reading::counts::Counted,
    /// Tells this database apart in delivery keys.
    instance: String,
    audit: audit::AuditSettings,
    /// Rings when rows were written to the audit.
    audit_written: Arc<Notify>,
}

impl Store {
    /// Opens the database, or makes it: takes the lock file where there is one, brings the schema up to date, starts the writer.
    pub async fn open(options: StoreOptions) -> Result<Store, OpenError> {
        let Opened { options: connect, connection, readers, engine_readers, instance, lock } = match &options.place {
            DatabasePlace::File(path) => sqlite::connection::open(&options, path).await?,
            DatabasePlace::Server(address) => postgres::connection::open(&options, address).await?,
        };
        let readers_gone = CancellationToken::new();
        let shared = matches!(options.place, DatabasePlace::Server(_));
        let start = |connection, lock, part| {
            let health = Arc::new(health::Health::new(options.clock.clone(), options.metrics.clone(), part));
            writer::start(connect.clone(), connection, health, lock, options.probe_every, readers_gone.clone())
        };
        let (queue, writer) = start(Some(connection), lock, shared.then_some("records"));
        // It connects once something is claimed: a command that only writes a little has one connection.
        let (claims, claiming) = shared.then(|| start(None, None, Some("claims"))).unzip();
        Ok(Store(Arc::new(Inner {
            readers,
            engine_readers,
            connect,
            queue,
            claims,
            writers: Mutex::new([writer].into_iter().chain(claiming).collect()),
            _let_go: readers_gone.clone().drop_guard(),
            readers_gone,
            shared,
            database_clock: OnceLock::new(),
            claim_margin: options.claim_margin,
            low_water: claiming::low_water::LowWater::default(),
            in_hand: telling::deliveries::in_hand::InHand::default(),
            partitions: partitions::Partitions::default(),
            place: options.place,
            patience: options.patience,
            alone: options.alone,
            deleted_days: options.deleted_days,
            ways_in: options.ways_in,
            counted: reading::counts::Counted::default(),
            instance,
            audit: audit::AuditSettings { secrets: options.secrets, is_logged: options.audit_is_logged },
            audit_written: Arc::default(),
        })))
    }

    /// Writes what waits, and lets go of the file and its lock. Later writes are refused. What cannot be written for a
    /// few seconds, because the disk is full or another process holds the database, was never acknowledged and is dropped.
    pub async fn close(&self) {
        for queue in self.queues() {
            queue.close();
        }
        let readers = async { tokio::join!(self.0.readers.close(), self.0.engine_readers.close()) };
        if tokio::time::timeout(CLOSING, readers).await.is_err() {
            tracing::warn!("a question to the database was still being answered; it is cut off");
        }
        self.0.readers_gone.cancel();
        let mut writers = std::mem::take(&mut *self.0.writers.lock().expect("no code panics while it holds this lock"));
        match tokio::time::timeout(CLOSING, join_all(&mut writers)).await {
            Ok(ended) => {
                for error in ended.into_iter().filter_map(Result::err) {
                    tracing::error!(%error, "the store's writer ended badly");
                }
            }
            Err(_) => {
                tracing::error!("the database could not be written to the end; the next start makes up for it");
                for writer in writers {
                    writer.abort();
                }
            }
        }
    }

    /// The database.
    pub fn place(&self) -> &DatabasePlace {
        &self.0.place
    }

    /// How the store is, for `/healthz` and `/metrics`.
    pub fn health(&self) -> StoreHealth {
        let records = self.0.queue.health();
        match &self.0.claims {
            Some(claims) => records.with_claims(claims.health()),
            None => records,
        }
    }

    /// A random text that belongs to this database alone.
    pub fn instance(&self) -> &str {
        &self.0.instance
    }

    /// Makes what a server needs for reading before anybody asks, so that a shortage of file descriptors later on takes
    /// nothing of it away.
    pub async fn get_ready(&self) {
        tokio::join!(self.0.readers.fill(), self.0.engine_readers.fill());
    }

    fn queues(&self) -> impl Iterator<Item = &writer::Queue> {
        [&self.0.queue].into_iter().chain(&self.0.claims)
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
        self.write_about(Vec::new(), work).await
    }

    /// The same of work that keeps the rows of these monitors: where several servers share the database, what is written
    /// together keeps them in one order.
    async fn write_about<T, F>(&self, monitors: Vec<MonitorId>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.0.queue.write_about(monitors, Some(self.0.patience), work).await
    }

    /// A write that must not be lost: waits as long as it takes.
    async fn write_patiently<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.write_patiently_about(Vec::new(), work).await
    }

    /// The same of work that keeps the rows of these monitors.
    async fn write_patiently_about<T, F>(&self, monitors: Vec<MonitorId>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        self.0.queue.write_about(monitors, None, work).await
    }
}
