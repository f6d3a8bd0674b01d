//! Our own faults: shown as ours, never as the state of what is watched.

use std::{sync::atomic::Ordering, time::Duration};

use revere::{
    engine::Event,
    store::{ConfiguredAlert, RunFilter, StoreOptions},
};
use revere_model::{RunKind, State};

use crate::support::{Behaviour, Scratch, TestEngine, at, by_server, claims_in_force, scripted, spec, until};

#[tokio::test]
async fn a_sandbox_that_fails_changes_no_state_and_the_tick_is_run_when_it_is_well_again() {
    for (act, words) in
        [(Behaviour::Faults, "no interpreter could be started"), (Behaviour::Panics, "the runner breaks down")]
    {
        let test = TestEngine::new().await;
        let id = test.store().create_monitor(&scripted("a", "x"), &by_server(test.scratch.now())).await.unwrap().id;
        test.scratch.manual(id, State::Ok).await;
        test.runner.behaves("x", act);
        let mut events = test.engine.events();
        test.at(at("2026-01-01T00:01:00Z"));
        let Ok(Event::Fault { monitor_id, fault }) = events.recv().await else { panic!("no fault") };
        assert_eq!(monitor_id, id);
        assert!(fault.contains(words), "{fault}");
        let monitor = test.store().monitor(id).await.unwrap();
        assert_eq!(monitor.state, State::Ok);
        assert!(monitor.fault.unwrap().contains(words));
        test.runner.behaves("x", Behaviour::Ends(State::Ok));
        test.later(1);
        let Ok(Event::Run { run, .. }) = events.recv().await else { panic!("no run") };
        assert_eq!((run.tick_at, run.kind), (at("2026-01-01T00:01:00Z"), RunKind::CatchUp));
        assert_eq!(test.store().monitor(id).await.unwrap().fault, None);
        assert!(test.engine.health().is_ok());
    }
}

#[tokio::test]
async fn faults_in_a_row_are_tried_again_at_growing_distances() {
    let test = TestEngine::new().await;
    let daily = revere_model::MonitorSpec { schedule: "0 1 * * *".to_owned(), ..scripted("a", "x") };
    test.store().create_monitor(&daily, &by_server(test.scratch.now())).await.unwrap();
    test.runner.behaves("x", Behaviour::Faults);
    test.at(at("2026-01-01T01:00:00Z"));
    for (attempt, pause) in (1..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        until("this attempt handed back", async || {
            test.runner.begun.load(Ordering::SeqCst) == attempt && claims_in_force(test.store()).await == 0
        })
        .await;
        let due = test.store().next_due(test.now()).await.unwrap().unwrap();
        assert_eq!(due.duration_since(test.now()).as_secs(), pause);
        test.at(due);
    }
}

#[tokio::test]
async fn a_database_that_another_process_holds_stops_runs_for_that_long_and_loses_none() {
    let scratch = Scratch::in_a_file(|options: &mut StoreOptions| {
        options.busy_timeout = Duration::from_millis(20);
    });
    let Some(scratch) = scratch.await else { return };
    let test = TestEngine::on(scratch, Default::default()).await;
    test.runner.behaves("fail", Behaviour::Ends(State::Alarm));
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(
            test.store()
                .create_monitor(&scripted(&format!("m{n}"), "fail"), &by_server(test.scratch.now()))
                .await
                .unwrap()
                .id,
        );
    }
    // Everything is claimed and running when the lock comes, and more becomes due while it is held.
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    test.runner.behaves("fail", Behaviour::Waits(gate.clone()));
    test.at(at("2026-01-01T00:01:00Z"));
    until("all at work", async || test.runner.going.load(Ordering::SeqCst) == 20).await;
    let mut sql = test.scratch.sql().await;
    sql.hold().await;
    gate.add_permits(20);
    until("results waiting", async || {
        test.runner.going.load(Ordering::SeqCst) == 0 && test.store().health().failing_since.is_some()
    })
    .await;
    test.at(at("2026-01-01T00:02:00Z"));
    test.runner.behaves("fail", Behaviour::Ends(State::Alarm));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(test.store().count_by_state().await.unwrap()[&State::Inactive], 20);
    sql.let_go().await;
    for id in ids {
        until("every tick accounted for", async || {
            let filter = RunFilter { limit: 9, ..RunFilter::default() };
            let runs = test.store().runs(id, filter).await.unwrap().len() as i64;
            let monitor = test.store().monitor(id).await.unwrap();
            runs + monitor.missed_ticks + monitor.overlapped_ticks == 2
        })
        .await;
    }
    assert_eq!(test.store().health().failing_since, None);
}

