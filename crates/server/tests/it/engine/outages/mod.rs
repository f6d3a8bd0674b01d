//! Outages of sources: one event about the source, its monitors wait for it, and what outlives it is told as ever.

mod never_silent;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::SignedDuration;
use revere::{
    alerts::SendError,
    engine::EngineSettings,
    store::{
        AcknowledgedBy, AlertChange, Committed, Delivery, DeliveryFilter, DeliveryStatus, MuteRecord, NotToldFilter,
        RunResult, SourceDown, SourcesMet, Store,
    },
};
use revere_model::{Flapping, MonitorId, MonitorSpec, MutePeriod, MuteScope, Reminders, Silence, State, StateInOutage};
use tokio::sync::Semaphore;

use super::on_call;
use crate::support::{Behaviour, Scratch, TestEngine, by_server, on_postgresql, spec, switched, until};

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

#[tokio::test]
async fn monitors_that_wait_are_told_of_as_one_and_what_outlives_the_outage_by_itself() {
    let (test, [recovers, errs, alarms]) = monitors().await;
    for id in [recovers, errs, alarms] {
        fails(&test, id).await;
    }
    later(&test, 20).await;
    assert!(test.ops().taken.lock().unwrap().is_empty(), "a moment's failure is told to nobody");
    assert_eq!(state(&test, errs).await, State::Error);
    assert_eq!(reasons(test.store(), errs, "ops").await, [Silence::WaitsForSource]);
    later(&test, 20).await;
    let down = "source graphite is down: connection refused; 3 monitors wait for it".to_owned();
    assert_eq!(heard(test.ops()), [(SOURCE.to_owned(), State::Error, down)]);
    assert_eq!(heard(test.spare()).len(), 1);
    for id in [recovers, errs, alarms] {
        fails(&test, id).await;
    }
    later(&test, 3600).await;
    assert_eq!(heard(test.ops()).len(), 1, "once");

    passes(&test, recovers).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    let (_, _, back) = heard(test.ops()).pop().unwrap();
    assert!(back.starts_with("source graphite is back after 61 min"), "{back}");
    assert_eq!(test.ops().story("m0"), [], "what began and ended inside is not told");
    later(&test, 3600).await;
    assert_eq!(heard(test.ops()).len(), 2, "the runs of the others are not over");

    ends(&test, errs, State::Error).await;
    ends(&test, alarms, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("m1"), test.ops().story("m2")), (vec![DOWN], vec![(State::Ok, State::Alarm)]));
    let told = heard(test.ops()).into_iter().find(|(name, ..)| name == "m1").unwrap();
    assert_eq!(told.2, "came out ERROR", "what is wrong now");
    for id in [errs, alarms] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!((test.ops().story("m1").len(), test.ops().story("m2").len()), (2, 2), "and its end");
    let of_source = test.store().open_outages().await.unwrap();
    assert!(of_source.is_empty(), "{of_source:?}");
    test.scratch.assert_sound().await;
}

#[tokio::test]
async fn a_source_that_answers_some_and_refuses_others_holds_back_one_run_only() {
    let (test, [refused, served]) = monitors().await;
    for _ in 0..4 {
        fails(&test, refused).await;
        passes(&test, served).await;
        later(&test, 60).await;
    }
    assert_eq!(test.ops().story(SOURCE), [], "it is not down");
    assert_eq!(test.ops().story("m0"), [DOWN]);
    assert!(test.store().open_outages().await.unwrap().is_empty());
    passes(&test, refused).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [DOWN, UP]);
    // One that is in ALARM goes to ERROR in the same way, and back.
    ends(&test, refused, State::Alarm).await;
    for _ in 0..2 {
        fails(&test, refused).await;
        passes(&test, served).await;
        later(&test, 60).await;
    }
    assert_eq!(state(&test, refused).await, State::Error);
    assert_eq!(test.ops().story("m0")[2..], [(State::Ok, State::Alarm), (State::Alarm, State::Error)]);
}

