//! Flips and deliveries: what changed and who must be told commit together.

use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use revere::store::{
    AlertSettings, Committed, ConfiguredAlert, Delivery, DeliveryFilter, DeliveryStatus, Settlement, Store,
};
use revere_model::{MonitorId, State, StateSet};

use crate::support::{Scratch, spec};

async fn configure(scratch: &Scratch, keys: &[&str]) {
    let configured: Vec<ConfiguredAlert> =
        keys.iter().map(|key| ConfiguredAlert { key: (*key).to_owned(), enabled: true }).collect();
    scratch.store.sync_alerts(&configured, scratch.now()).await.unwrap();
}

async fn all(store: &Store) -> Vec<Delivery> {
    let mut all = store.deliveries(&DeliveryFilter { limit: 1000, ..Default::default() }).await.unwrap();
    all.reverse();
    all
}

/// What an alert owes or told, oldest first: from, to.
async fn story(store: &Store, alert: &str) -> Vec<(State, State)> {
    let told = all(store).await;
    let told = told.iter().filter(|delivery| delivery.alert_key == alert);
    told.map(|delivery| (delivery.notification.old_state, delivery.notification.new_state)).collect()
}

async fn claim(scratch: &Scratch, alert: &str) -> Vec<Delivery> {
    scratch.store.claim_deliveries(alert, "one", scratch.now(), Duration::from_secs(60), 100).await.unwrap()
}

async fn settle(scratch: &Scratch, delivery: &Delivery, settlement: Settlement) -> bool {
    scratch.store.settle_delivery(delivery, settlement, scratch.now()).await.unwrap()
}

async fn monitor(scratch: &Scratch) -> MonitorId {
    scratch.store.create_monitor(&spec("a"), scratch.now()).await.unwrap().id
}

#[tokio::test]
async fn each_alert_is_owed_what_it_tells_and_every_problem_told_gets_one_end() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    configure(&scratch, &["ops", "errors-only"]).await;
    let states = StateSet::EMPTY.with(State::Ok).with(State::Error);
    store.set_alert("errors-only", AlertSettings { enabled: true, states }, scratch.now()).await.unwrap();
    let id = monitor(&scratch).await;
    for outcome in [State::Ok, State::Ok, State::Alarm, State::Alarm, State::Error, State::Ok, State::Ok] {
        scratch.manual(id, outcome).await;
    }
    use State::{Alarm, Error, Ok};
    assert_eq!(story(store, "ops").await, [(Ok, Alarm), (Alarm, Error), (Error, Ok)], "the first success is no news");
    assert_eq!(story(store, "errors-only").await, [(Alarm, Error), (Error, Ok)]);
    assert_eq!(store.flips(id, None, 10).await.unwrap().len(), 4);
    let keys: std::collections::HashSet<String> =
        all(store).await.into_iter().map(|delivery| delivery.notification.key).collect();
    assert_eq!(keys.len(), 5, "every delivery has a key of its own");
}

#[tokio::test]
async fn a_result_answers_its_flip_and_who_is_owed() {
    let scratch = Scratch::new().await;
    configure(&scratch, &["b", "a"]).await;
    let id = monitor(&scratch).await;
    let Committed::Recorded { run, flip, owed } = scratch.manual(id, State::Alarm).await else { panic!() };
    assert_eq!(scratch.store.run(run.id).await.unwrap(), *run);
    assert_eq!(scratch.store.flips(id, None, 1).await.unwrap(), [*flip.unwrap()]);
    assert_eq!(owed, ["a", "b"]);
    let Committed::Recorded { flip, owed, .. } = scratch.manual(id, State::Alarm).await else { panic!() };
    assert_eq!((flip, owed.len()), (None, 0));
}

