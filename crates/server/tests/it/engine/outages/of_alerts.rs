//! What alerts, mutes, reminders and rotas make of an outage.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use revere::{
    alerts::SendError,
    engine::EngineSettings,
    store::{AcknowledgedBy, AlertChange, DeliveryFilter, DeliveryStatus},
};
use revere_model::{MuteScope, Reminders, Silence, State};

use super::{
    super::on_call, DOWN, SOURCE, UP, at_rest, ends, fails, heard, later, monitor, monitor_as, monitors, mute, owed,
    passes, reasons,
};
use crate::support::{Scratch, TestEngine, by_server, until};

/// The receiver is away during two outages.
#[tokio::test]
async fn ends_are_told_before_the_next_beginning() {
    let (test, [one, other]) = monitors().await;
    test.ops().fails(Some(SendError::later("503 Service Unavailable")));
    for round in 1..=2 {
        for id in [one, other] {
            fails(&test, id).await;
        }
        test.later(40);
        until("the other heard of it", async || {
            test.engine.wake();
            test.spare().story(SOURCE).len() == 2 * round - 1
        })
        .await;
        for id in [one, other] {
            passes(&test, id).await;
        }
        until("and of its end", async || {
            test.engine.wake();
            test.spare().story(SOURCE).len() == 2 * round
        })
        .await;
    }
    test.ops().fails(None);
    test.later(3600);
    at_rest(&test).await;
    let filter = DeliveryFilter { alert: Some("ops".to_owned()), limit: 9, ..DeliveryFilter::default() };
    let mut log = test.store().deliveries(&filter).await.unwrap();
    log.reverse();
    let states: Vec<State> = log.iter().map(|one| one.notification.new_state).collect();
    assert_eq!(states, [State::Error, State::Ok, State::Error, State::Ok]);
    assert!(log.iter().all(|one| one.status == DeliveryStatus::Sent));
    assert!(log.is_sorted_by_key(|one| one.settled_at), "in their order");
    let told = test.ops().story(SOURCE);
    assert_eq!(told.last(), Some(&UP), "{told:?}");
}

/// What a mute held back an hour ago says nothing of how long it has waited for a source.
#[tokio::test]
async fn what_was_muted_for_long_waits_from_when_the_source_failed() {
    let (test, [id]) = monitors().await;
    ends(&test, id, State::Alarm).await;
    later(&test, 1).await;
    let told = heard(test.ops());
    assert_eq!(told.len(), 1, "{told:?}");
    let held = mute(&test, MuteScope { monitors: vec![id], ..MuteScope::default() }, 600).await;
    passes(&test, id).await;
    later(&test, 3600).await;
    fails(&test, id).await;
    test.store().end_mute(held.mute.id, &by_server(test.now())).await.unwrap();
    later(&test, 10).await;
    assert_eq!(heard(test.ops()), told, "it waits for the source");
    later(&test, 30).await;
    let heard: Vec<(String, State)> = heard(test.ops()).into_iter().map(|(name, state, _)| (name, state)).collect();
    assert_eq!(heard, [("m0".to_owned(), State::Alarm), (SOURCE.to_owned(), State::Error)]);
}

/// An end that a mute holds back, and another outage meanwhile: for whoever heard of the first, it goes on.
#[tokio::test]
async fn an_end_that_is_held_back_and_a_new_outage_are_one() {
    let (test, [one]) = monitors().await;
    fails(&test, one).await;
    later(&test, 40).await;
    let held = mute(&test, MuteScope { alert: Some("ops".to_owned()), ..MuteScope::default() }, 60).await;
    passes(&test, one).await;
    later(&test, 60).await;
    fails(&test, one).await;
    later(&test, 60).await;
    assert_eq!((test.ops().story(SOURCE).len(), test.spare().story(SOURCE).len()), (1, 3));
    test.store().end_mute(held.mute.id, &by_server(test.now())).await.unwrap();
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN], "it is as they know it");
    passes(&test, one).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    assert_eq!(test.spare().story(SOURCE), [DOWN, UP, DOWN, UP]);
}

#[tokio::test]
async fn nobody_hears_of_monitors_that_are_muted_or_anothers() {
    let test = TestEngine::new().await;
    let tagged = AlertChange { tags: Some(vec!["ours".to_owned()]), ..AlertChange::default() };
    test.store().set_alert("spare", tagged, &by_server(test.now())).await.unwrap();
    let (muted, plain) = (monitor(&test, "muted").await, monitor(&test, "plain").await);
    let ours = monitor_as(&test, "ours", |spec| spec.tags = vec!["ours".to_owned()]).await;
    let only = MuteScope { monitors: vec![muted], ..MuteScope::default() };
    mute(&test, only, 30).await;
    for id in [muted, plain, ours] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    let said = |channel| heard(channel).into_iter().map(|(.., message)| message).collect::<Vec<_>>();
    assert_eq!(said(test.ops()), ["source graphite is down: connection refused; 2 monitors wait for it"]);
    assert_eq!(said(test.spare()), ["source graphite is down: connection refused; 1 monitor waits for it"]);
    assert_eq!(reasons(test.store(), muted, "ops").await, [Silence::WaitsForSource], "the strongest reason");
    let notification = test.spare().taken.lock().unwrap()[0].clone();
    assert!(notification.monitor.tags.is_empty() && notification.monitor.description.is_empty());

    // An alert that is muted hears of it once it is muted no more.
    passes(&test, ours).await;
    passes(&test, plain).await;
    at_rest(&test).await;
    mute(&test, MuteScope { alert: Some("ops".to_owned()), ..MuteScope::default() }, 30).await;
    fails(&test, plain).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    later(&test, 1800).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN]);
    passes(&test, plain).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN, UP]);
    assert_eq!(test.spare().story(SOURCE), [DOWN, UP], "it tells of none that waited");
}

