//! Builds, wires, starts and stops everything that makes a server. Tests use the same listener as `revere run`.
//!
//! Promises that the address is taken before anything slow happens (and answers 503 until the rest is there), that a
//! source that is down stops nothing, and that a stop lets what is going on finish, hands back the rest, and leaves
//! everything written.

mod calendar_watch;
mod certificate_watch;
mod heartbeat;
mod listener;
mod reload;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use revere_model::{Asked, Clock};
use revere_sandbox::Sandbox;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use listener::{BindError, Listener, ListenerBounds};
pub use reload::{NewParts, Reloaded};

use calendar_watch::CalendarWatch;
use heartbeat::Heartbeat;

use crate::{
    access::Access,
    alerts::Channel,
    config::{Config, WrittenSettings},
    engine::{self, Engine, EngineHandle},
    heartbeat_status::HeartbeatStatus,
    metrics::Metrics,
    on_call,
    operations::{self, Operations, Services, people, refusals},
    outbound::Outbound,
    redact::Secrets,
    runner::Sources,
    store::{OpenError, Store, StoreError, StoreOptions},
    tls::ServerCertificate,
    web::{self, Site, WebState},
};

/// How long what is going on may take to finish at a stop.
pub const GRACE: Duration = Duration::from_secs(10);

/// What a server is made of.
pub struct AppParts {
    /// What the operator decided.
    pub config: Config,
    /// Runs the Python.
    pub sandbox: Sandbox,
    /// Runs that may go on at the same time; the sandbox has room for [`ROOM_BESIDE`] more.
    pub in_flight: usize,
    /// What scripts can ask, built from the configuration.
    pub sources: Sources,
    /// How people are told, built from the configuration.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Taken out of whatever a person or a log will see.
    pub secrets: Secrets,
    /// The address, taken already.
    pub listener: Listener,
    /// What it shows, where it speaks TLS.
    pub certificate: Option<Arc<ServerCertificate>>,
}

/// Runs that people ask for while all scheduled ones wait, and scripts that are only checked, have room of their own.
pub const ROOM_BESIDE: usize = BY_HAND + 8;
const BY_HAND: usize = 16;

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Others can reach the address, and nobody would have to say who they are.
    #[error(
        "others can reach {0}, and nobody would be asked who they are: set LOCAL_USERS = True in config.py, so that people log \
         in (or GOOGLE_APPS_DOMAIN, or OIDC_ISSUER); or listen on 127.0.0.1; or, where anybody at all may read and change everything and run scripts, say \
         ANYONE_MAY = 'everything'"
    )]
    NobodyLogsIn(IpAddr),
    /// Others can reach the address, and passwords would go over the network for all to read.
    #[error(
        "others can reach {0}, and passwords would travel there unencrypted: set TLS_CERTIFICATE and TLS_KEY in config.py; or \
         put a proxy before Revere that speaks HTTPS, and say in config.py how people reach it, as in BASE_URL = 'https://revere.example.org'; or listen on 127.0.0.1"
    )]
    NotEncrypted(IpAddr),
    /// The first things written to the database.
    #[error("cannot write the first things to the database")]
    Store(#[source] StoreError),
}

/// A server.
pub struct App;

impl App {
    /// Opens the store, starts the engine, opens the listener.
    pub async fn start(parts: AppParts) -> Result<Running, StartError> {
        let encrypted = parts.certificate.is_some();
        may_listen(&parts.config, parts.listener.address().ip(), encrypted)?;
        parts.listener.encrypt(parts.certificate.as_ref());
        let mut options = StoreOptions::new(parts.config.database.clone());
        options.deleted_days = parts.config.keep_deleted_days;
        options.claim_margin = parts.config.claim_margin;
        options.clock = parts.clock.clone();
        options.metrics = Some(parts.metrics.clone());
        options.secrets = parts.secrets.clone();
        options.audit_is_logged = parts.config.audit_log.is_some();
        options.ways_in = parts.config.log_in.ways_in();
        // What is looked into is somebody's copy: there is none to be made.
        options.must_exist = parts.config.log_in.only_looks;
        let store = open(options).await?;
        store.get_ready().await;
        // Of several servers each goes by the one clock that they share.
        let clock = store.clock().await.map_err(StartError::Store)?;
        let parts = match clock {
            Some(clock) => AppParts { clock: Arc::new(clock), ..parts },
            None => parts,
        };
        let running = wire(store.clone(), parts).await;
        if running.is_err() {
            store.close().await;
        }
        running
    }
}

