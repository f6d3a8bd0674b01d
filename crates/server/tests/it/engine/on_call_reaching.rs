//! A rota whose people cannot be reached: by alerts that refuse, are muted, switched off or gone. What it tells is not lost,
//! goes round no circle, and its end reaches those who heard of it and nobody else.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use revere::{
    alerts::SendError,
    engine::Event,
    metrics::Format,
    store::{AcknowledgedBy, AlertChange, ConfiguredAlert, DeliveryFilter, DeliveryStatus},
};
use revere_model::{
    MutePeriod, MuteScope, State, StateSet,
    on_call::{Person, Rota, Turns},
};

use super::on_call::{
    ALARM, FINE, at_rest, escalating, first_and_second, flip, heard, later, monitor, mute, on_call, reasons, rota,
};
use crate::support::{TestEngine, by_server, until};

/// Alice and Bob, day by day, and nobody is notified next without a reason.
async fn without_escalation() -> TestEngine {
    on_call(rota(None, "2020-01-01T00:00")).await
}

/// One whose people have these alerts; Alice is on call.
fn reached_by(alerts: &[(&str, &[&str])], escalate_after: Option<i64>) -> Rota {
    let mut rota = rota(escalate_after, "2020-01-01T00:00");
    let person = |(name, alerts): &(&str, &[&str])| Person {
        name: (*name).to_owned(),
        alerts: alerts.iter().map(|alert| (*alert).to_owned()).collect(),
    };
    rota.people = alerts.iter().map(person).collect();
    rota.escalation = alerts.iter().map(|(name, _)| (*name).to_owned()).collect();
    let Turns::Layers(layers) = &mut rota.turns else { panic!("layers") };
    layers[0].people = vec!["alice".to_owned()];
    rota
}

/// Whoever is told after the first one, by the list of Bob and Carol.
fn after(first: &str) -> &'static str {
    if first == "bob" { "carol" } else { "bob" }
}

async fn switch(test: &TestEngine, alert: &str, enabled: bool) {
    let change = AlertChange { enabled: Some(enabled), ..AlertChange::default() };
    test.store().set_alert(alert, change, &by_server(test.now())).await.unwrap();
}

/// Switches off what is no person's, which would tell everything.
async fn without(test: &TestEngine, alerts: &[&str]) {
    for alert in alerts {
        switch(test, alert, false).await;
    }
}

async fn tells(test: &TestEngine, alert: &str, states: StateSet) {
    let change = AlertChange { states: Some(states), ..AlertChange::default() };
    test.store().set_alert(alert, change, &by_server(test.now())).await.unwrap();
}

/// The alerts of a configuration with these names, but for those `without`.
async fn configured(test: &TestEngine, without: &[&str], on_call_only: bool) {
    let keys = test.alerts.keys().cloned().chain(["rota".to_owned()]).filter(|key| !without.contains(&key.as_str()));
    let alerts: Vec<ConfiguredAlert> = keys
        .map(|key| ConfiguredAlert {
            on_call_only: on_call_only && key != "rota",
            key,
            enabled: true,
            quiet_hours: None,
        })
        .collect();
    test.store().sync_alerts(&alerts, test.now()).await.unwrap();
}

async fn of_the_rota(test: &TestEngine) -> Vec<(DeliveryStatus, String)> {
    let filter = DeliveryFilter { alert: Some("rota".to_owned()), limit: 99, ..DeliveryFilter::default() };
    let mut log = test.store().deliveries(&filter).await.unwrap();
    log.reverse();
    log.into_iter().map(|one| (one.status, one.reply.or(one.last_error).unwrap_or_default())).collect()
}

