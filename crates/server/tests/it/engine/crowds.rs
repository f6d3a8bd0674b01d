//! Many changes as one message, a late message that says what was meanwhile, and one that may be a repeat.

use std::time::Duration;

use revere::{
    alerts::{Notification, Retry, SendError},
    store::{DeliveryFilter, DeliveryStatus, RunResult},
};
use revere_model::{MonitorId, State};

use crate::support::{
    TestEngine, by_server, on_postgresql,
    test_engine::{RecordingChannel, engine},
    until, yearly,
};

async fn monitors(test: &TestEngine, count: usize) -> Vec<MonitorId> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        let spec = yearly(&format!("m{number}"));
        ids.push(test.store().create_monitor(&spec, &by_server(test.scratch.now())).await.unwrap().id);
    }
    ids
}

/// A channel as people read it.
fn gathering() -> RecordingChannel {
    RecordingChannel { window: Duration::from_secs(30), ..RecordingChannel::default() }
}

async fn flip(test: &TestEngine, monitor: MonitorId, to: State) {
    test.scratch.manual(monitor, to).await;
    test.engine.wake();
}

async fn count(test: &TestEngine, status: DeliveryStatus) -> usize {
    let filter = DeliveryFilter {
        alert: Some("ops".to_owned()),
        status: Some(status),
        limit: 1000,
        ..DeliveryFilter::default()
    };
    test.store().deliveries(&filter).await.unwrap().len()
}

/// How many deliveries of `ops` were refused once.
async fn refused(test: &TestEngine) -> usize {
    let filter = DeliveryFilter { alert: Some("ops".to_owned()), limit: 1000, ..DeliveryFilter::default() };
    test.store().deliveries(&filter).await.unwrap().iter().filter(|one| one.refusals == 1).count()
}

async fn sent(test: &TestEngine, number: usize) {
    until("they are told", async || count(test, DeliveryStatus::Sent).await == number).await;
}

fn taken(test: &TestEngine) -> Vec<Notification> {
    test.ops().taken.lock().unwrap().clone()
}

#[tokio::test]
async fn what_comes_within_the_window_is_told_as_one_the_worst_first_and_so_are_the_ends() {
    let test = TestEngine::with_ops(gathering()).await;
    let ids = monitors(&test, 10).await;
    flip(&test, ids[0], State::Alarm).await;
    sent(&test, 1).await;
    assert_eq!(taken(&test)[0].monitor.name, "m0", "the first one waits for nobody");
    for (number, id) in ids.iter().enumerate().skip(1) {
        flip(&test, *id, if number == 9 { State::Alarm } else { State::Error }).await;
    }
    until("the other alert told all", async || test.spare().attempts() == 10).await;
    assert_eq!(count(&test, DeliveryStatus::Owed).await, 9);
    test.later(30);
    sent(&test, 10).await;
    let told = taken(&test);
    assert_eq!(told.len(), 2);
    let text = told[1].text();
    assert!(
        text.starts_with("[Revere Alarm]\n9 monitors: 1 ALARM, 8 ERROR\nALARM m9: came out ALARM\nERROR m1:"),
        "{text}"
    );
    for id in &ids {
        flip(&test, *id, State::Ok).await;
    }
    until("the other alert told all", async || test.spare().attempts() == 20).await;
    test.later(30);
    sent(&test, 20).await;
    let told = taken(&test);
    assert_eq!(told.len(), 3);
    assert!(told[2].text().starts_with("[Revere Alarm]\n10 monitors: 10 OK\nOK m0: came out OK"), "{}", told[2].text());
    let log = DeliveryFilter { alert: Some("ops".to_owned()), limit: 100, ..DeliveryFilter::default() };
    let log = test.store().deliveries(&log).await.unwrap();
    assert_eq!(log.len(), 20, "each is in the log");
    assert!(log.iter().any(|one| one.reply.as_deref() == Some("noted (one message with 8 others)")));
}

/// What is told late has an older number than what was told before it, and is the last message all the same.
#[tokio::test]
async fn a_message_of_what_is_older_begins_a_window_too() {
    let test = TestEngine::with_ops(gathering()).await;
    let ids = monitors(&test, 3).await;
    let wait = Retry::After(Duration::from_secs(60));
    test.ops().fails(Some(SendError { retry: wait, ..SendError::later("429 Too Many Requests") }));
    flip(&test, ids[0], State::Alarm).await;
    until("it is refused", async || refused(&test).await == 1).await;
    test.ops().fails(None);
    flip(&test, ids[1], State::Alarm).await;
    sent(&test, 1).await;
    test.later(120);
    sent(&test, 2).await;
    flip(&test, ids[2], State::Alarm).await;
    until("the other alert told all", async || test.spare().attempts() == 3).await;
    test.later(30);
    sent(&test, 3).await;
    let filter = DeliveryFilter { alert: Some("ops".to_owned()), limit: 3, ..DeliveryFilter::default() };
    let log = test.store().deliveries(&filter).await.unwrap();
    let [last, _, late] = &log[..] else { panic!("{log:?}") };
    let apart = last.settled_at.unwrap().duration_since(late.settled_at.unwrap());
    assert!(apart.as_secs() >= 30, "{apart}");
}

