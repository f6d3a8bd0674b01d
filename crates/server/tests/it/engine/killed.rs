//! A real server process, killed with signal 9 at random moments under load.
//!
//! The child is this test program itself, running [`child`]; what it acknowledges and what it sends it also notes in two
//! files, which outlive it. Afterwards the store must have every note, every tick, and have told every flip. On PostgreSQL what
//! the dead had in hand is taken over when their claims end, which are short here.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use jiff::{Timestamp, ToSpan};
use revere::{
    alerts::{Channel, Notification, PreviewPart, Receipt, SendError},
    engine::{Engine, EngineParts, EngineSettings, Event, RunFault, RunScripts},
    metrics::Metrics,
    redact::Secrets,
    runner::Script,
    store::{ConfiguredAlert, DatabasePlace, PostgresAddress, RunFilter, Store, StoreOptions},
};
use revere_model::{Clock, MonitorId, MonitorSpec, RunId, State, SystemClock};
use revere_sandbox::Outcome;

use crate::support::{Sql, TestDatabase, by_server, claims_in_force, on_postgresql, spec, test_engine::outcome, until};

const FOLDER: &str = "REVERE_TEST_KILLED_FOLDER";
const MONITORS: i64 = 20;

/// In the child's folder: the address of its database, where that is no file.
const URL: &str = "url";

/// On PostgreSQL a claim holds for twice this.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn killed_many_times_under_load_nothing_acknowledged_is_missing_and_every_flip_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(create(folder.path()));
    let kills = std::env::var("REVERE_TEST_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(if on_postgresql() { 8 } else { 20 });
    let mut moment = 7_u64;
    let mut firsts = Vec::new();
    for _ in 0..kills {
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        firsts.push(live(folder.path(), Duration::from_millis((moment >> 33) % 700)));
    }
    // The one in the middle: what the program needs, and not what a machine does beside. Claims of the dead are taken back
    // at once where nobody else can have the file, and not when their time is over.
    firsts.sort_unstable();
    if !on_postgresql() {
        let middle = firsts[firsts.len() / 2];
        assert!(middle < Duration::from_secs(3), "the first runs came so long after a start: {firsts:?}");
    }
    runtime.block_on(judge(folder.path()));
}

/// Lets the child live until it has recorded a run, and so much longer; answers how long the first run took.
fn live(folder: &Path, longer: Duration) -> Duration {
    let noted = || std::fs::metadata(folder.join("acknowledged")).map_or(0, |file| file.len());
    let before = noted();
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::killed::child", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while noted() == before {
        assert!(began.elapsed() < Duration::from_secs(60), "the server recorded nothing in 60 s");
        assert!(child.try_wait().unwrap().is_none(), "the server ended by itself");
        wait(Duration::from_millis(1));
    }
    let first = began.elapsed();
    wait(longer);
    child.kill().unwrap();
    child.wait().unwrap();
    first
}

/// The kill's moment is the point of this test: it cannot wait for a condition.
#[expect(clippy::disallowed_methods, reason = "a kill comes at any time")]
fn wait(span: Duration) {
    std::thread::sleep(span);
}

/// Where the child keeps everything.
fn place(folder: &Path) -> DatabasePlace {
    match std::fs::read_to_string(folder.join(URL)) {
        Ok(url) => PostgresAddress::read(&url, None).unwrap().into(),
        Err(_) => folder.join("revere.db").into(),
    }
}

async fn create(folder: &Path) {
    if on_postgresql() {
        std::fs::write(folder.join(URL), TestDatabase::new().await.url()).unwrap();
    }
    let store = Store::open(StoreOptions::new(place(folder))).await.unwrap();
    for n in 0..MONITORS {
        let every_second = MonitorSpec { schedule: "* * * * * *".to_owned(), ..spec(&format!("m{n}")) };
        store.create_monitor(&every_second, &by_server(SystemClock.now())).await.unwrap();
    }
    store.close().await;
}

#[test]
#[ignore = "the server that the test above kills"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (store, engine) = serve(&folder).await;
        let mut events = engine.events();
        let mut acknowledged = File::options().create(true).append(true).open(folder.join("acknowledged")).unwrap();
        engine.wake();
        while let Ok(event) = events.recv().await {
            if let Event::Run { run, .. } = event {
                writeln!(acknowledged, "{}", run.id).unwrap();
            }
        }
        drop(store);
    });
}

