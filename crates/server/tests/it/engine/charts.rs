//! The chart that goes with a message: made when it is sent, of what the monitor left by then.

use revere::{
    alerts::SendError,
    store::{DeliveryFilter, DeliveryStatus, RunResult},
};
use revere_model::{MonitorId, MonitorSpec, ReturnValue, State};

use crate::{
    alerts::charts::assert_a_chart,
    support::{TestEngine, by_server, test_engine::RecordingChannel, until, yearly},
};

fn showing() -> RecordingChannel {
    RecordingChannel { charts: true, ..RecordingChannel::default() }
}

async fn monitor(test: &TestEngine) -> MonitorId {
    let spec = MonitorSpec { timezone: "Europe/Berlin".to_owned(), ..yearly("queue length") };
    test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id
}

/// A run that leaves `value` and comes out so, five minutes after the one before.
async fn run(test: &TestEngine, monitor: MonitorId, state: State, value: Option<ReturnValue>) {
    test.later(300);
    let result = RunResult { return_value: value, threshold: Some(50.0), ..test.scratch.manual_result(monitor, state) };
    test.store().commit_run(result).await.unwrap();
    test.engine.wake();
}

async fn sent(test: &TestEngine, count: usize) {
    let filter = DeliveryFilter {
        alert: Some("ops".to_owned()),
        status: Some(DeliveryStatus::Sent),
        limit: 100,
        ..DeliveryFilter::default()
    };
    until("so much is told", async || test.store().deliveries(&filter).await.unwrap().len() == count).await;
}

#[tokio::test]
async fn what_is_told_of_numbers_has_their_chart_up_to_now() {
    let test = TestEngine::with_ops(showing()).await;
    let id = monitor(&test).await;
    for value in [3, 5, 4, 7, 6] {
        run(&test, id, State::Ok, Some(ReturnValue::Int(value))).await;
    }
    run(&test, id, State::Alarm, Some(ReturnValue::Float(97.5))).await;
    sent(&test, 1).await;
    run(&test, id, State::Ok, Some(ReturnValue::Int(2))).await;
    sent(&test, 2).await;
    let told = test.ops().taken.lock().unwrap().clone();
    let charts: Vec<_> = told.iter().map(|one| one.sending.chart.clone().expect("it has a chart")).collect();
    assert_a_chart(&charts[0].png);
    let words = &charts[0].words;
    assert!(words.starts_with("Chart of the value, 1 h until "), "{words}");
    assert!(words.ends_with(": 6 runs, values from 3 to 97.5, threshold 50, 2 changes of state"), "{words}");
    assert!(charts[1].words.contains("7 runs, values from 2 to 97.5"), "{}", charts[1].words);
    assert_ne!(charts[0].png, charts[1].png);
    let spare = test.spare();
    until("the other alert told both", async || spare.attempts() == 2).await;
    assert!(spare.taken.lock().unwrap().iter().all(|one| one.sending.chart.is_none()), "it shows none");
}

#[tokio::test]
async fn without_numbers_there_is_no_chart_and_what_was_refused_once_comes_in_words() {
    let test = TestEngine::with_ops(showing()).await;
    let id = monitor(&test).await;
    run(&test, id, State::Ok, Some(ReturnValue::Text("up".to_owned()))).await;
    run(&test, id, State::Alarm, Some(ReturnValue::Text("down".to_owned()))).await;
    sent(&test, 1).await;
    test.ops().fails(Some(SendError::later("busy")));
    run(&test, id, State::Ok, Some(ReturnValue::Int(1))).await;
    until("it is tried", async || test.ops().attempts() == 2).await;
    until("it was refused", async || {
        let log = test.store().deliveries(&DeliveryFilter { limit: 9, ..DeliveryFilter::default() }).await.unwrap();
        log.iter().any(|one| one.alert_key == "ops" && one.last_error.is_some())
    })
    .await;
    test.ops().fails(None);
    test.later(10);
    sent(&test, 2).await;
    run(&test, id, State::Alarm, Some(ReturnValue::Int(9))).await;
    sent(&test, 3).await;
    let told = test.ops().taken.lock().unwrap().clone();
    let has_chart: Vec<bool> = told.iter().map(|one| one.sending.chart.is_some()).collect();
    assert_eq!(has_chart, [false, false, true]);
}

#[tokio::test]
async fn what_runs_once_a_week_has_a_chart_of_weeks() {
    let test = TestEngine::with_ops(showing()).await;
    let id = monitor(&test).await;
    for week in 0..4 {
        test.later(7 * 24 * 3600);
        run(&test, id, State::Ok, Some(ReturnValue::Int(week))).await;
    }
    run(&test, id, State::Alarm, Some(ReturnValue::Int(40))).await;
    sent(&test, 1).await;
    let told = test.ops().taken.lock().unwrap().clone();
    let words = told[0].sending.chart.clone().unwrap().words.clone();
    assert!(words.starts_with("Chart of the value, 24 h until "), "two within a day: {words}");
    test.later(7 * 24 * 3600);
    run(&test, id, State::Ok, Some(ReturnValue::Int(1))).await;
    sent(&test, 2).await;
    let told = test.ops().taken.lock().unwrap().clone();
    let words = told[1].sending.chart.clone().unwrap().words.clone();
    assert!(words.starts_with("Chart of the value, 30 d until ") && words.contains("6 runs"), "{words}");
}
