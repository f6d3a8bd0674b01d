//! Fences: what no longer holds when it is written changes nothing, whoever else writes to the database.

use std::time::Duration;

use revere::store::{Committed, ConfiguredAlert, HandedBack, Settlement, StoreError};
use revere_model::{MonitorSpec, State};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::support::{Scratch, at, by_server, spec};

/// Everything that the database holds, but for what names the schema.
async fn everything(outside: &mut SqliteConnection) -> Vec<String> {
    let tables: Vec<String> =
        sqlx::query_scalar("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'")
            .fetch_all(&mut *outside)
            .await
            .unwrap();
    let mut all = Vec::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("select 'quote(\"' || name || '\")' from pragma_table_info(?)")
            .bind(&table)
            .fetch_all(&mut *outside)
            .await
            .unwrap();
        let sql = format!("select '{table}: ' || {} from {table}", columns.join(" || ',' || "));
        all.extend(sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(&mut *outside).await.unwrap());
    }
    all
}

/// A monitor in `ALARM` that an alert tells of, with a tick that `one` has claimed.
async fn claimed() -> (Scratch, revere::store::Claimed) {
    let scratch = Scratch::new().await;
    let alert = ConfiguredAlert { key: "ops".to_owned(), enabled: true };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.manual(id, State::Alarm).await;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await.remove(0);
    (scratch, claimed)
}

/// What another server does when it takes a claim over.
async fn taken_by_another(outside: &mut SqliteConnection) {
    sqlx::query("update statuses set attempt = attempt + 1, claimed_by = 'another'").execute(outside).await.unwrap();
}

#[tokio::test]
async fn a_result_whose_claim_another_took_leaves_nothing_behind() {
    let (scratch, claimed) = claimed().await;
    let mut outside = scratch.outside().await;
    taken_by_another(&mut outside).await;
    let before = everything(&mut outside).await;
    assert_eq!(scratch.finish(&claimed, State::Ok).await, Committed::Superseded);
    assert_eq!(everything(&mut outside).await, before, "no run, no flip, nothing owed, no state");
}

#[tokio::test]
async fn a_claim_that_another_took_is_not_given_back() {
    let (scratch, claimed) = claimed().await;
    let mut outside = scratch.outside().await;
    taken_by_another(&mut outside).await;
    let before = everything(&mut outside).await;
    let fault = Some("no interpreter".to_owned());
    let back = HandedBack { monitor_id: claimed.monitor_id, attempt: claimed.attempt, fault, retry_at: scratch.now() };
    scratch.store.hand_back(vec![back]).await.unwrap();
    assert_eq!(scratch.store.release_node("one", scratch.now()).await.unwrap(), 0);
    assert_eq!(everything(&mut outside).await, before);
}

#[tokio::test]
async fn a_delivery_that_another_took_is_not_put_off_or_given_up_and_one_that_was_sent_is() {
    let (scratch, _) = claimed().await;
    let minute = Duration::from_secs(60);
    let sending = scratch.store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap().remove(0);
    let mut outside = scratch.outside().await;
    sqlx::query("update deliveries set attempts = attempts + 1, claimed_by = 'another'")
        .execute(&mut outside)
        .await
        .unwrap();
    let before = everything(&mut outside).await;
    for settlement in [Settlement::Again(scratch.now(), "503".to_owned()), Settlement::Failed("410".to_owned())] {
        assert!(!scratch.store.settle_delivery(&sending, settlement, scratch.now()).await.unwrap());
    }
    assert_eq!(everything(&mut outside).await, before);
    let sent = Settlement::Sent("200 OK".to_owned());
    assert!(
        scratch.store.settle_delivery(&sending, sent, scratch.now()).await.unwrap(),
        "that is true whoever says it"
    );
}

#[tokio::test]
async fn an_edit_or_deletion_of_a_version_that_is_past_changes_nothing() {
    let (scratch, claimed) = claimed().await;
    let id = claimed.monitor_id;
    let was = scratch.store.monitor(id).await.unwrap();
    let mut outside = scratch.outside().await;
    sqlx::query("update monitors set version = version + 1, name = 'theirs'").execute(&mut outside).await.unwrap();
    let before = everything(&mut outside).await;
    let mine = MonitorSpec { name: "mine".to_owned(), active: false, ..was.spec.clone() };
    let edited = scratch.store.update_monitor(id, was.version, &mine, &by_server(scratch.now())).await;
    assert!(matches!(&edited, Err(StoreError::Conflict(now)) if now.spec.name == "theirs"), "{edited:?}");
    let deleted = scratch.store.delete_monitor_at(id, was.version, &by_server(scratch.now())).await;
    assert!(matches!(deleted, Err(StoreError::Conflict(_))), "{deleted:?}");
    assert_eq!(everything(&mut outside).await, before);
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
        let mut outside = scratch.outside().await;
        let wanted: Vec<(i64, i64)> = half.iter().map(|claim| (claim.monitor_id.0, claim.attempt)).collect();
        takers.spawn(async move {
            let mut taken = Vec::new();
            for (monitor, attempt) in wanted {
                let sql = "update statuses set attempt = attempt + 1, claimed_by = 'another'
                    where monitor_id = ? and attempt = ? and claimed_by is not null";
                let one = sqlx::query(sql).bind(monitor).bind(attempt).execute(&mut outside).await.unwrap();
                taken.extend((one.rows_affected() == 1).then_some(monitor));
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
    let mut outside = scratch.outside().await;
    for table in ["runs", "flips"] {
        let sql = AssertSqlSafe(format!("select count(*) from {table}"));
        let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut outside).await.unwrap();
        assert_eq!(rows as usize, claims.len() - taken.len(), "{table}");
    }
    scratch.assert_sound().await;
}
