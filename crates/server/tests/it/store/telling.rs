//! Flips and deliveries: what changed and who must be told commit together.

use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use revere::{
    alerts::{MonitorSummary, Notification},
    store::{
        AlertSettings, Committed, ConfiguredAlert, Delivery, DeliveryFilter, DeliveryStatus, NotToldFilter, Settlement,
        Store, TakenBack,
    },
};
use revere_model::{MonitorId, Silence, State, StateSet};

use crate::support::{Scratch, by_server, settle_one, spec};

pub(super) async fn all(store: &Store) -> Vec<Delivery> {
    let mut all = store.deliveries(&DeliveryFilter { limit: 1000, ..Default::default() }).await.unwrap();
    all.reverse();
    all
}

/// What an alert owes or told, oldest first: from, to.
pub(super) async fn story(store: &Store, alert: &str) -> Vec<(State, State)> {
    let told = all(store).await;
    let told = told.iter().filter(|delivery| delivery.alert_key == alert);
    told.map(|delivery| (delivery.notification.old_state, delivery.notification.new_state)).collect()
}

pub(super) async fn claim(scratch: &Scratch, alert: &str) -> Vec<Delivery> {
    scratch.store.claim_deliveries(alert, "one", scratch.now(), Duration::from_secs(60), 100).await.unwrap()
}

pub(super) async fn settle(scratch: &Scratch, delivery: &Delivery, settlement: Settlement) -> bool {
    settle_one(&scratch.store, delivery, settlement, scratch.now()).await
}

pub(super) async fn monitor(scratch: &Scratch) -> MonitorId {
    scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id
}

#[tokio::test]
async fn each_alert_is_owed_what_it_tells_and_every_problem_told_gets_one_end() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["ops", "errors-only"]).await;
    let states = StateSet::EMPTY.with(State::Ok).with(State::Error);
    store.set_alert("errors-only", AlertSettings { enabled: true, states }, &by_server(scratch.now())).await.unwrap();
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
    scratch.configure(&["b", "a"]).await;
    let id = monitor(&scratch).await;
    let Committed::Recorded { run, flip, owed } = scratch.manual(id, State::Alarm).await else { panic!() };
    assert_eq!(scratch.store.run(run.id).await.unwrap(), *run);
    assert_eq!(scratch.store.flips(id, None, 1).await.unwrap(), [*flip.unwrap()]);
    assert_eq!(owed, ["a", "b"]);
    let Committed::Recorded { flip, owed, .. } = scratch.manual(id, State::Alarm).await else { panic!() };
    assert_eq!((flip, owed.len()), (None, 0));
}

/// What nobody hears is on record with its reason, and only what somebody could have expected.
#[tokio::test]
async fn every_silence_about_a_problem_is_kept_with_its_reason() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let alert = |key: &str, enabled| ConfiguredAlert { key: key.to_owned(), enabled, ..Default::default() };
    let configured = [alert("errors", true), alert("later", false), alert("never", false), alert("off", true)];
    store.sync_alerts(&configured, scratch.now()).await.unwrap();
    let errors = AlertSettings { enabled: true, states: StateSet::EMPTY.with(State::Error) };
    store.set_alert("errors", errors, &by_server(scratch.now())).await.unwrap();
    let off = AlertSettings { enabled: false, states: StateSet::DEFAULT_TOLD };
    store.set_alert("off", off, &by_server(scratch.now())).await.unwrap();
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Ok).await;
    let filter = NotToldFilter { monitor: Some(id), limit: 9, ..NotToldFilter::default() };
    assert_eq!(store.not_told(&filter).await.unwrap(), [], "that a new monitor passes is no news");
    scratch.manual(id, State::Alarm).await;
    let kept = async |filter: &NotToldFilter| {
        let found = store.not_told(filter).await.unwrap();
        found.into_iter().map(|one| (one.reason, one.alerts.join(" "), one.new_state)).collect::<Vec<_>>()
    };
    let [elsewhere, off, not_this] = [Silence::OffInConfig, Silence::SwitchedOff, Silence::NotThisState];
    let alarm = [
        (elsewhere, "later never".to_owned(), State::Alarm),
        (off, "off".to_owned(), State::Alarm),
        (not_this, "errors".to_owned(), State::Alarm),
    ];
    assert_eq!(kept(&filter).await, alarm);
    let of_errors = NotToldFilter { alert: Some("errors".to_owned()), limit: 9, ..NotToldFilter::default() };
    assert_eq!(kept(&of_errors).await, alarm[2..]);
    let later = NotToldFilter { alert: Some("later".to_owned()), limit: 9, ..NotToldFilter::default() };
    assert_eq!(kept(&later).await, [], "its list is not full of what is not meant for it");
    scratch.manual(id, State::Ok).await;
    assert_eq!(kept(&of_errors).await[0], (not_this, "errors".to_owned(), State::Ok));
    let (days, later) = (1, scratch.now() + jiff::SignedDuration::from_hours(25));
    assert_eq!(store.purge_decisions(id, days, scratch.now(), 9).await.unwrap(), 0);
    assert_eq!(store.purge_decisions(id, days, later, 9).await.unwrap(), 6);
    assert_eq!(kept(&filter).await, []);
}

