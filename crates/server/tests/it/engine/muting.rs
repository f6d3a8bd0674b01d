//! What a mute holds back: told at its end if it is not over, whoever ends it and whether or not a server was there.

use jiff::{SignedDuration, ToSpan as _};
use proptest::{
    prelude::{Strategy as _, any, prop},
    prop_oneof,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use revere::alerts::SendError;
use revere::store::{AlertChange, DeliveryFilter, DeliveryStatus, MuteRecord, Store};
use revere_model::{MonitorId, MonitorSpec, MutePeriod, MuteScope, Recurrence, Severity, State};

use crate::support::{Scratch, TestEngine, at, by_server, spec, test_engine::RecordingChannel, until, yearly};

async fn monitor(test: &TestEngine, name: &str) -> MonitorId {
    test.store().create_monitor(&yearly(name), &by_server(test.now())).await.unwrap().id
}

/// Makes a monitor flip, as runs would, a second after the last.
async fn flip(test: &TestEngine, monitor: MonitorId, to: State) {
    test.later(1);
    test.scratch.manual(monitor, to).await;
    test.engine.wake();
}

async fn mute(test: &TestEngine, scope: MuteScope, hours: i64) -> MuteRecord {
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_hours(hours));
    test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap()
}

fn of(monitor: MonitorId) -> MuteScope {
    MuteScope { monitors: vec![monitor], ..MuteScope::default() }
}

/// Waits until what was owed has been told, and nothing is held back that could be told.
async fn at_rest(test: &TestEngine) {
    until("nothing is owed", async || {
        let told = test.store().tell_held(test.now(), 0).await.unwrap();
        let owed = DeliveryFilter { status: Some(DeliveryStatus::Owed), limit: 1, ..DeliveryFilter::default() };
        !told.more && test.store().deliveries(&owed).await.unwrap().is_empty()
    })
    .await;
}

/// Waits until `ops` has not taken its newest deliveries, so many, and the other alert has told all: what is under way when the
/// clock goes on is taken for lost.
async fn not_taken(test: &TestEngine, count: u32) {
    let of = |alert: &str| DeliveryFilter { alert: Some(alert.to_owned()), limit: count, ..DeliveryFilter::default() };
    until("it is put off by the one and told by the other", async || {
        let newest = test.store().deliveries(&of("ops")).await.unwrap();
        let owed = DeliveryFilter { status: Some(DeliveryStatus::Owed), ..of("spare") };
        newest.len() == count as usize
            && newest.iter().all(|one| one.status == DeliveryStatus::Owed && one.last_error.is_some())
            && test.store().deliveries(&owed).await.unwrap().is_empty()
    })
    .await;
}

const UP: (State, State) = (State::Alarm, State::Ok);
const DOWN: (State, State) = (State::Ok, State::Alarm);
const FIRST: (State, State) = (State::Inactive, State::Alarm);

#[tokio::test]
async fn what_began_and_ended_inside_is_not_told_and_what_outlives_it_is_told_at_its_end() {
    let test = TestEngine::new().await;
    let (short, long) = (monitor(&test, "short").await, monitor(&test, "long").await);
    for monitor in [short, long] {
        flip(&test, monitor, State::Ok).await;
    }
    let scope = MuteScope { monitors: vec![short, long], ..MuteScope::default() };
    let muted = mute(&test, scope, 2).await;
    for monitor in [short, long] {
        flip(&test, monitor, State::Alarm).await;
    }
    flip(&test, short, State::Ok).await;
    let other = monitor(&test, "other").await;
    flip(&test, other, State::Alarm).await;
    at_rest(&test).await;
    assert!(test.ops().story("short").is_empty() && test.ops().story("long").is_empty());
    assert_eq!(test.ops().story("other"), [FIRST]);
    let held = test.store().held_back(muted.mute.id, None, 9).await.unwrap();
    let changes: Vec<_> = held.iter().map(|one| (one.monitor_name.as_str(), one.flip.new_state)).collect();
    assert_eq!(changes, [("long", State::Alarm), ("short", State::Alarm)], "the end of what was not told is no news");
    assert_eq!(held[0].alerts, ["ops", "spare"]);
    let record = test.store().mute(muted.mute.id).await.unwrap();
    assert_eq!((record.held_back, record.last_held_at), (4, Some(held[0].flip.at)));

    test.later(2 * 3600);
    until("the end is told", async || !test.ops().story("long").is_empty()).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("long"), test.ops().story("short")), (vec![DOWN], vec![]));
    let told = test.ops().taken.lock().unwrap().iter().find(|told| told.monitor.name == "long").cloned().unwrap();
    assert_eq!(told.message, "came out ALARM");
    assert_eq!(told.incident.unwrap().opened_at, held[0].flip.at, "it began when it began");
    flip(&test, long, State::Ok).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("long"), [DOWN, UP]);
    test.scratch.assert_sound().await;
}

