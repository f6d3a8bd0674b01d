//! Ends of the server, orderly and not: every tick is a run or in a gap, every flip is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::{Timestamp, ToSpan};
use revere::{
    engine::EngineHandle,
    metrics::Metrics,
    store::{DatabasePlace, RunFilter, Store, StoreOptions},
};
use revere_model::{Clock, ManualClock, MonitorId, RunKind, State};
use tokio::sync::Semaphore;

use crate::support::{
    Behaviour, Sql, TestDatabase, TestEngine, at, by_server, claims_in_force, scripted, spec,
    test_engine::{RecordingChannel, ScriptedRunner, engine},
    until,
};

/// Every tick up to the next one that has a run or lies in a gap, each as often as it does.
async fn accounted(store: &Store, monitor: MonitorId) -> Vec<Timestamp> {
    let filter = RunFilter { limit: 10_000, ..RunFilter::default() };
    let mut ticks: Vec<Timestamp> = store.runs(monitor, filter).await.unwrap().iter().map(|run| run.tick_at).collect();
    for (_, gap) in store.gaps(monitor, None, 10_000).await.unwrap() {
        let within = std::iter::successors(Some(gap.first_tick_at), |tick| Some(*tick + 1.minute()));
        ticks.extend(within.take(gap.count as usize));
    }
    ticks.sort_unstable();
    ticks
}

#[tokio::test]
async fn a_stop_lets_runs_finish() {
    let test = TestEngine::new().await;
    let gate = Arc::new(Semaphore::new(0));
    test.runner.behaves("quick", Behaviour::Waits(gate.clone()));
    let id = test.store().create_monitor(&scripted("a", "quick"), &by_server(test.scratch.now())).await.unwrap().id;
    test.at(at("2026-01-01T00:01:00Z"));
    until("at work", async || test.runner.going.load(Ordering::SeqCst) == 1).await;
    // Far more time than it needs.
    let (engine, grace) = (test.engine.clone(), Duration::from_secs(200));
    let stopping = tokio::spawn(async move { engine.stop(grace).await });
    gate.add_permits(1);
    stopping.await.unwrap();
    assert!(test.store().monitor(id).await.unwrap().last_run_at.is_some(), "it had time to finish");
    assert_eq!(claims_in_force(test.store()).await, 0);
}

