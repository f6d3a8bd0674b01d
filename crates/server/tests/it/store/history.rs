//! Runs as people look back on them, and what is forgotten.

use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use revere::store::{ConfiguredAlert, DeliveryFilter, DeliveryStatus, RunFilter, RunResult, Settlement};
use revere_model::{MonitorId, MonitorSpec, ReturnValue, Run, State, StateSet};

use crate::support::{Scratch, at, by_server, settle_one, spec, switched};

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
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let other = scratch.store.create_monitor(&spec("b"), &by_server(scratch.now())).await.unwrap().id;
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
    let never_run = scratch.store.create_monitor(&spec("never run"), &by_server(scratch.now())).await.unwrap().id;
    let of_both = scratch.store.series_of(&[other, never_run, id], 10).await.unwrap();
    assert_eq!(of_both[&id], series);
    assert_eq!(of_both[&other], scratch.store.series(other, 10).await.unwrap());
    assert_eq!(of_both.len(), 2);
}

#[tokio::test]
async fn everything_of_a_run_is_kept_as_it_was() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
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
            tick_at: at("2026-01-01T00:00:00.123456Z"),
            started_at: at("2026-01-01T00:00:01.000001Z"),
            finished_at: at("2026-01-01T00:00:02Z"),
            duration: Duration::from_micros(1_234_567),
            message: "ZeroDivisionError: division by zero".to_owned(),
            return_value: Some(value),
            output: "line\n\u{fffd}".to_owned(),
            traceback: Some("Traceback ...".to_owned()),
            ..scratch.manual_result(id, State::Error)
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
    let id = store.create_monitor(&wanted, &by_server(scratch.now())).await.unwrap().id;
    let forever = store.create_monitor(&spec("forever"), &by_server(scratch.now())).await.unwrap().id;
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
async fn gaps_and_settled_deliveries_go_with_the_days_of_their_monitor() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let alerts =
        ["broken", "ops"].map(|key| ConfiguredAlert { key: key.to_owned(), enabled: true, ..Default::default() });
    store.sync_alerts(&alerts, scratch.now()).await.unwrap();
    let wanted = MonitorSpec { retain_days: Some(7), schedule: "0 0 * * *".to_owned(), ..spec("a") };
    let id = store.create_monitor(&wanted, &by_server(scratch.now())).await.unwrap().id;
    let minute = Duration::from_secs(60);
    // Twenty days: one run in two days, each a flip; "broken" gives up, so "ops" has each twice.
    for outcome in [State::Alarm, State::Ok].repeat(5) {
        scratch.clock.advance(SignedDuration::from_hours(48));
        let claimed = scratch.claim().await.remove(0);
        scratch.finish(&claimed, outcome).await;
        let given_up = store.claim_deliveries("broken", "one", scratch.now(), minute, 9).await.unwrap();
        settle_one(store, &given_up[0], Settlement::Failed("404".to_owned()), scratch.now()).await;
        for _ in 0..2 {
            for taken in store.claim_deliveries("ops", "one", scratch.now(), minute, 9).await.unwrap() {
                settle_one(store, &taken, Settlement::Sent("ok".to_owned()), scratch.now()).await;
            }
        }
    }
    let log = DeliveryFilter { limit: 100, ..DeliveryFilter::default() };
    assert_eq!(store.gaps(id, None, 100).await.unwrap().len(), 10);
    assert_eq!(store.deliveries(&log).await.unwrap().len(), 30);
    let mut pieces = Vec::new();
    loop {
        let gaps = store.purge_gaps(id, 7, scratch.now(), 4).await.unwrap();
        let deliveries = store.purge_deliveries(id, 7, scratch.now(), 4).await.unwrap();
        if gaps + deliveries == 0 {
            break;
        }
        pieces.push(gaps.max(deliveries));
    }
    assert!(pieces.len() > 3 && pieces.iter().all(|piece| *piece <= 4), "{pieces:?}");
    let cutoff = scratch.now() - (7 * 24).hours();
    let gaps = store.gaps(id, None, 100).await.unwrap();
    assert!(gaps.iter().all(|(_, gap)| gap.last_tick_at >= cutoff));
    let left = store.deliveries(&log).await.unwrap();
    assert!(left.iter().all(|one| one.created_at >= cutoff));
    assert_eq!((gaps.len(), left.len()), (4, 12));
    assert_eq!(store.monitor(id).await.unwrap().missed_ticks, 10, "the count goes on from the beginning");

    // What is still owed stays, however old it is.
    scratch.manual(id, State::Alarm).await;
    scratch.clock.advance(SignedDuration::from_hours(24 * 30));
    while store.purge_deliveries(id, 7, scratch.now(), 4).await.unwrap() > 0 {}
    let left = store.deliveries(&log).await.unwrap();
    assert_eq!(left.iter().map(|one| one.status).collect::<Vec<_>>(), [DeliveryStatus::Owed; 2]);
    scratch.assert_sound().await;
}

