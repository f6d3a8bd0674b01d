//! Reminders: a problem that goes on is told again, ever more seldom, until somebody looks after it or it is over.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use revere::{
    engine::EngineSettings,
    store::{AcknowledgedBy, AlertChange, DeliveryFilter, DeliveryStatus, Settlement},
};
use revere_model::{MonitorId, MutePeriod, MuteScope, Reminders, Severity, State};

use crate::support::{Scratch, TestEngine, by_server, settle_one, switched, until, yearly};

/// An engine whose alert `ops` reminds after an hour; `spare` does not.
async fn reminding() -> TestEngine {
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let reminders = BTreeMap::from([("ops".to_owned(), hourly)]);
    TestEngine::on(Scratch::new().await, EngineSettings { reminders, ..EngineSettings::default() }).await
}

async fn monitor(test: &TestEngine, name: &str) -> MonitorId {
    test.store().create_monitor(&yearly(name), &by_server(test.now())).await.unwrap().id
}

async fn flip(test: &TestEngine, monitor: MonitorId, to: State) {
    test.later(1);
    test.scratch.manual(monitor, to).await;
    test.engine.wake();
}

async fn told(test: &TestEngine, count: usize) {
    until("so much is told", async || test.ops().taken.lock().unwrap().len() == count && settled(test).await).await;
}

async fn settled(test: &TestEngine) -> bool {
    let owed = DeliveryFilter { status: Some(DeliveryStatus::Owed), limit: 1, ..DeliveryFilter::default() };
    test.store().deliveries(&owed).await.unwrap().is_empty()
}

/// Lets time pass, and everything happen that is due by then.
async fn later(test: &TestEngine, minutes: i64) {
    test.later(minutes * 60);
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    until("nothing is due", async || {
        let reminded = test.store().remind("ops", hourly, test.now(), 0).await.unwrap();
        !reminded.more && settled(test).await
    })
    .await;
}

fn reminders(test: &TestEngine) -> Vec<Option<u32>> {
    test.ops().taken.lock().unwrap().iter().map(|told| told.reminder).collect()
}

#[tokio::test]
async fn a_problem_that_goes_on_is_told_again_ever_more_seldom_and_its_end_once() {
    let test = reminding().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    told(&test, 1).await;
    for (minutes, count) in [(59, 1), (2, 2), (118, 2), (3, 3), (239, 3), (2, 4)] {
        test.scratch.manual(id, State::Alarm).await;
        later(&test, minutes).await;
        assert_eq!(test.ops().taken.lock().unwrap().len(), count, "{minutes} more minutes");
    }
    flip(&test, id, State::Ok).await;
    told(&test, 5).await;
    later(&test, 24 * 60).await;
    assert_eq!(reminders(&test), [None, Some(1), Some(2), Some(3), None]);
    let taken = test.ops().taken.lock().unwrap().clone();
    assert_eq!((taken[1].old_state, taken[1].new_state), (State::Alarm, State::Alarm));
    assert!(taken[1].text().starts_with("[Revere Reminder]\nMonitor: m\nState: still ALARM\n"), "{}", taken[1].text());
    let keys: std::collections::BTreeSet<&str> = taken.iter().map(|told| told.key.as_str()).collect();
    assert_eq!(keys.len(), 5, "each has a key of its own");
    assert!(taken.iter().all(|told| told.incident == taken[0].incident), "all belong to one incident");
    assert_eq!((taken[4].old_state, taken[4].new_state), (State::Alarm, State::Ok));
    assert_eq!(test.spare().taken.lock().unwrap().len(), 2, "only who asked for it is reminded");
}

#[tokio::test]
async fn whoever_acknowledges_is_reminded_no_more_until_the_state_changes() {
    let test = reminding().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    told(&test, 1).await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    later(&test, 300).await;
    assert_eq!(reminders(&test), [None]);
    flip(&test, id, State::Error).await;
    told(&test, 2).await;
    later(&test, 61).await;
    told(&test, 3).await;
    assert_eq!(reminders(&test), [None, None, Some(1)], "another problem is counted anew");
}

#[tokio::test]
async fn reminders_go_on_from_when_an_acknowledgement_is_taken_back() {
    let test = reminding().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    told(&test, 1).await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    later(&test, 300).await;
    test.store().take_back_acknowledgement(id, Vec::new(), &by_server(test.now())).await.unwrap().unwrap();
    later(&test, 59).await;
    assert_eq!(reminders(&test), [None], "not at once");
    later(&test, 2).await;
    told(&test, 2).await;
    assert_eq!(reminders(&test), [None, Some(1)]);
}

#[tokio::test]
async fn what_is_acknowledged_may_become_less_severe_and_not_worse() {
    let test = reminding().await;
    let id = monitor(&test, "m").await;
    let becomes = async |severity| {
        test.later(1);
        test.scratch.manual_as(id, State::Alarm, Some(severity)).await;
        test.engine.wake();
    };
    let known = async || test.store().acknowledgements(&[id]).await.unwrap().contains_key(&id);
    becomes(Severity::Critical).await;
    told(&test, 1).await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    becomes(Severity::Warning).await;
    assert!(known().await, "somebody looks after it still");
    later(&test, 300).await;
    assert_eq!(reminders(&test), [None]);
    becomes(Severity::Critical).await;
    assert!(!known().await, "it is worse than what they spoke of");
    later(&test, 61).await;
    assert_eq!(reminders(&test).last(), Some(&Some(1)));
}