#[tokio::test]
async fn a_stop_hands_back_what_does_not_finish_in_its_time() {
    let test = TestEngine::new().await;
    test.runner.behaves("never", Behaviour::Waits(Arc::new(Semaphore::new(0))));
    let never_id =
        test.store().create_monitor(&scripted("never", "never"), &by_server(test.scratch.now())).await.unwrap().id;
    test.at(at("2026-01-01T00:01:00Z"));
    until("at work", async || test.runner.going.load(Ordering::SeqCst) == 1).await;
    test.engine.stop(Duration::from_millis(50)).await;
    assert_eq!(test.runner.going.load(Ordering::SeqCst), 0, "it was ended");
    assert_eq!(claims_in_force(test.store()).await, 0);
    test.runner.behaves("never", Behaviour::Ends(State::Ok));
    let test = test.restarted(Duration::from_secs(1)).await;
    until("the tick that was handed back", async || {
        test.store().monitor(never_id).await.unwrap().last_run_at.is_some()
    })
    .await;
    let run = test.store().runs(never_id, RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap().remove(0);
    assert_eq!((run.tick_at, run.kind), (at("2026-01-01T00:01:00Z"), RunKind::CatchUp));
    assert_eq!(accounted(&test.scratch.store, never_id).await, [at("2026-01-01T00:01:00Z")]);
}

#[tokio::test]
async fn nothing_is_begun_after_a_stop() {
    let test = TestEngine::new().await;
    test.store().create_monitor(&spec("a"), &by_server(test.scratch.now())).await.unwrap();
    test.engine.stop(Duration::from_secs(1)).await;
    test.at(at("2026-01-01T00:05:00Z"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(test.runner.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_owed_is_sent_after_a_restart() {
    let test = TestEngine::new().await;
    test.ops().hangs();
    test.runner.behaves("fail", Behaviour::Ends(State::Alarm));
    test.store().create_monitor(&scripted("a", "fail"), &by_server(test.scratch.now())).await.unwrap();
    test.at(at("2026-01-01T00:01:00Z"));
    until("the first attempt", async || test.ops().attempts() == 1).await;
    let mut test = test;
    let mended = test.ops().mended();
    test.alerts.insert("ops".to_owned(), mended);
    let test = test.restarted(Duration::from_millis(50)).await;
    until("it told", async || test.ops().story("a") == [(State::Inactive, State::Alarm)]).await;
    let attempts = test.ops().attempts.lock().unwrap().clone();
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0], attempts[1], "the receiver can tell that it is the same");
}

/// One life of a server, in a runtime of its own that can be torn down at any instant.
struct Life {
    runtime: tokio::runtime::Runtime,
    store: Store,
    engine: EngineHandle,
}

impl Life {
    fn begin(
        place: &DatabasePlace,
        clock: &ManualClock,
        runner: &ScriptedRunner,
        alerts: &BTreeMap<String, RecordingChannel>,
    ) -> Life {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (store, engine) = runtime.block_on(async {
            let began = std::time::Instant::now();
            // The dead one's lock goes with its last thread.
            let store = loop {
                match Store::open(StoreOptions::new(place.clone())).await {
                    Ok(store) => break store,
                    Err(error) if began.elapsed() > Duration::from_secs(60) => panic!("{error}"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            };
            let metrics = Arc::new(Metrics::new(clock.now()));
            let engine = engine(&store, clock, runner, alerts, Default::default(), metrics).await;
            (store, engine)
        });
        Life { runtime, store, engine }
    }

    /// Ends everything in the middle of whatever it does.
    fn kill(self) {
        drop((self.store, self.engine));
        self.runtime.shutdown_background();
    }
}

#[test]
fn killed_at_any_moment_no_tick_is_lost_or_doubled_and_every_flip_is_told() {
    let database = tokio::runtime::Runtime::new().unwrap().block_on(TestDatabase::new());
    let place = database.place();
    let clock = ManualClock::at(at("2026-01-01T00:00:00Z"));
    let runner = ScriptedRunner::default();
    let alerts: BTreeMap<String, RecordingChannel> = [("ops".to_owned(), RecordingChannel::default())].into();
    runner.behaves("up", Behaviour::Ends(State::Ok));
    runner.behaves("down", Behaviour::Ends(State::Alarm));
    let mut monitors = Vec::new();
    let mut minute = 0;
    for kill in 0..30_u64 {
        let life = Life::begin(&place, &clock, &runner, &alerts);
        life.runtime.block_on(async {
            if monitors.is_empty() {
                for n in 0..25 {
                    let made = life
                        .store
                        .create_monitor(&scripted(&format!("m{n}"), "flapping"), &by_server(clock.now()))
                        .await;
                    monitors.push(made.unwrap().id);
                }
            }
            runner.behaves("flapping", Behaviour::Ends(if kill % 2 == 0 { State::Alarm } else { State::Ok }));
            // Some lives are long enough to finish, some are not long enough to begin.
            minute += 1 + kill as i64 % 3;
            clock.set(at("2026-01-01T00:00:00Z") + minute.minutes());
            life.engine.wake();
            tokio::time::sleep(Duration::from_millis(kill * 7 % 40)).await;
        });
        life.kill();
    }
    runner.behaves("flapping", Behaviour::Ends(State::Ok));
    if place.file().is_none() {
        // What the last of them had in hand is taken over when its claims end.
        minute += 3;
        clock.set(at("2026-01-01T00:00:00Z") + minute.minutes());
    }
    let life = Life::begin(&place, &clock, &runner, &alerts);
    life.runtime.block_on(async {
        let expected: Vec<Timestamp> = (1..=minute).map(|n| at("2026-01-01T00:00:00Z") + n.minutes()).collect();
        until("every tick accounted for, once", async || {
            for id in &monitors {
                let ticks = accounted(&life.store, *id).await;
                assert!(
                    ticks.iter().all(|tick| expected.contains(tick)) && ticks.is_sorted_by(|a, b| a < b),
                    "{ticks:?}"
                );
                if ticks != expected {
                    return false;
                }
            }
            claims_in_force(&life.store).await == 0
        })
        .await;
        until("nothing owed", async || life.store.owed().await.unwrap().is_empty()).await;
        for (n, id) in monitors.iter().enumerate() {
            let flips = life.store.flips(*id, None, 1000).await.unwrap();
            let told = alerts["ops"].story(&format!("m{n}"));
            // The first success of a new monitor is no news; all else is told, in order, repeats aside.
            let mut expected: Vec<(State, State)> =
                flips.iter().rev().map(|flip| (flip.old_state, flip.new_state)).collect();
            expected.retain(|change| *change != (State::Inactive, State::Ok));
            let mut seen = told.clone();
            seen.dedup();
            assert_eq!(seen, expected, "{told:?}");
        }
    });
    life.runtime.block_on(async { Sql::at(&place).await.assert_sound().await });
    life.kill();
}
