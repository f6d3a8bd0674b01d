//! Every version of a monitor is kept, and a deleted monitor can be brought back.

use jiff::{SignedDuration, ToSpan as _};
use revere::store::{
    Author, ConfiguredAlert, DeliveryFilter, MonitorFilter, RunFilter, SavedVersion, Store, StoreError, StoreOptions,
};
use revere_model::{Actor, Asked, Door, MonitorId, MonitorSpec, Rights, SessionId, State, UserId, Who};
use revere_sandbox::script_version;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::support::{Scratch, at, by_server, older_database, spec, switched};

/// Alice, who says why.
fn by_alice(scratch: &Scratch, note: &str) -> Asked {
    let who =
        Who::Person { id: UserId(7), name: "alice".to_owned(), rights: Rights::all(), session: Some(SessionId(1)) };
    let by = Actor { who, door: Door::Page, address: None, request_id: String::new() };
    Asked { by, at: scratch.now(), note: note.to_owned() }
}

fn later(scratch: &Scratch, hours: i64) -> jiff::Timestamp {
    scratch.now() + SignedDuration::from_hours(hours)
}

async fn all(store: &Store, id: MonitorId) -> Vec<SavedVersion> {
    store.versions(id, None, 100).await.unwrap()
}

#[tokio::test]
async fn every_saving_is_kept_with_who_and_why_and_each_script_once() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.advance(SignedDuration::from_mins(5));
    let second = MonitorSpec {
        script: "return_value = 2".to_owned(),
        tags: vec!["mail".to_owned()],
        timeout_s: Some(2.5),
        ..made.spec.clone()
    };
    store.update_monitor(made.id, 1, &second, &by_alice(&scratch, "the queue moved")).await.unwrap();
    switched(store, made.id, false, scratch.now()).await;
    store.restore_version(made.id, 3, &made.spec, 1, &by_alice(&scratch, "")).await.unwrap();
    let versions = all(store, made.id).await;
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [4, 3, 2, 1]);
    let alice = Author { kind: "person".to_owned(), id: Some(7), name: Some("alice".to_owned()) };
    let server = Author { kind: "server".to_owned(), id: None, name: None };
    let authors: Vec<_> = versions.iter().map(|one| one.author.clone().unwrap()).collect();
    assert_eq!(authors, [alice.clone(), server.clone(), alice, server]);
    assert_eq!(versions.iter().map(|one| one.note.as_str()).collect::<Vec<_>>(), ["", "", "the queue moved", ""]);
    assert_eq!(versions.iter().map(|one| one.restored).collect::<Vec<_>>(), [Some(1), None, None, None]);
    assert_eq!((versions[3].saved_at, versions[2].saved_at), (made.created_at, scratch.now()));
    let scripts: Vec<_> = versions.iter().map(|one| one.script_version.clone()).collect();
    let (first, other) = (script_version(&made.spec.script), script_version(&second.script));
    assert_eq!(scripts, [first.clone(), other.clone(), other.clone(), first.clone()]);
    for (version, expected) in [
        (1, made.spec.clone()),
        (2, second.clone()),
        (3, MonitorSpec { active: false, ..second }),
        (4, made.spec.clone()),
    ] {
        assert_eq!(store.version(made.id, version).await.unwrap().spec, expected, "{version}");
    }
    assert!(matches!(store.version(made.id, 5).await, Err(StoreError::NotFound)));
    assert_eq!(store.versions(made.id, Some(3), 1).await.unwrap()[0].version, 2);
    let known = store.versions_of_scripts(made.id, &[&first, &other, "unknown"]).await.unwrap();
    assert_eq!((known.len(), known[&first], known[&other]), (2, 1, 2));
    let texts = scratch.sql().await.number("select count(*) from monitor_scripts").await;
    assert_eq!(texts, 2, "four versions have two scripts");
}

#[tokio::test]
async fn a_refused_edit_leaves_no_version() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let edit = MonitorSpec { name: "b".to_owned(), ..made.spec.clone() };
    let refused = store.update_monitor(made.id, 9, &edit, &by_server(scratch.now())).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    let refused = store.restore_version(made.id, 9, &edit, 1, &by_server(scratch.now())).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert_eq!(all(store, made.id).await.len(), 1);
}