#[tokio::test]
async fn an_alert_that_refuses_has_the_next_one_told_once_and_they_hear_the_end() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    let next = after(first);
    let refuses = &test.alerts[&format!("{first}_sms")];
    refuses.fails(Some(SendError::never("404 Not Found")));
    flip(&test, id, FINE).await;
    flip(&test, id, ALARM).await;
    assert_eq!(refuses.attempts(), 1);
    assert_eq!(heard(&test), BTreeMap::from([(next, vec![ALARM])]));
    let why = format!("whoever is on call for 'rota' could not be reached, so {next} is notified next");
    assert_eq!(reasons(&test, next), [why]);
    let message = test.alerts[&format!("{next}_sms")].taken.lock().unwrap()[0].message.clone();
    assert!(message.contains(&format!("(the alert '{first}_sms' could not deliver this: 404 Not Found)")), "{message}");
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([(next, vec![ALARM, FINE])]), "and nobody else hears of the end");
    assert_eq!(refuses.attempts(), 2);
    assert_eq!(of_the_rota(&test).await.len(), 3, "the problem, that it was not told, and the end");
}

/// Bob is notified next and his alert refuses: nobody waits for Carol until he has had his time.
#[tokio::test]
async fn an_alert_that_refuses_when_its_turn_comes_has_the_one_after_told_at_once() {
    let test =
        on_call(reached_by(&[("alice", &["alice_sms"]), ("bob", &["bob_sms"]), ("carol", &["carol_sms"])], Some(15)))
            .await;
    without(&test, &["dave_sms"]).await;
    let id = monitor(&test, "m").await;
    test.alerts["bob_sms"].fails(Some(SendError::never("404 Not Found")));
    flip(&test, id, ALARM).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM])]));
    later(&test, 15).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM]), ("carol", vec![ALARM])]));
    assert_eq!(reasons(&test, "carol"), ["bob could not be reached, so carol is notified next"]);
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM, FINE]), ("carol", vec![ALARM, FINE])]));
    // Somebody looks after it by the time Bob's alert is given up: nobody is woken.
    let bob = &test.alerts["bob_sms"];
    bob.fails(Some(SendError::later("503 Service Unavailable")));
    flip(&test, id, ALARM).await;
    let attempts = bob.attempts();
    test.later(15 * 60);
    test.engine.wake();
    until("Bob is to be told", async || bob.attempts() > attempts).await;
    // What is under way when the clock goes on is put off from then on.
    until("that he did not hear it is kept", async || {
        let log = test.store().deliveries(&DeliveryFilter { limit: 99, ..DeliveryFilter::default() }).await.unwrap();
        let mut of_bob = log.iter().filter(|one| one.alert_key == "bob_sms");
        of_bob.any(|one| one.status == DeliveryStatus::Owed && one.last_error.is_some())
    })
    .await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    bob.fails(Some(SendError::never("404 Not Found")));
    later(&test, 60).await;
    assert_eq!(heard(&test)["carol"], [ALARM, FINE]);
}

/// An alert by itself refuses, and a rota tells it instead: to whoever knows of the problem by that rota.
#[tokio::test]
async fn whoever_knows_of_the_problem_hears_that_another_alert_could_not_tell_it() {
    let rotas = BTreeMap::from([("rota".to_owned(), reached_by(&[("alice", &["alice_sms"])], None))]);
    let settings = revere::engine::EngineSettings { rotas, ..Default::default() };
    let test = TestEngine::with_alerts(crate::support::Scratch::new().await, settings, &["alice_sms", "chat"]).await;
    let alerts = [("rota", false), ("alice_sms", true), ("chat", false)].map(|(key, on_call_only)| ConfiguredAlert {
        key: key.to_owned(),
        enabled: true,
        on_call_only,
        quiet_hours: None,
    });
    test.store().sync_alerts(&alerts, test.now()).await.unwrap();
    test.alerts["chat"].fails(Some(SendError::never("400 Bad Request")));
    let id = monitor(&test, "m").await;
    flip(&test, id, ALARM).await;
    let taken = test.alerts["alice_sms"].taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert!(taken[1].message.contains("(the alert 'chat' could not deliver this: 400 Bad Request)"), "{taken:?}");
    flip(&test, id, FINE).await;
    let told: Vec<State> = test.alerts["alice_sms"].taken.lock().unwrap().iter().map(|told| told.new_state).collect();
    assert_eq!(told[..3], [ALARM, ALARM, FINE]);
}

