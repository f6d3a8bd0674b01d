//! Ticks become runs: on time, once each, many at a time.

use std::{sync::Arc, time::Duration};

use jiff::ToSpan;
use revere::{
    engine::{EngineSettings, Event, RunNowError},
    store::{Committed, RunFilter, StoreError},
};
use revere_model::{MonitorId, MonitorSpec, Run, RunKind, State};
use tokio::sync::Semaphore;

use crate::support::{Act, Scratch, Stage, at, claims_in_force, scripted, spec, until};

async fn runs(stage: &Stage, monitor: MonitorId) -> Vec<Run> {
    let mut runs = stage.store().runs(monitor, RunFilter { limit: 1000, ..RunFilter::default() }).await.unwrap();
    runs.reverse();
    runs
}

#[tokio::test]
async fn each_tick_is_run_once_on_time_and_none_early() {
    let stage = Stage::new().await;
    let id = stage.store().create_monitor(&spec("a"), stage.now()).await.unwrap().id;
    stage.at(at("2026-01-01T00:00:59.999999Z"));
    stage.store().create_monitor(&spec("b"), stage.now()).await.unwrap();
    for minute in 1..=5 {
        stage.at(at("2026-01-01T00:00:00Z") + minute.minutes());
        until("the run of this minute", async || runs(&stage, id).await.len() as i64 == minute).await;
    }
    for (run, minute) in runs(&stage, id).await.iter().zip(1..) {
        let tick = at("2026-01-01T00:00:00Z") + minute.minutes();
        assert_eq!((run.tick_at, run.started_at, run.kind), (tick, tick, RunKind::Scheduled));
    }
}