/// The file of the release before versions were kept.
#[tokio::test]
async fn monitors_of_an_older_database_have_the_version_they_are_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revere.db");
    let rows = r#"insert into monitors (version, name, description, schedule, timezone, active, tags, alarm_after, recover_after,
               created_at, updated_at, retain_days, timeout_s, script, deleted_at)
           values (7, 'a "quoted" ü', 'line
two', '0 * * * *', 'Europe/Berlin', 0, '["mail","b c"]', 3, 2, 1000000, 2000000, 28, 2.5, 'return_value = 1', null),
               (1, 'b', '', '* * * * *', 'UTC', 1, 'damaged', 1, 1, 1000000, 1000000, null, null, 'pass', null),
               (4, 'gone', '', '* * * * *', 'UTC', 1, '[]', 1, 1, 1000000, 1000000, null, null, 'pass', 3000000);
           insert into statuses (monitor_id, state, state_since) select id, 'INACTIVE', 0 from monitors;"#;
    older_database(&path, 9, rows).await;
    let store = Store::open(StoreOptions::new(&path)).await.unwrap();
    let now = at("2026-01-01T00:00:00Z");
    let first = store.monitor(MonitorId(1)).await.unwrap();
    let kept = all(&store, first.id).await;
    assert_eq!((kept.len(), kept[0].version, kept[0].saved_at), (1, 7, first.updated_at));
    assert_eq!((&kept[0].author, kept[0].note.as_str(), kept[0].restored), (&None, "", None));
    assert_eq!(kept[0].script_version, script_version("return_value = 1"));
    assert_eq!(store.version(first.id, 7).await.unwrap().spec, first.spec);
    assert!(store.version(MonitorId(2), 1).await.unwrap().spec.tags.is_empty(), "what was damaged is empty");
    // From there on it goes on.
    let edited = MonitorSpec { name: "c".to_owned(), ..first.spec.clone() };
    store.update_monitor(first.id, 7, &edited, &by_server(now)).await.unwrap();
    assert_eq!(all(&store, first.id).await.len(), 2);
    // What was deleted before cannot be brought back: its history may be gone in part.
    assert_eq!(store.deleted_monitors(None, 9, now).await.unwrap(), []);
    assert!(matches!(store.undelete_monitor(MonitorId(3), &by_server(now)).await, Err(StoreError::NotFound)));
    while store.purge_deleted(10, now).await.unwrap() > 0 {}
    let mut outside = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let left: i64 =
        sqlx::query_scalar("select count(*) from monitors where id = 3").fetch_one(&mut outside).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_deleted_monitor_is_found_nowhere_and_comes_back_as_it_was() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    store
        .sync_alerts(&[ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() }], scratch.now())
        .await
        .unwrap();
    let mut wanted = spec("a");
    wanted.tags = vec!["mail".to_owned()];
    wanted.script = "sources['shop'].names()".to_owned();
    let made = store.create_monitor(&wanted, &by_server(scratch.now())).await.unwrap();
    scratch.manual(made.id, State::Alarm).await;
    let before = store.monitor(made.id).await.unwrap();
    let owed = || async {
        store.deliveries(&DeliveryFilter { limit: 99, ..DeliveryFilter::default() }).await.map(|found| found.len())
    };
    let filter = || MonitorFilter { limit: 9, ..MonitorFilter::default() };
    store.delete_monitor(made.id, &by_alice(&scratch, "")).await.unwrap();
    let told = owed().await.unwrap();
    assert!(matches!(store.monitor(made.id).await, Err(StoreError::NotFound)));
    assert_eq!(store.monitors(&filter()).await.unwrap(), []);
    assert_eq!(store.tags(9).await.unwrap(), []);
    assert_eq!(store.naming_source("shop", 9).await.unwrap(), (vec![], 0));
    assert_eq!(store.count_by_state().await.unwrap().values().sum::<u64>(), 0);
    scratch.clock.advance(SignedDuration::from_mins(10));
    assert!(scratch.claim().await.is_empty(), "nothing runs");
    // Its name is free at once, and it may come back all the same.
    store.create_monitor(&wanted, &by_server(scratch.now())).await.unwrap();
    let deleted = store.deleted_monitors(None, 9, scratch.now()).await.unwrap();
    assert_eq!((deleted.len(), deleted[0].id, deleted[0].name.as_str()), (1, made.id, "a"));
    assert_eq!(deleted[0].tags, ["mail"]);
    assert_eq!(deleted[0].deleted_by.as_ref().unwrap().name.as_deref(), Some("alice"));
    assert_eq!(deleted[0].kept_until, deleted[0].deleted_at + SignedDuration::from_hours(24 * 30));
    let back = store.undelete_monitor(made.id, &by_alice(&scratch, "")).await.unwrap();
    assert_eq!((back.spec.clone(), back.version, back.state), (before.spec.clone(), before.version, State::Alarm));
    assert_eq!((back.state_since, back.last_run_at), (before.state_since, before.last_run_at));
    assert_eq!(back.next_run_at, Some(scratch.now() + 1.minute()));
    assert_eq!(owed().await.unwrap(), told, "nobody is told of either");
    assert_eq!(store.tags(9).await.unwrap(), [("mail".to_owned(), 2)]);
    assert_eq!(store.naming_source("shop", 9).await.unwrap().1, 2);
    assert_eq!(store.runs(made.id, RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap().len(), 1);
    assert_eq!(all(store, made.id).await.len(), 1);
    assert_eq!(store.deleted_monitors(None, 9, scratch.now()).await.unwrap(), []);
    assert!(matches!(store.undelete_monitor(made.id, &by_server(scratch.now())).await, Err(StoreError::NotFound)));
    // Its problem was told, and its end is.
    scratch.manual(made.id, State::Ok).await;
    let ends = store.deliveries(&DeliveryFilter { limit: 99, ..DeliveryFilter::default() }).await.unwrap();
    assert_eq!(ends.iter().filter(|one| one.notification.new_state == State::Ok).count(), 1);
    scratch.assert_sound().await;
}

