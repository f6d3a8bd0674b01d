//! The engine: runs what is due, tells what is owed, forgets what is old.
//!
//! It promises that every tick is run or counted, that a result is recorded once, that what is owed is sent at least
//! once and in order, and that a fault of ours (a locked database, a broken sandbox, a panic) changes no monitor's state.
//! Everything it must not forget is in the store: killed at any instant, the next start goes on from there.
//!
//! It refuses to know HTTP, pages and configuration files. `web` reaches it by the store, by [`EngineHandle::wake`], and
//! by the runs that people ask for.

mod browsers;
mod driver;
mod events;
mod health;
mod in_force;
mod on_demand;
mod run_rate;
mod run_scripts;
mod tasks;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use revere_model::{Clock, DeliveryId, MonitorId, Reminders, on_call::Rota};
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use browsers::{browsers_of, note_tested_browsers};
pub use driver::{Next, TaskStatus};
pub use events::Event;
pub use health::EngineHealth;
pub use in_force::EngineConfigured;
pub use on_demand::{PreviewAlertError, RunNowError, TestAlertError, linked};
pub use run_scripts::{RunFault, RunScripts};

use crate::{
    alerts::Channel,
    audit_log::AuditLog,
    metrics::Metrics,
    redact::Secrets,
    store::{Node, Store, StoreError, TakenBack},
};
use driver::{Driver, Wake};
use in_force::InForce;
use run_rate::RunRate;
use tasks::{
    audit_log::WriteAuditLog, evaluate::Evaluate, housekeeping::Housekeeping, others::Others, tell_held::TellHeld,
};

/// What the engine is made of.
pub struct EngineParts {
    /// Where everything is kept.
    pub store: Store,
    /// Runs scripts.
    pub runner: Arc<dyn RunScripts>,
    /// The alerts that can be sent through, by key; [`Store::sync_alerts`] has been told of them.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Takes secrets out of what people will read.
    pub secrets: Secrets,
    /// Uniform random numbers: this server's name, and the jitter of retries.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// How much of everything.
    pub settings: EngineSettings,
}

/// How much of everything.
#[derive(Clone, PartialEq, Debug)]
pub struct EngineSettings {
    /// Runs that go on at the same time; the sandbox must have room for as many, and for [`EngineSettings::on_demand`] more.
    pub in_flight: usize,
    /// Runs that people asked for and that go on at the same time; they never wait behind scheduled ones.
    pub on_demand: usize,
    /// How long a run may take where its monitor does not say.
    pub run_limit: Duration,
    /// Deliveries of one alert that go on at the same time, each of another monitor.
    pub sends_per_alert: usize,
    /// How long one attempt at sending may take.
    pub send_limit: Duration,
    /// How much longer than sending may take a claim of a delivery holds: time to write down what came of it.
    pub claim_margin: Duration,
    /// The server's own address, without a slash at its end, for the links in notifications; empty if unknown.
    pub address: String,
    /// Whether what is told of a problem has a link to acknowledge it by, without a log-in: where people reach the address.
    pub acknowledge_links: bool,
    /// The alerts that remind of problems that go on, by key.
    pub reminders: BTreeMap<String, Reminders>,
    /// The alerts that are rotas, by key.
    pub rotas: BTreeMap<String, Rota>,
    /// Days that the audit is kept; `None` for ever.
    pub audit_days: Option<u32>,
    /// Where the audit is written besides; the store must note what is not written yet.
    pub audit_log: Option<AuditLog>,
    /// Whether a source that is down is told of once, in the place of the monitors that need it.
    pub source_outages: bool,
    /// Whether a copy of a database is only looked into: nothing is run, sent or removed.
    pub only_looks: bool,
}

impl Default for EngineSettings {
    fn default() -> Self {
        EngineSettings {
            in_flight: 256,
            on_demand: 16,
            run_limit: Duration::from_secs(30),
            sends_per_alert: 8,
            send_limit: Duration::from_secs(30),
            claim_margin: Duration::from_secs(60),
            address: String::new(),
            acknowledge_links: false,
            reminders: BTreeMap::new(),
            rotas: BTreeMap::new(),
            audit_days: None,
            audit_log: None,
            source_outages: true,
            only_looks: false,
        }
    }
}

/// The engine. It does nothing until it is started.
pub struct Engine;