/// The alert that failed reaches nobody but somebody who has it already by another one: nobody was left out.
#[tokio::test]
async fn whoever_has_it_already_is_not_told_again_because_another_of_their_own_alerts_failed() {
    let rotas = BTreeMap::from([("rota".to_owned(), reached_by(&[("alice", &["alice_sms", "alice_mail"])], None))]);
    let settings = revere::engine::EngineSettings { rotas, ..Default::default() };
    let test =
        TestEngine::with_alerts(crate::support::Scratch::new().await, settings, &["alice_sms", "alice_mail"]).await;
    let alerts = [("rota", false), ("alice_sms", true), ("alice_mail", false)].map(|(key, on_call_only)| {
        ConfiguredAlert { key: key.to_owned(), enabled: true, on_call_only, quiet_hours: None }
    });
    test.store().sync_alerts(&alerts, test.now()).await.unwrap();
    test.alerts["alice_mail"].fails(Some(SendError::never("550 No such user")));
    let id = monitor(&test, "m").await;
    flip(&test, id, ALARM).await;
    let told =
        || -> Vec<State> { test.alerts["alice_sms"].taken.lock().unwrap().iter().map(|told| told.new_state).collect() };
    assert_eq!(told(), [ALARM]);
    flip(&test, id, FINE).await;
    assert_eq!(told(), [ALARM, FINE]);
}

#[tokio::test]
async fn one_alert_after_the_other_refuses_until_somebody_is_told_or_nobody_is_left() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    for key in ["alice_sms", "bob_sms", "carol_sms"] {
        test.alerts[key].fails(Some(SendError::never("404 Not Found")));
    }
    flip(&test, id, ALARM).await;
    assert_eq!(heard(&test), BTreeMap::from([("dave", vec![ALARM])]));
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([("dave", vec![ALARM, FINE])]));
    test.alerts["dave_sms"].fails(Some(SendError::never("404 Not Found")));
    flip(&test, id, ALARM).await;
    assert!(test.alerts.values().all(|alert| alert.attempts() <= 4), "each is tried once for each change");
    assert_eq!(of_the_rota(&test).await.last().unwrap().0, DeliveryStatus::Failed);
}

#[tokio::test]
async fn a_mute_of_everybody_holds_a_problem_back_and_loses_it_never() {
    let test = on_call(reached_by(&[("alice", &["alice_sms"])], None)).await;
    without(&test, &["bob_sms", "carol_sms", "dave_sms"]).await;
    let id = monitor(&test, "m").await;
    flip(&test, id, FINE).await;
    mute(&test, Some("alice_sms"), 10).await;
    flip(&test, id, ALARM).await;
    later(&test, 5).await;
    assert!(heard(&test).is_empty(), "{:?}", heard(&test));
    let waits = of_the_rota(&test).await;
    assert_eq!(waits, [(DeliveryStatus::Owed, "alice cannot be reached: alice_sms is muted".to_owned())]);
    later(&test, 6).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM])]));
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM, FINE])]));
    // What began and ended inside is not told.
    mute(&test, Some("alice_sms"), 10).await;
    flip(&test, id, ALARM).await;
    flip(&test, id, FINE).await;
    later(&test, 11).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM, FINE])]));
}

#[tokio::test]
async fn a_mute_that_begins_before_people_are_told_loses_nothing() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, FINE).await;
    test.scratch.manual(id, ALARM).await;
    let scope = MuteScope { monitors: vec![id], ..MuteScope::default() };
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_hours(1));
    let made = test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap();
    at_rest(&test).await;
    assert!(heard(&test).is_empty(), "{:?}", heard(&test));
    // Somebody ends it before its time.
    test.store().end_mute(made.mute.id, &by_server(test.now())).await.unwrap();
    later(&test, 2).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
}