#[tokio::test]
async fn ticks_of_a_monitor_that_is_deleted_while_it_runs_are_accounted_for() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let made = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    scratch.clock.set(at("2026-01-01T00:03:00Z"));
    store.delete_monitor(made.id, &by_server(scratch.now())).await.unwrap();
    assert_eq!(scratch.finish(&claimed, State::Alarm).await, revere::store::Committed::Gone);
    let back = store.undelete_monitor(made.id, &by_server(scratch.now())).await.unwrap();
    assert_eq!(back.state, State::Inactive);
    assert_eq!(scratch.finish(&claimed, State::Alarm).await, revere::store::Committed::Superseded);
    let gaps = store.gaps(made.id, None, 9).await.unwrap();
    assert_eq!(gaps.iter().map(|(_, gap)| gap.count).sum::<i64>(), 3, "00:01 to 00:03: {gaps:?}");
    assert_eq!(back.missed_ticks + back.overlapped_ticks, 3);
    scratch.clock.set(at("2026-01-01T00:04:00Z"));
    let again = scratch.claim().await;
    assert_eq!((again.len(), again[0].tick_at), (1, at("2026-01-01T00:04:00Z")));
}

#[tokio::test]
async fn what_is_kept_no_longer_goes_for_good_and_what_has_begun_to_go_does_not_come_back() {
    let scratch = Scratch::with(|options| options.deleted_days = 2).await;
    let store = &scratch.store;
    let ids = [
        store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id,
        store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap().id,
    ];
    for id in ids {
        for _ in 0..5 {
            scratch.manual(id, State::Ok).await;
        }
        switched(store, id, false, scratch.now()).await;
        store.delete_monitor(id, &by_server(scratch.now())).await.unwrap();
        scratch.clock.advance(SignedDuration::from_hours(1));
    }
    let listed = async |now, after| {
        let found = store.deleted_monitors(after, 1, now).await.unwrap();
        found.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(scratch.now(), None).await, [ids[1]], "the last deleted first");
    assert_eq!(listed(scratch.now(), Some(ids[1])).await, [ids[0]]);
    assert_eq!(store.purge_deleted(2, later(&scratch, 45)).await.unwrap(), 0, "both are kept yet");
    assert_eq!(store.purge_deleted(2, later(&scratch, 46)).await.unwrap(), 2, "the first has begun to go");
    // Also for a clock that is set back.
    assert_eq!(listed(scratch.now(), None).await, [ids[1]]);
    assert_eq!(listed(scratch.now(), Some(ids[1])).await, []);
    let gone = store.undelete_monitor(ids[0], &by_server(scratch.now())).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
    while store.purge_deleted(2, later(&scratch, 46)).await.unwrap() > 0 {}
    store.undelete_monitor(ids[1], &by_server(scratch.now())).await.unwrap();
    while store.purge_deleted(2, later(&scratch, 1000)).await.unwrap() > 0 {}
    assert_eq!(all(store, ids[1]).await.len(), 2);
    let mut sql = scratch.sql().await;
    for table in ["monitors", "monitor_versions", "monitor_scripts", "runs", "states", "dues"] {
        let column = if table == "monitors" { "id" } else { "monitor_id" };
        let left = sql.number(format!("select count(*) from {table} where {column} = {}", ids[0])).await;
        assert_eq!(left, 0, "{table}");
    }
    scratch.assert_sound().await;
}
