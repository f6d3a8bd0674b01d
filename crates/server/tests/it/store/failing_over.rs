//! A primary that is lost, and its standby that takes over, behind the one address that a server knows.

use std::{
    os::unix::fs::symlink,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use revere::store::{Committed, StoreOptions};
use revere_model::State;
use sqlx::Executor as _;

use crate::support::{PATIENCE, PostgresServer, Scratch, TestDatabase, by_server, spec, until};

/// As docs/POSTGRES.md says that a database with a standby is to be set up: a commit waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_with_a_primary() {
    let mut primary = PostgresServer::start(&[]).await;
    let standby = primary.standby().await;
    let mut admin = primary.connect().await;
    admin.execute("alter system set synchronous_standby_names = '*'").await.unwrap();
    admin.execute("select pg_reload_conf()").await.unwrap();
    until("commits wait for the standby", async || {
        let following = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        sqlx::query_scalar::<_, i64>(following).fetch_one(&mut admin).await.unwrap() == 1
    })
    .await;

    // The address leads to the one, then to the other, as a name or a proxy does.
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("database");
    symlink(primary.folder(), &address).unwrap();
    let url = format!("postgresql://revere@localhost:5432/postgres?host={}", address.display());
    let impatient = |options: &mut StoreOptions| {
        options.busy_timeout = Duration::from_secs(1);
        options.patience = Duration::from_secs(1);
    };
    let scratch = Scratch::on(TestDatabase::at_url(&url), impatient).await;
    let store = &scratch.store;
    let id = scratch.made(&spec("m0")).await.id;
    // People are at work all the time: what is answered counts, and what is refused may be asked again.
    let over = Arc::new(AtomicBool::new(false));
    let working = {
        let (store, by, over) = (store.clone(), by_server(scratch.now()), over.clone());
        tokio::spawn(async move {
            let mut made = Vec::new();
            while !over.load(SeqCst) {
                match store.create_monitor(&spec(&format!("m{}", made.len() + 1)), &by).await {
                    Ok(monitor) => made.push(monitor.id),
                    Err(error) => assert!(error.is_passing(), "{error:?}"),
                }
            }
            made
        })
    };
    let mut there = async |at_least: i64| {
        until("some are there", async || {
            let number = sqlx::query_scalar::<_, i64>("select count(*) from monitors");
            number.fetch_one(&mut admin).await.unwrap() >= at_least
        })
        .await;
    };
    there(20).await;
    // What comes from now on is on the standby, which has yet to come to it.
    let mut promoted = standby.connect().await;
    promoted.execute("select pg_wal_replay_pause()").await.unwrap();
    there(40).await;
    primary.crash();
    let recording = {
        let (store, result) = (store.clone(), scratch.manual_result(id, State::Alarm));
        tokio::spawn(async move { store.commit_run(result).await })
    };
    until("it is known", async || store.health().failing_since.is_some()).await;
    assert!(!recording.is_finished());

    std::fs::remove_file(&address).unwrap();
    symlink(standby.folder(), &address).unwrap();
    let is_told = async || store.health().last_error.is_some_and(|words| words.contains("may only be read"));
    until("it is told from a primary", is_told).await;
    assert!(!recording.is_finished());
    // Whoever waits for it has a snapshot, which would hold it up.
    promoted.execute("select pg_promote(false)").await.unwrap();
    let committed = tokio::time::timeout(PATIENCE, recording).await.unwrap().unwrap().unwrap();
    assert!(matches!(committed, Committed::Recorded { .. }), "{committed:?}");
    until("it is well", async || store.health().failing_since.is_none()).await;
    over.store(true, SeqCst);
    let made = working.await.unwrap();
    assert!(made.len() >= 38, "{} were acknowledged", made.len());
    let there: Vec<i64> = sqlx::query_scalar("select id from monitors").fetch_all(&mut promoted).await.unwrap();
    let missing: Vec<_> = made.iter().filter(|id| !there.contains(&id.0)).collect();
    assert!(missing.is_empty(), "acknowledged, and not there: {missing:?}");
    assert_eq!(there.len(), made.len() + 1, "nothing is there that was never answered");
    assert_eq!(store.monitor(id).await.unwrap().state, State::Alarm);
    let next = scratch.made(&spec("after")).await;
    assert!(!there.contains(&next.id.0), "an id is given out once");
    store.close().await;
}
