//! Fences: what no longer holds when it is written changes nothing, whoever else writes to the database.

use std::time::Duration;

use revere::store::{Committed, ConfiguredAlert, HandedBack, Settlement, StoreError};
use revere_model::{MonitorSpec, State};

use crate::support::{Scratch, Sql, at, by_server, settle_one, spec};

/// A monitor in `ALARM` that an alert tells of, with a tick that `one` has claimed.
async fn claimed() -> (Scratch, revere::store::Claimed) {
    let scratch = Scratch::new().await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.manual(id, State::Alarm).await;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    (scratch, claimed)
}

/// What another server does when it takes a claim over.
async fn taken_by_another(sql: &mut Sql) {
    sql.run("update dues set attempt = attempt + 1, claimed_by = 'another'").await;
}

#[tokio::test]
async fn a_result_whose_claim_another_took_leaves_nothing_behind() {
    let (scratch, claimed) = claimed().await;
    let mut sql = scratch.sql().await;
    taken_by_another(&mut sql).await;
    let before = sql.everything().await;
    assert_eq!(scratch.finish(&claimed, State::Ok).await, Committed::Superseded);
    assert_eq!(sql.everything().await, before, "no run, no flip, nothing owed, no state");
}

#[tokio::test]
async fn a_claim_that_another_took_is_not_given_back() {
    let (scratch, claimed) = claimed().await;
    let mut sql = scratch.sql().await;
    taken_by_another(&mut sql).await;
    let before = sql.everything().await;
    let fault = Some("no interpreter".to_owned());
    let back = HandedBack { monitor_id: claimed.monitor_id, attempt: claimed.attempt, fault, retry_at: scratch.now() };
    scratch.store.hand_back(vec![back]).await.unwrap();
    assert_eq!(scratch.store.release_node("one", scratch.now()).await.unwrap(), 0);
    assert_eq!(sql.everything().await, before);
}

#[tokio::test]
async fn a_delivery_that_another_took_is_not_put_off_or_given_up_and_one_that_was_sent_is() {
    let (scratch, _) = claimed().await;
    let minute = Duration::from_secs(60);
    let sending = scratch.store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap().remove(0);
    let mut sql = scratch.sql().await;
    sql.run("update deliveries set attempts = attempts + 1, claimed_by = 'another'").await;
    let before = sql.everything().await;
    for settlement in [Settlement::Again(scratch.now(), "503".to_owned()), Settlement::Failed("410".to_owned())] {
        assert!(!settle_one(&scratch.store, &sending, settlement, scratch.now()).await);
    }
    assert_eq!(sql.everything().await, before);
    let sent = Settlement::Sent("200 OK".to_owned());
    assert!(settle_one(&scratch.store, &sending, sent, scratch.now()).await, "that is true whoever says it");
}

#[tokio::test]
async fn an_edit_or_deletion_of_a_version_that_is_past_changes_nothing() {
    let (scratch, claimed) = claimed().await;
    let id = claimed.monitor_id;
    let was = scratch.store.monitor(id).await.unwrap();
    let mut sql = scratch.sql().await;
    sql.run("update monitors set version = version + 1, name = 'theirs'").await;
    let before = sql.everything().await;
    let mine = MonitorSpec { name: "mine".to_owned(), active: false, ..was.spec.clone() };
    let edited = scratch.store.update_monitor(id, was.version, &mine, &by_server(scratch.now())).await;
    assert!(matches!(&edited, Err(StoreError::Conflict(now)) if now.spec.name == "theirs"), "{edited:?}");
    let deleted = scratch.store.delete_monitor_at(id, was.version, &by_server(scratch.now())).await;
    assert!(matches!(deleted, Err(StoreError::Conflict(_))), "{deleted:?}");
    assert_eq!(sql.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_result_and_a_server_that_takes_the_claim_at_the_same_time_one_wins() {
    let scratch = Scratch::new().await;
    for name in 0..60 {
        scratch.store.create_monitor(&spec(&format!("m{name}")), &by_server(scratch.now())).await.unwrap();
    }
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claims = scratch.claim().await;
    assert_eq!(claims.len(), 60);
    let mut takers = tokio::task::JoinSet::new();
    for half in claims.chunks(20) {
        let mut sql = scratch.sql().await;
        let wanted: Vec<(i64, i64)> = half.iter().map(|claim| (claim.monitor_id.0, claim.attempt)).collect();
        takers.spawn(async move {
            let mut taken = Vec::new();
            for (monitor, attempt) in wanted {
                let rows = sql.run(format!(
                    "update dues set attempt = attempt + 1, claimed_by = 'another'
                     where monitor_id = {monitor} and attempt = {attempt} and claimed_by is not null"
                ));
                taken.extend((rows.await == 1).then_some(monitor));
            }
            taken
        });
    }
    let results = claims.iter().rev().map(|claim| scratch.finish(claim, State::Alarm));
    let (committed, taken) = tokio::join!(futures_util::future::join_all(results), takers.join_all());
    let taken: Vec<i64> = taken.into_iter().flatten().collect();
    for (claim, committed) in claims.iter().rev().zip(&committed) {
        let other = taken.contains(&claim.monitor_id.0);
        assert_eq!(*committed == Committed::Superseded, other, "monitor {}: {committed:?}", claim.monitor_id);
    }
    let mut sql = scratch.sql().await;
    for table in ["runs", "flips"] {
        let rows = sql.number(format!("select count(*) from {table}")).await;
        assert_eq!(rows as usize, claims.len() - taken.len(), "{table}");
    }
    scratch.assert_sound().await;
}