impl Engine {
    /// Takes back what a dead server left, and starts.
    pub async fn start(parts: EngineParts) -> Result<EngineHandle, StoreError> {
        parts.channels.keys().chain(parts.settings.rotas.keys()).for_each(|alert| parts.metrics.alert(alert));
        let shared = Arc::new(Shared::new(parts));
        let mut driver =
            Driver::new(shared.clock.clone(), shared.tracker.clone(), shared.stopping.clone(), shared.metrics.clone());
        if shared.settings.only_looks {
            return Ok(EngineHandle { shared, driver: Arc::new(Mutex::new(driver)) });
        }
        let now = shared.clock.now();
        match shared.store.take_back(&shared.node, now).await {
            Ok(TakenBack { runs: 0, deliveries: 0 }) => {}
            Ok(TakenBack { runs, deliveries }) => {
                tracing::info!(runs, deliveries, "taken over from a server that ended in the middle");
            }
            // It starts all the same, and says why it cannot work; the tidying tries again.
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "what an earlier server left cannot be taken over now; trying again");
            }
            Err(error) => return Err(error),
        }
        driver.start(Arc::new(Evaluate::new(shared.clone())), shared.evaluate.clone());
        in_force::start_tasks(&shared, &mut driver, &shared.in_force());
        if let Some(log) = &shared.settings.audit_log {
            let wake = Wake::of(shared.store.audit_written());
            driver.start(Arc::new(WriteAuditLog::new(shared.clone(), log.clone())), wake);
        }
        driver.start(Arc::new(TellHeld::new(shared.clone())), shared.tell_held.clone());
        driver.start(Arc::new(Housekeeping::new(shared.clone())), shared.prune.clone());
        if shared.store.is_shared() {
            driver.start(Arc::new(Others::new(shared.clone())), shared.others.clone());
        }
        Ok(EngineHandle { shared, driver: Arc::new(Mutex::new(driver)) })
    }
}

/// A running engine. Clones hold the same one.
#[derive(Clone)]
pub struct EngineHandle {
    shared: Arc<Shared>,
    driver: Arc<Mutex<Driver>>,
}

impl EngineHandle {
    /// Says that something may be due sooner than the engine knows: a monitor or an alert was changed, or a test moved
    /// the clock. Cheap, and harmless without cause.
    pub fn wake(&self) {
        self.shared.evaluate.wake();
        self.shared.tell_held.wake();
        self.shared.remind.wake();
        self.shared.push_again.wake();
        self.shared.wake_deliveries();
        self.shared.others.wake();
    }

    /// Says that somebody has changed a monitor: to whoever watches it, and to what may be due sooner.
    pub fn changed(&self, monitor_id: MonitorId) {
        self.wake();
        self.shared.tell(Event::Changed { monitor_id });
    }

    /// Has old and deleted things removed now.
    pub fn tidy(&self) {
        self.shared.prune.wake();
    }

    /// What happens from now on, for whoever watches. A slow watcher misses the oldest and is told how many.
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<Event> {
        self.shared.events.subscribe()
    }

    /// What the tasks are doing.
    pub fn tasks(&self) -> Vec<TaskStatus> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner).statuses()
    }

    /// Whether ticks are being looked after.
    pub fn health(&self) -> EngineHealth {
        health::judge(&self.tasks(), self.shared.clock.now())
    }

    /// How many servers that share the database were seen lately, this one among them; `None` where one has it for itself.
    pub fn servers(&self) -> Option<u64> {
        let seen = self.shared.servers.load(std::sync::atomic::Ordering::Relaxed);
        self.shared.store.is_shared().then_some(seen)
    }

    /// This server, as it says of itself.
    pub fn this_server(&self) -> Node {
        self.shared.sign_of_life(self.shared.clock.now())
    }

    /// This server's name in claims.
    pub fn node(&self) -> &str {
        &self.shared.node
    }

    /// Stops: begins nothing new, lets what is going on finish for `grace`, hands back the rest. The store is still open
    /// afterwards, with everything written that could be written.
    pub async fn stop(&self, grace: Duration) {
        let shared = &self.shared;
        shared.stopping.cancel();
        shared.tracker.close();
        if timeout(grace, shared.tracker.wait()).await.is_err() {
            tracing::warn!(
                tasks = shared.tracker.len(),
                "not all runs and deliveries ended in time; they are handed back"
            );
            shared.cut.cancel();
            // Only who waits for the database is left now; it had its grace.
            let _ = timeout(CUT, shared.tracker.wait()).await;
        }
        match timeout(CUT, shared.store.release_node(&shared.node, shared.clock.now())).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!(count, "handed back; the next start goes on with it"),
            Ok(Err(error)) => tracing::error!(%error, "claims not handed back; the next start takes them back"),
            Err(_) => tracing::error!("claims not handed back in time; the next start takes them back"),
        }
        if shared.store.is_shared() {
            // Should it not be heard, the others see that no sign of life comes any more.
            let _ = timeout(CUT, shared.store.node_left(&shared.node)).await;
        }
    }
}

/// How long what was cut off may take to let go, and how long handing it back may take. Both take a moment, unless the
/// database is held or the disk is full; then the next start makes up for it.
const CUT: Duration = Duration::from_secs(1);