#[tokio::test]
async fn two_flips_that_wait_together_are_told_one_after_the_other() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
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
    scratch.configure(&["ops"]).await;
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
    let failed = Settlement::Failed("late".to_owned());
    assert!(!settle(&scratch, &due[0], failed).await, "an old attempt that failed settles nothing");
    assert!(settle(&scratch, &again[0], Settlement::Sent("200 OK".to_owned())).await);
    let next = claim(&scratch, "ops").await;
    assert_eq!((next[0].monitor_id, next[0].notification.new_state), (one, State::Ok));
    let sent = scratch.store.delivery(due[0].id).await.unwrap();
    assert_eq!((sent.status, sent.reply.as_deref(), sent.attempts), (DeliveryStatus::Sent, Some("200 OK"), 2));
}

#[tokio::test]
async fn what_is_owed_survives_a_restart_and_a_crash_between_sending_and_marking_sends_the_same_key_again() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    scratch.manual(id, State::Ok).await;
    let before = claim(&scratch, "ops").await;
    let scratch = scratch.reopened().await;
    scratch.configure(&["ops"]).await;
    let taken_back = scratch.store.take_back("two", scratch.now()).await.unwrap();
    assert_eq!(taken_back, TakenBack { runs: 0, deliveries: 1 });
    let after = claim(&scratch, "ops").await;
    assert_eq!((after.len(), after[0].attempts), (1, 2));
    assert_eq!(after[0].notification, before[0].notification);
}

