//! An engine on a scratch store, with a clock, a runner and alerts that the test holds in its hands.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use revere::{
    alerts::{Channel, Notification, PreviewPart, Receipt, SendError},
    engine::{Engine, EngineHandle, EngineParts, EngineSettings, RunFault, RunScripts},
    metrics::Metrics,
    redact::Secrets,
    runner::Script,
    store::{ConfiguredAlert, Store},
};
use revere_model::{Clock, ManualClock, State};
use revere_sandbox::{Outcome, RunInputs};
use tokio::sync::{RwLock, Semaphore};

use super::Scratch;

/// What a monitor's script does by its text.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// It comes out so.
    Ends(State),
    /// It goes on until the test lets it end, once for each permit.
    Waits(Arc<Semaphore>),
    /// Our own fault.
    Faults,
    /// Our own fault, louder.
    Panics,
}

/// A runner that does what the test says. A script nobody mentioned passes.
#[derive(Clone, Default)]
pub(crate) struct ScriptedRunner {
    acts: Arc<Mutex<HashMap<String, Behaviour>>>,
    pub(crate) begun: Arc<AtomicUsize>,
    pub(crate) going: Arc<AtomicUsize>,
    /// The most that went on at once.
    pub(crate) peak: Arc<AtomicUsize>,
    refuses_a_seed: Arc<AtomicBool>,
    /// The engine's.
    clock: Arc<Mutex<Option<ManualClock>>>,
}

impl ScriptedRunner {
    pub(crate) fn behaves(&self, script: &str, act: Behaviour) {
        self.acts.lock().unwrap().insert(script.to_owned(), act);
    }

    fn now(&self) -> Timestamp {
        self.clock.lock().unwrap().as_ref().expect("an engine plays").now()
    }

    /// The next random number that is drawn is a panic.
    pub(crate) fn refuse_the_next_seed(&self) {
        self.refuses_a_seed.store(true, Ordering::SeqCst);
    }
}

impl RunScripts for ScriptedRunner {
    fn run(&self, script: Script) -> BoxFuture<'static, Result<Outcome, RunFault>> {
        let act = self.acts.lock().unwrap().get(&script.text).cloned().unwrap_or(Behaviour::Ends(State::Ok));
        let runner = self.clone();
        Box::pin(async move {
            runner.begun.fetch_add(1, Ordering::SeqCst);
            let going = runner.going.fetch_add(1, Ordering::SeqCst) + 1;
            runner.peak.fetch_max(going, Ordering::SeqCst);
            let _going = Leaving(runner.going.clone());
            match act {
                Behaviour::Ends(state) => Ok(outcome(state, runner.now())),
                Behaviour::Waits(gate) => {
                    gate.acquire().await.unwrap().forget();
                    // What it waited for was its place in the sandbox: only now it begins.
                    Ok(outcome(State::Ok, runner.now()))
                }
                Behaviour::Faults => Err(RunFault { message: "no interpreter could be started".to_owned() }),
                Behaviour::Panics => panic!("the runner breaks down"),
            }
        })
    }
}

struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a run that did nothing in particular came to.
pub(crate) fn outcome(state: State, instant: Timestamp) -> Outcome {
    Outcome {
        state,
        message: format!("came out {state}"),
        severity: None,
        return_value: None,
        threshold: None,
        output: String::new(),
        error: None,
        source_calls: Vec::new(),
        inputs: RunInputs { instant, seed: 7, script_version: "0123".repeat(8) },
        duration: Duration::from_micros(300),
        cpu_time: Duration::ZERO,
        memory_bytes: 0,
    }
}

