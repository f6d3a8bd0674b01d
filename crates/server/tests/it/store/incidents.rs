//! Incidents: what is told of one episode of not being OK carries one and the same id.

use std::sync::{Arc, atomic::AtomicU64};

use revere::store::{AlertSettings, Delivery, DeliveryFilter, ImportedMonitor, ImportedRun, Past, Store, StoreOptions};
use revere_model::{FlipId, MonitorId, RunKind, State, StateSet};

use crate::support::{Scratch, at, by_server, manual_run, older_database, settle_one, spec, switched};

/// What an alert tells, oldest first.
async fn told(store: &Store, alert: &str) -> Vec<Delivery> {
    let filter = DeliveryFilter { limit: 100, alert: Some(alert.to_owned()), ..DeliveryFilter::default() };
    let mut all = store.deliveries(&filter).await.unwrap();
    all.reverse();
    for delivery in &all {
        let told = delivery.notification.incident.as_ref();
        assert_eq!(told.map(|incident| incident.id), delivery.incident_id, "the row and what is handed on agree");
    }
    all
}

/// The state that each delivery tells, and the incident it names, by its place among those seen so far.
fn story(told: &[Delivery]) -> Vec<(State, Option<usize>)> {
    let mut seen: Vec<FlipId> = Vec::new();
    let mut place = |id: FlipId| {
        seen.iter().position(|one| *one == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        })
    };
    told.iter().map(|one| (one.notification.new_state, one.incident_id.map(&mut place))).collect()
}

async fn goes_through(scratch: &Scratch, id: MonitorId, states: &[State]) {
    for state in states {
        scratch.manual(id, *state).await;
    }
}

use State::{Alarm, Error, Inactive, Ok as Well};

#[tokio::test]
async fn beginning_changes_and_end_of_a_problem_carry_the_same_one_and_the_next_problem_another() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    goes_through(&scratch, id, &[Well, Alarm, Error, Well, Error]).await;
    let scratch = scratch.reopened().await;
    goes_through(&scratch, id, &[Alarm, Well]).await;
    let told = told(&scratch.store, "ops").await;
    let expected =
        [(Alarm, Some(0)), (Error, Some(0)), (Well, Some(0)), (Error, Some(1)), (Alarm, Some(1)), (Well, Some(1))];
    assert_eq!(story(&told), expected);
    let flips = scratch.store.flips(id, None, 9).await.unwrap();
    let opened: Vec<FlipId> =
        flips.iter().rev().filter(|flip| !flip.old_state.is_problem()).map(|flip| flip.id).collect();
    assert_eq!(
        [told[0].incident_id, told[3].incident_id],
        [Some(opened[1]), Some(opened[2])],
        "the flip that opened it"
    );
    let (first, last) = (told[0].notification.incident.clone(), told[5].notification.incident.clone());
    assert_eq!(first.as_ref().unwrap().opened_at, told[0].created_at);
    assert_ne!(first.unwrap().key, last.unwrap().key);
}

#[tokio::test]
async fn one_whose_beginning_was_not_told_has_the_same_id_for_all() {
    let scratch = Scratch::new().await;
    scratch.configure(&["all", "errors"]).await;
    let states = StateSet::EMPTY.with(Error).with(Well);
    scratch
        .store
        .set_alert("errors", AlertSettings { enabled: true, states }, &by_server(scratch.now()))
        .await
        .unwrap();
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    goes_through(&scratch, id, &[Alarm, Error, Well]).await;
    let (all, errors) = (told(&scratch.store, "all").await, told(&scratch.store, "errors").await);
    assert_eq!(story(&errors), [(Error, Some(0)), (Well, Some(0))]);
    let keys = |told: &[Delivery]| told[0].notification.incident.clone().unwrap().key;
    assert_eq!(keys(&all), keys(&errors), "one incident, whoever tells it");
}

#[tokio::test]
async fn an_alert_that_was_away_ends_the_incident_that_it_told() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    goes_through(&scratch, id, &[Alarm]).await;
    scratch.configure(&[]).await;
    goes_through(&scratch, id, &[Well, Alarm]).await;
    scratch.configure(&["ops"]).await;
    goes_through(&scratch, id, &[Well, Alarm]).await;
    assert_eq!(story(&told(&scratch.store, "ops").await), [(Alarm, Some(0)), (Well, Some(0)), (Alarm, Some(1))]);
}