#[tokio::test]
async fn two_flips_that_wait_together_are_told_one_after_the_other() {
    let scratch = Scratch::new().await;
    configure(&scratch, &["ops"]).await;
    let id = monitor(&scratch).await;
    // Whether they share a transaction or not, nothing may depend on it.
    tokio::join!(scratch.manual(id, State::Alarm), scratch.manual(id, State::Ok), scratch.manual(id, State::Error));
    let flips = scratch.store.flips(id, None, 10).await.unwrap();
    let story = story(&scratch.store, "ops").await;
    assert_eq!(flips.len(), 3);
    assert_eq!(story, [(State::Inactive, State::Alarm), (State::Alarm, State::Ok), (State::Ok, State::Error)]);
}

#[tokio::test]
async fn deliveries_of_one_alert_and_monitor_go_in_order_and_of_another_at_once() {
    let scratch = Scratch::new().await;
    configure(&scratch, &["ops"]).await;
    let (one, two) = (monitor(&scratch).await, monitor(&scratch).await);
    scratch.manual(one, State::Alarm).await;
    scratch.manual(one, State::Ok).await;
    scratch.manual(two, State::Alarm).await;
    let due = claim(&scratch, "ops").await;
    assert_eq!(due.iter().map(|delivery| delivery.monitor_id).collect::<Vec<_>>(), [one, two]);
    assert_eq!(claim(&scratch, "ops").await, [], "what is claimed is hidden");
    let later = scratch.now() + 30.seconds();
    assert!(settle(&scratch, &due[0], Settlement::Again(later, "503".to_owned())).await);
    assert_eq!(claim(&scratch, "ops").await, [], "the second must not overtake the first");
    scratch.clock.set(later);
    let again = claim(&scratch, "ops").await;
    assert_eq!((again[0].id, again[0].attempts), (due[0].id, 2));
    assert_eq!(again[0].notification.key, due[0].notification.key);
    assert!(!settle(&scratch, &due[0], Settlement::Sent("late".to_owned())).await, "an old attempt settles nothing");
    assert!(settle(&scratch, &again[0], Settlement::Sent("200 OK".to_owned())).await);
    let next = claim(&scratch, "ops").await;
    assert_eq!((next[0].monitor_id, next[0].notification.new_state), (one, State::Ok));
    let sent = scratch.store.delivery(due[0].id).await.unwrap();
    assert_eq!((sent.status, sent.reply.as_deref(), sent.attempts), (DeliveryStatus::Sent, Some("200 OK"), 2));
}

