//! What is owed is told: in order, again and again until it is taken, and by each alert for itself.

use std::time::Duration;

use revere::{
    alerts::{Retry, SendError},
    engine::{EngineSettings, Event, TestAlertError},
    store::{DeliveryFilter, DeliveryStatus},
};
use revere_model::{MonitorId, MonitorSpec, State};

use crate::support::{Scratch, TestEngine, by_server, spec, until};

/// Makes a monitor flip, as runs would.
async fn flip(test: &TestEngine, monitor: MonitorId, to: State) {
    test.scratch.manual(monitor, to).await;
    test.engine.wake();
}

async fn monitor(test: &TestEngine, name: &str) -> MonitorId {
    test.store().create_monitor(&spec(name), &by_server(test.scratch.now())).await.unwrap().id
}

async fn count(test: &TestEngine, alert: &str, status: DeliveryStatus) -> usize {
    let filter =
        DeliveryFilter { alert: Some(alert.to_owned()), status: Some(status), limit: 1000, ..Default::default() };
    test.store().deliveries(&filter).await.unwrap().len()
}

#[tokio::test]
async fn a_notification_says_what_happened_and_where_to_look() {
    let settings = EngineSettings { address: "https://revere.example".to_owned(), ..EngineSettings::default() };
    let test = TestEngine::on(Scratch::new().await, settings).await;
    let id = monitor(&test, "Mail queue").await;
    flip(&test, id, State::Alarm).await;
    until("it told", async || count(&test, "ops", DeliveryStatus::Sent).await == 1).await;
    let told = test.ops().taken.lock().unwrap()[0].clone();
    assert_eq!((told.monitor.name.as_str(), told.new_state), ("Mail queue", State::Alarm));
    assert_eq!(told.monitor.url, format!("https://revere.example/monitor/{id}"));
    assert_eq!((told.message.as_str(), told.tick_at), ("came out ALARM", Some(test.now())));
    let sent = DeliveryFilter { status: Some(DeliveryStatus::Sent), limit: 9, ..Default::default() };
    let log = test.store().deliveries(&sent).await.unwrap();
    assert!(log.iter().all(|delivery| delivery.reply.as_deref() == Some("noted")));
}

#[tokio::test]
async fn a_dead_alert_slows_no_other() {
    let settings = EngineSettings { sends_per_alert: 4, ..EngineSettings::default() };
    let test = TestEngine::on(Scratch::new().await, settings).await;
    test.ops().hangs();
    for n in 0..100 {
        let id = monitor(&test, &format!("m{n}")).await;
        flip(&test, id, State::Alarm).await;
    }
    until("the other alert told all", async || count(&test, "spare", DeliveryStatus::Sent).await == 100).await;
    assert_eq!(test.ops().attempts(), 4, "no more at once than allowed");
    assert_eq!(count(&test, "ops", DeliveryStatus::Owed).await, 100);
}