/// It answers one while it starts, and refuses the others: one of them says so, and not each.
#[tokio::test]
async fn a_source_that_was_back_for_a_moment_only_is_told_once_more() {
    let (test, [answered, first, second, third]) = monitors().await;
    for id in [answered, first, second, third] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    passes(&test, answered).await;
    at_rest(&test).await;
    for id in [first, second, third] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN]);
    let last = heard(test.ops()).into_iter().rfind(|(name, ..)| name == SOURCE).unwrap();
    assert!(last.2.ends_with("; 2 monitors wait for it"), "{last:?}");
    assert_eq!((test.ops().story("m1"), test.ops().story("m2"), test.ops().story("m3")), (vec![DOWN], vec![], vec![]));
    for id in [first, second, third] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE).last(), Some(&UP));
    assert_eq!((test.ops().story("m1"), test.ops().story("m2")), (vec![DOWN, UP], vec![]));
    // One that is refused alone keeps nothing else waiting.
    fails(&test, first).await;
    passes(&test, second).await;
    fails(&test, first).await;
    later(&test, 60).await;
    assert!(test.store().open_outages().await.unwrap().is_empty(), "nobody waits for it");
    assert_eq!(test.ops().story("m1"), [DOWN, UP, DOWN]);
}

#[tokio::test]
async fn a_problem_that_was_there_keeps_its_state_and_who_looks_after_it() {
    let (test, [alarming, other]) = monitors().await;
    ends(&test, alarming, State::Alarm).await;
    at_rest(&test).await;
    test.store().acknowledge(alarming, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    for id in [alarming, other, alarming] {
        fails(&test, id).await;
    }
    later(&test, 600).await;
    assert_eq!(state(&test, alarming).await, State::Alarm);
    let (_, message) = (0, heard(test.ops()).pop().unwrap().2);
    assert!(message.ends_with("; 1 monitor waits for it"), "only what would have been told counts: {message}");
    ends(&test, alarming, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [(State::Ok, State::Alarm)]);
    assert_eq!(test.store().acknowledgements(&[alarming]).await.unwrap().len(), 1);
    fails(&test, alarming).await;
    passes(&test, alarming).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [(State::Ok, State::Alarm), (State::Alarm, State::Ok)]);
}

#[tokio::test]
async fn passing_runs_that_do_not_end_it_yet_tell_nothing() {
    let test = TestEngine::new().await;
    let slow = |spec: &mut MonitorSpec| spec.recover_after = 2;
    let (well, errs) = (monitor_as(&test, "well", slow).await, monitor_as(&test, "errs", slow).await);
    for id in [well, errs] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    passes(&test, well).await;
    passes(&test, errs).await;
    later(&test, 600).await;
    assert_eq!((state(&test, well).await, test.ops().story("well")), (State::Error, vec![]));
    passes(&test, well).await;
    ends(&test, errs, State::Error).await;
    later(&test, 600).await;
    assert_eq!((state(&test, well).await, test.ops().story("well")), (State::Ok, vec![]));
    assert_eq!(test.ops().story("errs"), [DOWN]);
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

/// The receiver is away during two outages.
#[tokio::test]
async fn ends_are_told_before_the_next_beginning() {
    let (test, [one, other]) = monitors().await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    for round in 1..=2 {
        for id in [one, other] {
            fails(&test, id).await;
        }
        test.later(40);
        until("the other heard of it", async || {
            test.engine.wake();
            test.spare().story(SOURCE).len() == 2 * round - 1
        })
        .await;
        for id in [one, other] {
            passes(&test, id).await;
        }
        until("and of its end", async || {
            test.engine.wake();
            test.spare().story(SOURCE).len() == 2 * round
        })
        .await;
    }
    test.ops().fails(None);
    test.later(3600);
    at_rest(&test).await;
    let filter = DeliveryFilter { alert: Some("ops".to_owned()), limit: 9, ..DeliveryFilter::default() };
    let mut log = test.store().deliveries(&filter).await.unwrap();
    log.reverse();
    let states: Vec<State> = log.iter().map(|one| one.notification.new_state).collect();
    assert_eq!(states, [State::Error, State::Ok, State::Error, State::Ok]);
    assert!(log.iter().all(|one| one.status == DeliveryStatus::Sent));
    assert!(log.is_sorted_by_key(|one| one.settled_at), "in their order");
    let told = test.ops().story(SOURCE);
    assert_eq!(told.last(), Some(&UP), "{told:?}");
}

/// What a mute held back an hour ago says nothing of how long it has waited for a source.
#[tokio::test]
async fn what_was_muted_for_long_waits_from_when_the_source_failed() {
    let (test, [id]) = monitors().await;
    ends(&test, id, State::Alarm).await;
    later(&test, 1).await;
    let told = heard(test.ops());
    assert_eq!(told.len(), 1, "{told:?}");
    let held = mute(&test, MuteScope { monitors: vec![id], ..MuteScope::default() }, 600).await;
    passes(&test, id).await;
    later(&test, 3600).await;
    fails(&test, id).await;
    test.store().end_mute(held.mute.id, &by_server(test.now())).await.unwrap();
    later(&test, 10).await;
    assert_eq!(heard(test.ops()), told, "it waits for the source");
    later(&test, 30).await;
    let heard: Vec<(String, State)> = heard(test.ops()).into_iter().map(|(name, state, _)| (name, state)).collect();
    assert_eq!(heard, [("m0".to_owned(), State::Alarm), (SOURCE.to_owned(), State::Error)]);
}

/// An end that a mute holds back, and another outage meanwhile: for whoever heard of the first, it goes on.
#[tokio::test]
async fn an_end_that_is_held_back_and_a_new_outage_are_one() {
    let (test, [one]) = monitors().await;
    fails(&test, one).await;
    later(&test, 40).await;
    let held = mute(&test, MuteScope { alert: Some("ops".to_owned()), ..MuteScope::default() }, 60).await;
    passes(&test, one).await;
    later(&test, 60).await;
    fails(&test, one).await;
    later(&test, 60).await;
    assert_eq!((test.ops().story(SOURCE).len(), test.spare().story(SOURCE).len()), (1, 3));
    test.store().end_mute(held.mute.id, &by_server(test.now())).await.unwrap();
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN], "it is as they know it");
    passes(&test, one).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    assert_eq!(test.spare().story(SOURCE), [DOWN, UP, DOWN, UP]);
}