/// Whether an address that others can reach is guarded, or its operator said in so many words that it need not be.
pub fn may_listen(config: &Config, ip: IpAddr, encrypted: bool) -> Result<(), StartError> {
    let log_in = &config.log_in;
    if ip.is_loopback() {
        return Ok(());
    }
    if log_in.anyone_may_everything {
        tracing::warn!(%ip, "anybody who reaches this address may do everything: ANYONE_MAY in config.py says so");
        return Ok(());
    }
    if !log_in.is_required() {
        return Err(StartError::NobodyLogsIn(ip));
    }
    if encrypted {
        return Ok(());
    }
    if !config.base_url.as_ref().is_some_and(|url| url.starts_with("https://")) {
        return Err(StartError::NotEncrypted(ip));
    }
    tracing::warn!(%ip, "Revere speaks HTTP here, unencrypted: let nobody reach this address but the proxy that speaks HTTPS. Whoever comes from an address that is not in TRUSTED_PROXIES is refused");
    Ok(())
}

/// Opens the store. Where there is no room on the disk for what the database needs while it is open, or its server does not
/// answer, it says so, and opens it as soon as it can.
async fn open(options: StoreOptions) -> Result<Store, StartError> {
    let mut said = false;
    loop {
        match Store::open(options.clone()).await {
            Err(error) if error.is_passing() && !error.is_want_of_room() => {
                if !said {
                    tracing::error!("{error}; waiting for it");
                    said = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) if error.is_want_of_room() => {
                if !said {
                    let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::error!(
                        reason,
                        "{error}: the disk is full; waiting for room. A few hundred kilobytes beside the database are enough"
                    );
                    said = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
            opened => return Ok(opened?),
        }
    }
}

/// How often a full disk, or a database that is away, is tried again.
const AGAIN: Duration = Duration::from_secs(1);

async fn wire(store: Store, parts: AppParts) -> Result<Running, StartError> {
    let AppParts { config, sandbox, in_flight, sources, channels, clock, metrics, secrets, listener, certificate } =
        parts;
    let only_looks = config.log_in.only_looks;
    if !only_looks {
        reload::tell_the_store(&store, &config, clock.now()).await.map_err(StartError::Store)?;
    }
    let makes_runners = reload::MakesRunners {
        sandbox,
        clock: clock.clone(),
        metrics: metrics.clone(),
        secrets: secrets.clone(),
        store: store.clone(),
    };
    let configured = makes_runners.configured(&config, sources);
    let address = config.base_url.clone().unwrap_or_else(|| listener.link());
    let outbound = Outbound::ruled(secrets.clone(), config.address_rules.clone());
    let engine = Engine::start(engine::EngineParts {
        store: store.clone(),
        runner: Arc::new(configured.runner.clone()),
        channels,
        clock: clock.clone(),
        metrics: metrics.clone(),
        secrets,
        random: Arc::new(|| uuid::Uuid::new_v4().as_u128() as u64),
        settings: engine::EngineSettings {
            in_flight,
            on_demand: BY_HAND,
            run_limit: config.limits.wall_time,
            claim_margin: config.claim_margin,
            address: address.clone(),
            acknowledge_links: config.base_url.is_some(),
            reminders: config.alerts.iter().filter_map(|alert| Some((alert.name.clone(), alert.remind?))).collect(),
            rotas: configured.rotas.clone(),
            audit_days: config.audit_days,
            audit_log: config.audit_log.clone(),
            source_outages: config.source_outages,
            only_looks,
            ..engine::EngineSettings::default()
        },
    })
    .await
    .map_err(StartError::Store)?;
    let base_url = config.base_url.as_ref().map(|url| url.parse().expect("BASE_URL was checked when it was read"));
    let stopping = CancellationToken::new();
    let site =
        Site { base_url, loopback_only: listener.address().ip().is_loopback(), certificate: certificate.clone() };
    let reload = Arc::new(Notify::new());
    if let Some(certificate) = certificate {
        let (clock, metrics) = (clock.clone(), metrics.clone());
        tokio::spawn(certificate_watch::watch(certificate, clock, metrics, reload.clone(), stopping.clone()));
    }
    let (local_users, operations_clock) = (config.log_in.local_users, clock.clone());
    let calendars = match only_looks {
        true => CancellationToken::new(),
        false => CalendarWatch {
            outbound: outbound.clone(),
            store: store.clone(),
            engine: engine.clone(),
            clock: clock.clone(),
        }
        .watch_all(on_call::calendars(&config.alerts, &config.folder), &stopping),
    };
    let heartbeat = config.heartbeat_url.clone().map(|url| (url.0, Arc::new(HeartbeatStatus::new(clock.now()))));
    let operations::Configured { defaults, runner, watch, sources_off, alert_entries, rotas, metrics_per_monitor } =
        configured;
    let operations = Operations::new(Services {
        defaults,
        clock,
        metrics: metrics.clone(),
        store: store.clone(),
        engine: engine.clone(),
        runner,
        watch,
        sources_off,
        alert_entries,
        rotas,
        access: Arc::new(Access::new(config.log_in.clone(), &outbound, &address)),
        heartbeat: heartbeat.as_ref().map(|(_, status)| status.clone()),
        metrics_per_monitor,
    });
    if let Some((url, status)) = heartbeat {
        metrics.heartbeat_configured();
        let (operations, clock, metrics) = (operations.clone(), operations_clock.clone(), metrics.clone());
        let heartbeat = Heartbeat { url, outbound: outbound.clone(), operations, status, clock, metrics };
        tokio::spawn(heartbeat.beat(stopping.clone()));
    }
    let first_link = match local_users {
        // A full disk prevents no start; the next one makes a link.
        true => {
            people::first_link(&store, &Asked::by_the_server(operations_clock.now())).await.unwrap_or_else(|failure| {
                tracing::warn!(%failure, "cannot make a link for the first administrator; `revere user add` makes one");
                None
            })
        }
        false => None,
    };
    let first_link = first_link.map(|secret| format!("{address}/link/{}", secret.reveal()));
    tokio::spawn(write_refusals_left_out(operations.clone(), stopping.clone()));
    let state = WebState { site: Arc::new(site), metrics, operations: operations.clone(), stopping: stopping.clone() };
    listener.open(web::router(state));
    let written = std::sync::Mutex::new(config.written);
    let address = listener.address();
    Ok(Running {
        address,
        store,
        engine,
        operations,
        first_link,
        stopping,
        reload,
        listener,
        makes_runners,
        calendars: std::sync::Mutex::new(calendars),
        written,
        only_looks,
    })
}

/// Writes down now and then how many refusals were counted only.
async fn write_refusals_left_out(operations: Operations, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(LOOKED_AT_EVERY)).await.is_some() {
        refusals::write_left_out(&operations, false).await;
    }
}

/// How long writing that down may take at a stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often it is looked whether refusals were counted only.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(60);

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it keeps.
    pub store: Store,
    /// What runs and tells.
    pub engine: EngineHandle,
    operations: Operations,
    /// Where the first administrator chooses a name and a password, if there is none yet.
    pub first_link: Option<String>,
    stopping: CancellationToken,
    reload: Arc<Notify>,
    listener: Listener,
    makes_runners: reload::MakesRunners,
    /// What the configuration that is in force says, and what waits for the next start.
    written: std::sync::Mutex<WrittenSettings>,
    only_looks: bool,
    /// Cancelled, the calendars of rotas are fetched no more.
    calendars: std::sync::Mutex<CancellationToken>,
}

impl Running {
    /// Waits for a part that must not end to end, and says which; for ever, if none does.
    pub async fn failed(&self) -> String {
        self.listener.failed().await
    }

    /// Where it listens, as `https://127.0.0.1:5000`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.listener.scheme(), self.address)
    }

    /// Reads the files of the certificate again.
    pub fn reload_certificate(&self) {
        self.reload.notify_one();
    }

    /// Whether the schedule is looked after. While the database cannot be written, that is not for want of trying.
    pub fn looks_after_its_schedule(&self) -> bool {
        self.store.health().failing_since.is_some() || !self.engine.health().hangs
    }

    /// Begins nothing new, lets what is going on finish for `grace`, hands back the rest, writes everything, and lets go
    /// of address and database.
    pub async fn stop(self, grace: Duration) {
        // Streams to browsers have no end of their own.
        self.stopping.cancel();
        tokio::join!(self.engine.stop(grace), self.listener.close(grace));
        // What was counted in memory alone; a database that cannot be written keeps nobody from stopping.
        let _ = tokio::time::timeout(LAST_WORDS, refusals::write_left_out(&self.operations, true)).await;
        self.store.close().await;
    }
}