/// A clock goes on by much at once where it is set, or where its machine slept: what comes of what this server is sending, it
/// will know.
#[tokio::test]
async fn what_is_being_sent_is_not_sent_once_more_however_late_it_is() {
    let test = TestEngine::new().await;
    test.ops().hangs();
    let first = monitor(&test, "first").await;
    flip(&test, first, State::Alarm).await;
    until("it is being sent", async || test.ops().attempts() == 1).await;
    // Longer than a claim holds.
    test.later(3600);
    let second = monitor(&test, "second").await;
    flip(&test, second, State::Alarm).await;
    until("the next one is being sent, too", async || {
        let attempts = test.ops().attempts.lock().unwrap();
        attempts.iter().any(|key| *key != attempts[0])
    })
    .await;
    assert_eq!(test.ops().attempts(), 2, "each once: {:?}", test.ops().attempts.lock().unwrap());
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_with_the_same_key_and_in_order() {
    let test = TestEngine::new().await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    let mut events = test.engine.events();
    let id = monitor(&test, "a").await;
    flip(&test, id, State::Alarm).await;
    until("the first attempt is settled", async || test.ops().attempts() == 1).await;
    loop {
        let event = events.recv().await.unwrap();
        if matches!(&event, Event::Delivery { alert_key, status: DeliveryStatus::Owed, .. } if alert_key == "ops") {
            break;
        }
    }
    flip(&test, id, State::Ok).await;
    for attempts in 2..=4 {
        let due = test.store().next_delivery("ops").await.unwrap().unwrap();
        assert!(due > test.now() && due <= test.now() + jiff::SignedDuration::from_secs(300));
        test.at(due);
        until("the next attempt is settled", async || {
            test.ops().attempts() == attempts
                && test.store().next_delivery("ops").await.unwrap() > Some(test.now())
                && test.store().owed().await.unwrap().iter().any(|(key, owed, _)| key == "ops" && *owed == 2)
        })
        .await;
        until("it is let go", async || {
            let due = test.store().next_delivery("ops").await.unwrap().unwrap();
            due <= test.now() + jiff::SignedDuration::from_secs(60)
        })
        .await;
    }
    test.ops().fails(None);
    test.at(test.store().next_delivery("ops").await.unwrap().unwrap());
    until("both told", async || test.ops().story("a").len() == 2).await;
    assert_eq!(test.ops().story("a"), [(State::Inactive, State::Alarm), (State::Alarm, State::Ok)]);
    let attempts = test.ops().attempts.lock().unwrap().clone();
    assert!(attempts[..5].iter().all(|key| *key == attempts[0]), "{attempts:?}");
    assert_ne!(attempts[5], attempts[0]);
}

#[tokio::test]
async fn the_receiver_says_when() {
    let test = TestEngine::new().await;
    let asked =
        SendError { message: "429".to_owned(), retry: Retry::After(Duration::from_secs(600)), unanswered: false };
    test.ops().fails(Some(asked));
    let id = monitor(&test, "a").await;
    flip(&test, id, State::Alarm).await;
    let after = test.now() + jiff::SignedDuration::from_secs(600);
    until("put off", async || test.store().next_delivery("ops").await.unwrap() >= Some(after)).await;
}

#[tokio::test]
async fn what_no_one_will_ever_take_is_given_up_at_once_and_told_by_another_alert() {
    let test = TestEngine::new().await;
    test.ops().fails(Some(SendError::never("404 Not Found: no such room")));
    let id = monitor(&test, "a").await;
    flip(&test, id, State::Alarm).await;
    until("both of the other's", async || test.spare().story("a").len() == 2).await;
    let told = test.spare().taken.lock().unwrap().clone();
    assert!(told.iter().any(|told| told.message.contains("the alert 'ops' could not deliver this: 404 Not Found")));
    assert_eq!(test.ops().attempts(), 1);
    assert_eq!(count(&test, "ops", DeliveryStatus::Failed).await, 1);
}

#[tokio::test]
async fn after_a_day_of_failures_it_is_given_up() {
    let test = TestEngine::new().await;
    test.ops().fails(Some(SendError::later("connection refused")));
    let id = monitor(&test, "a").await;
    flip(&test, id, State::Alarm).await;
    until("the first attempt is settled", async || {
        test.ops().attempts() == 1
            && test
                .store()
                .next_delivery("ops")
                .await
                .unwrap()
                .is_some_and(|due| due.duration_since(test.now()) < jiff::SignedDuration::from_secs(30))
    })
    .await;
    test.later(24 * 3600);
    until("given up", async || count(&test, "ops", DeliveryStatus::Failed).await == 1).await;
}

/// The other alert tells each change at the moment at which it comes, as it does where all are well; who comes back hears
/// everything, in order.
#[tokio::test]
async fn a_receiver_that_is_away_for_a_day_changes_nothing_for_the_others() {
    let mut days = Vec::new();
    for away in [false, true] {
        let test = TestEngine::new().await;
        test.store().set_flapping(None).await.unwrap();
        if away {
            test.ops().fails(Some(SendError::later("connection refused")));
        }
        let mut ids = Vec::new();
        for n in 0..4 {
            // Only the test makes it run.
            let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec(&format!("m{n}")) };
            ids.push(test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id);
        }
        let mut day = Vec::new();
        for half_hour in 0..47 {
            let state = [State::Alarm, State::Error, State::Ok][half_hour / 4 % 3];
            flip(&test, ids[half_hour % 4], state).await;
            // Before the clock goes on: what is under way for longer than it may be is sent once more.
            until("it is told", async || {
                let told = async |alert: &str| count(&test, alert, DeliveryStatus::Sent).await == half_hour + 1;
                told("spare").await && (away || told("ops").await)
            })
            .await;
            let last = test.spare().taken.lock().unwrap()[half_hour].clone();
            day.push((test.now(), last.monitor.name.clone(), last.old_state, last.new_state, last.text()));
            test.later(1800);
        }
        if away {
            assert_eq!(test.ops().taken.lock().unwrap().len(), 0);
            let under_way = format!(
                "select count(*) from deliveries where status = 'owed' and (claimed_by is not null or next_attempt_at <= {})",
                test.now().as_microsecond()
            );
            let mut sql = test.scratch.sql().await;
            until("no attempt is under way", async || sql.number(under_way.as_str()).await == 0).await;
            test.ops().fails(None);
            // Longer than it waits between two attempts.
            test.later(301);
        }
        until("all are told", async || count(&test, "ops", DeliveryStatus::Sent).await == 47).await;
        for n in 0..4 {
            let name = format!("m{n}");
            let of_it = day.iter().filter(|(_, monitor, ..)| *monitor == name);
            let came: Vec<State> = of_it.map(|(_, _, _, state, _)| *state).collect();
            let taken = test.ops().taken.lock().unwrap();
            let heard = taken.iter().filter(|told| told.monitor.name == name).flat_map(|told| {
                let missed = told.sending.missed.iter().map(|missed| missed.state);
                missed.chain([told.new_state]).collect::<Vec<_>>()
            });
            assert_eq!(heard.collect::<Vec<_>>(), came, "{name}, away: {away}");
        }
        assert_eq!(test.spare().taken.lock().unwrap().len(), 47, "nothing was told instead");
        days.push(day);
    }
    assert_eq!(days[0], days[1]);
}