#[tokio::test]
async fn nobody_hears_of_monitors_that_are_muted_or_anothers() {
    let test = TestEngine::new().await;
    let tagged = AlertChange { tags: Some(vec!["ours".to_owned()]), ..AlertChange::default() };
    test.store().set_alert("spare", tagged, &by_server(test.now())).await.unwrap();
    let (muted, plain) = (monitor(&test, "muted").await, monitor(&test, "plain").await);
    let ours = monitor_as(&test, "ours", |spec| spec.tags = vec!["ours".to_owned()]).await;
    let only = MuteScope { monitors: vec![muted], ..MuteScope::default() };
    mute(&test, only, 30).await;
    for id in [muted, plain, ours] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    let said = |channel| heard(channel).into_iter().map(|(.., message)| message).collect::<Vec<_>>();
    assert_eq!(said(test.ops()), ["source graphite is down: connection refused; 2 monitors wait for it"]);
    assert_eq!(said(test.spare()), ["source graphite is down: connection refused; 1 monitor waits for it"]);
    assert_eq!(reasons(test.store(), muted, "ops").await, [Silence::WaitsForSource], "the strongest reason");
    let notification = test.spare().taken.lock().unwrap()[0].clone();
    assert!(notification.monitor.tags.is_empty() && notification.monitor.description.is_empty());

    // An alert that is muted hears of it once it is muted no more.
    passes(&test, ours).await;
    passes(&test, plain).await;
    at_rest(&test).await;
    mute(&test, MuteScope { alert: Some("ops".to_owned()), ..MuteScope::default() }, 30).await;
    fails(&test, plain).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    later(&test, 1800).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN]);
    passes(&test, plain).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN, UP]);
    assert_eq!(test.spare().story(SOURCE), [DOWN, UP], "it tells of none that waited");
}

