//! Runs as people look back on them, and what is forgotten.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, ToSpan};
use revere::store::{
    ConfiguredAlert, DeliveryFilter, ImportedAlert, ImportedChange, ImportedMonitor, ImportedRun, MonitorFilter, Past,
    RunFilter, RunResult, Takeover,
};
use revere_model::{MonitorId, MonitorSpec, ReturnValue, Run, RunKind, State, StateSet};

use crate::support::{Scratch, at, spec};

async fn pages(scratch: &Scratch, monitor: MonitorId, mut filter: RunFilter) -> Vec<Run> {
    let mut all = Vec::new();
    loop {
        let page = scratch.store.runs(monitor, filter).await.unwrap();
        assert!(page.len() <= filter.limit as usize);
        let Some(last) = page.last() else { return all };
        filter.before = Some(last.id);
        all.extend(page);
    }
}

#[tokio::test]
async fn runs_are_listed_newest_first_by_state_and_by_flip() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), scratch.now()).await.unwrap().id;
    let other = scratch.store.create_monitor(&spec("b"), scratch.now()).await.unwrap().id;
    let mut made = Vec::new();
    for n in 0..40 {
        let outcome = [State::Ok, State::Ok, State::Alarm, State::Alarm, State::Error][n % 5];
        made.push(outcome);
        scratch.manual(id, outcome).await;
        scratch.manual(other, State::Ok).await;
        scratch.clock.advance(SignedDuration::from_secs(1));
    }
    made.reverse();
    let filter = RunFilter { limit: 7, ..RunFilter::default() };
    let all = pages(&scratch, id, filter).await;
    assert_eq!(all.iter().map(|run| run.new_state).collect::<Vec<_>>(), made);
    assert!(all.iter().all(|run| run.monitor_id == id));
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    let problems = StateSet::EMPTY.with(State::Alarm).with(State::Error);
    let bad = pages(&scratch, id, RunFilter { states: Some(problems), ..filter }).await;
    assert_eq!(bad, all.iter().filter(|run| run.new_state.is_problem()).cloned().collect::<Vec<_>>());
    let flips = pages(&scratch, id, RunFilter { flips: true, ..filter }).await;
    assert_eq!(flips, all.iter().filter(|run| run.old_state != run.new_state).cloned().collect::<Vec<_>>());
    let into_ok = RunFilter { flips: true, states: Some(StateSet::EMPTY.with(State::Ok)), ..filter };
    assert_eq!(pages(&scratch, id, into_ok).await.len(), 8);
    assert_eq!(pages(&scratch, id, RunFilter { states: Some(StateSet::EMPTY), ..filter }).await, []);
    let series = scratch.store.series(id, 10).await.unwrap();
    assert_eq!(
        series.iter().map(|point| point.at).collect::<Vec<_>>(),
        all[..10].iter().rev().map(|run| run.started_at).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn everything_of_a_run_is_kept_as_it_was() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), scratch.now()).await.unwrap().id;
    let values = [
        ReturnValue::Int(i64::MAX),
        ReturnValue::Int(1),
        ReturnValue::Float(1.0),
        ReturnValue::Float(0.1 + 0.2),
        ReturnValue::Float(5e-324),
        ReturnValue::Float(-0.0),
        ReturnValue::Text("1".to_owned()),
        ReturnValue::Text("zwölf \"Uhr\"\n😀\u{0}\u{202e}".to_owned()),
    ];
    for value in values {
        let result = RunResult {
            monitor_id: id,
            attempt: None,
            kind: RunKind::Manual,
            tick_at: at("2026-01-01T00:00:00.123456Z"),
            started_at: at("2026-01-01T00:00:01.000001Z"),
            finished_at: at("2026-01-01T00:00:02Z"),
            duration: std::time::Duration::from_micros(1_234_567),
            outcome: State::Error,
            message: "ZeroDivisionError: division by zero".to_owned(),
            return_value: Some(value),
            output: "line\n\u{fffd}".to_owned(),
            traceback: Some("Traceback ...".to_owned()),
        };
        let committed = scratch.store.commit_run(result.clone()).await.unwrap();
        let revere::store::Committed::Recorded { run, .. } = committed else { panic!("{committed:?}") };
        let read = scratch.store.run(run.id).await.unwrap();
        assert_eq!(read, *run);
        assert_eq!(format!("{:?}", read.return_value), format!("{:?}", result.return_value), "1 and 1.0 stay apart");
        assert_eq!((read.tick_at, read.started_at, read.duration_ms), (result.tick_at, result.started_at, 1234.567));
        assert_eq!((read.output, read.traceback), (result.output, result.traceback));
        assert_eq!(scratch.store.monitor(id).await.unwrap().last_value, result.return_value);
    }
}