/// A problem that comes and goes within the window is one line, and nothing of it is told by itself.
#[tokio::test]
async fn what_came_and_went_within_the_window_is_told_once() {
    let test = TestEngine::with_ops(gathering()).await;
    let ids = monitors(&test, 3).await;
    flip(&test, ids[0], State::Alarm).await;
    sent(&test, 1).await;
    flip(&test, ids[1], State::Alarm).await;
    test.scratch.clock.advance(jiff::SignedDuration::from_secs(5));
    flip(&test, ids[1], State::Ok).await;
    flip(&test, ids[2], State::Error).await;
    until("the other alert told all", async || test.spare().attempts() == 4).await;
    test.later(30);
    sent(&test, 4).await;
    let told = taken(&test);
    assert_eq!(told.len(), 2);
    let text = told[1].text();
    assert!(text.starts_with("[Revere Alarm]\n2 monitors: 1 ERROR, 1 OK\nERROR m2: came out ERROR\nOK m1: "), "{text}");
    assert!(text.contains("was ALARM Thu 1 Jan 2026, 00:00:00 - 00:00:05 UTC"), "{text}");
    assert_eq!(test.spare().story("m1").len(), 2, "where nothing is gathered, both are told");
}

/// One that its receiver takes alone is not lost for the others' sake, and none of them is given up.
#[tokio::test]
async fn what_is_refused_as_one_message_is_told_each_by_itself() {
    let test = TestEngine::with_ops(RecordingChannel { one_by_one: true, ..gathering() }).await;
    let ids = monitors(&test, 12).await;
    for id in &ids {
        flip(&test, *id, State::Alarm).await;
    }
    until("the other alert told all", async || test.spare().attempts() == 12).await;
    // Of the first ones more may be told by themselves, and each begins the time anew for which the others are gathered.
    until("it is told, at least the first", async || count(&test, DeliveryStatus::Sent).await > 0).await;
    loop {
        let before = count(&test, DeliveryStatus::Sent).await;
        if before == 12 {
            break;
        }
        test.later(30);
        until("more are told", async || count(&test, DeliveryStatus::Sent).await > before).await;
    }
    let mut told: Vec<String> = taken(&test).iter().map(|told| told.monitor.name.clone()).collect();
    told.sort();
    told.dedup();
    assert_eq!((told.len(), taken(&test).len()), (12, 12), "each once");
    // And the next ones are gathered again, once as many were told by themselves as had been refused together.
    let mut states = [State::Ok, State::Alarm].into_iter().cycle();
    for turn in 1.. {
        let state = states.next().expect("it goes on for ever");
        let attempts = test.ops().attempts();
        for id in &ids[..2] {
            flip(&test, *id, state).await;
        }
        test.later(30);
        sent(&test, 12 + 2 * turn).await;
        // Together, and then each.
        if test.ops().attempts() == attempts + 3 {
            break;
        }
        assert!(turn < 6, "they are told each by itself for ever");
    }
}

/// A receiver that is away is asked once for all that waits, and not once for each.
#[tokio::test]
async fn what_was_tried_together_is_tried_again_together() {
    let test = TestEngine::with_ops(gathering()).await;
    let ids = monitors(&test, 10).await;
    flip(&test, ids[0], State::Alarm).await;
    sent(&test, 1).await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    for id in &ids[1..] {
        flip(&test, *id, State::Alarm).await;
    }
    until("the other alert told all", async || test.spare().attempts() == 10).await;
    test.later(30);
    until("all were tried", async || refused(&test).await == 9).await;
    test.ops().fails(None);
    test.later(600);
    sent(&test, 10).await;
    assert_eq!(test.ops().attempts(), 3);
    assert_eq!(taken(&test)[1].sending.crowd.len(), 9);
}

