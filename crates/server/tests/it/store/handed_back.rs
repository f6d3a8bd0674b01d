//! Claims that end without a result where several servers share a PostgreSQL, also at the moment at which somebody switches their
//! monitor off.

use revere::store::{Claimed, HandedBack, Store};
use revere_model::{GapReason, RunKind};

use super::shared_database::is_waited_for;
use crate::support::{Scratch, TestDatabase, at, by_server, claims_in_force, spec, switched, until};

/// When it happens: the claim's time is over, and ticks came that found it running.
const THEN: &str = "2026-01-01T00:03:30Z";

/// Ends a claim by `way` while its monitor is being switched off: what that writes is not committed yet.
async fn while_it_is_switched_off(way: impl AsyncFnOnce(&Store, &Claimed)) {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let other = scratch.beside().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim_as("one").await.remove(0);
    scratch.clock.set(at(THEN));

    // The edit has written what is due of the monitor when it comes to the ticks that found it running.
    let (mut held, mut watch) = (scratch.sql().await, scratch.sql().await);
    held.run("begin; lock table gaps in share mode").await;
    let own = held.number("select cast(pg_backend_pid() as bigint)").await;
    let waits_for_the_edit = format!(
        "select count(*) from pg_stat_activity a where exists (select 1 from unnest(pg_blocking_pids(a.pid)) as b (pid)
             where cast({own} as int) = any(pg_blocking_pids(b.pid)))"
    );
    let letting_go = async {
        is_waited_for(&mut held, &mut watch, "it is being switched off").await;
        tokio::join!(way(&other.store, &claimed), async {
            until("the claim's end waits for that", async || watch.number(waits_for_the_edit.clone()).await > 0).await;
            held.run("commit").await;
        });
    };
    let (off, ()) = tokio::join!(switched(&scratch.store, id, false, scratch.now()), letting_go);
    assert!(!off.spec.active);

    let is = scratch.store.monitor(id).await.unwrap();
    assert_eq!((is.missed_ticks, is.overlapped_ticks, is.next_run_at), (1, 2, None));
    let gaps = scratch.store.gaps(id, None, 9).await.unwrap();
    let mut counted: Vec<_> = gaps.iter().map(|(_, gap)| (gap.first_tick_at, gap.reason)).collect();
    counted.sort_unstable_by_key(|(first, _)| *first);
    let (running, found_running) = (at("2026-01-01T00:01:00Z"), at("2026-01-01T00:02:00Z"));
    assert_eq!(counted, [(running, GapReason::Missed), (found_running, GapReason::Overlapped)]);
    assert_eq!(scratch.store.next_due(scratch.now()).await.unwrap(), None, "whoever is off is not due");
    assert_eq!(scratch.claim_as("two").await, []);
    scratch.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_that_stops_hands_back_of_a_monitor_that_is_switched_off_does_not_run() {
    while_it_is_switched_off(async |store, _| assert_eq!(store.release_node("one", at(THEN)).await.unwrap(), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_of_a_monitor_that_is_switched_off_does_not_run() {
    while_it_is_switched_off(async |store, _| assert_eq!(store.take_back("two", at(THEN)).await.unwrap().runs, 1))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_could_not_be_made_of_a_monitor_that_is_switched_off_is_not_tried_again() {
    while_it_is_switched_off(async |store, claimed| {
        let (monitor_id, attempt) = (claimed.monitor_id, claimed.attempt);
        let fault = Some("no interpreter".to_owned());
        store.hand_back(vec![HandedBack { monitor_id, attempt, fault, retry_at: at(THEN) }]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_handed_back_is_found_at_once_however_long_ago_it_came() {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    let other = scratch.beside().await;
    scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    let tick = at("2026-01-01T00:01:00Z");
    scratch.clock.set(tick);
    assert_eq!(scratch.claim_as("one").await.len(), 1);
    scratch.clock.set(at("2026-01-01T00:01:50Z"));
    // The other one has looked at all that is due, and does not look at all of it again for some seconds.
    assert_eq!(other.store.next_due(other.now()).await.unwrap(), Some(at("2026-01-01T00:02:00Z")));
    assert_eq!(scratch.store.release_node("one", scratch.now()).await.unwrap(), 1);
    assert_eq!(other.store.next_due(other.now()).await.unwrap(), Some(other.now()));
    let again = other.claim_as("two").await.remove(0);
    assert_eq!((again.tick_at, again.kind), (tick, RunKind::CatchUp));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_is_about_to_claim_when_it_stops_is_handed_back_too() {
    let scratch = Scratch::on(TestDatabase::on_a_server().await, |_| {}).await;
    scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let (mut held, mut watch) = (scratch.sql().await, scratch.sql().await);
    held.run("begin; lock table monitors in access exclusive mode").await;
    let request = scratch.claim_request();
    let store = scratch.store.clone();
    let claiming = tokio::spawn(async move { store.claim_due(&request).await });
    is_waited_for(&mut held, &mut watch, "it is about to claim").await;
    // As the task is that claims.
    claiming.abort();
    assert!(claiming.await.unwrap_err().is_cancelled());
    let (back, _) = tokio::join!(scratch.store.release_node("one", scratch.now()), held.run("commit"));
    assert_eq!(back.unwrap(), 1);
    assert_eq!(claims_in_force(&scratch.store).await, 0);
}