/// Who hears of the monitor is changed meanwhile: those hear of what outlives the mute who would hear of it by then.
#[tokio::test]
async fn what_outlives_it_is_told_by_those_who_are_for_it_by_then() {
    let test = TestEngine::new().await;
    let id = monitor(&test, "moved").await;
    flip(&test, id, State::Ok).await;
    let tells = async |key: &str| {
        let before = test.store().monitor(id).await.unwrap();
        let spec = MonitorSpec { alerts: Some(vec![key.to_owned()]), ..before.spec };
        test.store().update_monitor(id, before.version, &spec, &by_server(test.now())).await.unwrap();
    };
    tells("ops").await;
    mute(&test, of(id), 2).await;
    flip(&test, id, State::Alarm).await;
    tells("spare").await;
    at_rest(&test).await;
    assert!(test.spare().taken.lock().unwrap().is_empty(), "it is muted");
    test.later(2 * 3600);
    at_rest(&test).await;
    assert_eq!((test.ops().story("moved"), test.spare().story("moved")), (vec![], vec![DOWN]));
    flip(&test, id, State::Ok).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("moved"), test.spare().story("moved")), (vec![], vec![DOWN, UP]));
}

#[tokio::test]
async fn an_end_that_no_server_was_there_for_is_told_by_the_next_start() {
    let test = TestEngine::new().await;
    let (id, told_before) = (monitor(&test, "m").await, monitor(&test, "told before").await);
    flip(&test, told_before, State::Alarm).await;
    at_rest(&test).await;
    mute(&test, MuteScope::default(), 1).await;
    flip(&test, id, State::Alarm).await;
    flip(&test, told_before, State::Ok).await;
    test.scratch.clock.advance(SignedDuration::from_mins(10));
    let test = test.restarted(std::time::Duration::from_secs(5)).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m"), []);
    test.engine.stop(std::time::Duration::from_secs(5)).await;
    test.scratch.clock.advance(SignedDuration::from_hours(5));
    let test = test.restarted(std::time::Duration::from_secs(5)).await;
    until("it is told", async || test.ops().story("m").len() + test.ops().story("told before").len() == 3).await;
    assert_eq!((test.ops().story("m"), test.ops().story("told before")), (vec![FIRST], vec![FIRST, UP]));
}