#[tokio::test]
async fn an_alert_that_was_switched_off_and_on_meanwhile_keeps_nothing_else_from_being_told() {
    let (test, [one, other, third]) = monitors().await;
    fails(&test, one).await;
    later(&test, 60).await;
    for enabled in [false, true] {
        let change = AlertChange { enabled: Some(enabled), ..AlertChange::default() };
        test.store().set_alert("ops", change, &by_server(test.now())).await.unwrap();
    }
    fails(&test, other).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN], "once");
    ends(&test, third, State::Alarm).await;
    passes(&test, other).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m2"), [(State::Ok, State::Alarm)]);
    assert_eq!(test.spare().story(SOURCE), [DOWN, UP]);
}

/// An outage is reminded of as a problem of a monitor is, until somebody looks after it, and again if they take that
/// back.
#[tokio::test]
async fn an_outage_is_reminded_of_until_somebody_looks_after_it() {
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let reminders = BTreeMap::from([("ops".to_owned(), hourly)]);
    let test = TestEngine::on(Scratch::new().await, EngineSettings { reminders, ..EngineSettings::default() }).await;
    let one = monitor(&test, "m0").await;
    fails(&test, one).await;
    later(&test, 60).await;
    let rest = async |seconds| {
        test.later(seconds);
        until("nothing is due", async || {
            let reminded = test.store().remind("ops", hourly, test.now(), 0).await.unwrap();
            test.engine.wake();
            !reminded.more && owed(&test).await.is_empty()
        })
        .await;
        let taken = test.ops().taken.lock().unwrap();
        assert!(taken.iter().all(|told| told.monitor.name == SOURCE), "its monitor is never told of");
        taken.iter().map(|told| told.reminder).collect::<Vec<_>>()
    };
    assert_eq!(rest(3700).await, [None, Some(1)]);
    let again = test.ops().taken.lock().unwrap()[1].message.clone();
    assert_eq!(again, "source graphite is down: connection refused");
    assert_eq!(test.spare().taken.lock().unwrap().len(), 1, "it does not remind");
    let source = test.store().sources_told().await.unwrap()["graphite"];
    test.store().acknowledge(source, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    assert_eq!(rest(24 * 3600).await.len(), 2, "somebody looks after it");
    test.store().take_back_acknowledgement(source, Vec::new(), &by_server(test.now())).await.unwrap().unwrap();
    assert_eq!(rest(1800).await.len(), 2, "as if it had been told just now");
    let taken = rest(2 * 3600).await;
    assert_eq!((taken.len(), taken[2]), (3, Some(2)));
    test.store().acknowledge(source, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    passes(&test, one).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE).last(), Some(&UP), "its end is told all the same");
    assert!(test.store().acknowledgements(&[source]).await.unwrap().is_empty(), "and it is over with it");
}

/// Alice hears of the first outage and not of its end, because that is held back; on Bob's day there is another one.
#[tokio::test]
async fn whoever_a_rota_told_of_the_first_outage_hears_its_end_after_the_second() {
    let test = on_call::on_call(on_call::rota(None, "2026-01-01T00:00")).await;
    let id = monitor(&test, "m").await;
    let rest = async |minutes: i64| {
        test.later(minutes * 60);
        until("it is told", async || {
            let outages = test.store().tell_outages(test.now()).await.unwrap();
            test.engine.wake();
            outages.owed.is_empty()
        })
        .await;
        on_call::at_rest(&test).await;
    };
    fails(&test, id).await;
    rest(1).await;
    assert_eq!(on_call::heard(&test)["alice"], [State::Error]);
    on_call::mute(&test, Some("alice_sms"), 30 * 60).await;
    passes(&test, id).await;
    rest(1).await;
    test.later(24 * 3600);
    fails(&test, id).await;
    rest(1).await;
    assert_eq!(on_call::heard(&test)["bob"], [State::Error]);
    passes(&test, id).await;
    rest(1).await;
    rest(12 * 60).await;
    let heard = on_call::heard(&test);
    assert_eq!(
        (&heard["alice"][..], &heard["bob"][..]),
        (&[State::Error, State::Ok][..], &[State::Error, State::Ok][..])
    );
}
