//! What follows of an incident is given what the receiver calls the message that told of its beginning.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use revere::{
    engine::EngineSettings,
    store::{DeliveryFilter, DeliveryStatus},
};
use revere_model::{MonitorId, Reminders, State};

use crate::support::{Scratch, TestEngine, by_server, test_engine::RecordingChannel, until, yearly};

fn threading() -> RecordingChannel {
    RecordingChannel { threads: true, ..RecordingChannel::default() }
}

async fn monitor(test: &TestEngine, name: &str) -> MonitorId {
    test.store().create_monitor(&yearly(name), &by_server(test.now())).await.unwrap().id
}

async fn flip(test: &TestEngine, monitor: MonitorId, to: State) {
    test.scratch.manual(monitor, to).await;
    test.engine.wake();
}

/// Waits until `ops` has told so many deliveries.
async fn sent(test: &TestEngine, count: usize) {
    let of_ops = DeliveryFilter {
        alert: Some("ops".to_owned()),
        status: Some(DeliveryStatus::Sent),
        limit: 100,
        ..DeliveryFilter::default()
    };
    until("so much is told", async || test.store().deliveries(&of_ops).await.unwrap().len() == count).await;
}

/// What each message of an alert was given to belong to.
fn places(channel: &RecordingChannel) -> Vec<Option<String>> {
    channel.taken.lock().unwrap().iter().map(|told| told.sending.reply_to.clone()).collect()
}

fn message(number: usize) -> Option<String> {
    Some(format!("message {number}"))
}

#[tokio::test]
async fn all_that_follows_of_an_incident_belongs_to_its_first_message_after_a_restart_too() {
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let reminders = BTreeMap::from([("ops".to_owned(), hourly)]);
    let settings = EngineSettings { reminders, ..EngineSettings::default() };
    let alerts = [("ops".to_owned(), threading()), ("spare".to_owned(), RecordingChannel::default())].into();
    let test = TestEngine::telling_through(Scratch::new().await, settings, alerts).await;
    let id = monitor(&test, "m").await;
    flip(&test, id, State::Alarm).await;
    sent(&test, 1).await;
    let test = test.restarted(Duration::from_secs(5)).await;
    test.later(61 * 60);
    sent(&test, 2).await;
    for (number, state) in [State::Error, State::Ok, State::Alarm, State::Ok].into_iter().enumerate() {
        flip(&test, id, state).await;
        sent(&test, 3 + number).await;
    }
    assert_eq!(places(test.ops()), [None, message(1), message(1), message(1), None, message(5)]);
    assert!(test.ops().taken.lock().unwrap()[1].reminder.is_some());
    let spare = test.spare();
    until("the other alert told all", async || places(spare).len() == 5).await;
    assert_eq!(places(spare), [None, None, None, None, None], "it has no such places");
}

#[tokio::test]
async fn where_the_answer_to_the_first_message_was_lost_what_follows_belongs_to_the_repeat() {
    let test = TestEngine::with_ops(threading()).await;
    let id = monitor(&test, "m").await;
    *test.ops().unheard.lock().unwrap() = true;
    flip(&test, id, State::Alarm).await;
    until("it is told", async || test.ops().attempts() == 1).await;
    until("nobody heard of that", async || {
        let log = test.store().deliveries(&DeliveryFilter { limit: 9, ..DeliveryFilter::default() }).await.unwrap();
        log.iter().any(|one| one.alert_key == "ops" && one.last_error.is_some())
    })
    .await;
    *test.ops().unheard.lock().unwrap() = false;
    test.later(10);
    sent(&test, 1).await;
    flip(&test, id, State::Ok).await;
    sent(&test, 2).await;
    assert_eq!(places(test.ops()), [None, None, message(2)]);
}

#[tokio::test]
async fn what_is_told_as_one_belongs_to_a_message_only_if_all_of_it_does() {
    let test = TestEngine::with_ops(RecordingChannel { window: Duration::from_secs(30), ..threading() }).await;
    let mut ids = Vec::new();
    for name in ["m0", "m1", "m2", "m3"] {
        ids.push(monitor(&test, name).await);
    }
    flip(&test, ids[0], State::Alarm).await;
    sent(&test, 1).await;
    for id in &ids[1..] {
        flip(&test, *id, State::Alarm).await;
    }
    until("the other alert told all", async || test.spare().attempts() == 4).await;
    test.later(30);
    sent(&test, 4).await;
    test.later(31);
    flip(&test, ids[1], State::Ok).await;
    sent(&test, 5).await;
    for id in [ids[0], ids[2]] {
        flip(&test, id, State::Ok).await;
    }
    until("the other alert told all", async || test.spare().attempts() == 7).await;
    test.later(30);
    sent(&test, 7).await;
    assert_eq!(places(test.ops()), [None, None, message(2), None]);
    // What could not be put where it belongs changes nothing about where that is.
    let log = DeliveryFilter { alert: Some("ops".to_owned()), limit: 2, ..DeliveryFilter::default() };
    let mut log = test.store().deliveries(&log).await.unwrap();
    log.sort_by_key(|one| one.monitor_id);
    let kept: Vec<(MonitorId, Option<String>)> = log.into_iter().map(|one| (one.monitor_id, one.reference)).collect();
    assert_eq!(kept, [(ids[0], message(1)), (ids[2], message(2))]);
    // Two that were told as one end as one.
    test.later(31);
    flip(&test, ids[3], State::Error).await;
    sent(&test, 8).await;
    assert_eq!(places(test.ops()).last(), Some(&message(2)));
}
