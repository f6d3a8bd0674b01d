//! Ticks become runs: on time, once each, many at a time.

use std::{sync::Arc, time::Duration};

use jiff::ToSpan;
use revere::{
    engine::{EngineSettings, Event, RunNowError},
    store::{Committed, RunFilter, StoreError},
};
use revere_model::{MonitorId, MonitorSpec, Run, RunKind, State};
use tokio::sync::Semaphore;

use crate::support::{Behaviour, Scratch, TestEngine, at, by_server, claims_in_force, scripted, spec, until};

async fn runs(test: &TestEngine, monitor: MonitorId) -> Vec<Run> {
    let mut runs = test.store().runs(monitor, RunFilter { limit: 1000, ..RunFilter::default() }).await.unwrap();
    runs.reverse();
    runs
}

#[tokio::test]
async fn each_tick_is_run_once_on_time_and_none_early() {
    let test = TestEngine::new().await;
    let id = test.store().create_monitor(&spec("a"), &by_server(test.scratch.now())).await.unwrap().id;
    test.at(at("2026-01-01T00:00:59.999999Z"));
    test.store().create_monitor(&spec("b"), &by_server(test.scratch.now())).await.unwrap();
    for minute in 1..=5 {
        test.at(at("2026-01-01T00:00:00Z") + minute.minutes());
        until("the run of this minute", async || runs(&test, id).await.len() as i64 == minute).await;
    }
    for (run, minute) in runs(&test, id).await.iter().zip(1..) {
        let tick = at("2026-01-01T00:00:00Z") + minute.minutes();
        assert_eq!((run.tick_at, run.started_at, run.kind), (tick, tick, RunKind::Scheduled));
    }
}

