//! The writer: many commits in one, and what a locked or full disk does to those who wait.

use std::time::Duration;

use revere::store::{MonitorFilter, StoreError, StoreOptions};
use revere_model::State;
use tokio::time::Instant;

use crate::support::{Scratch, SmallDisk, by_server, spec, until};

/// Has a store wait so short that it can be watched.
fn impatient(options: &mut StoreOptions) {
    options.busy_timeout = Duration::from_millis(20);
    options.patience = Duration::from_millis(1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_together_shares_a_commit_and_each_gets_its_own_answer() {
    let Some(scratch) = Scratch::in_a_file(|_| {}).await else { return };
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let mut sql = scratch.sql().await;
    sql.hold().await;
    let before = scratch.store.health();
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = scratch.store.clone();
        let now = scratch.now();
        waiting
            .spawn(async move { (n, store.create_monitor(&spec(&format!("m{n}")), &by_server(now)).await.unwrap()) });
    }
    let (missing, now) = (revere_model::MonitorId(999_999), scratch.now());
    let store = scratch.store.clone();
    let refused = tokio::spawn(async move { store.update_monitor(missing, 1, &spec("b"), &by_server(now)).await });
    until("they wait", async || scratch.store.health().queue_length >= 190).await;
    sql.let_go().await;
    let all = waiting.join_all().await;
    assert!(all.iter().all(|(n, monitor)| monitor.spec.name == format!("m{n}")), "answers were mixed up");
    assert!(matches!(refused.await.unwrap(), Err(StoreError::NotFound)), "one refused write is its own affair");
    let after = scratch.store.health();
    assert_eq!(after.writes - before.writes, 201);
    assert!(after.commits - before.commits < 20, "{} commits", after.commits - before.commits);
    scratch.manual(id, State::Ok).await;
}

#[tokio::test]
async fn nothing_is_answered_before_another_connection_can_read_it() {
    let scratch = Scratch::new().await;
    let mut sql = scratch.sql().await;
    for n in 1..=20 {
        scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap();
        let seen = sql.number("select count(*) from monitors").await;
        assert_eq!(seen, n);
    }
}

#[tokio::test]
async fn a_lock_held_for_a_short_while_is_not_noticed_by_anyone() {
    let scratch = Scratch::with(|options| options.busy_timeout = Duration::from_millis(20)).await;
    let mut sql = scratch.sql().await;
    sql.hold().await;
    let (wanted, asked) = (spec("a"), by_server(scratch.now()));
    let (made, ()) = tokio::join!(scratch.store.create_monitor(&wanted, &asked), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(scratch.store.monitors(&MonitorFilter { limit: 9, ..Default::default() }).await.unwrap(), []);
        sql.let_go().await;
    });
    assert_eq!(made.unwrap().spec.name, "a");
    assert_eq!(scratch.store.health().failing_since, None);
}

#[tokio::test]
async fn a_lock_held_for_long_refuses_people_in_time_and_loses_no_result() {
    let Some(scratch) = Scratch::in_a_file(impatient).await else { return };
    let store = &scratch.store;
    let id = scratch.made(&spec("a")).await.id;
    let mut sql = scratch.sql().await;
    sql.hold().await;
    let result = {
        let (store, now) = (store.clone(), scratch.now());
        tokio::spawn(async move { scratch_result(&store, id, now).await })
    };
    let began = Instant::now();
    let refused = store.create_monitor(&spec("b"), &by_server(scratch.now())).await;
    assert!(matches!(refused, Err(StoreError::Busy { .. })), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "refused after {:?}", began.elapsed());
    until("the writer has met it", async || store.health().failing_since.is_some()).await;
    assert_eq!(store.monitor(id).await.unwrap().spec.name, "a", "reading goes on");
    assert!(store.health().last_error.unwrap().contains("locked"));
    assert!(!result.is_finished());
    sql.let_go().await;
    let committed = result.await.unwrap();
    assert!(matches!(committed, revere::store::Committed::Recorded { .. }), "{committed:?}");
    let names: Vec<String> = store
        .monitors(&MonitorFilter { limit: 9, ..Default::default() })
        .await
        .unwrap()
        .into_iter()
        .map(|monitor| monitor.spec.name)
        .collect();
    assert_eq!(names, ["a"], "what was refused must not be done afterwards");
    assert_eq!(store.health().failing_since, None);
}