#[tokio::test]
async fn old_runs_go_in_pieces_and_the_last_run_and_the_flips_stay() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let wanted = MonitorSpec { retain_days: Some(7), ..spec("a") };
    let id = store.create_monitor(&wanted, scratch.now()).await.unwrap().id;
    let forever = store.create_monitor(&spec("forever"), scratch.now()).await.unwrap().id;
    for outcome in [State::Ok, State::Alarm].repeat(20) {
        scratch.manual(id, outcome).await;
        scratch.manual(forever, outcome).await;
        scratch.clock.advance(SignedDuration::from_hours(12));
    }
    assert_eq!(store.monitors_to_purge(None, 10).await.unwrap(), [(id, 7)]);
    let mut purged = Vec::new();
    loop {
        match store.purge_runs(id, 7, scratch.now(), 10).await.unwrap() {
            0 => break,
            count => purged.push(count),
        }
    }
    assert!(purged.iter().all(|count| *count <= 10), "{purged:?}");
    let filter = RunFilter { limit: 1000, ..RunFilter::default() };
    let left = store.runs(id, filter).await.unwrap();
    assert!(left.iter().all(|run| run.started_at >= scratch.now() - (7 * 24).hours()));
    assert_eq!((left.len(), purged.iter().sum::<u64>()), (14, 26));
    scratch.clock.advance(SignedDuration::from_hours(24 * 100));
    while store.purge_runs(id, 7, scratch.now(), 10).await.unwrap() > 0 {}
    assert_eq!(store.runs(id, filter).await.unwrap(), left[..1]);
    assert_eq!(store.runs(forever, filter).await.unwrap().len(), 40);
    assert_eq!(store.flips(id, None, 100).await.unwrap().len(), 40);
}

#[tokio::test]
async fn an_import_keeps_history_and_state_tells_nobody_and_goes_on_from_there() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let run = |minutes: i64, old_state, new_state| {
        Past::Run(ImportedRun {
            kind: RunKind::Imported,
            at: at("2013-05-05T00:00:00Z") + minutes.minutes(),
            duration: Duration::ZERO,
            outcome: new_state,
            old_state,
            new_state,
            message: format!("{new_state}"),
            return_value: Some(ReturnValue::Int(minutes)),
            output: String::new(),
            traceback: None,
        })
    };
    let edited = Past::Change(ImportedChange {
        at: at("2013-05-04T00:00:00Z"),
        old_state: State::Ok,
        new_state: State::Inactive,
        message: "Monitor edited".to_owned(),
    });
    let history =
        vec![edited, run(0, State::Inactive, State::Ok), run(1, State::Ok, State::Ok), run(2, State::Ok, State::Alarm)];
    let monitor = ImportedMonitor {
        id: Some(MonitorId(7)),
        spec: spec("old"),
        state: State::Alarm,
        heard: State::Alarm,
        history,
    };
    let off = ImportedMonitor {
        id: None,
        spec: MonitorSpec { active: false, ..spec("off") },
        state: State::Alarm,
        heard: State::Ok,
        history: Vec::new(),
    };
    let states = StateSet::EMPTY.with(State::Ok).with(State::Alarm);
    let alert = ImportedAlert { key: "ops".to_owned(), enabled: true, states };
    let stored = Arc::new(AtomicU64::new(0));
    let import =
        || store.import(vec![monitor.clone(), off.clone()], vec![alert.clone()], scratch.now(), stored.clone());
    let Takeover::Done(ids) = import().await.unwrap() else { panic!("nothing was there before") };
    assert_eq!((ids[0], stored.load(Ordering::Relaxed)), (MonitorId(7), 3));
    assert_eq!(import().await.unwrap(), Takeover::Taken(vec![MonitorId(7)]), "a second time would double everything");
    assert_eq!(store.monitors(&MonitorFilter { limit: 10, ..MonitorFilter::default() }).await.unwrap().len(), 2);
    let taken = store.monitor(ids[0]).await.unwrap();
    assert_eq!((taken.state, taken.state_since), (State::Alarm, at("2013-05-05T00:02:00Z")));
    assert_eq!((taken.last_value, taken.last_run_at), (Some(ReturnValue::Int(2)), Some(at("2013-05-05T00:02:00Z"))));
    assert_eq!(taken.next_run_at, Some(at("2026-01-01T00:01:00Z")), "old ticks are not missed ticks");
    assert_eq!(store.monitor(ids[1]).await.unwrap().state, State::Inactive);
    assert_eq!(store.flips(ids[0], None, 10).await.unwrap().len(), 3);
    assert_eq!(store.alerts().await.unwrap()[0].states, states);
    scratch.manual(ids[0], State::Alarm).await;
    let runs = store.runs(ids[0], RunFilter { limit: 10, ..RunFilter::default() }).await.unwrap();
    assert_eq!(
        runs.iter().map(|run| run.kind).collect::<Vec<_>>(),
        [RunKind::Manual, RunKind::Imported, RunKind::Imported, RunKind::Imported]
    );
    // The problem was told before the import, so its end is told after it; what was off stays untold.
    store.sync_alerts(&[ConfiguredAlert { key: "ops".to_owned(), enabled: true }], scratch.now()).await.unwrap();
    scratch.manual(ids[0], State::Ok).await;
    let owed = store.deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).await.unwrap();
    let told: Vec<_> = owed.iter().map(|owed| (owed.notification.old_state, owed.notification.new_state)).collect();
    assert_eq!(told, [(State::Alarm, State::Ok)]);
    scratch.assert_sound().await;
}