async fn serve(folder: &Path) -> (Store, revere::engine::EngineHandle) {
    let (mut options, mut settings) = (StoreOptions::new(place(folder)), EngineSettings::default());
    if options.place.file().is_none() {
        options.claim_margin = SHORT;
        settings = EngineSettings { run_limit: SHORT, send_limit: SHORT, claim_margin: SHORT, ..settings };
    }
    let store = Store::open(options).await.unwrap();
    let alert = ConfiguredAlert { key: "file".to_owned(), enabled: true, ..Default::default() };
    store.sync_alerts(&[alert], SystemClock.now()).await.unwrap();
    let told = File::options().create(true).append(true).open(folder.join("told")).unwrap();
    let channels = [("file".to_owned(), Arc::new(Notebook(Mutex::new(told))) as Arc<dyn Channel>)].into();
    let parts = EngineParts {
        store: store.clone(),
        runner: Arc::new(Flaps),
        channels,
        clock: Arc::new(SystemClock),
        metrics: Arc::new(Metrics::new(SystemClock.now())),
        secrets: Secrets::default(),
        random: Arc::new(|| u64::from(std::process::id())),
        settings,
    };
    let engine = Engine::start(parts).await.unwrap();
    (store, engine)
}

/// Every monitor is well for some seconds and then not.
struct Flaps;

impl RunScripts for Flaps {
    fn run(&self, _: Script) -> BoxFuture<'static, Result<Outcome, RunFault>> {
        let well = SystemClock.now().as_second() / 2 % 2 == 0;
        Box::pin(std::future::ready(Ok(outcome(if well { State::Ok } else { State::Alarm }, SystemClock.now()))))
    }
}

/// Writes a line for everything it is told.
struct Notebook(Mutex<File>);

#[async_trait]
impl Channel for Notebook {
    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        Ok(vec![PreviewPart::new("text", notification.text())])
    }

    async fn send(&self, told: &Notification, _: Duration) -> Result<Receipt, SendError> {
        let line = format!("{} {} {} {}\n", told.key, told.monitor.id, told.old_state, told.new_state);
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
        Ok(Receipt::default())
    }
}

async fn judge(folder: &Path) {
    let (store, engine) = serve(folder).await;
    until("nothing owed", async || store.owed().await.unwrap().is_empty() && claims_in_force(&store).await == 0).await;
    engine.stop(Duration::from_secs(10)).await;
    for id in lines(folder, "acknowledged") {
        let id: RunId = id.parse().unwrap();
        assert!(store.run(id).await.is_ok(), "run {id} was acknowledged and is missing");
    }
    let told = told(folder);
    for n in 1..=MONITORS {
        let id = MonitorId(n);
        every_second_accounted_for(&store, id).await;
        let mut flips = store.flips(id, None, 100_000).await.unwrap();
        flips.reverse();
        let mut expected: Vec<(String, String)> =
            flips.iter().map(|flip| (flip.old_state.to_string(), flip.new_state.to_string())).collect();
        expected.retain(|change| *change != ("INACTIVE".to_owned(), "OK".to_owned()));
        let nobody = Vec::new();
        let heard = told.get(&id).unwrap_or(&nobody);
        // What was flipped while stopping is still owed; what was told must be all but that, in order.
        let owed = revere::store::DeliveryFilter {
            monitor: Some(id),
            status: Some(revere::store::DeliveryStatus::Owed),
            limit: 100,
            ..Default::default()
        };
        let owed = store.deliveries(&owed).await.unwrap().len();
        assert_eq!(*heard, expected[..expected.len() - owed], "monitor {id}");
    }
    store.close().await;
    Sql::at(&place(folder)).await.assert_sound().await;
}

/// Every second from the first tick to the next one has a run or lies in a gap, once.
async fn every_second_accounted_for(store: &Store, id: MonitorId) {
    let filter = RunFilter { limit: 1_000_000, ..RunFilter::default() };
    let mut ticks: Vec<Timestamp> = store.runs(id, filter).await.unwrap().iter().map(|run| run.tick_at).collect();
    for (_, gap) in store.gaps(id, None, 1_000_000).await.unwrap() {
        let within = std::iter::successors(Some(gap.first_tick_at), |tick| Some(*tick + 1.second()));
        ticks.extend(within.take(gap.count as usize));
    }
    ticks.sort_unstable();
    let next = store.monitor(id).await.unwrap().next_run_at.unwrap();
    for pair in ticks.windows(2) {
        assert_eq!(pair[1].duration_since(pair[0]).as_secs(), 1, "monitor {id}: {pair:?}");
    }
    assert_eq!(next.duration_since(*ticks.last().unwrap()).as_secs(), 1, "monitor {id}");
}

/// What was told of each monitor, repeats by the same key left out, as a receiver would.
fn told(folder: &Path) -> BTreeMap<MonitorId, Vec<(String, String)>> {
    let mut seen = HashSet::new();
    let mut told: HashMap<MonitorId, Vec<(String, String)>> = HashMap::new();
    for line in lines(folder, "told") {
        let words: Vec<&str> = line.split(' ').collect();
        if seen.insert(words[0].to_owned()) {
            let monitor = words[1].parse().unwrap();
            told.entry(monitor).or_default().push((words[2].to_owned(), words[3].to_owned()));
        }
    }
    told.into_iter().collect()
}

/// The whole lines of a file: the last may have been cut by the kill.
fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(str::to_owned).collect()
}