#[tokio::test]
async fn what_is_owed_survives_a_restart_and_a_crash_between_sending_and_marking_sends_the_same_key_again() {
    let scratch = Scratch::new().await;
    configure(&scratch, &["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    scratch.manual(id, State::Ok).await;
    let before = claim(&scratch, "ops").await;
    let scratch = scratch.reopened().await;
    configure(&scratch, &["ops"]).await;
    assert_eq!(scratch.store.release_deliveries("two", scratch.now()).await.unwrap(), 1);
    let after = claim(&scratch, "ops").await;
    assert_eq!((after.len(), after[0].attempts), (1, 2));
    assert_eq!(after[0].notification, before[0].notification);
}

#[tokio::test]
async fn what_is_given_up_is_told_once_through_another_alert() {
    let scratch = Scratch::new().await;
    configure(&scratch, &["broken", "spare"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let due = claim(&scratch, "broken").await;
    settle(&scratch, &due[0], Settlement::Failed("404 Not Found".to_owned())).await;
    let told = all(&scratch.store).await;
    let instead: Vec<&Delivery> = told.iter().filter(|delivery| delivery.instead_of == Some(due[0].id)).collect();
    assert_eq!(instead.len(), 1);
    assert_eq!(instead[0].alert_key, "spare");
    assert!(instead[0].notification.message.contains("'broken' could not tell this: 404 Not Found"));
    for delivery in claim(&scratch, "spare").await.into_iter().chain(claim(&scratch, "spare").await) {
        settle(&scratch, &delivery, Settlement::Failed("no".to_owned())).await;
    }
    let last = claim(&scratch, "spare").await;
    settle(&scratch, &last[0], Settlement::Failed("no".to_owned())).await;
    // "spare"'s own failure is told by "broken"; the substitute's failure by nobody: it ends.
    let substitutes = all(&scratch.store).await.into_iter().filter(|delivery| delivery.instead_of.is_some()).count();
    assert_eq!(substitutes, 2);
}

#[tokio::test]
async fn switching_an_alert_off_cancels_what_it_owes_and_on_makes_no_storm() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    configure(&scratch, &["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let off = AlertSettings { enabled: false, states: StateSet::DEFAULT_TOLD };
    store.set_alert("ops", off, scratch.now()).await.unwrap();
    scratch.manual(id, State::Error).await;
    store.set_alert("ops", AlertSettings { enabled: true, ..off }, scratch.now()).await.unwrap();
    scratch.manual(id, State::Ok).await;
    let told = all(store).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].status, DeliveryStatus::Cancelled);
    scratch.manual(id, State::Alarm).await;
    assert_eq!(story(store, "ops").await.last(), Some(&(State::Ok, State::Alarm)));
}

#[tokio::test]
async fn an_alert_that_leaves_the_config_keeps_its_settings_and_ends_on_its_return_what_it_told() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    configure(&scratch, &["ops", "other"]).await;
    let states = StateSet::EMPTY.with(State::Ok).with(State::Alarm);
    store.set_alert("ops", AlertSettings { enabled: true, states }, scratch.now()).await.unwrap();
    let (told, untold) = (monitor(&scratch).await, monitor(&scratch).await);
    scratch.manual(told, State::Alarm).await;
    configure(&scratch, &["other"]).await;
    scratch.manual(told, State::Ok).await;
    scratch.manual(untold, State::Alarm).await;
    assert_eq!(story(store, "ops").await.len(), 1);
    scratch.clock.advance(SignedDuration::from_hours(1));
    configure(&scratch, &["ops", "other"]).await;
    let row = store.alerts().await.unwrap().into_iter().find(|row| row.key == "ops").unwrap();
    assert_eq!((row.states, row.in_config, row.enabled), (states, true, true));
    assert_eq!(story(store, "ops").await, [(State::Inactive, State::Alarm), (State::Alarm, State::Ok)]);
}

#[tokio::test]
async fn filters_of_the_delivery_log_combine() {
    let scratch = Scratch::new().await;
    configure(&scratch, &["a", "b"]).await;
    let (one, two) = (monitor(&scratch).await, monitor(&scratch).await);
    scratch.manual(one, State::Alarm).await;
    scratch.manual(two, State::Alarm).await;
    let due = claim(&scratch, "a").await;
    settle(&scratch, &due[0], Settlement::Sent("ok".to_owned())).await;
    let find = async |filter: DeliveryFilter| scratch.store.deliveries(&filter).await.unwrap().len();
    let base = DeliveryFilter { limit: 10, ..Default::default() };
    assert_eq!(find(DeliveryFilter { monitor: Some(one), ..base.clone() }).await, 2);
    assert_eq!(find(DeliveryFilter { alert: Some("a".to_owned()), ..base.clone() }).await, 2);
    assert_eq!(find(DeliveryFilter { status: Some(DeliveryStatus::Sent), ..base.clone() }).await, 1);
    let none = DeliveryFilter { monitor: Some(two), status: Some(DeliveryStatus::Sent), ..base.clone() };
    assert_eq!(find(none).await, 0);
    let page = scratch.store.deliveries(&DeliveryFilter { limit: 3, ..base.clone() }).await.unwrap();
    assert_eq!(find(DeliveryFilter { before: Some(page[2].id), ..base }).await, 1);
    assert_eq!(scratch.store.owed().await.unwrap().iter().map(|(_, count, _)| count).sum::<u64>(), 3);
}