#[tokio::test]
async fn an_alert_that_tells_by_itself_is_not_told_again_by_the_rota() {
    let test = without_escalation().await;
    configured(&test, &[], false).await;
    let id = monitor(&test, "m").await;
    flip(&test, id, FINE).await;
    flip(&test, id, ALARM).await;
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test).len(), 4);
    assert!(heard(&test).values().all(|told| *told == [ALARM, FINE]), "{:?}", heard(&test));
}

#[tokio::test]
async fn whoever_hears_of_a_pause_hears_when_all_is_well_again_and_nobody_else_does() {
    let test = without_escalation().await;
    tells(&test, "rota", StateSet::DEFAULT_TOLD.with(State::Inactive)).await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, FINE).await;
    flip(&test, id, ALARM).await;
    flip(&test, id, State::Inactive).await;
    later(&test, 24 * 60).await;
    assert_ne!(first_and_second(&test).0, first);
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM, State::Inactive, FINE])]));
}

#[tokio::test]
async fn the_end_of_what_nobody_was_told_is_told_to_nobody() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, FINE).await;
    let keys: Vec<String> = test.alerts.keys().cloned().collect();
    for key in &keys {
        switch(&test, key, false).await;
    }
    flip(&test, id, ALARM).await;
    for key in &keys {
        switch(&test, key, true).await;
    }
    flip(&test, id, FINE).await;
    assert!(heard(&test).is_empty(), "{:?}", heard(&test));
    let end = of_the_rota(&test).await.pop().unwrap();
    let why = "nobody was notified of it by 'rota', so nobody is notified of its end".to_owned();
    assert_eq!(end, (DeliveryStatus::Sent, why));
}

#[tokio::test]
async fn a_rota_that_reaches_nobody_has_failed_is_counted_and_another_alert_tells_it() {
    let rotas = BTreeMap::from([("rota".to_owned(), reached_by(&[("alice", &["alice_sms"])], None))]);
    let settings = revere::engine::EngineSettings { rotas, ..Default::default() };
    let test = TestEngine::with_alerts(crate::support::Scratch::new().await, settings, &["alice_sms", "spare"]).await;
    let id = monitor(&test, "m").await;
    switch(&test, "alice_sms", false).await;
    let elsewhere = AlertChange { tags: Some(vec!["other".to_owned()]), ..AlertChange::default() };
    test.store().set_alert("spare", elsewhere, &by_server(test.now())).await.unwrap();
    let mut events = test.engine.events();
    test.scratch.manual(id, ALARM).await;
    test.engine.wake();
    let of_the_rota = async {
        loop {
            if let Event::Delivery { alert_key, status, .. } = events.recv().await.unwrap()
                && alert_key == "rota"
                // Where servers share a database, that it is owed is seen as well.
                && status != DeliveryStatus::Owed
            {
                break status;
            }
        }
    };
    assert_eq!(of_the_rota.await, DeliveryStatus::Failed);
    // Nobody wakes it but the rota.
    until("another alert tells it", async || test.spare().story("m").len() == 1).await;
    let page = test.metrics.render(Format::Plain, &[]);
    assert!(page.contains("revere_delivery_attempts_total{alert=\"rota\",result=\"failed\"} 1"), "{page}");
}

#[tokio::test]
async fn a_step_that_reaches_nobody_new_goes_on_to_the_next_one_at_once() {
    let people: &[(&str, &[&str])] =
        &[("alice", &["alice_sms", "carol_sms"]), ("bob", &["carol_sms"]), ("dave", &["dave_sms"])];
    let test = on_call(reached_by(people, Some(15))).await;
    without(&test, &["bob_sms"]).await;
    let id = monitor(&test, "m").await;
    flip(&test, id, ALARM).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM]), ("carol", vec![ALARM])]));
    later(&test, 15).await;
    assert_eq!(heard(&test)["dave"], [ALARM], "Bob has it already");
    flip(&test, id, FINE).await;
    assert!(heard(&test).values().all(|told| *told == [ALARM, FINE]), "{:?}", heard(&test));
}