#[tokio::test]
async fn one_that_recurs_holds_back_in_each_of_its_turns() {
    let test = TestEngine::new().await;
    let id = monitor(&test, "m").await;
    let recurs = Recurrence::read("0 22 * * *", "UTC", SignedDuration::from_hours(8)).unwrap();
    let period = MutePeriod { starts_at: test.now(), ends_at: None, recurs: Some(recurs) };
    test.store().add_mute(&MuteScope::default(), &period, &by_server(test.now())).await.unwrap();
    test.at(at("2026-01-01T12:00:00Z"));
    flip(&test, id, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m"), [FIRST], "by day it is told");
    for (day, told) in [("2026-01-01", 2), ("2026-01-02", 3)] {
        test.at(at(&format!("{day}T23:00:00Z")));
        flip(&test, id, if told == 2 { State::Ok } else { State::Alarm }).await;
        at_rest(&test).await;
        assert_eq!(test.ops().story("m").len(), told - 1);
        test.at(at(&format!("{day}T23:00:00Z")) + 7.hours());
        until("it is told in the morning", async || test.ops().story("m").len() == told).await;
    }
    assert_eq!(test.ops().story("m"), [FIRST, UP, DOWN]);
}

#[tokio::test]
async fn somebody_ends_it_and_another_one_still_holds() {
    let test = TestEngine::new().await;
    let id = monitor(&test, "m").await;
    let first = mute(&test, of(id), 5).await;
    let second = mute(&test, MuteScope { alert: Some("spare".to_owned()), ..MuteScope::default() }, 9).await;
    flip(&test, id, State::Alarm).await;
    let asked = by_server(test.now());
    let ended = test.store().end_mute(first.mute.id, &asked).await.unwrap();
    assert!(ended.is_over(test.now()) && ended.ended.is_some());
    assert_eq!(test.store().end_mute(first.mute.id, &asked).await.unwrap(), ended, "once is enough");
    test.engine.wake();
    until("one alert tells it", async || test.ops().story("m") == [FIRST]).await;
    at_rest(&test).await;
    assert_eq!(test.spare().story("m"), [], "the other is muted by itself");
    test.store().end_mute(second.mute.id, &asked).await.unwrap();
    test.engine.wake();
    until("and then the other", async || test.spare().story("m") == [FIRST]).await;
}

#[tokio::test]
async fn an_alert_that_is_switched_off_meanwhile_owes_nothing_at_the_end() {
    let test = TestEngine::new().await;
    let id = monitor(&test, "m").await;
    mute(&test, of(id), 1).await;
    flip(&test, id, State::Alarm).await;
    for enabled in [false, true] {
        let change = AlertChange { enabled: Some(enabled), ..AlertChange::default() };
        test.store().set_alert("ops", change, &by_server(test.now())).await.unwrap();
    }
    test.later(3600);
    until("the other tells it", async || test.spare().story("m") == [FIRST]).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m"), []);
}

#[tokio::test]
async fn a_monitor_that_was_deleted_and_comes_back_is_told_at_the_end() {
    let test = TestEngine::new().await;
    let id = monitor(&test, "m").await;
    mute(&test, of(id), 1).await;
    flip(&test, id, State::Alarm).await;
    test.store().delete_monitor(id, &by_server(test.now())).await.unwrap();
    test.later(3600);
    at_rest(&test).await;
    assert_eq!(test.ops().story("m"), []);
    test.store().undelete_monitor(id, &by_server(test.now())).await.unwrap();
    test.engine.wake();
    until("it is told", async || test.ops().story("m") == [FIRST]).await;
}

/// What `ops` owes and what holds it back.
async fn held(test: &TestEngine) -> Vec<bool> {
    let filter = DeliveryFilter {
        alert: Some("ops".to_owned()),
        status: Some(DeliveryStatus::Owed),
        limit: 9,
        ..DeliveryFilter::default()
    };
    test.store().deliveries(&filter).await.unwrap().iter().map(|owed| owed.held_by.is_some()).collect()
}

/// One whose receiver was away before the mute began, and is back meanwhile.
#[tokio::test]
async fn what_is_owed_already_waits_for_the_end_and_is_told_with_what_became_of_it() {
    let test = TestEngine::new().await;
    let (short, long) = (monitor(&test, "short").await, monitor(&test, "long").await);
    for id in [short, long] {
        flip(&test, id, State::Ok).await;
    }
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    for id in [short, long] {
        flip(&test, id, State::Alarm).await;
    }
    not_taken(&test, 2).await;
    let ops = MuteScope { alert: Some("ops".to_owned()), ..MuteScope::default() };
    let muted = mute(&test, ops, 2).await;
    test.ops().fails(None);
    test.later(3600);
    until("both are held back", async || held(&test).await == [true, true]).await;
    flip(&test, short, State::Ok).await;
    until("the other tells it", async || test.spare().story("short") == [DOWN, UP]).await;
    assert!(test.ops().taken.lock().unwrap().is_empty(), "nothing muted is told");
    let changes = test.store().held_back(muted.mute.id, None, 9).await.unwrap();
    assert_eq!(changes.len(), 3, "the mute shows both, and the end of one");
    test.later(2 * 3600);
    until("it is told", async || test.ops().taken.lock().unwrap().len() == 2).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("long"), test.ops().story("short")), (vec![DOWN], vec![UP]));
    let told = test.ops().taken.lock().unwrap().iter().find(|told| told.monitor.name == "short").cloned().unwrap();
    assert_eq!(told.sending.missed.iter().map(|missed| missed.state).collect::<Vec<_>>(), [State::Alarm]);
    flip(&test, long, State::Ok).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("long"), [DOWN, UP]);
}

#[tokio::test]
async fn what_is_held_back_goes_when_somebody_ends_the_mute_or_the_problem_is_worse_than_what_it_is_about() {
    let test = TestEngine::new().await;
    let (ended, worse) = (monitor(&test, "ended").await, monitor(&test, "worse").await);
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    for id in [ended, worse] {
        test.later(1);
        test.scratch.manual_as(id, State::Alarm, Some(Severity::Warning)).await;
        test.engine.wake();
    }
    not_taken(&test, 2).await;
    let warnings =
        MuteScope { severity: Some(Severity::Warning), alert: Some("ops".to_owned()), ..MuteScope::default() };
    let muted = mute(&test, warnings, 24).await;
    test.ops().fails(None);
    test.later(3600);
    until("both are held back", async || held(&test).await == [true, true]).await;
    test.scratch.manual_as(worse, State::Alarm, Some(Severity::Critical)).await;
    test.engine.wake();
    until("what is worse is told at once", async || test.ops().story("worse").len() == 1).await;
    let told = test.ops().taken.lock().unwrap()[0].clone();
    assert_eq!((told.severity(), told.sending.missed.len()), (Some(Severity::Critical), 1));
    until("nothing of it waits any more", async || held(&test).await == [true]).await;
    test.store().end_mute(muted.mute.id, &by_server(test.now())).await.unwrap();
    test.engine.wake();
    until("the other is told at the end", async || test.ops().story("ended") == [FIRST]).await;
    at_rest(&test).await;
}