#[tokio::test]
async fn monitors_say_what_they_are_meanwhile_and_who_asks_is_told_one_by_one() {
    let test = TestEngine::new().await;
    let keeps = monitor_as(&test, "keeps", |spec| spec.state_in_outage = StateInOutage::Keep).await;
    let well = monitor_as(&test, "well", |spec| spec.state_in_outage = StateInOutage::Ok).await;
    let told = monitor_as(&test, "told", |spec| spec.told_in_outage = true).await;
    for id in [keeps, well, told] {
        fails(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!(test.ops().story("told"), [DOWN], "at once");
    later(&test, 60).await;
    assert_eq!((state(&test, keeps).await, state(&test, well).await), (State::Ok, State::Ok));
    let (name, _, message) = heard(test.ops()).pop().unwrap();
    assert_eq!(
        (name.as_str(), heard(test.ops()).len()),
        (SOURCE, 2),
        "they say nothing, so the source has to be told of"
    );
    assert!(message.ends_with("; 2 monitors wait for it"), "{message}");
    passes(&test, told).await;
    ends(&test, keeps, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("told"), [DOWN, UP]);
    assert_eq!(test.ops().story("keeps"), [(State::Ok, State::Alarm)]);
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

#[tokio::test]
async fn changes_that_outages_make_are_no_flapping() {
    let (test, [one]) = monitors().await;
    test.store().set_flapping(Some(Flapping { changes: 3 })).await.unwrap();
    for _ in 0..3 {
        fails(&test, one).await;
        later(&test, 60).await;
        passes(&test, one).await;
    }
    assert!(test.store().flapping(&[one], test.now()).await.unwrap().is_empty());
    ends(&test, one, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [(State::Ok, State::Alarm)]);
}

/// What nobody hears of as an outage is the monitor's own.
#[tokio::test]
async fn changes_by_outages_that_were_told_to_nobody_are_flapping() {
    let (test, [one]) = monitors().await;
    test.store().set_flapping(Some(Flapping { changes: 3 })).await.unwrap();
    for _ in 0..3 {
        fails(&test, one).await;
        passes(&test, one).await;
    }
    assert!(test.store().flapping(&[one], test.now()).await.unwrap().contains_key(&one));
}

/// A source is away for a moment, and a monitor that failed by it runs again tomorrow.
#[tokio::test]
async fn what_an_outage_did_that_nobody_heard_of_is_told_by_itself() {
    let (test, [nightly, other]) = monitors().await;
    fails(&test, nightly).await;
    passes(&test, other).await;
    later(&test, 200).await;
    assert!(heard(test.ops()).is_empty());
    later(&test, 200).await;
    assert_eq!((test.ops().story("m0"), test.ops().story(SOURCE)), (vec![DOWN], vec![]));
    assert_eq!(test.spare().story("m0"), [DOWN]);
    passes(&test, nightly).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [DOWN, UP]);
}

#[tokio::test]
async fn one_source_that_is_back_while_another_turns_out_to_be_down_has_nobody_shout() {
    let (test, [one, other]) = monitors().await;
    for id in [one, other] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    for id in [one, other] {
        let down = SourceDown { source: "shop".to_owned(), reason: "connection refused".to_owned() };
        run(&test, id, State::Error, SourcesMet { answered: vec!["graphite".to_owned()], down: Some(down) }).await;
    }
    later(&test, 60).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![]));
    assert_eq!((test.ops().story(SOURCE), test.ops().story("Source shop")), (vec![DOWN, UP], vec![DOWN]));
    for id in [one, other] {
        run(&test, id, State::Ok, SourcesMet { answered: vec!["shop".to_owned()], down: None }).await;
    }
    at_rest(&test).await;
    assert_eq!(test.ops().story("Source shop"), [DOWN, UP]);
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![]));
}

#[tokio::test]
async fn one_answer_in_a_long_outage_has_nobody_shout() {
    let (test, [one, other, often]) = monitors().await;
    for id in [one, other, often] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    passes(&test, often).await;
    fails(&test, often).await;
    for id in [one, other] {
        fails(&test, id).await;
    }
    later(&test, 600).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN]);
    assert_eq!((test.ops().story("m0"), test.ops().story("m1"), test.ops().story("m2")), (vec![], vec![], vec![]));
    for id in [one, other, often] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!((test.ops().story(SOURCE).last(), test.ops().story("m0")), (Some(&UP), vec![]));
}

#[tokio::test]
async fn an_alert_that_was_switched_off_and_on_meanwhile_keeps_nothing_else_from_being_told() {
    let (test, [one, other, third]) = monitors().await;
    fails(&test, one).await;
    later(&test, 60).await;
    for enabled in [false, true] {
        let change = AlertChange { enabled: Some(enabled), ..AlertChange::default() };
        test.store().set_alert("ops", change, &by_server(test.now())).await.unwrap();
    }
    fails(&test, other).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN], "once");
    ends(&test, third, State::Alarm).await;
    passes(&test, other).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m2"), [(State::Ok, State::Alarm)]);
    assert_eq!(test.spare().story(SOURCE), [DOWN, UP]);
}

