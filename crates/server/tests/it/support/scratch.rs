//! A store in a temporary folder, with a clock that only the test moves.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use revere::store::{ClaimRequest, Claimed, Committed, RunResult, Store, StoreOptions};
use revere_model::{Clock, ManualClock, Monitor, MonitorId, MonitorSpec, RunKind, State};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::{at, by_server};

/// A store in a folder of its own.
pub(crate) struct Scratch {
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    folder: TempDir,
}

impl Scratch {
    /// A new store; it is midnight on New Year's Day 2026.
    pub(crate) async fn new() -> Scratch {
        Scratch::with(|_| {}).await
    }

    /// A new store with options of the test's own.
    pub(crate) async fn with(adjust: impl FnOnce(&mut StoreOptions)) -> Scratch {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(at("2026-01-01T00:00:00Z"));
        let mut options = StoreOptions::new(folder.path().join("revere.db"));
        options.clock = Arc::new(clock.clone());
        adjust(&mut options);
        let store = Store::open(options).await.unwrap();
        Scratch { store, clock, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.store.path().to_owned()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Closes the store and opens it again, as a restart does.
    pub(crate) async fn reopened(self) -> Scratch {
        self.store.close().await;
        let Scratch { clock, folder, .. } = self;
        let mut options = StoreOptions::new(folder.path().join("revere.db"));
        options.clock = Arc::new(clock.clone());
        let store = Store::open(options).await.unwrap();
        Scratch { store, clock, folder }
    }

    /// Another connection to the file, as another process would have.
    pub(crate) async fn outside(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
    }

    /// Asks the file itself whether it is sound.
    pub(crate) async fn assert_sound(&self) {
        let mut connection = self.outside().await;
        let integrity: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut connection).await.unwrap();
        assert_eq!(integrity, "ok");
        let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut connection).await.unwrap();
        assert!(broken.is_empty(), "{} broken references", broken.len());
    }

    /// Claims what is due now, as the server `node`.
    pub(crate) async fn claim_as(&self, node: &str) -> Vec<Claimed> {
        let request = ClaimRequest {
            node: node.to_owned(),
            now: self.now(),
            up_since: at("2026-01-01T00:00:00Z"),
            run_limit: Duration::from_secs(30),
            limit: 1000,
            places: 1000,
        };
        self.store.claim_due(&request).await.unwrap().runs
    }

    /// Claims what is due now.
    pub(crate) async fn claim(&self) -> Vec<Claimed> {
        self.claim_as("one").await
    }

    /// Records that a claimed tick's run ended now, with `outcome`.
    pub(crate) async fn finish(&self, claimed: &Claimed, outcome: State) -> Committed {
        self.store.commit_run(self.result(claimed, outcome)).await.unwrap()
    }

    /// A result of a claimed tick.
    pub(crate) fn result(&self, claimed: &Claimed, outcome: State) -> RunResult {
        RunResult {
            monitor_id: claimed.monitor_id,
            attempt: Some(claimed.attempt),
            kind: claimed.kind,
            tick_at: claimed.tick_at,
            started_at: self.now(),
            finished_at: self.now(),
            duration: Duration::from_micros(1500),
            outcome,
            message: format!("came out {outcome}"),
            return_value: None,
            output: String::new(),
            traceback: None,
            seed: u64::MAX - 7,
            script_version: "0123".repeat(8),
            entry: None,
        }
    }

    /// Records a manual run of a monitor, now, with `outcome`.
    pub(crate) async fn manual(&self, monitor: MonitorId, outcome: State) -> Committed {
        let result = RunResult {
            monitor_id: monitor,
            attempt: None,
            kind: RunKind::Manual,
            tick_at: self.now(),
            started_at: self.now(),
            finished_at: self.now(),
            duration: Duration::from_micros(1500),
            outcome,
            message: format!("came out {outcome}"),
            return_value: None,
            output: String::new(),
            traceback: None,
            seed: u64::MAX - 7,
            script_version: "0123".repeat(8),
            entry: None,
        };
        self.store.commit_run(result).await.unwrap()
    }
}

/// Switches a monitor on or off, as an edit that changes nothing else.
pub(crate) async fn switched(store: &Store, id: MonitorId, active: bool, now: Timestamp) -> Monitor {
    let monitor = store.monitor(id).await.unwrap();
    store.update_monitor(id, monitor.version, &MonitorSpec { active, ..monitor.spec }, &by_server(now)).await.unwrap()
}

/// How many claims are in force.
pub(crate) async fn claims_in_force(store: &Store) -> i64 {
    let mut outside = SqliteConnectOptions::new().filename(store.path()).connect().await.unwrap();
    sqlx::query_scalar("select count(*) from statuses where claimed_by is not null")
        .fetch_one(&mut outside)
        .await
        .unwrap()
}