#[tokio::test]
async fn switching_off_ends_one_and_what_is_given_up_keeps_it() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops", "other"]).await;
    for key in ["ops", "other"] {
        let states = State::ALL.into_iter().collect();
        scratch.store.set_alert(key, AlertSettings { enabled: true, states }, &by_server(scratch.now())).await.unwrap();
    }
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    goes_through(&scratch, id, &[Alarm]).await;
    let minute = std::time::Duration::from_secs(60);
    let claimed = scratch.store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap().remove(0);
    let failed = revere::store::Settlement::Failed("410".to_owned());
    settle_one(&scratch.store, &claimed, failed, scratch.now()).await;
    switched(&scratch.store, id, false, scratch.now()).await;
    switched(&scratch.store, id, true, scratch.now()).await;
    goes_through(&scratch, id, &[Well, Alarm]).await;
    let expected = [(Alarm, Some(0)), (Inactive, Some(0)), (Well, None), (Alarm, Some(1))];
    assert_eq!(story(&told(&scratch.store, "ops").await), expected);
    let other = told(&scratch.store, "other").await;
    assert_eq!((other[1].instead_of, other[1].incident_id), (Some(claimed.id), claimed.incident_id));
}

fn past(minute: i64, old_state: State, new_state: State) -> Past {
    Past::Run(ImportedRun {
        kind: RunKind::Imported,
        at: at("2025-12-31T00:00:00Z") + jiff::SignedDuration::from_mins(minute),
        duration: std::time::Duration::ZERO,
        outcome: new_state,
        old_state,
        new_state,
        message: String::new(),
        return_value: None,
        output: String::new(),
        traceback: None,
    })
}

#[tokio::test]
async fn one_that_came_with_an_import_is_ended_here() {
    let scratch = Scratch::new().await;
    scratch.configure(&["ops"]).await;
    let history = vec![past(1, Well, Alarm), past(2, Alarm, Well), past(3, Well, Alarm), past(4, Alarm, Error)];
    let imported = ImportedMonitor { id: None, spec: spec("a"), state: Error, heard: Error, history };
    let states = StateSet::DEFAULT_TOLD;
    let alert = revere::store::ImportedAlert { key: "ops".to_owned(), enabled: true, states };
    let stored = Arc::new(AtomicU64::new(0));
    let done = scratch.store.import(vec![imported], vec![alert], &by_server(scratch.now()), stored).await.unwrap();
    let revere::store::Takeover::Done { monitors, .. } = done else { panic!("{done:?}") };
    goes_through(&scratch, monitors[0], &[Well]).await;
    let told = told(&scratch.store, "ops").await;
    let flips = scratch.store.flips(monitors[0], None, 9).await.unwrap();
    assert_eq!((told.len(), told[0].notification.new_state), (1, Well));
    assert_eq!(told[0].incident_id, Some(flips[2].id), "the flip that opened it came with the import");
}

#[tokio::test]
async fn one_that_an_older_version_left_open_is_ended_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let rows = "insert into monitors (version, name, description, schedule, timezone, active, tags, alarm_after, recover_after,
             created_at, updated_at, script) values (1, 'a', '', '* * * * *', 'UTC', 1, '[]', 1, 1, 0, 0, 'pass');
         insert into statuses (monitor_id, state, state_since) values (1, 'ERROR', 50);
         insert into flips (monitor_id, at, old_state, new_state, message) values
             (1, 10, 'INACTIVE', 'ALARM', ''), (1, 20, 'ALARM', 'OK', ''), (1, 30, 'OK', 'ALARM', 'first'),
             (1, 40, 'ALARM', 'ERROR', ''), (1, 45, 'ERROR', 'ALARM', ''), (1, 50, 'ALARM', 'ERROR', '');
         insert into alerts (key, enabled, states, in_config, enabled_in_config)
             values ('ops', 1, '[\"OK\",\"ALARM\",\"ERROR\"]', 1, 1);
         insert into told (alert_key, monitor_id, state, open) values ('ops', 1, 'ERROR', 'ERROR');
         insert into deliveries (flip_id, alert_key, monitor_id, status, next_attempt_at, created_at, key, notification)
             values (6, 'ops', 1, 'owed', 50, 50, 'k',
                 '{\"monitor\":{\"id\":1,\"name\":\"a\"},\"old_state\":\"ALARM\",\"new_state\":\"ERROR\",\"message\":\"\",\"key\":\"k\"}');";
    older_database(&path, 5, rows).await;
    let store = Store::open(StoreOptions::new(&path)).await.unwrap();
    let now = at("2026-01-01T00:00:00Z");
    switched(&store, MonitorId(1), false, now).await;
    switched(&store, MonitorId(1), true, now).await;
    store.commit_run(manual_run(MonitorId(1), now, Well)).await.unwrap();
    let told = told(&store, "ops").await;
    assert_eq!(story(&told), [(Error, Some(0)), (Well, Some(0))]);
    assert_eq!(told[0].incident_id, Some(FlipId(3)));
    assert_eq!(told[0].notification.incident, told[1].notification.incident, "the stored words are filled in");
}