#[tokio::test]
async fn an_outage_is_over_where_the_source_is_gone_or_nobody_waits() {
    let (test, [one]) = monitors().await;
    fails(&test, one).await;
    later(&test, 60).await;
    test.store().sync_outages(&["other".to_owned()], test.now()).await.unwrap();
    later(&test, 1).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    let (.., gone) = heard(test.ops()).pop().unwrap();
    assert!(gone.starts_with("source graphite: it is not in the configuration any more, after 60 s"), "{gone}");
    passes(&test, one).await;
    fails(&test, one).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE).len(), 3);
    switched(test.store(), one, false, test.now()).await;
    later(&test, 1).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN, UP]);
    switched(test.store(), one, true, test.now()).await;
    fails(&test, one).await;
    test.store().delete_monitor(one, &by_server(test.now())).await.unwrap();
    later(&test, 60).await;
    assert!(test.store().open_outages().await.unwrap().is_empty());
    assert_eq!(test.ops().story(SOURCE).len(), 4);
    assert_eq!(test.ops().story("m0"), []);
}

#[tokio::test]
async fn one_that_was_deleted_meanwhile_is_judged_by_its_first_run() {
    let (test, [deleted, errs, other]) = monitors().await;
    for id in [deleted, errs, other] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    for id in [deleted, errs] {
        test.store().delete_monitor(id, &by_server(test.now())).await.unwrap();
    }
    passes(&test, other).await;
    later(&test, 60).await;
    for id in [deleted, errs] {
        test.store().undelete_monitor(id, &by_server(test.now())).await.unwrap();
    }
    later(&test, 60).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![]));
    passes(&test, deleted).await;
    ends(&test, errs, State::Error).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![DOWN]));
}

#[tokio::test]
async fn nothing_is_forgotten_over_a_restart_and_nothing_told_twice() {
    let (test, [one]) = monitors().await;
    fails(&test, one).await;
    test.engine.stop(Duration::from_secs(5)).await;
    test.scratch.clock.advance(SignedDuration::from_secs(60));
    let test = test.restarted(Duration::from_secs(5)).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN]);
    let test = test.restarted(Duration::from_secs(5)).await;
    passes(&test, one).await;
    test.engine.stop(Duration::from_secs(5)).await;
    let test = test.restarted(Duration::from_secs(5)).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

