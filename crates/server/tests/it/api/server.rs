//! A server on a free port with the clock in hand, and a client for it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use revere::{
    access::LogInSettings,
    app::Listener,
    engine::{Engine, EngineHandle, Next, TaskStatus},
    metrics::Metrics,
    operations::{Defaults, Operations, Services},
    outbound::Outbound,
    redact::Secrets,
    runner::{self, NamedSource, Runner},
    sources::source_health::SourceWatch,
    store::{Committed, ConfiguredAlert, RunResult, Store, StoreOptions},
    web::{self, Site, WebState},
};
use revere_model::{Clock as _, ManualClock, MonitorId, State};
use revere_sandbox::{KeepInstances, Limits, Options, Sandbox};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::outside::{self, Echo, Mailbox};
use crate::support::{PATIENCE, TestDatabase, cache_dir, client, eventually, until};

/// When every test begins: a Wednesday.
pub(crate) const BEGIN: &str = "2026-07-01T12:00:30Z";

/// Scheduled runs that go on at the same time; the sandbox has room for others beside.
pub(super) const IN_FLIGHT: usize = 32;

/// A server with everything real but its outside world: a source and two receivers that the test holds. Stops when it
/// is dropped.
pub(crate) struct Server {
    pub(crate) base: String,
    pub(crate) clock: ManualClock,
    pub(crate) store: Store,
    pub(crate) engine: EngineHandle,
    pub(crate) stopping: CancellationToken,
    pub(crate) echo: Echo,
    /// What the alert `ops` was given to tell.
    pub(crate) mailbox: Mailbox,
    _database: TestDatabase,
    client: reqwest::Client,
    _listener: Listener,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::at(begin(), NOBODY_HOLDS_IT, LogInSettings::default()).await
    }

    /// One whose writes wait so long for a database that is held, and look soon again whether it still is.
    pub(crate) async fn patient(patience: Duration) -> Server {
        let waits = Waits { patience, busy_timeout: Duration::from_millis(50) };
        Server::at(begin(), waits, LogInSettings::default()).await
    }

    /// One to which people log in with passwords.
    pub(crate) async fn with_local_users() -> Server {
        let log_in = LogInSettings { local_users: true, ..LogInSettings::default() };
        Server::with_log_in(log_in, begin()).await
    }

    /// One to which people log in in these ways.
    pub(crate) async fn with_log_in(log_in: LogInSettings, clock: ManualClock) -> Server {
        Server::at(clock, NOBODY_HOLDS_IT, log_in).await
    }

    async fn at(clock: ManualClock, waits: Waits, log_in: LogInSettings) -> Server {
        let shared_clock: Arc<dyn revere_model::Clock> = Arc::new(clock.clone());
        let metrics = Arc::new(Metrics::new(clock.now()));
        let database = TestDatabase::new().await;
        let store = Store::open(StoreOptions {
            clock: shared_clock.clone(),
            busy_timeout: waits.busy_timeout,
            patience: waits.patience,
            metrics: Some(metrics.clone()),
            ..StoreOptions::new(database.place())
        })
        .await
        .unwrap();
        let watch = SourceWatch::new(shared_clock.clone());
        let echo = Echo::default();
        let source = NamedSource {
            kind: "echo".to_owned(),
            description: "Says what it is told.".to_owned(),
            source: watch.around("echo", Arc::new(echo.clone())),
        };
        let runner = Runner::new(runner::RunnerParts {
            sandbox: sandbox(),
            sources: BTreeMap::from([("echo".to_owned(), source)]),
            answer_memory: revere::answer_memory::AnswerMemory::of(1 << 30),
            past: Some(std::sync::Arc::new(store.clone())),
            limits: Limits::default(),
            python_path: Vec::new(),
            clock: shared_clock.clone(),
            metrics: metrics.clone(),
            secrets: Secrets::default(),
        });
        let mailbox = Mailbox::default();
        let (entries, faults) = revere::building::read_entries(
            "REVERE_ALERTS",
            &json!({
                "ops": {"type": "log", "description": "The people on call."},
                "broken": {"type": "webhook"},
                "off": {"type": "log", "enabled": false},
            }),
        );
        assert_eq!(faults, []);
        let configured: Vec<_> = entries
            .iter()
            .map(|entry| ConfiguredAlert { key: entry.name.clone(), enabled: entry.enabled, ..Default::default() })
            .collect();
        store.sync_alerts(&configured, clock.now()).await.unwrap();
        let engine = Engine::start(revere::engine::EngineParts {
            store: store.clone(),
            runner: Arc::new(runner.clone()),
            channels: outside::channels(&mailbox),
            clock: shared_clock.clone(),
            metrics: metrics.clone(),
            secrets: Secrets::default(),
            random: Arc::new(|| uuid::Uuid::new_v4().as_u64_pair().0),
            settings: revere::engine::EngineSettings {
                in_flight: IN_FLIGHT,
                acknowledge_links: true,
                ..revere::engine::EngineSettings::default()
            },
        })
        .await
        .unwrap();
        let stopping = CancellationToken::new();
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let base = listener.link();
        let operations = Operations::new(Services {
            defaults: Defaults {
                timezone: "UTC".to_owned(),
                retain_days: Some(28),
                run_limit: Duration::from_secs(30),
            },
            clock: shared_clock,
            metrics: metrics.clone(),
            store: store.clone(),
            engine: engine.clone(),
            runner,
            watch,
            sources_off: vec![revere::operations::sources::SourceOff {
                name: "old".to_owned(),
                kind: "echo".to_owned(),
                description: "Gone for now.".to_owned(),
            }],
            rotas: BTreeMap::from([("night".to_owned(), rota())]),
            alert_entries: entries,
            heartbeat: None,
            metrics_per_monitor: true,
            access: Arc::new(revere::access::Access::new(log_in, &Outbound::new(Secrets::default()), &base)),
        });
        let site = Arc::new(Site { loopback_only: true, ..Site::default() });
        let state = WebState { site, metrics, operations, stopping: stopping.clone() };
        listener.open(web::router(state));
        Server {
            base,
            clock,
            store,
            engine,
            stopping,
            echo,
            mailbox,
            _database: database,
            client: client(),
            _listener: listener,
        }
    }

    /// Waits until every background task has done what there was to do, and waits itself.
    pub(crate) async fn at_rest(&self) {
        let resting = |task: &TaskStatus| {
            let sleeps = matches!(task.next, Next::Idle | Next::After(_))
                || matches!(task.next, Next::At(at) if at > self.clock.now());
            task.pieces > 0 && task.working_since.is_none() && sleeps
        };
        until("all tasks rest", async || self.engine.tasks().iter().all(resting)).await;
    }

    /// Moves the clock and has the engine look at it.
    pub(crate) fn advance(&self, by: jiff::SignedDuration) {
        self.clock.advance(by);
        self.engine.wake();
        self.engine.tidy();
    }

    /// Asks until the answer satisfies.
    pub(crate) async fn eventually(&self, path: &str, satisfied: impl Fn(&Value) -> bool) -> Value {
        let look = async || {
            let answer = self.get(path).await.json(200);
            if satisfied(&answer) { Ok(answer) } else { Err(answer.to_string()) }
        };
        eventually(path, look).await
    }

    /// Records `count` runs of a monitor, a minute apart, as if it had made them: alarms where `bad` says so. Answers
    /// their ids.
    pub(crate) async fn record_runs(&self, monitor: i64, count: usize, bad: impl Fn(usize) -> bool) -> Vec<i64> {
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let outcome = if bad(number) { State::Alarm } else { State::Ok };
            let committed = self.store.commit_run(RunResult {
                duration: Duration::from_millis(5),
                message: format!("run {number}"),
                ..crate::support::manual_run(MonitorId(monitor), self.clock.now(), outcome)
            });
            let Committed::Recorded { run, .. } = committed.await.unwrap() else { panic!("not recorded") };
            ids.push(run.id.0);
            self.clock.advance(jiff::SignedDuration::from_secs(60));
        }
        ids
    }

    /// The ids on all pages of a list, in the order they came; no page may be larger than asked.
    pub(crate) async fn walk(&self, path: &str, cursor: &str, limit: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{joint}limit={limit}");
        loop {
            let page = self.get(&next).await.json(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit, "{} items on a page of {limit}", items.len());
            ids.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
            match page["next"].as_str() {
                Some(at) => next = format!("{path}{joint}limit={limit}&{cursor}={at}"),
                None => return ids,
            }
        }
    }

    /// A request to `path`, for what the short forms below do not do.
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).await
    }

    /// Sends `body` as JSON.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        send(self.request(method, path).json(body)).await
    }

    /// Sends `body` as it is, said to be JSON.
    pub(crate) async fn send_raw(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        send(self.request(method, path).header("content-type", "application/json").body(body)).await
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

impl Answer {
    /// The body, after checking the status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A problem document of that status, checked for what all of them must have.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> Value {
        let problem = self.json(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }

    /// The faults of a 422, as `field: message`.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let problem = self.problem(422);
        let faults = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {problem}"));
        faults
            .iter()
            .map(|fault| format!("{}: {}", fault["field"].as_str().unwrap(), fault["message"].as_str().unwrap()))
            .collect()
    }

    /// A header, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The moment at which tests begin.
fn begin() -> ManualClock {
    ManualClock::at(BEGIN.parse().unwrap())
}

/// How long a server's writes wait for its database.
struct Waits {
    patience: Duration,
    busy_timeout: Duration,
}

/// Where no test holds the database, nothing is refused for want of time, whatever else the machine does.
const NOBODY_HOLDS_IT: Waits = Waits { patience: PATIENCE, busy_timeout: PATIENCE };

/// Compiled code is kept beside the build, for all tests of this machine.
fn sandbox() -> Sandbox {
    sandbox_for(64)
}

/// One with room for so many runs at once.
pub(crate) fn sandbox_for(max_in_flight: usize) -> Sandbox {
    let options = Options { cache_dir: cache_dir(), threads: 2, max_in_flight, keep: KeepInstances::Auto };
    Sandbox::open(options, &|_| {}).unwrap()
}

/// A rota that can be looked at and overridden; it is none of the alerts, and tells nothing. From Saturday to Monday nobody is on
/// call.
fn rota() -> revere_model::on_call::Rota {
    use revere_model::on_call::{Hours, Layer, Person, Rota, Turns, Weekdays};
    let person = |name: &str| Person { name: name.to_owned(), alerts: vec!["ops".to_owned()] };
    let weeks = Layer {
        name: "weeks".to_owned(),
        people: vec!["alice".to_owned(), "bob".to_owned()],
        first: "2026-01-05T09:00".parse().unwrap(),
        days: 7,
        zone: revere_model::zone("Europe/Berlin").unwrap(),
        hours: Some(Hours::all_day(Weekdays::read(["mon", "tue", "wed", "thu", "fri"]).unwrap())),
    };
    Rota {
        people: vec![person("alice"), person("bob"), person("carol")],
        turns: Turns::Layers(vec![weeks]),
        escalate_after: Some(jiff::SignedDuration::from_mins(15)),
        escalation: vec!["bob".to_owned()],
    }
}
