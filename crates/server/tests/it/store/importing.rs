//! A past taken over from elsewhere: with its runs, its flips, and what was told of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{Timestamp, ToSpan};
use revere::{
    alerts::Notification,
    store::{
        ConfiguredAlert, DeliveryFilter, DeliveryStatus, ImportedAlert, ImportedChange, ImportedMonitor, ImportedRun,
        MonitorFilter, Past, PastAlert, PastDelivery, RunFilter, Settlement, Takeover,
    },
};
use revere_model::{MonitorId, MonitorSpec, ReturnValue, RunKind, State, StateSet};

use crate::support::{Scratch, at, by_server, spec};

/// A run `minutes` after a day in spring.
fn run(minutes: i64, old_state: State, new_state: State) -> Past {
    Past::Run(ImportedRun {
        kind: RunKind::Imported,
        at: at("2013-05-05T00:00:00Z") + minutes.minutes(),
        duration: Duration::ZERO,
        outcome: new_state,
        old_state,
        new_state,
        message: format!("{new_state}"),
        return_value: Some(ReturnValue::Int(minutes)),
        output: String::new(),
        traceback: None,
    })
}

/// An alert that reached people at once.
fn pager(_: &Notification, at: Timestamp) -> PastDelivery {
    PastDelivery { attempts: 1, at: at + 1.second(), settlement: Settlement::Sent("paged".to_owned()) }
}

/// An alert that could never tell that all is well, and still tries to tell the rest.
fn room(notification: &Notification, at: Timestamp) -> PastDelivery {
    match notification.new_state {
        State::Ok => {
            PastDelivery { attempts: 9, at: at + 24.hours(), settlement: Settlement::Failed("404".to_owned()) }
        }
        _ => PastDelivery { attempts: 3, at, settlement: Settlement::Again(at + 7.minutes(), "503".to_owned()) },
    }
}

#[tokio::test]
async fn an_import_keeps_history_and_state_tells_nobody_and_goes_on_from_there() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let edited = Past::Change(ImportedChange {
        at: at("2013-05-04T00:00:00Z"),
        old_state: State::Ok,
        new_state: State::Inactive,
        message: "Monitor edited".to_owned(),
    });
    let history =
        vec![edited, run(0, State::Inactive, State::Ok), run(1, State::Ok, State::Ok), run(2, State::Ok, State::Alarm)];
    let monitor = ImportedMonitor {
        id: Some(MonitorId(7)),
        spec: spec("old"),
        state: State::Alarm,
        heard: State::Alarm,
        history,
    };
    let off = ImportedMonitor {
        id: None,
        spec: MonitorSpec { active: false, ..spec("off") },
        state: State::Alarm,
        heard: State::Ok,
        history: Vec::new(),
    };
    let states = StateSet::EMPTY.with(State::Ok).with(State::Alarm);
    let alert = ImportedAlert { key: "ops".to_owned(), enabled: true, states };
    let stored = Arc::new(AtomicU64::new(0));
    let asked = by_server(scratch.now());
    let import = || store.import(vec![monitor.clone(), off.clone()], vec![alert.clone()], &asked, stored.clone());
    let Takeover::Done { monitors: ids, .. } = import().await.unwrap() else { panic!("nothing was there before") };
    assert_eq!((ids[0], stored.load(Ordering::Relaxed)), (MonitorId(7), 3));
    assert_eq!(import().await.unwrap(), Takeover::Taken(vec![MonitorId(7)]), "a second time would double everything");
    assert_eq!(store.monitors(&MonitorFilter { limit: 10, ..MonitorFilter::default() }).await.unwrap().len(), 2);
    let taken = store.monitor(ids[0]).await.unwrap();
    assert_eq!((taken.state, taken.state_since), (State::Alarm, at("2013-05-05T00:02:00Z")));
    assert_eq!((taken.last_value, taken.last_run_at), (Some(ReturnValue::Int(2)), Some(at("2013-05-05T00:02:00Z"))));
    assert_eq!(taken.next_run_at, Some(at("2026-01-01T00:01:00Z")), "old ticks are not missed ticks");
    assert_eq!(store.monitor(ids[1]).await.unwrap().state, State::Inactive);
    assert_eq!(store.flips(ids[0], None, 10).await.unwrap().len(), 3);
    assert_eq!(store.alerts().await.unwrap()[0].states, states);
    scratch.manual(ids[0], State::Alarm).await;
    let runs = store.runs(ids[0], RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
    assert_eq!(
        runs.iter().map(|run| run.kind).collect::<Vec<_>>(),
        [RunKind::Manual, RunKind::Imported, RunKind::Imported, RunKind::Imported]
    );
    // The problem was told before the import, so its end is told after it; what was off stays untold.
    store
        .sync_alerts(&[ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() }], scratch.now())
        .await
        .unwrap();
    scratch.manual(ids[0], State::Ok).await;
    let owed = store.deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).await.unwrap();
    let told: Vec<_> = owed.iter().map(|owed| (owed.notification.old_state, owed.notification.new_state)).collect();
    assert_eq!(told, [(State::Alarm, State::Ok)]);
    scratch.assert_sound().await;
}