#[tokio::test]
async fn what_is_given_up_is_told_once_through_another_alert() {
    let scratch = Scratch::new().await;
    scratch.configure(&["broken", "spare"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let due = claim(&scratch, "broken").await;
    settle(&scratch, &due[0], Settlement::Failed("404 Not Found".to_owned())).await;
    let told = all(&scratch.store).await;
    let instead: Vec<&Delivery> = told.iter().filter(|delivery| delivery.instead_of == Some(due[0].id)).collect();
    assert_eq!(instead.len(), 1);
    assert_eq!(instead[0].alert_key, "spare");
    assert!(instead[0].notification.message.contains("'broken' could not deliver this: 404 Not Found"));
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
async fn filters_of_the_delivery_log_combine() {
    let scratch = Scratch::new().await;
    scratch.configure(&["a", "b"]).await;
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

#[tokio::test]
async fn that_it_was_sent_is_recorded_however_late_and_nobody_tells_it_again() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let first = claim(&scratch, "ops").await.remove(0);
    scratch.clock.advance(SignedDuration::from_secs(61));
    let second = claim(&scratch, "ops").await.remove(0);
    assert_eq!((second.id, second.attempts), (first.id, 2), "the first one's time is over");
    assert!(settle(&scratch, &first, Settlement::Sent("250 ok".to_owned())).await, "it was sent all the same");
    assert!(!settle(&scratch, &second, Settlement::Failed("no".to_owned())).await, "it is settled");
    scratch.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(claim(&scratch, "ops").await, []);
    let told = all(&scratch.store).await;
    assert_eq!((told.len(), told[0].status, told[0].reply.as_deref()), (1, DeliveryStatus::Sent, Some("250 ok")));
}

/// Spoils a column, as a bad disk or another version might.
async fn spoil(scratch: &Scratch, sql: &str, id: i64) {
    assert_eq!(scratch.sql().await.run(format!("{sql} where id = {id}")).await, 1);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_is_told_by_its_flip_or_set_aside_and_holds_up_no_other() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let [mended, lost, sound] = [monitor(&scratch).await, monitor(&scratch).await, monitor(&scratch).await];
    for id in [mended, lost, sound] {
        scratch.manual(id, State::Alarm).await;
        scratch.manual(id, State::Ok).await;
    }
    let before = all(&scratch.store).await;
    let of = |monitor| before.iter().find(|one| one.monitor_id == monitor).unwrap();
    spoil(&scratch, "update deliveries set notification = '{\"monitor\": '", of(mended).id.0).await;
    spoil(&scratch, "update deliveries set notification = '{\"new_state\": \"SAD\"}' ", of(lost).id.0).await;
    spoil(&scratch, "update flips set new_state = 'SAD' ", of(lost).flip_id.0).await;

    let claimed = claim(&scratch, "ops").await;
    assert_eq!(claimed.iter().map(|one| one.monitor_id).collect::<Vec<_>>(), [mended, sound]);
    let (told, was) = (&claimed[0].notification, &of(mended).notification);
    assert_eq!((&told.key, told.old_state, told.new_state), (&was.key, was.old_state, was.new_state));
    assert_eq!((&told.message, &told.monitor), (&was.message, &was.monitor));

    let set_aside = scratch.store.delivery(of(lost).id).await.unwrap();
    assert_eq!(set_aside.status, DeliveryStatus::Failed);
    let fault = set_aside.last_error.unwrap();
    assert!(fault.contains("what is to be sent cannot be read") && fault.contains("SAD"), "{fault}");
    assert_eq!(all(&scratch.store).await.len(), 6, "the log shows all of them");
    let next = claim(&scratch, "ops").await;
    assert_eq!((next.len(), next[0].monitor_id, next[0].notification.new_state), (1, lost, State::Ok));
}

/// A notification as the first version stores it. What later versions add must have a default.
const STORED: &str = r#"{"monitor":{"id":1,"name":"Mail queue","url":"","tags":["mail","eu"]},"old_state":"OK","new_state":"ALARM","message":"521 mails wait","return_value":521,"tick_at":"2026-01-01T00:05:00Z","started_at":"2026-01-01T00:05:00.25Z","key":"0123456789abcdef0123456789abcdef","test":false}"#;

#[tokio::test]
async fn what_older_and_newer_versions_stored_is_read() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let stored = all(&scratch.store).await.remove(0);
    let read = async |text: &str| {
        scratch.sql().await.run(format!("update deliveries set notification = '{text}'")).await;
        scratch.store.delivery(stored.id).await.unwrap().notification
    };
    let today = read(STORED).await;
    let monitor = MonitorSummary {
        tags: vec!["mail".to_owned(), "eu".to_owned()],
        ..MonitorSummary::named(MonitorId(1), "Mail queue".to_owned())
    };
    let expected = Notification {
        old_state: State::Ok,
        new_state: State::Alarm,
        message: "521 mails wait".to_owned(),
        return_value: Some(revere_model::ReturnValue::Int(521)),
        tick_at: Some("2026-01-01T00:05:00Z".parse().unwrap()),
        started_at: Some("2026-01-01T00:05:00.25Z".parse().unwrap()),
        // Older ones say nothing of it; their row does.
        incident: stored.notification.incident.clone(),
        ..Notification::about(monitor, "0123456789abcdef0123456789abcdef".to_owned())
    };
    assert_eq!(today, expected);
    assert_eq!(read(&STORED.replace("{\"monitor\"", "{\"mood\":3,\"monitor\"")).await, expected, "a later field");
    let least = r#"{"monitor":{"id":1,"name":"Mail queue"},"old_state":"OK","new_state":"ALARM","message":"521 mails wait","key":"0123456789abcdef0123456789abcdef"}"#;
    let mut bare = expected;
    (bare.return_value, bare.tick_at, bare.started_at) = (None, None, None);
    bare.monitor.tags.clear();
    assert_eq!(read(least).await, bare);
}

#[tokio::test]
async fn states_of_an_alert_that_cannot_be_read_stop_no_run() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let id = monitor(&scratch).await;
    scratch.sql().await.run("update alerts set states = '[\"SAD\"]'").await;
    scratch.manual(id, State::Alarm).await;
    assert_eq!(story(&scratch.store, "ops").await, [(State::Inactive, State::Alarm)]);
}

#[tokio::test]
async fn what_is_given_up_is_told_by_the_alert_that_most_likely_reaches_somebody() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    scratch.configure(&["broken", "a-dead", "b-errors", "c-lively", "d-quiet"]).await;
    let errors = AlertSettings { enabled: true, states: StateSet::EMPTY.with(State::Error) };
    store.set_alert("b-errors", errors, &by_server(scratch.now())).await.unwrap();
    let id = monitor(&scratch).await;
    scratch.manual(id, State::Alarm).await;
    let dead = claim(&scratch, "a-dead").await.remove(0);
    let lively = claim(&scratch, "c-lively").await.remove(0);
    settle(&scratch, &lively, Settlement::Sent("ok".to_owned())).await;
    // The dead one's own is told by the lively one, which works; "d-quiet" has told nothing yet.
    settle(&scratch, &dead, Settlement::Failed("410 Gone".to_owned())).await;
    let broken = claim(&scratch, "broken").await.remove(0);
    settle(&scratch, &broken, Settlement::Failed("404 Not Found".to_owned())).await;
    let instead = async || -> Vec<String> {
        let told = all(store).await.into_iter().filter(|one| one.instead_of.is_some());
        told.map(|one| one.alert_key).collect()
    };
    assert_eq!(instead().await, ["c-lively", "c-lively"]);
    let off = AlertSettings { enabled: false, states: StateSet::DEFAULT_TOLD };
    store.set_alert("c-lively", off, &by_server(scratch.now())).await.unwrap();
    scratch.manual(id, State::Ok).await;
    let broken = claim(&scratch, "broken").await.remove(0);
    settle(&scratch, &broken, Settlement::Failed("404 Not Found".to_owned())).await;
    assert_eq!(instead().await[2..], ["d-quiet"], "rather than one that failed, or tells other states");
}

