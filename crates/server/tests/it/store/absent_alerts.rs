//! Alerts that are switched off, or that the configuration lacks for a while, and monitors that were deleted meanwhile: what is owed when
//! they are back.

use jiff::SignedDuration;
use revere::store::{AlertSettings, ConfiguredAlert, DeliveryStatus, Settlement, TakenBack};
use revere_model::{Severity, State, StateSet};

use super::telling::{all, claim, monitor, settle, story};
use crate::support::{Scratch, by_server, on_postgresql};

/// A problem that an alert told ends while nobody has the alert, the monitor is deleted, the alert returns, and the monitor is
/// brought back: what was told gets its end, and the next problem is told.
#[tokio::test]
async fn a_monitor_that_is_brought_back_owes_the_end_of_what_was_told_of_it() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Ok).await;
    scratch.manual(id, State::Alarm).await;
    for delivery in claim(&scratch, "ops").await {
        assert!(settle(&scratch, &delivery, Settlement::Sent(String::new())).await);
    }
    scratch.configure(&[]).await;
    scratch.manual(id, State::Ok).await;
    store.delete_monitor(id, &by_server(scratch.now())).await.unwrap();
    scratch.configure(&["ops"]).await;
    use State::{Alarm, Ok};
    assert_eq!(story(store, "ops").await, [(Ok, Alarm)], "nobody is told anything of what is deleted");
    store.undelete_monitor(id, &by_server(scratch.now())).await.unwrap();
    assert_eq!(story(store, "ops").await, [(Ok, Alarm), (Alarm, Ok)]);
    scratch.manual(id, State::Alarm).await;
    assert_eq!(story(store, "ops").await, [(Ok, Alarm), (Alarm, Ok), (Ok, Alarm)]);
}

#[tokio::test]
async fn switching_an_alert_off_cancels_what_it_owes_and_on_makes_no_storm() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let off = AlertSettings { enabled: false, states: StateSet::DEFAULT_TOLD };
    store.set_alert("ops", off, &by_server(scratch.now())).await.unwrap();
    scratch.manual(id, State::Error).await;
    store.set_alert("ops", AlertSettings { enabled: true, ..off }, &by_server(scratch.now())).await.unwrap();
    scratch.manual(id, State::Ok).await;
    let told = all(store).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].status, DeliveryStatus::Cancelled);
    scratch.manual(id, State::Alarm).await;
    assert_eq!(story(store, "ops").await.last(), Some(&(State::Ok, State::Alarm)));
}

#[tokio::test]
async fn an_alert_that_is_switched_on_again_tells_the_end_of_what_it_told() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops"]).await;
    let switch = async |enabled| {
        scratch.clock.advance(SignedDuration::from_mins(10));
        let change = AlertSettings { enabled, states: StateSet::DEFAULT_TOLD };
        store.set_alert("ops", change, &by_server(scratch.now())).await.unwrap();
    };
    let (ends, end_cancelled, unheard) = (monitor(&scratch).await, monitor(&scratch).await, monitor(&scratch).await);
    for id in [ends, end_cancelled] {
        scratch.manual(id, State::Alarm).await;
        let sent = claim(&scratch, "ops").await.remove(0);
        settle(&scratch, &sent, Settlement::Sent("ok".to_owned())).await;
    }
    // Owed when the alert is switched off: an end, and a problem.
    scratch.manual(end_cancelled, State::Ok).await;
    scratch.manual(unheard, State::Alarm).await;
    switch(false).await;
    scratch.manual(ends, State::Ok).await;
    scratch.manual(unheard, State::Ok).await;
    let owed = async || {
        let owed = all(store).await.into_iter().filter(|one| one.status == DeliveryStatus::Owed);
        owed.map(|one| (one.monitor_id, one.notification.old_state, one.notification.new_state)).collect::<Vec<_>>()
    };
    assert_eq!(owed().await, []);
    switch(true).await;
    let expected = [(ends, State::Alarm, State::Ok), (end_cancelled, State::Alarm, State::Ok)];
    assert_eq!(owed().await, expected, "what nobody heard has no end");
    switch(false).await;
    switch(true).await;
    assert_eq!(owed().await, expected, "cancelled once more, it is told once more");
}

#[tokio::test]
async fn an_alert_that_leaves_the_config_keeps_its_settings_and_ends_on_its_return_what_it_told() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops", "other"]).await;
    let states = StateSet::EMPTY.with(State::Ok).with(State::Alarm);
    store.set_alert("ops", AlertSettings { enabled: true, states }, &by_server(scratch.now())).await.unwrap();
    let (told, untold) = (monitor(&scratch).await, monitor(&scratch).await);
    scratch.manual(told, State::Alarm).await;
    scratch.configure(&["other"]).await;
    scratch.manual(told, State::Ok).await;
    scratch.manual(untold, State::Alarm).await;
    assert_eq!(story(store, "ops").await.len(), 1);
    scratch.clock.advance(SignedDuration::from_hours(1));
    scratch.configure(&["ops", "other"]).await;
    let row = store.alerts().await.unwrap().into_iter().find(|row| row.key == "ops").unwrap();
    assert_eq!((row.states, row.in_config, row.enabled), (states, true, true));
    assert_eq!(story(store, "ops").await, [(State::Inactive, State::Alarm), (State::Alarm, State::Ok)]);
}