#[tokio::test]
async fn nobody_is_reminded_while_it_is_muted_or_switched_off() {
    let test = reminding().await;
    let (muted, paused) = (monitor(&test, "muted").await, monitor(&test, "paused").await);
    flip(&test, muted, State::Alarm).await;
    flip(&test, paused, State::Alarm).await;
    told(&test, 2).await;
    let scope = MuteScope { monitors: vec![muted], ..MuteScope::default() };
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_hours(3));
    test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap();
    switched(test.store(), paused, false, test.now()).await;
    later(&test, 150).await;
    assert_eq!(reminders(&test), [None, None]);
    later(&test, 40).await;
    told(&test, 3).await;
    assert_eq!(test.ops().taken.lock().unwrap()[2].monitor.name, "muted", "at its end it is still so");
    for enabled in [false, true] {
        let change = AlertChange { enabled: Some(enabled), ..AlertChange::default() };
        test.store().set_alert("ops", change, &by_server(test.now())).await.unwrap();
    }
    later(&test, 300).await;
    assert_eq!(reminders(&test).len(), 4, "on again, it goes on with what it told");
}

#[tokio::test]
async fn a_restart_forgets_no_reminder_and_repeats_none() {
    let test = reminding().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    told(&test, 1).await;
    later(&test, 61).await;
    told(&test, 2).await;
    let test = test.restarted(Duration::from_secs(5)).await;
    later(&test, 10).await;
    assert_eq!(test.ops().taken.lock().unwrap().len(), 2);
    test.engine.stop(Duration::from_secs(5)).await;
    test.scratch.clock.advance(SignedDuration::from_hours(9));
    let test = test.restarted(Duration::from_secs(5)).await;
    told(&test, 3).await;
    later(&test, 1).await;
    assert_eq!(reminders(&test), [None, Some(1), Some(2)], "once, however long nobody was there");
}

#[tokio::test]
async fn what_is_not_taken_yet_is_not_reminded_of() {
    let test = reminding().await;
    test.ops().fails(Some(revere::alerts::SendError::later("503")));
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    until("it is tried", async || test.ops().attempts() > 0).await;
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let far = test.now() + SignedDuration::from_hours(3);
    let reminded = test.store().remind("ops", hourly, far, 9).await.unwrap();
    assert_eq!((reminded.owed, reminded.next_due), (0, None));
}

/// One that its receiver has not taken yet: nobody needs it any more.
#[tokio::test]
async fn whoever_acknowledges_is_not_reminded_by_what_is_owed_already() {
    let test = reminding().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    told(&test, 1).await;
    test.ops().fails(Some(revere::alerts::SendError::later("503")));
    test.later(61 * 60);
    until("the reminder was tried", async || test.ops().attempts() == 2 && !settled(&test).await).await;
    until("it is to be tried again", async || {
        let next = test.store().next_delivery("ops").await.unwrap();
        next.is_some_and(|next| next < test.now() + SignedDuration::from_secs(60))
    })
    .await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    assert!(settled(&test).await, "it is cancelled");
    test.ops().fails(None);
    later(&test, 60).await;
    assert_eq!(reminders(&test), [None]);
    flip(&test, id, State::Ok).await;
    told(&test, 2).await;
    let filter = DeliveryFilter { status: Some(DeliveryStatus::Cancelled), limit: 9, ..DeliveryFilter::default() };
    let cancelled = test.store().deliveries(&filter).await.unwrap();
    assert_eq!(cancelled[0].last_error.as_deref(), Some("503; somebody looks after it"));
}

#[tokio::test]
async fn one_that_cannot_be_read_keeps_no_other_from_its_reminder() {
    let test = reminding().await;
    let (spoiled, well) = (monitor(&test, "spoiled").await, monitor(&test, "well").await);
    for id in [spoiled, well] {
        flip(&test, id, State::Alarm).await;
    }
    told(&test, 2).await;
    test.scratch
        .sql()
        .await
        .run(format!("update told set told_at = 9223372036854775807 where monitor_id = {spoiled}"))
        .await;
    later(&test, 61).await;
    told(&test, 3).await;
    assert_eq!(test.ops().taken.lock().unwrap()[2].monitor.name, "well");
}

/// What became worse under a mute is told at its end as that, and not by a reminder that happens to be due then, and once more.
#[tokio::test]
async fn what_was_held_back_comes_before_a_reminder() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let store = &scratch.store;
    let id = store.create_monitor(&yearly("m"), &by_server(scratch.now())).await.unwrap().id;
    scratch.manual_as(id, State::Alarm, Some(Severity::Warning)).await;
    for told in store.claim_deliveries("ops", "one", scratch.now(), Duration::from_secs(60), 9).await.unwrap() {
        settle_one(store, &told, Settlement::Sent("noted".to_owned()), scratch.now()).await;
    }
    let period = MutePeriod::once(scratch.now(), scratch.now() + SignedDuration::from_mins(90));
    store
        .add_mute(&MuteScope { monitors: vec![id], ..MuteScope::default() }, &period, &by_server(scratch.now()))
        .await
        .unwrap();
    scratch.manual_as(id, State::Alarm, Some(Severity::Critical)).await;
    scratch.clock.advance(SignedDuration::from_mins(91));
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let reminded = async || store.remind("ops", hourly, scratch.now(), 9).await.unwrap().owed;
    assert_eq!(reminded().await, 0, "it is due, and something is held back");
    assert_eq!(store.tell_held(scratch.now(), 9).await.unwrap().owed, ["ops"]);
    for told in store.claim_deliveries("ops", "one", scratch.now(), Duration::from_secs(60), 9).await.unwrap() {
        assert_eq!((told.notification.severity, told.notification.reminder), (Some(Severity::Critical), None));
        settle_one(store, &told, Settlement::Sent("noted".to_owned()), scratch.now()).await;
    }
    scratch.clock.advance(SignedDuration::from_hours(3));
    assert_eq!(reminded().await, 1, "it goes on");
}