#[tokio::test]
async fn a_monitor_that_alarms_flips_once_and_its_watchers_hear_of_it() {
    let test = TestEngine::new().await;
    test.runner.behaves("fail", Behaviour::Ends(State::Alarm));
    let mut events = test.engine.events();
    let made = test.store().create_monitor(&scripted("a", "fail"), &by_server(test.scratch.now())).await.unwrap();
    test.at(at("2026-01-01T00:01:00Z"));
    let Ok(Event::Run { run, flip }) = events.recv().await else { panic!("no run") };
    assert_eq!((run.monitor_id, run.new_state), (made.id, State::Alarm));
    assert_eq!(flip.unwrap().new_state, State::Alarm);
    test.at(at("2026-01-01T00:02:00Z"));
    until("the second run", async || runs(&test, made.id).await.len() == 2).await;
    assert_eq!(test.store().flips(made.id, None, 10).await.unwrap().len(), 1);
    until("it told", async || test.ops().story("a") == [(State::Inactive, State::Alarm)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_due_in_the_same_second_all_run_and_no_more_at_once_than_allowed() {
    let settings = EngineSettings { in_flight: 50, ..EngineSettings::default() };
    let test = TestEngine::on(Scratch::new().await, settings).await;
    for n in 0..1000 {
        test.store()
            .create_monitor(&scripted("m", &format!("return_value = {n}")), &by_server(test.scratch.now()))
            .await
            .unwrap();
    }
    test.at(at("2026-01-01T00:01:00Z"));
    until("a thousand states", async || test.store().count_by_state().await.unwrap()[&State::Ok] == 1000).await;
    assert_eq!(test.runner.begun.load(std::sync::atomic::Ordering::SeqCst), 1000);
    let peak = test.runner.peak.load(std::sync::atomic::Ordering::SeqCst);
    assert!(peak <= 50, "{peak} at once");
    test.engine.stop(Duration::from_secs(5)).await;
    assert_eq!(claims_in_force(test.store()).await, 0);
    test.scratch.assert_sound().await;
}

#[tokio::test]
async fn slow_monitors_keep_their_places_only_and_those_due_longest_come_first() {
    let settings = EngineSettings { in_flight: 3, ..EngineSettings::default() };
    let test = TestEngine::on(Scratch::new().await, settings).await;
    let gate = Arc::new(Semaphore::new(0));
    test.runner.behaves("slow", Behaviour::Waits(gate.clone()));
    for n in 0..2 {
        test.store()
            .create_monitor(&scripted(&format!("slow {n}"), "slow"), &by_server(test.scratch.now()))
            .await
            .unwrap();
    }
    test.at(at("2026-01-01T00:01:00Z"));
    until("both slow ones", async || test.runner.going.load(std::sync::atomic::Ordering::SeqCst) == 2).await;
    let mut quick = Vec::new();
    for n in 0..20 {
        quick.push(
            test.store().create_monitor(&spec(&format!("quick {n}")), &by_server(test.scratch.now())).await.unwrap().id,
        );
    }
    test.at(at("2026-01-01T00:02:00Z"));
    for id in &quick {
        until("every quick one", async || runs(&test, *id).await.len() == 1).await;
    }
    gate.add_permits(2);
    until("the slow ones", async || claims_in_force(test.store()).await == 0).await;
}

#[tokio::test]
async fn a_tick_that_finds_the_last_run_going_is_counted_and_not_run_twice() {
    let test = TestEngine::new().await;
    let gate = Arc::new(Semaphore::new(0));
    test.runner.behaves("slow", Behaviour::Waits(gate.clone()));
    let id = test.store().create_monitor(&scripted("a", "slow"), &by_server(test.scratch.now())).await.unwrap().id;
    for minute in 1..=4 {
        test.at(at("2026-01-01T00:00:00Z") + minute.minutes());
        until("this tick accounted for", async || {
            test.store().monitor(id).await.unwrap().next_run_at > Some(test.now())
        })
        .await;
    }
    assert_eq!(test.runner.begun.load(std::sync::atomic::Ordering::SeqCst), 1);
    gate.add_permits(1);
    until("its end", async || runs(&test, id).await.len() == 1).await;
    let monitor = test.store().monitor(id).await.unwrap();
    assert_eq!((monitor.overlapped_ticks, monitor.missed_ticks), (3, 0));
}

#[tokio::test]
async fn an_edit_is_noticed_before_the_tick_that_was_waited_for() {
    let test = TestEngine::new().await;
    let yearly = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec("a") };
    let made = test.store().create_monitor(&yearly, &by_server(test.scratch.now())).await.unwrap();
    test.engine.wake();
    test.store().update_monitor(made.id, 1, &spec("a"), &by_server(test.scratch.now())).await.unwrap();
    test.at(at("2026-01-01T00:01:00Z"));
    until("its first run", async || runs(&test, made.id).await.len() == 1).await;
}

#[tokio::test]
async fn a_run_by_hand_is_recorded_also_of_a_monitor_that_is_off_or_at_work() {
    let test = TestEngine::new().await;
    test.runner.behaves("fail", Behaviour::Ends(State::Alarm));
    let off = MonitorSpec { active: false, ..scripted("off", "fail") };
    let off = test.store().create_monitor(&off, &by_server(test.scratch.now())).await.unwrap();
    let (committed, outcome) = test.engine.run_now(off.id, by_server(test.scratch.now())).await.unwrap();
    let Committed::Recorded { run, flip, .. } = committed else { panic!("{committed:?}") };
    assert_eq!((run.kind, run.outcome, run.new_state, flip), (RunKind::Manual, State::Alarm, State::Inactive, None));
    assert_eq!(outcome.state, State::Alarm);
    assert_eq!(test.store().monitor(off.id).await.unwrap().last_message.as_deref(), Some("came out ALARM"));

    let gate = Arc::new(Semaphore::new(0));
    test.runner.behaves("slow", Behaviour::Waits(gate.clone()));
    let busy = test.store().create_monitor(&scripted("busy", "slow"), &by_server(test.scratch.now())).await.unwrap();
    test.at(at("2026-01-01T00:01:00Z"));
    until("the scheduled run", async || test.runner.going.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    gate.add_permits(2);
    test.engine.run_now(busy.id, by_server(test.scratch.now())).await.unwrap();
    until("both runs", async || runs(&test, busy.id).await.len() == 2).await;
    let missing = test.engine.run_now(MonitorId(999), by_server(test.scratch.now())).await;
    assert!(matches!(missing, Err(RunNowError::Store(StoreError::NotFound))));
}

#[tokio::test]
async fn old_runs_and_deleted_monitors_are_tidied_away() {
    let test = TestEngine::new().await;
    let short = MonitorSpec { retain_days: Some(1), ..spec("short") };
    let id = test.store().create_monitor(&short, &by_server(test.scratch.now())).await.unwrap().id;
    let gone = test.store().create_monitor(&spec("gone"), &by_server(test.scratch.now())).await.unwrap().id;
    for _ in 0..3 {
        test.scratch.manual(id, State::Ok).await;
        test.scratch.manual(gone, State::Alarm).await;
    }
    test.store().delete_monitor(gone, &by_server(test.scratch.now())).await.unwrap();
    test.scratch.clock.set(at("2026-02-01T00:00:01Z"));
    test.engine.wake();
    let mut sql = test.scratch.sql().await;
    let mut left = async |question: &'static str, monitor: MonitorId| {
        test.engine.tidy();
        sql.number(format!("{question} = {monitor}")).await
    };
    until("the last run alone", async || {
        left("select count(*) from runs where kind = 'manual' and monitor_id", id).await <= 1
    })
    .await;
    until("no trace of the other", async || left("select count(*) from monitors where id", gone).await == 0).await;
    let told = async || test.ops().story("gone") == [(State::Inactive, State::Alarm)];
    until("the problem was real, and is told", told).await;
    test.scratch.assert_sound().await;
}

#[tokio::test]
async fn a_monitor_whose_ticks_were_taken_away_by_hand_runs_again() {
    let test = TestEngine::new().await;
    let id = test.store().create_monitor(&spec("a"), &by_server(test.scratch.now())).await.unwrap().id;
    let mut sql = test.scratch.sql().await;
    assert_eq!(sql.run(format!("delete from dues where monitor_id = {id}")).await, 1);
    until("it has some again", async || {
        test.engine.tidy();
        test.store().monitor(id).await.is_ok()
    })
    .await;
    test.at(at("2026-01-01T00:01:00Z"));
    until("it runs", async || runs(&test, id).await.len() == 1).await;
    test.scratch.assert_sound().await;
}