/// The window is everybody's: what one server told, another one waits after.
#[tokio::test]
async fn servers_that_share_a_database_gather_together() {
    if !on_postgresql() {
        return;
    }
    let ops = gathering();
    let test = TestEngine::with_ops(ops.clone()).await;
    let beside = test.scratch.beside().await;
    let alerts = [("ops".to_owned(), ops), ("spare".to_owned(), test.spare().clone())].into();
    let metrics = std::sync::Arc::new(revere::metrics::Metrics::new(test.now()));
    let other = engine(&beside.store, &test.scratch.clock, &test.runner, &alerts, test.settings.clone(), metrics).await;
    let ids = monitors(&test, 20).await;
    flip(&test, ids[0], State::Alarm).await;
    sent(&test, 1).await;
    for id in &ids[1..] {
        flip(&test, *id, State::Alarm).await;
        other.wake();
    }
    until("the other alert told all", async || test.spare().taken.lock().unwrap().len() == 20).await;
    assert_eq!(taken(&test).len(), 1);
    // Were both to begin at the same moment, each would gather what the other does not.
    test.later(30);
    sent(&test, 20).await;
    other.wake();
    assert_eq!(taken(&test).len(), 2);
    other.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_receiver_that_was_away_is_told_once_what_was_meanwhile() {
    let test = TestEngine::with_ops(RecordingChannel::default()).await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    let id = monitors(&test, 1).await[0];
    let began = test.now();
    flip(&test, id, State::Alarm).await;
    until("it was tried in vain", async || refused(&test).await == 1).await;
    // Before the clock moves: no attempt may begin before it is over and end when the receiver is back.
    let ended = began + jiff::SignedDuration::from_secs(300);
    let over = RunResult {
        tick_at: ended,
        started_at: ended,
        finished_at: ended,
        ..test.scratch.manual_result(id, State::Ok)
    };
    test.store().commit_run(over).await.unwrap();
    test.ops().fails(None);
    test.later(600);
    sent(&test, 2).await;
    let told = taken(&test);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].old_state, told[0].new_state), (State::Alarm, State::Ok));
    let missed = &told[0].sending.missed;
    assert_eq!((missed.len(), missed[0].state, missed[0].from, missed[0].until), (1, State::Alarm, began, ended));
    assert!(told[0].text().contains("\nWas: ALARM "), "{}", told[0].text());
    flip(&test, id, State::Alarm).await;
    sent(&test, 3).await;
    assert!(taken(&test)[1].sending.missed.is_empty());
}

/// A receiver that takes everything and never says so is told no beginning after it was told the end.
#[tokio::test]
async fn what_may_have_arrived_together_is_given_up_together() {
    let test = TestEngine::with_ops(RecordingChannel { forgetful: true, ..RecordingChannel::default() }).await;
    *test.ops().unheard.lock().unwrap() = true;
    let id = monitors(&test, 1).await[0];
    let waits = async |attempts: usize| {
        until("it was tried, and nobody heard of it", async || {
            let next = test.store().next_delivery("ops").await.unwrap();
            test.ops().attempts() == attempts && next.is_some_and(|due| due.duration_since(test.now()).as_secs() < 30)
        })
        .await;
    };
    flip(&test, id, State::Alarm).await;
    waits(1).await;
    flip(&test, id, State::Error).await;
    flip(&test, id, State::Ok).await;
    test.later(120);
    waits(2).await;
    test.later(25 * 3600);
    until("all of it is given up", async || count(&test, DeliveryStatus::Failed).await == 3).await;
    let told: Vec<State> = taken(&test).iter().map(|told| told.new_state).collect();
    assert_eq!(told, [State::Alarm, State::Ok, State::Ok]);
    assert!(taken(&test)[1..].iter().all(|told| told.sending.may_be_repeat && told.sending.missed.len() == 2));
}

#[tokio::test]
async fn what_may_have_arrived_says_so_where_the_receiver_knows_no_repeats() {
    for forgetful in [true, false] {
        let test = TestEngine::with_ops(RecordingChannel { forgetful, ..RecordingChannel::default() }).await;
        test.ops().fails(Some(SendError::unanswered("no answer within 30 s")));
        let id = monitors(&test, 1).await[0];
        flip(&test, id, State::Alarm).await;
        until("it was tried in vain", async || {
            test.store()
                .next_delivery("ops")
                .await
                .unwrap()
                .is_some_and(|due| due > test.now() && due < test.now() + jiff::SignedDuration::from_secs(30))
        })
        .await;
        test.ops().fails(None);
        test.later(30);
        sent(&test, 1).await;
        let told = taken(&test);
        assert_eq!(told[0].sending.may_be_repeat, forgetful);
        assert_eq!(told[0].text().contains("This may be a repeat"), forgetful);
        assert_eq!(told[0].short().starts_with("(may be a repeat) "), forgetful);
    }
}