/// An alert that notes what it is given, and fails as the test says.
#[derive(Clone, Default)]
pub(crate) struct RecordingChannel {
    /// What was taken.
    pub(crate) taken: Arc<Mutex<Vec<Notification>>>,
    /// The keys of every attempt.
    pub(crate) attempts: Arc<Mutex<Vec<String>>>,
    /// For so long after a message it gathers what there is to tell.
    pub(crate) window: Duration,
    /// Whether its receiver takes no note of keys.
    pub(crate) forgetful: bool,
    /// Whether its receiver takes everything and nobody hears of that.
    pub(crate) unheard: Arc<Mutex<bool>>,
    /// Whether its receiver refuses what tells of several monitors.
    pub(crate) one_by_one: bool,
    /// What it fails with.
    pub(crate) fails: Arc<Mutex<Option<SendError>>>,
    /// Whether its receiver has a place for what follows of an incident.
    pub(crate) threads: bool,
    /// Whether it shows charts.
    pub(crate) charts: bool,
    /// Whether it never answers.
    pub(crate) hangs: Arc<Mutex<bool>>,
    /// Whoever holds this keeps it from answering what it has taken.
    pub(crate) answers: Arc<RwLock<()>>,
}

impl RecordingChannel {
    pub(crate) fn fails(&self, with: Option<SendError>) {
        *self.fails.lock().unwrap() = with;
    }

    pub(crate) fn hangs(&self) {
        *self.hangs.lock().unwrap() = true;
    }

    /// The same alert, mended: it remembers what was tried.
    pub(crate) fn mended(&self) -> RecordingChannel {
        RecordingChannel { attempts: self.attempts.clone(), ..RecordingChannel::default() }
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }

    /// What was told of one monitor, in order: from, to.
    pub(crate) fn story(&self, monitor: &str) -> Vec<(State, State)> {
        let taken = self.taken.lock().unwrap();
        let of_it = taken.iter().filter(|notification| notification.monitor.name == monitor);
        of_it.map(|notification| (notification.old_state, notification.new_state)).collect()
    }
}

#[async_trait]
impl Channel for RecordingChannel {
    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        Ok(vec![PreviewPart::new("text", notification.text())])
    }

    async fn send(&self, notification: &Notification, _timeout: Duration) -> Result<Receipt, SendError> {
        self.attempts.lock().unwrap().push(notification.key.clone());
        let hangs = *self.hangs.lock().unwrap();
        if hangs {
            std::future::pending::<()>().await;
        }
        if let Some(error) = self.fails.lock().unwrap().clone() {
            return Err(error);
        }
        if self.one_by_one && !notification.sending.crowd.is_empty() {
            return Err(SendError::never("413 Payload Too Large"));
        }
        let number = {
            let mut taken = self.taken.lock().unwrap();
            taken.push(notification.clone());
            taken.len()
        };
        drop(self.answers.read().await);
        if *self.unheard.lock().unwrap() {
            return Err(SendError::unanswered("the connection broke"));
        }
        let place = || notification.sending.reply_to.clone().unwrap_or_else(|| format!("message {number}"));
        Ok(Receipt { reference: self.threads.then(place), ..Receipt::saying("noted") })
    }

    fn takes_chart(&self) -> bool {
        self.charts
    }

    fn crowd_window(&self) -> Duration {
        self.window
    }

    fn knows_repeats(&self) -> bool {
        !self.forgetful
    }
}

/// An engine and all that the test holds of it.
pub(crate) struct TestEngine {
    pub(crate) scratch: Scratch,
    pub(crate) runner: ScriptedRunner,
    pub(crate) alerts: BTreeMap<String, RecordingChannel>,
    pub(crate) engine: EngineHandle,
    pub(crate) settings: EngineSettings,
    pub(crate) metrics: Arc<Metrics>,
}

impl TestEngine {
    /// An engine with two alerts, `ops` and `spare`.
    pub(crate) async fn new() -> TestEngine {
        TestEngine::on(Scratch::new().await, EngineSettings::default()).await
    }

    pub(crate) async fn on(scratch: Scratch, settings: EngineSettings) -> TestEngine {
        TestEngine::with_alerts(scratch, settings, &["ops", "spare"]).await
    }

    /// An engine with these alerts.
    pub(crate) async fn with_alerts(scratch: Scratch, settings: EngineSettings, keys: &[&str]) -> TestEngine {
        let alerts = keys.iter().map(|key| ((*key).to_owned(), RecordingChannel::default())).collect();
        TestEngine::start(scratch, settings, ScriptedRunner::default(), alerts).await
    }