#[tokio::test]
async fn an_import_stores_what_was_told_by_the_rule_and_alerts_go_on_from_there() {
    use State::{Alarm, Error, Inactive};
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let monitor =
        |name: &str, state, history| ImportedMonitor { id: None, spec: spec(name), state, heard: Inactive, history };
    let a = vec![
        run(0, Inactive, State::Ok),
        run(10, State::Ok, Alarm),
        run(20, Alarm, State::Ok),
        run(30, State::Ok, Error),
    ];
    let b = vec![run(5, Inactive, Alarm), run(15, Alarm, Alarm), run(25, Alarm, State::Ok)];
    let alerts = vec![
        PastAlert {
            key: "pager".to_owned(),
            states: StateSet::EMPTY.with(Alarm).with(State::Ok),
            fared: Arc::new(pager),
        },
        PastAlert {
            key: "room".to_owned(),
            states: StateSet::EMPTY.with(Error).with(State::Ok),
            fared: Arc::new(room),
        },
    ];
    let stored = Arc::new(AtomicU64::new(0));
    let monitors = vec![monitor("a", Error, a), monitor("b", State::Ok, b)];
    let taken = store.import_told(monitors, alerts, &by_server(scratch.now()), stored.clone()).await.unwrap();
    let Takeover::Done { monitors: ids, .. } = taken else { panic!("{taken:?}") };
    assert_eq!(stored.load(Ordering::Relaxed), 7);

    let order = scratch.sql().await.texts("select return_value from flips order by id").await;
    assert_eq!(order, ["0", "5", "10", "20", "25", "30"], "flips of all monitors are in the order of time");

    let log = store.deliveries(&DeliveryFilter { limit: 100, ..DeliveryFilter::default() }).await.unwrap();
    let told: Vec<_> = log
        .iter()
        .rev()
        .map(|one| {
            let name = one.notification.monitor.name.as_str();
            (one.alert_key.as_str(), name, one.notification.old_state, one.notification.new_state, one.status)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("pager", "b", Inactive, Alarm, DeliveryStatus::Sent),
            ("pager", "a", State::Ok, Alarm, DeliveryStatus::Sent),
            ("pager", "a", Alarm, State::Ok, DeliveryStatus::Sent),
            ("room", "a", Alarm, State::Ok, DeliveryStatus::Failed),
            ("pager", "b", Alarm, State::Ok, DeliveryStatus::Sent),
            ("room", "b", Alarm, State::Ok, DeliveryStatus::Failed),
            ("room", "a", State::Ok, Error, DeliveryStatus::Owed),
            ("pager", "a", Alarm, State::Ok, DeliveryStatus::Sent),
            ("pager", "b", Alarm, State::Ok, DeliveryStatus::Sent),
        ]
    );
    let (instead, failed, owed, sent) = (&log[1], &log[5], &log[2], &log[8]);
    assert_eq!((instead.instead_of, instead.flip_id), (Some(failed.id), failed.flip_id));
    assert!(instead.notification.message.contains("'room' could not deliver this: 404"), "{instead:?}");
    assert_eq!((failed.attempts, failed.settled_at), (9, Some(failed.created_at + 24.hours())));
    assert_eq!((owed.attempts, owed.next_attempt_at), (3, Some(owed.created_at + 7.minutes())));
    assert_eq!((sent.reply.as_deref(), sent.settled_at), (Some("paged"), Some(sent.created_at + 1.second())));
    let flips = store.flips(sent.monitor_id, None, 100).await.unwrap();
    assert!(flips.iter().any(|flip| flip.id == sent.flip_id && flip.at == sent.created_at));

    // The room told of the error, so it tells its end; the pager told of none, and tells none.
    let configured =
        ["pager", "room"].map(|key| ConfiguredAlert { key: key.to_owned(), enabled: true, ..Default::default() });
    store.sync_alerts(&configured, scratch.now()).await.unwrap();
    scratch.manual(ids[0], State::Ok).await;
    let last = &store.deliveries(&DeliveryFilter { limit: 2, ..DeliveryFilter::default() }).await.unwrap();
    let told: Vec<_> = last.iter().map(|one| (one.alert_key.as_str(), one.notification.old_state)).collect();
    assert_eq!(told[0], ("room", Error));
    assert_eq!((last[0].next_attempt_at, told[1].0), (None, "pager"), "it waits behind what the room still owes");
    scratch.assert_sound().await;
}
