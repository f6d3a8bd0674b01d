//! A store with a database of its own, with a clock that only the test moves.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;
use revere::store::{
    ClaimRequest, Claimed, Committed, ConfiguredAlert, Delivery, RunResult, Settlement, Store, StoreOptions,
};
use revere_model::{Clock, ManualClock, Monitor, MonitorId, MonitorSpec, Severity, State};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{PATIENCE, Sql, TestDatabase, at, by_server, eventually, on_postgresql};

/// A store with a database of its own.
pub(crate) struct Scratch {
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    database: TestDatabase,
}

impl Scratch {
    /// A new store; it is midnight on New Year's Day 2026.
    pub(crate) async fn new() -> Scratch {
        Scratch::with(|_| {}).await
    }

    /// A new store with options of the test's own.
    pub(crate) async fn with(adjust: impl FnOnce(&mut StoreOptions)) -> Scratch {
        Scratch::on(TestDatabase::new().await, adjust).await
    }

    /// A new store in a file; `None` where tests run on PostgreSQL: what is told is SQLite's own.
    pub(crate) async fn in_a_file(adjust: impl FnOnce(&mut StoreOptions)) -> Option<Scratch> {
        match on_postgresql() {
            true => None,
            false => Some(Scratch::on(TestDatabase::in_a_file(), adjust).await),
        }
    }

    /// A new store on this database.
    pub(crate) async fn on(database: TestDatabase, adjust: impl FnOnce(&mut StoreOptions)) -> Scratch {
        let clock = ManualClock::at(at("2026-01-01T00:00:00Z"));
        let mut options = StoreOptions::new(database.place());
        options.clock = Arc::new(clock.clone());
        // Nothing is refused because the machine does much else, but where a test wants to see it refused.
        options.patience = PATIENCE;
        adjust(&mut options);
        let store = Store::open(options).await.unwrap();
        Scratch { store, clock, database }
    }

    /// The file, where it is one.
    pub(crate) fn path(&self) -> PathBuf {
        self.store.place().file().expect("this test is about a file").to_owned()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Closes the store and opens it again, as a restart does. Whoever else has claimed something is gone.
    pub(crate) async fn reopened(self) -> Scratch {
        self.opened_anew(|options| options.alone = true).await
    }

    /// The same after a stop that handed back what was claimed: others may come, and keep what they have.
    pub(crate) async fn reopened_for_several(self) -> Scratch {
        self.opened_anew(|_| {}).await
    }

    async fn opened_anew(self, adjust: impl FnOnce(&mut StoreOptions)) -> Scratch {
        self.store.close().await;
        let Scratch { clock, database, .. } = self;
        let mut options = StoreOptions::new(database.place());
        options.clock = Arc::new(clock.clone());
        adjust(&mut options);
        let store = Store::open(options).await.unwrap();
        Scratch { store, clock, database }
    }

    /// Another server's store on the same database of PostgreSQL, by the same clock.
    pub(crate) async fn beside(&self) -> Scratch {
        let database = self.database.shared();
        let mut options = StoreOptions::new(database.place());
        options.clock = Arc::new(self.clock.clone());
        let store = Store::open(options).await.unwrap();
        Scratch { store, clock: self.clock.clone(), database }
    }

    /// Another connection to the database, as another process would have.
    pub(crate) async fn sql(&self) -> Sql {
        Sql::of(&self.store).await
    }

    /// Another connection to the file, for what SQLite alone can be asked.
    pub(crate) async fn outside(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.path()).busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
    }

    /// Asks the database itself whether it is sound.
    pub(crate) async fn assert_sound(&self) {
        self.sql().await.assert_sound().await;
    }

    /// Makes a monitor in a store that waits shortly, however often the machine is too busy for it meanwhile: what was refused was
    /// not done.
    pub(crate) async fn made(&self, spec: &MonitorSpec) -> Monitor {
        eventually("a monitor is made", async || {
            let made = self.store.create_monitor(spec, &by_server(self.now())).await;
            made.map_err(|error| {
                assert!(error.is_passing(), "{error:?}");
                error.to_string()
            })
        })
        .await
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

    /// Has the configuration have these alerts, switched on, and no others.
    pub(crate) async fn configure(&self, keys: &[&str]) {
        let alert = |key: &&str| ConfiguredAlert { key: (*key).to_owned(), enabled: true, ..Default::default() };
        let configured: Vec<ConfiguredAlert> = keys.iter().map(alert).collect();
        self.store.sync_alerts(&configured, self.now()).await.unwrap();
    }

    /// Claims what is due now.
    pub(crate) async fn claim(&self) -> Vec<Claimed> {
        self.claim_as("one").await
    }

    /// What an engine that came up this moment asks for: of what is due now as much as it claims at once.
    pub(crate) fn claim_request(&self) -> ClaimRequest {
        ClaimRequest {
            node: "one".to_owned(),
            now: self.now(),
            up_since: self.now(),
            run_limit: Duration::from_secs(30),
            limit: 256,
            places: 256,
        }
    }

    /// Claims that.
    pub(crate) async fn claim_batch(&self) -> Vec<Claimed> {
        self.store.claim_due(&self.claim_request()).await.unwrap().runs
    }

    /// Records that a claimed tick's run ended now, with `outcome`.
    pub(crate) async fn finish(&self, claimed: &Claimed, outcome: State) -> Committed {
        self.store.commit_run(self.result(claimed, outcome)).await.unwrap()
    }

    /// The same of many, side by side.
    pub(crate) async fn finish_all(&self, claimed: &[Claimed], outcome: State) {
        join_all(claimed.iter().map(|claimed| self.finish(claimed, outcome))).await;
    }

    /// A result of a claimed tick.
    pub(crate) fn result(&self, claimed: &Claimed, outcome: State) -> RunResult {
        RunResult {
            attempt: Some(claimed.attempt),
            kind: claimed.kind,
            tick_at: claimed.tick_at,
            ..super::manual_run(claimed.monitor_id, self.now(), outcome)
        }
    }

    /// Records a manual run of a monitor, now, with `outcome`.
    pub(crate) async fn manual(&self, monitor: MonitorId, outcome: State) -> Committed {
        self.manual_as(monitor, outcome, None).await
    }

    /// The same, of a problem as bad as that.
    pub(crate) async fn manual_as(&self, monitor: MonitorId, outcome: State, severity: Option<Severity>) -> Committed {
        let result = RunResult { severity, ..self.manual_result(monitor, outcome) };
        self.store.commit_run(result).await.unwrap()
    }

    /// What a manual run of a monitor came to, now.
    pub(crate) fn manual_result(&self, monitor: MonitorId, outcome: State) -> RunResult {
        super::manual_run(monitor, self.now(), outcome)
    }
}

/// Switches a monitor on or off, as an edit that changes nothing else.
pub(crate) async fn switched(store: &Store, id: MonitorId, active: bool, now: Timestamp) -> Monitor {
    let monitor = store.monitor(id).await.unwrap();
    store.update_monitor(id, monitor.version, &MonitorSpec { active, ..monitor.spec }, &by_server(now)).await.unwrap()
}

/// Records what came of one delivery, as the engine records what came of several; whether it was still owed.
pub(crate) async fn settle_one(store: &Store, delivery: &Delivery, settlement: Settlement, now: Timestamp) -> bool {
    let settled = store.settle_deliveries(vec![(delivery.clone(), settlement)], now).await.unwrap();
    !settled.is_empty()
}

/// How many claims are in force.
pub(crate) async fn claims_in_force(store: &Store) -> i64 {
    Sql::of(store).await.number("select count(*) from dues where claimed_by is not null").await
}