#[tokio::test]
async fn what_became_worse_while_an_alert_was_away_is_told_when_it_returns() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops"]).await;
    let told = async || -> Vec<(State, Option<Severity>)> {
        let told = all(store).await.into_iter();
        told.map(|one| (one.notification.new_state, one.notification.severity())).collect()
    };
    let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
    let id = monitor(&scratch).await;
    scratch.manual_as(id, State::Alarm, warning).await;
    scratch.configure(&[]).await;
    scratch.clock.advance(SignedDuration::from_mins(1));
    scratch.manual_as(id, State::Alarm, critical).await;
    scratch.configure(&["ops"]).await;
    assert_eq!(told().await, [(State::Alarm, warning), (State::Alarm, critical)]);

    // It was away while the problem ended, came again, and became worse.
    scratch.configure(&[]).await;
    for (state, severity) in [(State::Ok, None), (State::Alarm, warning), (State::Alarm, critical)] {
        scratch.clock.advance(SignedDuration::from_mins(1));
        scratch.manual_as(id, state, severity).await;
    }
    scratch.configure(&["ops"]).await;
    assert_eq!(told().await.len(), 2, "it has told a critical problem");
    scratch.manual(id, State::Ok).await;
    assert_eq!(told().await[2..], [(State::Ok, None)]);
}

#[tokio::test]
async fn an_alert_that_comes_back_switched_off_owes_nothing_any_more() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["by-people", "in-config", "later", "stays"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    scratch.configure(&["stays"]).await;
    let owed = async || {
        let owed = all(store).await.into_iter().filter(|one| one.status == DeliveryStatus::Owed);
        owed.map(|one| one.alert_key).collect::<Vec<_>>()
    };
    assert_eq!(owed().await, ["by-people", "in-config", "later", "stays"], "it waits for their return");
    let off = AlertSettings { enabled: false, states: StateSet::DEFAULT_TOLD };
    store.set_alert("by-people", off, &by_server(scratch.now())).await.unwrap();
    assert_eq!(owed().await, ["in-config", "later", "stays"], "people know what they switch off");

    let on = |key: &str, enabled| ConfiguredAlert { key: key.to_owned(), enabled, ..Default::default() };
    let configured = [on("by-people", true), on("in-config", false), on("later", true), on("stays", true)];
    store.sync_alerts(&configured, scratch.now()).await.unwrap();
    assert_eq!(owed().await, ["later", "stays"]);
    let cancelled = all(store).await.into_iter().filter(|one| one.status == DeliveryStatus::Cancelled);
    assert!(cancelled.into_iter().all(|one| one.last_error.as_deref() == Some("the alert was switched off")));

    // Switched on again they follow from there: what was cancelled is not ended.
    store.set_alert("by-people", AlertSettings { enabled: true, ..off }, &by_server(scratch.now())).await.unwrap();
    scratch.configure(&["by-people", "in-config", "later", "stays"]).await;
    scratch.manual(id, State::Ok).await;
    assert_eq!(owed().await, ["later", "stays", "later", "stays"]);
}

#[tokio::test]
async fn an_alert_whose_states_were_changed_while_it_was_away_tells_by_the_new_ones() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops"]).await;
    let (owes, ended) = (monitor(&scratch).await, monitor(&scratch).await);
    scratch.manual(ended, State::Alarm).await;
    let sent = claim(&scratch, "ops").await.remove(0);
    settle(&scratch, &sent, Settlement::Sent("ok".to_owned())).await;
    scratch.manual(owes, State::Alarm).await;
    scratch.configure(&[]).await;
    scratch.manual(owes, State::Error).await;
    scratch.manual(ended, State::Ok).await;
    let states = StateSet::EMPTY.with(State::Alarm).with(State::Error);
    store.set_alert("ops", AlertSettings { enabled: true, states }, &by_server(scratch.now())).await.unwrap();
    scratch.configure(&["ops"]).await;
    let told: Vec<_> =
        all(store).await.into_iter().map(|one| (one.monitor_id, one.notification.new_state, one.status)).collect();
    let (sent, owed) = (DeliveryStatus::Sent, DeliveryStatus::Owed);
    assert_eq!(
        told,
        [(ended, State::Alarm, sent), (owes, State::Alarm, owed), (owes, State::Error, owed)],
        "it tells no end any more, and first what it owed"
    );
}

#[tokio::test]
async fn a_start_with_an_unchanged_configuration_writes_nothing() {
    let scratch = Scratch::new().await;
    let off = ConfiguredAlert { key: "off".to_owned(), enabled: false, ..Default::default() };
    let on = ConfiguredAlert { key: "on".to_owned(), enabled: true, ..Default::default() };
    let configured = [on.clone(), off];
    let before = scratch.store.sync_alerts(&configured, scratch.now()).await.unwrap();
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let mut sql = scratch.sql().await;
    let counted = match on_postgresql() {
        // The transactions that wrote the rows.
        true => "select cast(sum(cast(cast(xmin as text) as bigint)) as bigint) from alerts",
        false => "pragma data_version",
    };
    let mut version = async || sql.number(counted).await;
    let (unwritten, writes) = (version().await, scratch.store.health().writes);
    assert_eq!(scratch.store.sync_alerts(&configured, scratch.now()).await.unwrap(), before);
    assert_eq!(scratch.store.take_back("new", scratch.now()).await.unwrap(), TakenBack::default());
    assert_eq!((version().await, scratch.store.health().writes), (unwritten, writes));
    scratch.store.sync_alerts(&[on], scratch.now()).await.unwrap();
    assert_ne!(version().await, unwritten, "a change is seen by this");
}
