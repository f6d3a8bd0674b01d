//! Outages of sources: one event about the source, its monitors wait for it, and what outlives it is told as ever.

mod never_silent;
mod of_alerts;
mod of_its_monitors;
mod of_the_source;

use std::sync::Arc;

use jiff::SignedDuration;
use revere::store::{
    Committed, Delivery, DeliveryFilter, DeliveryStatus, MuteRecord, NotToldFilter, RunResult, SourceDown, SourcesMet,
    Store,
};
use revere_model::{MonitorId, MonitorSpec, MutePeriod, MuteScope, Silence, State};
use tokio::sync::Semaphore;

use crate::support::{Behaviour, TestEngine, by_server, spec, until};

const SOURCE: &str = "Source graphite";
const DOWN: (State, State) = (State::Ok, State::Error);
const UP: (State, State) = (State::Error, State::Ok);

/// A script whose own runs come to no end: what becomes of a monitor that has it, the test says.
const ENDLESS: &str = "only the test ends it";

async fn monitor_as(test: &TestEngine, name: &str, change: impl FnOnce(&mut MonitorSpec)) -> MonitorId {
    test.runner.behaves(ENDLESS, Behaviour::Waits(Arc::new(Semaphore::new(0))));
    let mut spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), script: ENDLESS.to_owned(), ..spec(name) };
    change(&mut spec);
    let id = test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id;
    passes(test, id).await;
    id
}

async fn monitor(test: &TestEngine, name: &str) -> MonitorId {
    monitor_as(test, name, |_| {}).await
}

/// An engine and some monitors that are well.
async fn monitors<const N: usize>() -> (TestEngine, [MonitorId; N]) {
    let test = TestEngine::new().await;
    let mut ids = [MonitorId(0); N];
    for (number, id) in ids.iter_mut().enumerate() {
        *id = monitor(&test, &format!("m{number}")).await;
    }
    (test, ids)
}

/// A run that ends now, a second after the last.
async fn run(test: &TestEngine, id: MonitorId, outcome: State, sources: SourcesMet) -> Committed {
    test.later(1);
    let result = RunResult { sources, ..test.scratch.manual_result(id, outcome) };
    let committed = test.store().commit_run(result).await.unwrap();
    test.engine.wake();
    committed
}

/// It asks the source, which does not answer.
async fn is_failed_by(test: &TestEngine, id: MonitorId, source: &str) {
    let down = SourceDown { source: source.to_owned(), reason: "connection refused".to_owned() };
    run(test, id, State::Error, SourcesMet { down: Some(down), ..SourcesMet::default() }).await;
}

async fn fails(test: &TestEngine, id: MonitorId) {
    is_failed_by(test, id, "graphite").await;
}

/// It asks the source, which answers.
async fn ends(test: &TestEngine, id: MonitorId, outcome: State) {
    run(test, id, outcome, SourcesMet { answered: vec!["graphite".to_owned()], down: None }).await;
}

async fn passes(test: &TestEngine, id: MonitorId) {
    ends(test, id, State::Ok).await;
}

async fn owed(test: &TestEngine) -> Vec<Delivery> {
    let filter = DeliveryFilter { status: Some(DeliveryStatus::Owed), limit: 99, ..DeliveryFilter::default() };
    test.store().deliveries(&filter).await.unwrap()
}

/// Waits until all that can be told is told.
async fn at_rest(test: &TestEngine) {
    until("nothing is owed", async || {
        let outages = test.store().tell_outages(test.now()).await.unwrap();
        let told = test.store().tell_held(test.now(), 0).await.unwrap();
        test.engine.wake();
        !told.more && outages.owed.is_empty() && owed(test).await.is_empty()
    })
    .await;
}

async fn later(test: &TestEngine, seconds: i64) {
    test.later(seconds);
    at_rest(test).await;
}

async fn state(test: &TestEngine, id: MonitorId) -> State {
    test.store().monitor(id).await.unwrap().state
}

/// What an alert was told, in order: of whom, and the message.
fn heard(channel: &crate::support::test_engine::RecordingChannel) -> Vec<(String, State, String)> {
    let taken = channel.taken.lock().unwrap();
    taken.iter().map(|told| (told.monitor.name.clone(), told.new_state, told.message.clone())).collect()
}

async fn reasons(store: &Store, monitor: MonitorId, alert: &str) -> Vec<Silence> {
    let filter =
        NotToldFilter { monitor: Some(monitor), alert: Some(alert.to_owned()), limit: 9, ..NotToldFilter::default() };
    store.not_told(&filter).await.unwrap().into_iter().map(|one| one.reason).collect()
}

async fn mute(test: &TestEngine, scope: MuteScope, minutes: i64) -> MuteRecord {
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_mins(minutes));
    test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap()
}