/// A row that cannot be read is held back for ever, and no other one with it.
/// The receiver took it, with a muted change before it, and its answer was lost; by the next attempt the mute is over.
#[tokio::test]
async fn what_may_have_arrived_with_the_rest_is_told_with_the_rest_again() {
    let test = TestEngine::with_ops(RecordingChannel { forgetful: true, ..RecordingChannel::default() }).await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Error).await;
    until("the problem is told", async || test.ops().story("m").len() == 1).await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    test.later(1);
    test.scratch.manual_as(id, State::Alarm, Some(Severity::Warning)).await;
    test.engine.wake();
    not_taken(&test, 1).await;
    let muted = mute(&test, MuteScope { severity: Some(Severity::Warning), ..MuteScope::default() }, 5).await;
    test.later(1);
    test.scratch.manual_as(id, State::Alarm, Some(Severity::Critical)).await;
    test.ops().fails(None);
    *test.ops().unheard.lock().unwrap() = true;
    test.later(600);
    until("the worse takes the muted along", async || test.ops().attempts() == 3).await;
    until("that nobody heard of it is kept", async || {
        let log = test.store().deliveries(&DeliveryFilter { limit: 9, ..DeliveryFilter::default() }).await.unwrap();
        log.iter().any(|one| one.last_error.as_deref() == Some("the connection broke"))
    })
    .await;
    *test.ops().unheard.lock().unwrap() = false;
    test.store().end_mute(muted.mute.id, &by_server(test.now())).await.unwrap();
    // What is held back no longer is due at once. The clock goes on only when it was tried: what is under way for too long is
    // tried again.
    test.engine.wake();
    until("it is told again", async || test.ops().attempts() > 3).await;
    at_rest(&test).await;
    test.later(3600);
    at_rest(&test).await;
    let attempts = test.ops().attempts.lock().unwrap().clone();
    assert_eq!(attempts[3..], attempts[2..3], "the same is told again, and nothing else");
    let taken = test.ops().taken.lock().unwrap().clone();
    let told = |place: usize| {
        let sending = &taken[place].sending;
        (sending.missed.iter().map(|missed| missed.severity).collect::<Vec<_>>(), sending.may_be_repeat)
    };
    assert_eq!(told(1), (vec![Some(Severity::Warning)], false));
    assert_eq!(told(2), (vec![Some(Severity::Warning)], true));
}

#[tokio::test]
async fn one_that_cannot_be_read_keeps_no_other_from_being_told() {
    let test = TestEngine::new().await;
    let (spoiled, well) = (monitor(&test, "spoiled").await, monitor(&test, "well").await);
    mute(&test, MuteScope::default(), 1).await;
    for id in [spoiled, well] {
        flip(&test, id, State::Alarm).await;
    }
    test.scratch.sql().await.run(format!("update told set open = 'ASLEEP' where monitor_id = {spoiled}")).await;
    test.later(3600);
    until("the other is told", async || test.ops().story("well") == [FIRST]).await;
    assert_eq!(test.ops().story("spoiled"), []);
}

/// What waits behind something that is held back and cannot be read holds up nobody else.
#[tokio::test]
async fn one_that_cannot_be_read_behind_one_that_is_held_back_keeps_no_other_from_being_told() {
    let test = TestEngine::new().await;
    let (spoiled, well) = (monitor(&test, "spoiled").await, monitor(&test, "well").await);
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    flip(&test, spoiled, State::Alarm).await;
    not_taken(&test, 1).await;
    flip(&test, spoiled, State::Error).await;
    for sql in [
        format!(
            "update deliveries set notification = '{{' where alert_key = 'ops' and flip_id = (select max(id) from flips where monitor_id = {spoiled})"
        ),
        format!(
            "update flips set new_state = 'ASLEEP' where id = (select max(id) from flips where monitor_id = {spoiled})"
        ),
    ] {
        assert_eq!(test.scratch.sql().await.run(sql).await, 1);
    }
    mute(&test, of(spoiled), 4).await;
    test.ops().fails(None);
    test.later(3600);
    flip(&test, well, State::Alarm).await;
    until("the other is told", async || test.ops().story("well") == [FIRST]).await;
    assert_eq!(test.ops().story("spoiled"), []);
}