/// A run that was slow says nothing of an outage that began after it.
#[tokio::test]
async fn an_answer_from_before_the_outage_does_not_end_it_and_a_failure_from_before_its_end_is_part_of_it() {
    let (test, [one, other, slow]) = monitors().await;
    let began = test.now();
    fails(&test, one).await;
    let answered = SourcesMet { answered: vec!["graphite".to_owned()], down: None };
    let result = RunResult { started_at: began, sources: answered, ..test.scratch.manual_result(other, State::Ok) };
    test.store().commit_run(result).await.unwrap();
    assert_eq!(test.store().open_outages().await.unwrap().len(), 1);
    fails(&test, slow).await;
    let began = test.now();
    passes(&test, other).await;
    assert!(test.store().open_outages().await.unwrap().is_empty());
    let down = SourceDown { source: "graphite".to_owned(), reason: "timed out".to_owned() };
    let sources = SourcesMet { down: Some(down), ..SourcesMet::default() };
    let result = RunResult { started_at: began, sources, ..test.scratch.manual_result(slow, State::Error) };
    test.store().commit_run(result).await.unwrap();
    later(&test, 60).await;
    assert!(heard(test.ops()).is_empty(), "it waits for its next run");
    passes(&test, slow).await;
    at_rest(&test).await;
    assert!(heard(test.ops()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_meet_it_at_once_make_one_event() {
    let (test, ids) = monitors::<8>().await;
    let beside = if on_postgresql() { Some(test.scratch.beside().await) } else { None };
    let down = SourceDown { source: "graphite".to_owned(), reason: "connection refused".to_owned() };
    let sources = SourcesMet { down: Some(down), ..SourcesMet::default() };
    let stores = [test.store().clone(), beside.as_ref().map_or(test.store(), |beside| &beside.store).clone()];
    let all = ids.iter().zip(stores.iter().cycle()).map(|(id, store)| {
        let result = RunResult { sources: sources.clone(), ..test.scratch.manual_result(*id, State::Error) };
        store.commit_run(result)
    });
    for committed in futures_util::future::join_all(all).await {
        committed.unwrap();
    }
    test.later(60);
    let both = stores.iter().map(|store| store.tell_outages(test.now()));
    for told in futures_util::future::join_all(both).await {
        told.unwrap();
    }
    at_rest(&test).await;
    assert_eq!(heard(test.ops()).len(), 1);
    assert!(heard(test.ops())[0].2.ends_with("8 monitors wait for it"));
    assert_eq!(test.store().open_outages().await.unwrap().len(), 1);
    drop::<Option<Scratch>>(beside);
}

/// A monitor whose own runs come out so.
async fn running(test: &TestEngine, name: &str, outcome: State) -> MonitorId {
    let script = format!("comes out {outcome}");
    test.runner.behaves(&script, Behaviour::Ends(outcome));
    monitor_as(test, name, |spec| spec.script = script).await
}

/// None of them is due for months.
#[tokio::test]
async fn what_waited_runs_once_more_at_the_end_and_what_is_switched_off_does_not() {
    let test = TestEngine::new().await;
    let (well, errs) = (running(&test, "well", State::Ok).await, running(&test, "errs", State::Error).await);
    let (alarming, paused) = (running(&test, "alarming", State::Ok).await, running(&test, "paused", State::Ok).await);
    let other = monitor(&test, "other").await;
    ends(&test, alarming, State::Alarm).await;
    at_rest(&test).await;
    for id in [well, errs, alarming, paused, other] {
        fails(&test, id).await;
    }
    switched(test.store(), paused, false, test.now()).await;
    later(&test, 60).await;
    let waits = async |id| test.store().monitor(id).await.unwrap().waits_for;
    assert_eq!(waits(well).await.map(|waits| (waits.source, waits.over)), Some(("graphite".to_owned(), false)));
    assert_eq!(test.runner.begun.load(Ordering::SeqCst), 0);
    passes(&test, other).await;
    // One after the other, a tenth of a second apart.
    until("they ran", async || {
        test.later(1);
        test.runner.begun.load(Ordering::SeqCst) == 3 && test.ops().story("errs") == [DOWN]
    })
    .await;
    later(&test, 3600).await;
    assert_eq!(test.runner.begun.load(Ordering::SeqCst), 3, "once each");
    for id in [well, errs, alarming] {
        assert_eq!(waits(id).await, None);
    }
    assert_eq!((state(&test, well).await, test.ops().story("well")), (State::Ok, vec![]));
    assert_eq!(test.ops().story("alarming"), [(State::Ok, State::Alarm), (State::Alarm, State::Ok)]);
    assert_eq!(state(&test, paused).await, State::Inactive);
    assert_eq!(test.store().monitor(well).await.unwrap().missed_ticks, 0, "nothing was missed");
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

/// It runs by its schedule while the source comes back: that run began too early to tell.
#[tokio::test]
async fn what_was_running_at_the_end_and_failed_runs_once_more_after_it() {
    let test = TestEngine::new().await;
    let (slow, other) = (running(&test, "slow", State::Ok).await, monitor(&test, "other").await);
    for id in [slow, other] {
        fails(&test, id).await;
    }
    let began = test.now();
    passes(&test, other).await;
    let down = SourceDown { source: "graphite".to_owned(), reason: "connection refused".to_owned() };
    let sources = SourcesMet { down: Some(down), ..SourcesMet::default() };
    let late = RunResult { started_at: began, sources, ..test.scratch.manual_result(slow, State::Error) };
    test.store().commit_run(late).await.unwrap();
    until("it ran", async || {
        test.later(1);
        state(&test, slow).await == State::Ok
    })
    .await;
    assert_eq!(test.store().monitor(slow).await.unwrap().waits_for, None);
}

/// An outage is reminded of as a problem of a monitor is, until somebody looks after it, and again if they take that back.
#[tokio::test]
async fn an_outage_is_reminded_of_until_somebody_looks_after_it() {
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let reminders = BTreeMap::from([("ops".to_owned(), hourly)]);
    let test = TestEngine::on(Scratch::new().await, EngineSettings { reminders, ..EngineSettings::default() }).await;
    let one = monitor(&test, "m0").await;
    fails(&test, one).await;
    later(&test, 60).await;
    let rest = async |seconds| {
        test.later(seconds);
        until("nothing is due", async || {
            let reminded = test.store().remind("ops", hourly, test.now(), 0).await.unwrap();
            test.engine.wake();
            !reminded.more && owed(&test).await.is_empty()
        })
        .await;
        let taken = test.ops().taken.lock().unwrap();
        assert!(taken.iter().all(|told| told.monitor.name == SOURCE), "its monitor is never told of");
        taken.iter().map(|told| told.reminder).collect::<Vec<_>>()
    };
    assert_eq!(rest(3700).await, [None, Some(1)]);
    let again = test.ops().taken.lock().unwrap()[1].message.clone();
    assert_eq!(again, "source graphite is down: connection refused");
    assert_eq!(test.spare().taken.lock().unwrap().len(), 1, "it does not remind");
    let source = test.store().sources_told().await.unwrap()["graphite"];
    test.store().acknowledge(source, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    assert_eq!(rest(24 * 3600).await.len(), 2, "somebody looks after it");
    test.store().take_back_acknowledgement(source, Vec::new(), &by_server(test.now())).await.unwrap().unwrap();
    assert_eq!(rest(1800).await.len(), 2, "as if it had been told just now");
    let taken = rest(2 * 3600).await;
    assert_eq!((taken.len(), taken[2]), (3, Some(2)));
    test.store().acknowledge(source, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    passes(&test, one).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE).last(), Some(&UP), "its end is told all the same");
    assert!(test.store().acknowledgements(&[source]).await.unwrap().is_empty(), "and it is over with it");
}

/// A quarter after its last outage nothing of a source is left, and the next one is told as the first was.
#[tokio::test]
async fn what_stands_for_a_source_goes_when_it_was_well_for_long() {
    let (test, [one]) = monitors().await;
    let days = |days: i64| test.scratch.clock.advance(SignedDuration::from_hours(24 * days));
    let stands = async || test.store().sources_told().await.unwrap().get("graphite").copied();
    fails(&test, one).await;
    later(&test, 60).await;
    let source = stands().await.unwrap();
    days(100);
    assert_eq!(test.store().purge_deleted(99, test.now()).await.unwrap(), 0, "it is down");
    passes(&test, one).await;
    at_rest(&test).await;
    assert_eq!(test.store().monitors_to_purge(None, 99).await.unwrap().last(), Some(&(source, 90)));
    days(89);
    assert_eq!(test.store().purge_deleted(99, test.now()).await.unwrap(), 0);
    assert!(test.store().deleted_monitors(None, 99, test.now()).await.unwrap().is_empty(), "nobody deleted it");
    test.store().undelete_monitor(source, &by_server(test.now())).await.unwrap_err();
    // Another outage, and it stays.
    fails(&test, one).await;
    later(&test, 60).await;
    assert_eq!(stands().await, Some(source));
    days(80);
    assert_eq!(test.store().purge_deleted(99, test.now()).await.unwrap(), 0);
    passes(&test, one).await;
    at_rest(&test).await;
    days(91);
    until("nothing is left of it", async || {
        test.store().purge_deleted(99, test.now()).await.unwrap() == 0 && stands().await.is_none()
    })
    .await;
    fails(&test, one).await;
    later(&test, 60).await;
    assert_ne!(stands().await, Some(source));
    passes(&test, one).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN, UP, DOWN, UP]);
    test.scratch.assert_sound().await;
}

/// Alice hears of the first outage and not of its end, because that is held back; on Bob's day there is another one.
#[tokio::test]
async fn whoever_a_rota_told_of_the_first_outage_hears_its_end_after_the_second() {
    let test = on_call::on_call(on_call::rota(None, "2026-01-01T00:00")).await;
    let id = monitor(&test, "m").await;
    let rest = async |minutes: i64| {
        test.later(minutes * 60);
        until("it is told", async || {
            let outages = test.store().tell_outages(test.now()).await.unwrap();
            test.engine.wake();
            outages.owed.is_empty()
        })
        .await;
        on_call::at_rest(&test).await;
    };
    fails(&test, id).await;
    rest(1).await;
    assert_eq!(on_call::heard(&test)["alice"], [State::Error]);
    on_call::mute(&test, Some("alice_sms"), 30 * 60).await;
    passes(&test, id).await;
    rest(1).await;
    test.later(24 * 3600);
    fails(&test, id).await;
    rest(1).await;
    assert_eq!(on_call::heard(&test)["bob"], [State::Error]);
    passes(&test, id).await;
    rest(1).await;
    rest(12 * 60).await;
    let heard = on_call::heard(&test);
    assert_eq!(
        (&heard["alice"][..], &heard["bob"][..]),
        (&[State::Error, State::Ok][..], &[State::Error, State::Ok][..])
    );
}