#[tokio::test]
async fn a_monitor_that_alarms_flips_once_and_its_watchers_hear_of_it() {
    let stage = Stage::new().await;
    stage.player.plays("fail", Act::Ends(State::Alarm));
    let mut events = stage.engine.events();
    let made = stage.store().create_monitor(&scripted("a", "fail"), stage.now()).await.unwrap();
    stage.at(at("2026-01-01T00:01:00Z"));
    let Ok(Event::Run { run, flip }) = events.recv().await else { panic!("no run") };
    assert_eq!((run.monitor_id, run.new_state), (made.id, State::Alarm));
    assert_eq!(flip.unwrap().new_state, State::Alarm);
    stage.at(at("2026-01-01T00:02:00Z"));
    until("the second run", async || runs(&stage, made.id).await.len() == 2).await;
    assert_eq!(stage.store().flips(made.id, None, 10).await.unwrap().len(), 1);
    until("it told", async || stage.ops().story("a") == [(State::Inactive, State::Alarm)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_due_in_the_same_second_all_run_and_no_more_at_once_than_allowed() {
    let settings = EngineSettings { in_flight: 50, ..EngineSettings::default() };
    let stage = Stage::on(Scratch::new().await, settings).await;
    for n in 0..1000 {
        stage.store().create_monitor(&scripted("m", &format!("return_value = {n}")), stage.now()).await.unwrap();
    }
    stage.at(at("2026-01-01T00:01:00Z"));
    until("a thousand states", async || stage.store().count_by_state().await.unwrap()[&State::Ok] == 1000).await;
    assert_eq!(stage.player.begun.load(std::sync::atomic::Ordering::SeqCst), 1000);
    let peak = stage.player.peak.load(std::sync::atomic::Ordering::SeqCst);
    assert!(peak <= 50, "{peak} at once");
    stage.engine.stop(Duration::from_secs(5)).await;
    assert_eq!(claims_in_force(stage.store()).await, 0);
    stage.scratch.assert_sound().await;
}

#[tokio::test]
async fn slow_monitors_keep_their_places_only_and_those_due_longest_come_first() {
    let settings = EngineSettings { in_flight: 3, ..EngineSettings::default() };
    let stage = Stage::on(Scratch::new().await, settings).await;
    let gate = Arc::new(Semaphore::new(0));
    stage.player.plays("slow", Act::Waits(gate.clone()));
    for n in 0..2 {
        stage.store().create_monitor(&scripted(&format!("slow {n}"), "slow"), stage.now()).await.unwrap();
    }
    stage.at(at("2026-01-01T00:01:00Z"));
    until("both slow ones", async || stage.player.going.load(std::sync::atomic::Ordering::SeqCst) == 2).await;
    let mut quick = Vec::new();
    for n in 0..20 {
        quick.push(stage.store().create_monitor(&spec(&format!("quick {n}")), stage.now()).await.unwrap().id);
    }
    stage.at(at("2026-01-01T00:02:00Z"));
    for id in &quick {
        until("every quick one", async || runs(&stage, *id).await.len() == 1).await;
    }
    gate.add_permits(2);
    until("the slow ones", async || claims_in_force(stage.store()).await == 0).await;
}

#[tokio::test]
async fn a_tick_that_finds_the_last_run_going_is_counted_and_not_run_twice() {
    let stage = Stage::new().await;
    let gate = Arc::new(Semaphore::new(0));
    stage.player.plays("slow", Act::Waits(gate.clone()));
    let id = stage.store().create_monitor(&scripted("a", "slow"), stage.now()).await.unwrap().id;
    for minute in 1..=4 {
        stage.at(at("2026-01-01T00:00:00Z") + minute.minutes());
        until("this tick accounted for", async || {
            stage.store().monitor(id).await.unwrap().next_run_at > Some(stage.now())
        })
        .await;
    }
    assert_eq!(stage.player.begun.load(std::sync::atomic::Ordering::SeqCst), 1);
    gate.add_permits(1);
    until("its end", async || runs(&stage, id).await.len() == 1).await;
    let monitor = stage.store().monitor(id).await.unwrap();
    assert_eq!((monitor.overlapped_ticks, monitor.missed_ticks), (3, 0));
}

#[tokio::test]
async fn an_edit_is_noticed_before_the_tick_that_was_waited_for() {
    let stage = Stage::new().await;
    let yearly = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec("a") };
    let made = stage.store().create_monitor(&yearly, stage.now()).await.unwrap();
    stage.engine.wake();
    stage.store().update_monitor(made.id, 1, &spec("a"), stage.now()).await.unwrap();
    stage.at(at("2026-01-01T00:01:00Z"));
    until("its first run", async || runs(&stage, made.id).await.len() == 1).await;
}

#[tokio::test]
async fn a_run_by_hand_is_recorded_also_of_a_monitor_that_is_off_or_at_work() {
    let stage = Stage::new().await;
    stage.player.plays("fail", Act::Ends(State::Alarm));
    let off = MonitorSpec { active: false, ..scripted("off", "fail") };
    let off = stage.store().create_monitor(&off, stage.now()).await.unwrap();
    let (committed, outcome) = stage.engine.run_now(off.id).await.unwrap();
    let Committed::Recorded { run, flip, .. } = committed else { panic!("{committed:?}") };
    assert_eq!((run.kind, run.outcome, run.new_state, flip), (RunKind::Manual, State::Alarm, State::Inactive, None));
    assert_eq!(outcome.state, State::Alarm);
    assert_eq!(stage.store().monitor(off.id).await.unwrap().last_message.as_deref(), Some("came out ALARM"));

    let gate = Arc::new(Semaphore::new(0));
    stage.player.plays("slow", Act::Waits(gate.clone()));
    let busy = stage.store().create_monitor(&scripted("busy", "slow"), stage.now()).await.unwrap();
    stage.at(at("2026-01-01T00:01:00Z"));
    until("the scheduled run", async || stage.player.going.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    gate.add_permits(2);
    stage.engine.run_now(busy.id).await.unwrap();
    until("both runs", async || runs(&stage, busy.id).await.len() == 2).await;
    let missing = stage.engine.run_now(MonitorId(999)).await;
    assert!(matches!(missing, Err(RunNowError::Store(StoreError::NotFound))));
}

#[tokio::test]
async fn old_runs_and_deleted_monitors_are_tidied_away() {
    let stage = Stage::new().await;
    let short = MonitorSpec { retain_days: Some(1), ..spec("short") };
    let id = stage.store().create_monitor(&short, stage.now()).await.unwrap().id;
    let gone = stage.store().create_monitor(&spec("gone"), stage.now()).await.unwrap().id;
    for _ in 0..3 {
        stage.scratch.manual(id, State::Ok).await;
        stage.scratch.manual(gone, State::Alarm).await;
    }
    stage.store().delete_monitor(gone, stage.now()).await.unwrap();
    stage.scratch.clock.set(at("2026-01-03T00:00:01Z"));
    stage.engine.wake();
    let mut outside = stage.scratch.outside().await;
    let mut left = async |question: &'static str, monitor: MonitorId| {
        stage.engine.tidy();
        sqlx::query_scalar::<_, i64>(question).bind(monitor.0).fetch_one(&mut outside).await.unwrap()
    };
    until("the last run alone", async || {
        left("select count(*) from runs where monitor_id = ? and kind = 'manual'", id).await <= 1
    })
    .await;
    until("no trace of the other", async || left("select count(*) from monitors where id = ?", gone).await == 0).await;
    assert_eq!(stage.ops().story("gone"), [(State::Inactive, State::Alarm)], "the problem was real, and told");
    stage.scratch.assert_sound().await;
}