#[tokio::test]
async fn a_monitor_that_cannot_be_read_stops_neither_the_start_nor_the_others() {
    let scratch = Scratch::new().await;
    let broken = scratch.store.create_monitor(&spec("broken"), &by_server(scratch.now())).await.unwrap().id;
    let sound = scratch.store.create_monitor(&spec("sound"), &by_server(scratch.now())).await.unwrap().id;
    let mut sql = scratch.sql().await;
    for damage in ["tags = 'not JSON'", "timezone = 'Mars/Olympus'", "schedule = ''"] {
        sql.run(format!("update monitors set {damage} where id = {broken}")).await;
    }
    let test = TestEngine::on(scratch, Default::default()).await;
    test.at(at("2026-01-01T00:01:00Z"));
    until("the sound one's run", async || test.store().monitor(sound).await.unwrap().last_run_at.is_some()).await;
    let faults = sql.texts(format!("select fault from dues where monitor_id = {broken}")).await;
    assert!(faults[0].contains("cannot be read"), "{faults:?}");
}

#[tokio::test]
async fn a_claim_whose_task_ends_in_the_middle_is_given_back_by_itself() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let test = TestEngine::on(scratch, Default::default()).await;
    // The seed of a run is drawn by its task, before anything that could catch a panic.
    test.runner.refuse_the_next_seed();
    let mut events = test.engine.events();
    test.at(at("2026-01-01T00:01:00Z"));
    let Ok(Event::Fault { monitor_id, fault }) = events.recv().await else { panic!("no fault") };
    assert_eq!((monitor_id, fault.as_str()), (id, "the task of the run panicked"));
    assert_eq!(claims_in_force(test.store()).await, 0);
    test.later(1);
    let Ok(Event::Run { run, .. }) = events.recv().await else { panic!("no run") };
    assert_eq!((run.tick_at, run.kind), (at("2026-01-01T00:01:00Z"), RunKind::CatchUp));
}

#[tokio::test]
async fn a_run_by_hand_begins_when_it_begins_and_not_while_it_waits_for_the_sandbox() {
    let test = TestEngine::new().await;
    let id = test.store().create_monitor(&scripted("a", "x"), &by_server(test.scratch.now())).await.unwrap().id;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    test.runner.behaves("x", Behaviour::Waits(gate.clone()));
    let asked_at = test.now();
    let engine = test.engine.clone();
    let by = by_server(test.scratch.now());
    let asked = tokio::spawn(async move { engine.run_now(id, by).await.unwrap() });
    until("it waits", async || test.runner.going.load(Ordering::SeqCst) == 1).await;
    test.scratch.clock.advance(jiff::SignedDuration::from_secs(5));
    gate.add_permits(1);
    let (committed, _) = asked.await.unwrap();
    let revere::store::Committed::Recorded { run, .. } = committed else { panic!("not recorded") };
    assert_eq!(run.tick_at, asked_at);
    assert_eq!(run.started_at, test.now(), "the five seconds are no part of the run");
}

#[tokio::test]
async fn a_start_with_claims_to_take_back_waits_for_no_lock_and_takes_them_back_later() {
    let scratch = Scratch::in_a_file(|options| {
        options.busy_timeout = Duration::from_millis(20);
        options.patience = Duration::from_secs(3600);
    });
    let Some(scratch) = scratch.await else { return };
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let alerts =
        ["ops", "spare"].map(|key| ConfiguredAlert { key: key.to_owned(), enabled: true, ..Default::default() });
    scratch.store.sync_alerts(&alerts, scratch.now()).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    scratch.claim_as("dead").await;
    let mut sql = scratch.sql().await;
    sql.hold().await;
    let starting = TestEngine::on(scratch, Default::default());
    let test = tokio::time::timeout(crate::support::PATIENCE, starting).await.expect("it starts all the same");
    assert_eq!(claims_in_force(test.store()).await, 1);
    sql.let_go().await;
    test.later(5);
    until("the tick that was lost", async || {
        test.engine.tidy();
        test.store().monitor(id).await.unwrap().last_run_at.is_some()
    })
    .await;
    let run = test.store().runs(id, RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap().remove(0);
    assert_eq!((run.tick_at, run.kind), (at("2026-01-01T00:01:00Z"), RunKind::CatchUp));
}