/// Ids say nothing of the order in which receivers answered.
#[tokio::test]
async fn what_an_alert_could_not_tell_another_tells_whose_receiver_took_what_was_settled_last() {
    let scratch = Scratch::new().await;
    scratch.configure(&["a", "b", "ops"]).await;
    let (first, second) = (monitor(&scratch).await, monitor(&scratch).await);
    scratch.manual(first, State::Alarm).await;
    scratch.manual(second, State::Alarm).await;
    for alert in ["a", "b"] {
        for delivery in claim(&scratch, alert).await {
            assert!(settle(&scratch, &delivery, Settlement::Sent("ok".to_owned())).await);
        }
    }
    let mut sql = scratch.sql().await;
    // Of a, the older delivery was taken last, after the newer one had failed and after all that b told.
    for (alert, monitor, status, settled_at) in
        [("a", first, "sent", 30), ("a", second, "failed", 10), ("b", first, "sent", 20), ("b", second, "sent", 5)]
    {
        let changed = sql.run(format!(
            "update deliveries set status = '{status}', settled_at = {settled_at}
             where alert_key = '{alert}' and monitor_id = {}",
            monitor.0
        ));
        assert_eq!(changed.await, 1);
    }
    let failed = claim(&scratch, "ops").await.remove(0);
    assert!(settle(&scratch, &failed, Settlement::Failed("410".to_owned())).await);
    let instead = "select alert_key from deliveries where status = 'owed' and alert_key <> 'ops'";
    assert_eq!(sql.texts(instead).await, ["a"]);
}