async fn scratch_result(
    store: &revere::store::Store,
    monitor_id: revere_model::MonitorId,
    now: jiff::Timestamp,
) -> revere::store::Committed {
    let result = revere::store::RunResult {
        monitor_id,
        attempt: None,
        kind: revere_model::RunKind::Manual,
        tick_at: now,
        started_at: now,
        finished_at: now,
        duration: Duration::ZERO,
        outcome: State::Ok,
        severity: None,
        message: "x".repeat(1000),
        return_value: None,
        threshold: None,
        output: "y".repeat(20_000),
        traceback: None,
        seed: u64::MAX - 7,
        script_version: "0123".repeat(8),
        sources: Default::default(),
        entry: None,
    };
    store.commit_run(result).await.unwrap()
}

/// Trouble with the disk: people are refused with the reason, reading goes on, no state moves, no result is lost, and
/// all is well when the trouble is over.
async fn sits_out(scratch: &Scratch, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce(), reason: &str) {
    let store = &scratch.store;
    let id = scratch.made(&spec("a")).await.id;
    begin().await;
    let result = {
        let (store, now) = (store.clone(), scratch.now());
        tokio::spawn(async move { scratch_result(&store, id, now).await })
    };
    let mut big = spec("b");
    big.script = "#".repeat(250_000);
    let error = loop {
        match store.create_monitor(&big, &by_server(scratch.now())).await {
            Err(error @ StoreError::Unavailable(_)) => break error,
            // Its time was over before the writer came to it.
            Err(StoreError::Busy { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(error.to_string().contains(reason), "{error}");
    assert_eq!(store.monitor(id).await.unwrap().state, State::Inactive, "reading goes on, and no state moves");
    assert!(!result.is_finished());
    end().await;
    let committed = tokio::time::timeout(crate::support::PATIENCE, result).await.unwrap().unwrap();
    assert!(matches!(committed, revere::store::Committed::Recorded { .. }));
    assert_eq!(store.monitor(id).await.unwrap().state, State::Ok);
    let made = scratch.made(&big).await;
    assert_eq!(store.health().failing_since, None);
    let all = store.monitors(&MonitorFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(all.last(), Some(&made));
    assert_eq!(all.len(), 2, "what was refused must not be done afterwards");
    scratch.assert_sound().await;
}

#[tokio::test]
async fn a_failing_disk_is_sat_out() {
    // The kernel refuses to let this process (each test has its own) write beyond an offset, and sends this signal.
    let _ignored = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).unwrap();
    let limit = |bytes| {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Fsize).maximum;
        setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum }).unwrap();
    };
    let Some(scratch) = Scratch::in_a_file(impatient).await else { return };
    sits_out(&scratch, async || limit(Some(65536)), async || limit(None), "I/O error").await;
}

#[tokio::test]
async fn a_full_disk_is_sat_out() {
    let disk = SmallDisk::mount(3);
    let scratch = Scratch::in_a_file(|options| {
        options.place = disk.path().join("revere.db").into();
        impatient(options);
    });
    let Some(scratch) = scratch.await else { return };
    sits_out(&scratch, async || disk.fill(), async || disk.empty(), "full").await;
    scratch.store.close().await;
}

#[tokio::test]
async fn work_given_up_by_its_asker_is_not_done() {
    // Elsewhere nobody keeps a transaction from being begun, and what is begun is not given up.
    let Some(scratch) = Scratch::in_a_file(impatient).await else { return };
    let mut sql = scratch.sql().await;
    sql.hold().await;
    let (gone, by) = (spec("gone"), by_server(scratch.now()));
    let asked = tokio::time::timeout(Duration::from_millis(50), scratch.store.create_monitor(&gone, &by));
    assert!(asked.await.is_err());
    sql.let_go().await;
    let made = scratch.made(&spec("here")).await;
    let all = scratch.store.monitors(&MonitorFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(all, [made]);
}

#[tokio::test]
async fn closing_writes_what_waits_and_refuses_the_rest() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let (store, now) = (scratch.store.clone(), scratch.now());
    let (committed, ()) = tokio::join!(scratch_result(&store, id, now), store.close());
    assert!(matches!(committed, revere::store::Committed::Recorded { .. }));
    assert!(matches!(store.create_monitor(&spec("late"), &by_server(now)).await, Err(StoreError::Closed)));
    scratch.assert_sound().await;
}