#[tokio::test]
async fn a_page_ends_before_its_texts_are_too_long_and_what_comes_after_is_on_the_next() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let id = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    for n in 0..30 {
        let result = RunResult {
            message: "m".repeat(100),
            output: "ü".repeat(1000),
            traceback: (n % 3 == 0).then(|| "t".repeat(900)),
            ..scratch.manual_result(id, State::Error)
        };
        store.commit_run(result).await.unwrap();
    }
    let all = store.runs(id, RunFilter { limit: 100, ..RunFilter::default() }).await.unwrap();
    let mut filter = RunFilter { limit: 8, ..RunFilter::default() };
    let (mut seen, mut lengths) = (Vec::new(), Vec::new());
    loop {
        // Room for five or four.
        let (page, more) = store.runs_page(id, filter, 11_500).await.unwrap();
        filter.before = page.last().map(|run| run.id);
        lengths.push(page.len());
        seen.extend(page);
        if !more {
            break;
        }
    }
    assert_eq!(seen, all);
    assert!(lengths[..lengths.len() - 1].iter().all(|length| [4, 5].contains(length)), "{lengths:?}");
    let first = RunFilter { limit: 8, ..RunFilter::default() };
    assert_eq!(store.runs_page(id, first, 1).await.unwrap(), (all[..1].to_vec(), true), "one at least");
    assert_eq!(store.runs_page(id, first, usize::MAX).await.unwrap(), (all[..8].to_vec(), true));
    let whole = RunFilter { limit: 30, ..first };
    assert_eq!(store.runs_page(id, whole, usize::MAX).await.unwrap(), (all, false));
}

#[tokio::test]
async fn what_another_writer_committed_later_with_a_smaller_id_stands_where_its_time_is() {
    let scratch = Scratch::new().await;
    let store = &scratch.store;
    let id = store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let minute = |n: i64| scratch.now() + n.minutes();
    let mut sql = scratch.sql().await;
    for (row, n, old, new) in
        [(900, 1, "OK", "ALARM"), (500, 2, "ALARM", "OK"), (700, 3, "OK", "ALARM"), (100, 4, "ALARM", "ERROR")]
    {
        let (id, at) = (id.0, minute(n).as_microsecond());
        sql.run(format!(
            "insert into runs (id, monitor_id, kind, tick_at, started_at, duration_us, outcome, old_state, new_state, message,
                 output) values ({row}, {id}, 'scheduled', {at}, {at}, 1, '{new}', '{old}', '{new}', '', '');
             insert into flips (id, monitor_id, at, old_state, new_state, message)
                 values ({row}, {id}, {at}, '{old}', '{new}', '');
             insert into gaps (id, monitor_id, reason, first_tick_at, last_tick_at, count)
                 values ({row}, {id}, 'missed', {at}, {at}, 1);
             update states set last_run_at = {at}, state_since = {at}, state = '{new}' where monitor_id = {id}"
        ))
        .await;
    }
    let ids = |runs: &[Run]| runs.iter().map(|run| run.id.0).collect::<Vec<_>>();
    let one = RunFilter { limit: 1, ..RunFilter::default() };
    assert_eq!(
        ids(&pages(&scratch, id, one).await),
        [100, 700, 500, 900],
        "page by page, none twice and none left out"
    );
    let alarms = RunFilter { states: Some(StateSet::EMPTY.with(State::Alarm)), flips: true, ..one };
    assert_eq!(ids(&pages(&scratch, id, alarms).await), [700, 900]);
    let window = RunFilter { from: Some(minute(2)), until: Some(minute(4)), ..one };
    assert_eq!(ids(&pages(&scratch, id, window).await), [700, 500]);
    let flips = store.flips_between(id, minute(0), minute(9), 2).await.unwrap();
    assert_eq!(flips.iter().map(|flip| flip.id.0).collect::<Vec<_>>(), [700, 100], "the newest two");
    let gaps = store.gaps_between(id, minute(0), minute(9), 2).await.unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.last_tick_at).collect::<Vec<_>>(), [minute(3), minute(4)]);
    switched(store, id, false, minute(5)).await;
    let monitor = store.monitor(id).await.unwrap();
    assert_eq!(store.previous_run(&monitor).await.unwrap().unwrap().state, State::Error);
    assert_eq!(store.purge_runs(id, 1, minute(60 * 24 + 3), 9).await.unwrap(), 2, "only what is old enough");
    assert_eq!(store.purge_runs(id, 1, minute(60 * 24 * 9), 9).await.unwrap(), 1);
    assert_eq!(ids(&pages(&scratch, id, one).await), [100], "the last one stays");
    assert_eq!(store.purge_gaps(id, 1, minute(60 * 24 + 3), 9).await.unwrap(), 2);
}