    /// An engine with the alerts `ops`, as it is given, and `spare`.
    pub(crate) async fn with_ops(ops: RecordingChannel) -> TestEngine {
        let alerts = [("ops".to_owned(), ops), ("spare".to_owned(), RecordingChannel::default())].into();
        TestEngine::telling_through(Scratch::new().await, EngineSettings::default(), alerts).await
    }

    /// An engine with these alerts.
    pub(crate) async fn telling_through(
        scratch: Scratch,
        settings: EngineSettings,
        alerts: BTreeMap<String, RecordingChannel>,
    ) -> TestEngine {
        TestEngine::start(scratch, settings, ScriptedRunner::default(), alerts).await
    }

    async fn start(
        scratch: Scratch,
        settings: EngineSettings,
        runner: ScriptedRunner,
        alerts: BTreeMap<String, RecordingChannel>,
    ) -> TestEngine {
        let metrics = Arc::new(Metrics::new(scratch.now()));
        let engine = engine(&scratch.store, &scratch.clock, &runner, &alerts, settings.clone(), metrics.clone()).await;
        TestEngine { scratch, runner, alerts, engine, settings, metrics }
    }

    /// Stops the engine within `grace` and starts it and the store again, as an orderly restart does.
    pub(crate) async fn restarted(self, grace: Duration) -> TestEngine {
        self.engine.stop(grace).await;
        let TestEngine { scratch, runner, alerts, settings, .. } = self;
        TestEngine::start(scratch.reopened_for_several().await, settings, runner, alerts).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.scratch.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.scratch.now()
    }

    /// Moves the clock and lets the engine notice.
    pub(crate) fn at(&self, at: Timestamp) {
        self.scratch.clock.set(at);
        self.engine.wake();
    }

    /// Moves the clock on and lets the engine notice.
    pub(crate) fn later(&self, seconds: i64) {
        self.at(self.now() + SignedDuration::from_secs(seconds));
    }

    pub(crate) fn ops(&self) -> &RecordingChannel {
        &self.alerts["ops"]
    }

    pub(crate) fn spare(&self) -> &RecordingChannel {
        &self.alerts["spare"]
    }
}

/// Numbers that are never drawn twice, as a server's name must not be.
static DRAWN: AtomicU64 = AtomicU64::new(1);

/// An engine on `store`.
pub(crate) async fn engine(
    store: &Store,
    clock: &ManualClock,
    runner: &ScriptedRunner,
    alerts: &BTreeMap<String, RecordingChannel>,
    settings: EngineSettings,
    metrics: Arc<Metrics>,
) -> EngineHandle {
    let rotas = &settings.rotas;
    let reaches = |key: &String| {
        let mut people = rotas.values().flat_map(|rota| &rota.people);
        people.any(|person| person.alerts.contains(key))
    };
    let configured: Vec<ConfiguredAlert> = (alerts.keys().chain(rotas.keys()))
        .map(|key| ConfiguredAlert { key: key.clone(), enabled: true, on_call_only: reaches(key), quiet_hours: None })
        .collect();
    *runner.clock.lock().unwrap() = Some(clock.clone());
    store.sync_alerts(&configured, clock.now()).await.unwrap();
    let channels =
        alerts.iter().map(|(key, notes)| (key.clone(), Arc::new(notes.clone()) as Arc<dyn Channel>)).collect();
    let parts = EngineParts {
        store: store.clone(),
        runner: Arc::new(runner.clone()),
        channels,
        clock: Arc::new(clock.clone()),
        metrics,
        secrets: Secrets::default(),
        random: Arc::new({
            let refuses = runner.refuses_a_seed.clone();
            move || {
                assert!(!refuses.swap(false, Ordering::SeqCst), "no number today");
                DRAWN.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
            }
        }),
        settings,
    };
    Engine::start(parts).await.unwrap()
}