#[tokio::test]
async fn a_test_of_an_alert_goes_past_the_queue_and_is_marked_as_one() {
    let test = TestEngine::new().await;
    let receipt = test.engine.test_alert("ops").await.unwrap();
    assert_eq!(receipt.reply, "noted");
    assert!(test.ops().taken.lock().unwrap()[0].test);
    assert_eq!(test.engine.test_alert("pager").await, Err(TestAlertError::Unknown("pager".to_owned())));
    test.ops().fails(Some(SendError::never("401")));
    assert!(matches!(test.engine.test_alert("ops").await, Err(TestAlertError::Send(_))));
}

#[tokio::test]
async fn an_alert_that_panics_is_our_fault_and_tried_again() {
    struct Panics;
    #[async_trait::async_trait]
    impl revere::alerts::Channel for Panics {
        async fn send(
            &self,
            _: &revere::alerts::Notification,
            _: Duration,
        ) -> Result<revere::alerts::Receipt, SendError> {
            panic!("the wires melt")
        }

        fn preview(&self, _: &revere::alerts::Notification) -> Result<Vec<revere::alerts::PreviewPart>, String> {
            Ok(Vec::new())
        }
    }
    let scratch = Scratch::new().await;
    let alert = revere::store::ConfiguredAlert { key: "melting".to_owned(), enabled: true, ..Default::default() };
    scratch.store.sync_alerts(&[alert], scratch.now()).await.unwrap();
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    scratch.manual(id, State::Alarm).await;
    let parts = revere::engine::EngineParts {
        store: scratch.store.clone(),
        runner: std::sync::Arc::new(crate::support::test_engine::ScriptedRunner::default()),
        channels: [("melting".to_owned(), std::sync::Arc::new(Panics) as std::sync::Arc<dyn revere::alerts::Channel>)]
            .into(),
        clock: std::sync::Arc::new(scratch.clock.clone()),
        metrics: std::sync::Arc::new(revere::metrics::Metrics::new(scratch.now())),
        secrets: revere::redact::Secrets::default(),
        random: std::sync::Arc::new(|| 7),
        settings: EngineSettings::default(),
    };
    let engine = revere::engine::Engine::start(parts).await.unwrap();
    until("it is put off", async || {
        let log = scratch.store.deliveries(&DeliveryFilter { limit: 9, ..Default::default() }).await.unwrap();
        log[0].last_error.as_deref().is_some_and(|error| error.contains("the wires melt"))
            && log[0].status == DeliveryStatus::Owed
    })
    .await;
    assert!(engine.health().is_ok());
}