/// What happens to a monitor, an alert and their mutes.
#[derive(Clone, Copy, Debug)]
enum Event {
    Flip(usize, State),
    Mute(Option<usize>, i64),
    EndAll,
    Wait(i64),
    Restart,
}

async fn end_all(store: &Store, scratch: &Scratch) {
    for mute in store.mutes_not_over(scratch.now()).await.unwrap() {
        store.end_mute(mute.id, &by_server(scratch.now())).await.unwrap();
    }
}

/// Random histories in the store itself, restarts included: nothing muted is told, every problem told gets exactly one end,
/// and once nothing is muted, people know how each monitor is.
#[tokio::test]
async fn whatever_is_muted_nothing_is_told_meanwhile_and_nothing_is_forgotten() {
    let state = prop::sample::select(vec![State::Ok, State::Alarm, State::Error]);
    let event = prop_oneof![
        6 => (0_usize..3, state).prop_map(|(monitor, state)| Event::Flip(monitor, state)),
        2 => (any::<bool>(), 0_usize..3, 1_i64..5).prop_map(|(one, monitor, hours)| Event::Mute(one.then_some(monitor), hours)),
        1 => proptest::strategy::Just(Event::EndAll),
        3 => (1_i64..4).prop_map(Event::Wait),
        1 => proptest::strategy::Just(Event::Restart),
    ];
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for _ in 0..6 {
        let events = prop::collection::vec(event.clone(), 20..40).new_tree(&mut runner).unwrap().current();
        tell_story(&events).await;
    }
}

async fn tell_story(events: &[Event]) {
    let mut scratch = Scratch::new().await;
    let ops = revere::store::ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[ops], scratch.now()).await.unwrap();
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(scratch.store.create_monitor(&spec(name), &by_server(scratch.now())).await.unwrap().id);
    }
    let mut heard: Vec<Vec<State>> = vec![Vec::new(); 3];
    for event in events.iter().copied().chain([Event::EndAll, Event::Wait(0)]) {
        match event {
            Event::Flip(monitor, state) => drop(scratch.manual(ids[monitor], state).await),
            Event::Mute(monitor, hours) => {
                let scope = monitor.map_or_else(MuteScope::default, |monitor| of(ids[monitor]));
                let period = MutePeriod::once(scratch.now(), scratch.now() + SignedDuration::from_hours(hours));
                scratch.store.add_mute(&scope, &period, &by_server(scratch.now())).await.unwrap();
            }
            Event::EndAll => end_all(&scratch.store, &scratch).await,
            Event::Wait(hours) => scratch.clock.advance(SignedDuration::from_mins(hours * 60 + 1)),
            Event::Restart => scratch = scratch.reopened().await,
        }
        // What an engine does as soon as it can.
        if !matches!(event, Event::Restart) {
            scratch.store.tell_held(scratch.now(), 100).await.unwrap();
        }
        let mutes = scratch.store.mutes_not_over(scratch.now()).await.unwrap();
        let all = scratch.store.deliveries(&DeliveryFilter { limit: 1000, ..DeliveryFilter::default() }).await.unwrap();
        for (monitor, heard) in ids.iter().zip(&mut heard) {
            let told: Vec<State> = all
                .iter()
                .rev()
                .filter(|one| one.monitor_id == *monitor)
                .map(|one| one.notification.new_state)
                .collect();
            let muted = mutes.iter().any(|mute| {
                let subject = revere_model::MuteSubject { monitor: *monitor, tags: &[], alert: "ops", severity: None };
                mute.holds(&subject, scratch.now()).is_some()
            });
            if muted {
                assert_eq!(told, *heard, "told while it was muted: {events:?}");
            } else {
                let state = scratch.store.monitor(*monitor).await.unwrap().state;
                let last = told.last().copied().unwrap_or(State::Ok);
                assert!(last == state || state == State::Inactive, "{state} and people heard {told:?}: {events:?}");
            }
            assert!(
                told.windows(2).all(|two| two[0] != two[1]) && told.first() != Some(&State::Ok),
                "{told:?}: {events:?}"
            );
            *heard = told;
        }
    }
    scratch.assert_sound().await;
}