/// What the tasks share.
struct Shared {
    store: Store,
    in_force: RwLock<Arc<InForce>>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    secrets: Secrets,
    random: Arc<dyn Fn() -> u64 + Send + Sync>,
    settings: EngineSettings,
    /// This server's name in claims: another one at every start.
    node: String,
    up_since: Timestamp,
    events: tokio::sync::broadcast::Sender<Event>,
    on_demand: Arc<tokio::sync::Semaphore>,
    /// Where several servers share a database: the last run of each monitor that this one told its watchers of.
    announced: Mutex<HashMap<MonitorId, Timestamp>>,
    /// There: the deliveries that this one told its watchers of since it last looked at those of others.
    announced_deliveries: Mutex<HashSet<DeliveryId>>,
    evaluate: Wake,
    /// How many runs this server recorded lately.
    rate: RunRate,
    /// The sources that were down when outages were looked at last.
    down: Mutex<BTreeSet<String>>,
    /// Servers that were seen lately, this one among them.
    servers: std::sync::atomic::AtomicU64,
    prune: Wake,
    others: Wake,
    tell_held: Wake,
    remind: Wake,
    push_again: Wake,
    tracker: TaskTracker,
    /// Nothing new is begun.
    stopping: CancellationToken,
    /// What is going on is dropped.
    cut: CancellationToken,
}

/// Events that a slow watcher may lag behind by.
const EVENTS: usize = 1024;

impl Shared {
    fn new(parts: EngineParts) -> Shared {
        Shared {
            node: format!("{}-{:016x}", std::process::id(), (parts.random)()),
            up_since: parts.clock.now(),
            events: tokio::sync::broadcast::Sender::new(EVENTS),
            on_demand: Arc::new(tokio::sync::Semaphore::new(parts.settings.on_demand.max(1))),
            announced: Mutex::default(),
            announced_deliveries: Mutex::default(),
            evaluate: Wake::default(),
            prune: Wake::default(),
            rate: RunRate::default(),
            down: Mutex::default(),
            servers: std::sync::atomic::AtomicU64::new(1),
            others: Wake::default(),
            tell_held: Wake::default(),
            remind: Wake::default(),
            push_again: Wake::default(),
            tracker: TaskTracker::new(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            store: parts.store,
            in_force: RwLock::new(Arc::new(InForce::new(
                EngineConfigured {
                    runner: parts.runner,
                    channels: parts.channels,
                    reminders: parts.settings.reminders.clone(),
                    rotas: parts.settings.rotas.clone(),
                    run_limit: parts.settings.run_limit,
                    source_outages: parts.settings.source_outages,
                },
                BTreeMap::new(),
            ))),
            clock: parts.clock,
            metrics: parts.metrics,
            secrets: parts.secrets,
            random: parts.random,
            settings: parts.settings,
        }
    }

    /// Notes which sources are down.
    fn these_are_down(&self, down: Vec<String>) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = down.into_iter().collect();
    }

    /// A recorded run had answers of these sources: where one of them was down, its end is told at once, and whatever
    /// waits for it runs.
    fn these_answered(&self, answered: &[String]) {
        let mut down = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        // Each once: others are answered by it as well.
        if answered.iter().filter(|source| down.remove(*source)).count() > 0 {
            self.tell_held.wake();
        }
    }

    /// What this server says of itself.
    fn sign_of_life(&self, now: Timestamp) -> Node {
        Node {
            name: self.node.clone(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.settings.address.clone(),
            started_at: self.up_since,
            seen_at: now,
            runs_a_minute: self.rate.a_minute(Instant::now()),
        }
    }

    fn wake_deliveries(&self) {
        for wake in self.in_force().deliver.values() {
            wake.wake();
        }
    }

    /// Notes that watchers of this server are told of a delivery by itself.
    fn note_delivery(&self, id: DeliveryId) {
        if self.store.is_shared() && self.events.receiver_count() > 0 {
            self.announced_deliveries().insert(id);
        }
    }

    fn announced_deliveries(&self) -> std::sync::MutexGuard<'_, HashSet<DeliveryId>> {
        self.announced_deliveries.lock().expect("no code panics while it holds this lock")
    }

    /// Tells whoever watches; nobody need.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// How long a claim of a delivery holds.
    fn lease(&self) -> Duration {
        self.settings.send_limit.saturating_add(self.settings.claim_margin)
    }

    /// Whether a claim that was asked for then came so late that too little of its time is left: others may have taken over what
    /// was claimed before it is done. One server alone has all the time.
    fn is_too_late(&self, asked: Instant) -> bool {
        self.store.is_shared() && asked.elapsed() > self.settings.claim_margin / 2
    }

    /// How long to leave alone what is due and another server has in hand.
    fn leaving_it_to_others(&self) -> SignedDuration {
        SignedDuration::from_millis(20 + (80.0 * self.jitter()) as i64)
    }

    /// Uniform in `[0, 1)`.
    fn jitter(&self) -> f64 {
        ((self.random)() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