#[tokio::test]
async fn whoever_was_to_be_told_by_an_alert_that_is_switched_off_has_the_next_one_told() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    let (key, next) = (format!("{first}_sms"), after(first));
    test.alerts[&key].fails(Some(SendError::later("the network is away")));
    test.later(1);
    test.scratch.manual(id, ALARM).await;
    until("it is tried", async || {
        test.engine.wake();
        test.alerts[&key].attempts() > 0
    })
    .await;
    switch(&test, &key, false).await;
    at_rest(&test).await;
    assert_eq!(heard(&test), BTreeMap::from([(next, vec![ALARM])]));
    assert_eq!(reasons(&test, next), [format!("nobody could be notified of it yet, so {next} is notified next")]);
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([(next, vec![ALARM, FINE])]));
}

#[tokio::test]
async fn an_alert_that_is_switched_off_for_a_while_tells_the_end_when_it_is_on_again() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    at_rest(&test).await;
    let key = format!("{first}_sms");
    switch(&test, &key, false).await;
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
    switch(&test, &key, true).await;
    at_rest(&test).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM, FINE])]));
}

#[tokio::test]
async fn an_alert_that_is_missing_for_a_while_tells_the_end_when_it_is_back() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    configured(&test, &[&format!("{first}_sms")], true).await;
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
    configured(&test, &[], true).await;
    at_rest(&test).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM, FINE])]));
}

#[tokio::test]
async fn an_end_that_is_held_back_while_the_next_problem_begins_is_that_of_the_next_one() {
    let test = without_escalation().await;
    let id = monitor(&test, "m").await;
    let (first, second) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    later(&test, 24 * 60).await;
    mute(&test, Some(&format!("{first}_sms")), 60).await;
    flip(&test, id, FINE).await;
    flip(&test, id, ALARM).await;
    later(&test, 61).await;
    assert_eq!(
        heard(&test),
        BTreeMap::from([(first, vec![ALARM]), (second, vec![ALARM])]),
        "it is no end while it goes on"
    );
    flip(&test, id, FINE).await;
    assert!(heard(&test).values().all(|told| *told == [ALARM, FINE]), "{:?}", heard(&test));
}

#[tokio::test]
async fn nobody_is_told_next_where_the_configuration_says_so_no_longer() {
    let mut test = escalating().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    test.settings.rotas.get_mut("rota").unwrap().escalate_after = None;
    let test = test.restarted(std::time::Duration::from_secs(5)).await;
    later(&test, 60).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
}

#[tokio::test]
async fn what_was_acknowledged_and_became_another_problem_goes_on() {
    let test = escalating().await;
    tells(&test, "rota", StateSet::EMPTY.with(ALARM).with(FINE)).await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    later(&test, 16).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
    flip(&test, id, State::Error).await;
    later(&test, 16).await;
    assert_eq!(heard(&test).len(), 2, "nobody has acknowledged this one");
}

#[tokio::test]
async fn what_the_next_ones_and_held_ends_are_told_with_outlives_the_days_of_the_history() {
    let test = escalating().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    test.scratch.clock.set(test.now() + SignedDuration::from_mins(15));
    let purged = test.store().purge_deliveries(id, 0, test.now(), 100).await.unwrap();
    assert_eq!(purged, 1, "that of the first one");
    at_rest(&test).await;
    assert_eq!(heard(&test).len(), 2);
    mute(&test, Some(&format!("{first}_sms")), 60).await;
    flip(&test, id, FINE).await;
    test.scratch.clock.set(test.now() + SignedDuration::from_mins(61));
    test.store().purge_deliveries(id, 0, test.now(), 100).await.unwrap();
    at_rest(&test).await;
    assert!(heard(&test).values().all(|told| *told == [ALARM, FINE]), "{:?}", heard(&test));
    assert!(test.store().purge_deliveries(id, 0, test.now() + SignedDuration::from_mins(1), 100).await.unwrap() > 0);
    let filter = DeliveryFilter { limit: 99, ..DeliveryFilter::default() };
    assert_eq!(test.store().deliveries(&filter).await.unwrap(), []);
}
