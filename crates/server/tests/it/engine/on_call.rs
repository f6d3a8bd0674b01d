//! A rota: whoever is on call is told, then the next ones where nobody acknowledges, and the end goes to all who were told.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use revere::{
    engine::EngineSettings,
    store::{AcknowledgedBy, AlertChange, DeliveryFilter, DeliveryStatus},
};
use revere_model::{
    MonitorId, MonitorSpec, MutePeriod, MuteScope, Reminders, State, StateSet,
    on_call::{Layer, Person, Rota, Turns},
    zone,
};

use crate::support::{Scratch, TestEngine, by_server, spec, switched, until};

/// Alice and Bob take turns of a day, from the moment at which the tests begin; Carol is the last of the list.
pub(super) fn rota(escalate_after: Option<i64>, first: &str) -> Rota {
    let person = |name: &str| Person { name: name.to_owned(), alerts: vec![format!("{name}_sms")] };
    let daily = Layer {
        name: "daily".to_owned(),
        people: vec!["alice".to_owned(), "bob".to_owned()],
        first: first.parse().unwrap(),
        days: 1,
        zone: zone("UTC").unwrap(),
        hours: None,
    };
    Rota {
        people: ["alice", "bob", "carol", "dave"].map(person).into(),
        turns: Turns::Layers(vec![daily]),
        escalate_after: escalate_after.map(SignedDuration::from_mins),
        escalation: vec!["bob".to_owned(), "carol".to_owned()],
    }
}

pub(super) async fn on_call(rota: Rota) -> TestEngine {
    let reminders = BTreeMap::new();
    on_call_with(rota, reminders).await
}

async fn on_call_with(rota: Rota, reminders: BTreeMap<String, Reminders>) -> TestEngine {
    let rotas = BTreeMap::from([("rota".to_owned(), rota)]);
    let settings = EngineSettings { rotas, reminders, ..EngineSettings::default() };
    let alerts = ["alice_sms", "bob_sms", "carol_sms", "dave_sms"];
    TestEngine::with_alerts(Scratch::new().await, settings, &alerts).await
}

/// A rota whose first turn began when the test begins.
pub(super) async fn escalating() -> TestEngine {
    on_call(rota(Some(15), "2020-01-01T00:00")).await
}

pub(super) async fn monitor(test: &TestEngine, name: &str) -> MonitorId {
    // Only the test makes it run.
    let spec = MonitorSpec { schedule: "0 0 1 1 *".to_owned(), ..spec(name) };
    test.store().create_monitor(&spec, &by_server(test.now())).await.unwrap().id
}

pub(super) async fn flip(test: &TestEngine, monitor: MonitorId, to: State) {
    test.later(1);
    let active = to != State::Inactive;
    if test.store().monitor(monitor).await.unwrap().spec.active != active {
        switched(test.store(), monitor, active, test.now()).await;
    }
    if active {
        test.scratch.manual(monitor, to).await;
    }
    at_rest(test).await;
}

pub(super) async fn later(test: &TestEngine, minutes: i64) {
    test.later(minutes * 60);
    at_rest(test).await;
}

/// Mutes an alert, or everything.
pub(super) async fn mute(test: &TestEngine, alert: Option<&str>, minutes: i64) {
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_mins(minutes));
    let scope = MuteScope { alert: alert.map(str::to_owned), ..MuteScope::default() };
    test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap();
}

/// Waits until all that is due by now is told.
pub(super) async fn at_rest(test: &TestEngine) {
    let rota = &test.settings.rotas["rota"];
    until("nothing is due", async || {
        test.engine.wake();
        let told = test.store().tell_held(test.now(), 0).await.unwrap();
        let due = test.store().tell_on_call("rota", rota, &[], test.now(), 0).await.unwrap();
        let owed = DeliveryFilter { status: Some(DeliveryStatus::Owed), limit: 99, ..DeliveryFilter::default() };
        let owed = test.store().deliveries(&owed).await.unwrap();
        // What a mute holds back from everybody waits at the rota.
        let waits =
            owed.iter().all(|one| one.alert_key == "rota" && one.next_attempt_at.is_none_or(|at| at > test.now()));
        !told.more && !due.more && waits
    })
    .await;
}

/// What each person was told, by name: the states, one after the other.
pub(super) fn heard(test: &TestEngine) -> BTreeMap<&'static str, Vec<State>> {
    let people = ["alice", "bob", "carol", "dave"];
    let told = |name: &str| {
        let taken = test.alerts[&format!("{name}_sms")].taken.lock().unwrap();
        taken.iter().map(|told| told.new_state).collect::<Vec<_>>()
    };
    people.into_iter().map(|name| (name, told(name))).filter(|(_, told)| !told.is_empty()).collect()
}

/// Why somebody was told.
pub(super) fn reasons(test: &TestEngine, name: &str) -> Vec<String> {
    let taken = test.alerts[&format!("{name}_sms")].taken.lock().unwrap();
    taken.iter().map(|told| told.on_call.clone().unwrap_or_default()).collect()
}

pub(super) const ALARM: State = State::Alarm;
pub(super) const FINE: State = State::Ok;

/// Who is on call now, by the rota of these tests.
pub(super) fn first_and_second(test: &TestEngine) -> (&'static str, &'static str) {
    let rota = &test.settings.rotas["rota"];
    let now = rota.on_call(test.now(), &revere_model::on_call::Changes::default());
    if now[0].person == "alice" { ("alice", "bob") } else { ("bob", "alice") }
}

#[tokio::test]
async fn whoever_is_on_call_is_told_and_hears_the_end_even_if_another_one_is_by_then() {
    let test = on_call(rota(None, "2020-01-01T00:00")).await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, FINE).await;
    flip(&test, id, ALARM).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]), "and nobody else, ever");
    assert_eq!(reasons(&test, first), [format!("{first} is on call for 'rota'")]);
    later(&test, 24 * 60).await;
    assert_ne!(first_and_second(&test).0, first);
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM, FINE])]));
    // The next problem is for whoever is on call by now.
    let (second, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    assert_eq!(heard(&test)[second], [ALARM]);
    let of_the_rota = DeliveryFilter { alert: Some("rota".to_owned()), limit: 9, ..DeliveryFilter::default() };
    let log = test.store().deliveries(&of_the_rota).await.unwrap();
    let said: Vec<String> = log.into_iter().map(|one| one.reply.unwrap()).collect();
    assert_eq!(
        said,
        [
            format!("{second} is on call for 'rota' ({second}_sms)"),
            format!("{first} is notified of the end ({first}_sms)"),
            format!("{first} is on call for 'rota' ({first}_sms)"),
        ]
    );
}

#[tokio::test]
async fn the_next_ones_are_told_while_nobody_acknowledges_then_everybody_and_all_hear_the_end() {
    let test = on_call(rota(Some(15), "2020-01-01T00:00")).await;
    let id = monitor(&test, "m").await;
    let at_first = if first_and_second(&test).0 == "alice" { 0 } else { 24 * 60 };
    later(&test, at_first).await;
    flip(&test, id, ALARM).await;
    later(&test, 14).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM])]));
    later(&test, 1).await;
    assert_eq!(heard(&test), BTreeMap::from([("alice", vec![ALARM]), ("bob", vec![ALARM])]));
    let test = test.restarted(std::time::Duration::from_secs(5)).await;
    later(&test, 15).await;
    assert_eq!(heard(&test)["carol"], [ALARM], "a restart in between changes nothing");
    assert_eq!(reasons(&test, "carol"), ["nobody acknowledged it within 15 min, so carol is notified next"]);
    later(&test, 15).await;
    assert_eq!(reasons(&test, "dave"), ["nobody acknowledged it within 15 min, so everybody is notified"]);
    later(&test, 600).await;
    assert!(heard(&test).values().all(|told| *told == [ALARM]), "{:?}", heard(&test));
    flip(&test, id, FINE).await;
    later(&test, 600).await;
    assert!(heard(&test).values().all(|told| *told == [ALARM, FINE]), "{:?}", heard(&test));
    assert_eq!(heard(&test).len(), 4);
}

#[tokio::test]
async fn whoever_acknowledges_stops_it_until_the_state_changes() {
    let test = escalating().await;
    let id = monitor(&test, "m").await;
    let (first, second) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    later(&test, 120).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
    flip(&test, id, State::Error).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM, State::Error])]));
    later(&test, 15).await;
    let next = if second == "bob" { "bob" } else { "carol" };
    assert_eq!(heard(&test)[next], [State::Error], "it begins anew");
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test)[first], [ALARM, State::Error, FINE]);
    assert_eq!(heard(&test)[next], [State::Error, FINE]);
}

#[tokio::test]
async fn the_next_ones_are_told_from_when_an_acknowledgement_is_taken_back() {
    let test = escalating().await;
    let id = monitor(&test, "m").await;
    let (first, next) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    later(&test, 100).await;
    assert_eq!(heard(&test).len(), 1);
    let after = SignedDuration::from_mins(15);
    let rotas = vec![("rota".to_owned(), after)];
    test.store().take_back_acknowledgement(id, rotas, &by_server(test.now())).await.unwrap().unwrap();
    later(&test, 14).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
    later(&test, 2).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM]), (next, vec![ALARM])]));
}

#[tokio::test]
async fn nobody_on_call_and_alerts_that_are_off_have_the_next_one_told_at_once() {
    let test = on_call(rota(Some(15), "2099-01-01T00:00")).await;
    let id = monitor(&test, "m").await;
    let off = AlertChange { enabled: Some(false), ..AlertChange::default() };
    test.store().set_alert("bob_sms", off.clone(), &by_server(test.now())).await.unwrap();
    flip(&test, id, ALARM).await;
    assert_eq!(heard(&test), BTreeMap::from([("carol", vec![ALARM])]));
    assert_eq!(reasons(&test, "carol"), ["nobody is on call for 'rota', so carol is notified next"]);
    later(&test, 15).await;
    assert_eq!(heard(&test).len(), 3, "then everybody, but for whom nothing reaches");
    flip(&test, id, FINE).await;
    for key in ["alice_sms", "carol_sms", "dave_sms"] {
        test.store().set_alert(key, off.clone(), &by_server(test.now())).await.unwrap();
    }
    flip(&test, id, ALARM).await;
    let failed = DeliveryFilter { status: Some(DeliveryStatus::Failed), limit: 9, ..DeliveryFilter::default() };
    let failed = test.store().deliveries(&failed).await.unwrap();
    assert_eq!((failed.len(), failed[0].alert_key.as_str()), (1, "rota"));
    let why = failed[0].last_error.clone().unwrap();
    assert!(why.contains("carol cannot be reached: carol_sms is switched off"), "{why}");
}

#[tokio::test]
async fn what_is_muted_goes_no_further_and_what_outlives_it_does() {
    let test = escalating().await;
    let id = monitor(&test, "m").await;
    let (first, _) = first_and_second(&test);
    flip(&test, id, ALARM).await;
    let scope = MuteScope { monitors: vec![id], ..MuteScope::default() };
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_hours(2));
    test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap();
    later(&test, 60).await;
    assert_eq!(heard(&test), BTreeMap::from([(first, vec![ALARM])]));
    later(&test, 61).await;
    assert_eq!(heard(&test).len(), 2, "nobody has acknowledged it");
    // A mute of one person's alert holds the end back from them alone.
    let scope = MuteScope { alert: Some(format!("{first}_sms")), ..MuteScope::default() };
    let period = MutePeriod::once(test.now(), test.now() + SignedDuration::from_hours(2));
    test.store().add_mute(&scope, &period, &by_server(test.now())).await.unwrap();
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test)[first], [ALARM]);
    assert_eq!(heard(&test).values().filter(|told| **told == [ALARM, FINE]).count(), 1);
    later(&test, 121).await;
    until("the end is told", async || {
        test.engine.wake();
        heard(&test)[first] == [ALARM, FINE]
    })
    .await;
}

#[tokio::test]
async fn reminders_go_to_all_who_were_told_and_a_rota_that_is_switched_off_tells_nothing() {
    let hourly = Reminders { after: SignedDuration::from_hours(1) };
    let test = on_call_with(rota(Some(15), "2020-01-01T00:00"), BTreeMap::from([("rota".to_owned(), hourly)])).await;
    let id = monitor(&test, "m").await;
    flip(&test, id, ALARM).await;
    later(&test, 15).await;
    let told = heard(&test);
    assert_eq!(told.len(), 2);
    test.store().acknowledge(id, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    later(&test, 300).await;
    assert_eq!(heard(&test), told);
    flip(&test, id, FINE).await;
    flip(&test, id, ALARM).await;
    later(&test, 61).await;
    until("they are reminded", async || {
        test.engine.wake();
        heard(&test).values().map(Vec::len).max() == Some(4)
    })
    .await;
    let off = AlertChange { enabled: Some(false), ..AlertChange::default() };
    test.store().set_alert("rota", off, &by_server(test.now())).await.unwrap();
    at_rest(&test).await;
    let told = heard(&test);
    later(&test, 600).await;
    flip(&test, id, FINE).await;
    assert_eq!(heard(&test), told);
}

#[tokio::test]
async fn two_servers_tell_each_step_once() {
    let test = escalating().await;
    let id = monitor(&test, "m").await;
    flip(&test, id, ALARM).await;
    let rota = test.settings.rotas["rota"].clone();
    for _ in 0..3 {
        test.scratch.clock.set(test.now() + SignedDuration::from_mins(15));
        let (now, store) = (test.now(), test.store());
        let looks = (0..4).map(|_| store.tell_on_call("rota", &rota, &[], now, 100));
        let told: usize =
            futures_util::future::join_all(looks).await.into_iter().map(|told| told.unwrap().owed.len()).sum();
        assert!(told <= 2, "{told}");
        at_rest(&test).await;
    }
    assert!(heard(&test).values().all(|told| *told == [ALARM]), "{:?}", heard(&test));
    assert_eq!(heard(&test).len(), 4);
}

/// Random flips, pauses that the rota tells or does not, acknowledgements, mutes of everything, of one person and of everybody,
/// restarts and waits: nobody is told twice of what they were told, nobody hears an end of what they did not hear, and when all
/// is well again and nothing is held back, everybody who heard of a problem has heard its end.
#[tokio::test]
async fn whatever_happens_every_problem_told_gets_one_end() {
    for seed in 1..=8_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut test = escalating().await;
        test.store().set_flapping(None).await.unwrap();
        if seed % 2 == 0 {
            let states = StateSet::DEFAULT_TOLD.with(State::Inactive);
            let all = AlertChange { states: Some(states), ..AlertChange::default() };
            test.store().set_alert("rota", all, &by_server(test.now())).await.unwrap();
        }
        let ids = [monitor(&test, "a").await, monitor(&test, "b").await];
        let mut steps = Vec::new();
        for _ in 0..25 {
            let id = ids[draw(2) as usize];
            match draw(9) {
                0..=3 => {
                    let state = [FINE, ALARM, State::Error, State::Inactive][draw(4) as usize];
                    steps.push(format!("{id} {state}"));
                    flip(&test, id, state).await;
                }
                4 => {
                    let asked = by_server(test.now());
                    steps.push(format!("{id} acknowledged"));
                    test.store().acknowledge(id, None, AcknowledgedBy::Request, &asked).await.unwrap();
                }
                5 => {
                    let muted: &[Option<&str>] = match draw(3) {
                        0 => &[None],
                        1 => &[Some("bob_sms")],
                        _ => &[Some("alice_sms"), Some("bob_sms"), Some("carol_sms"), Some("dave_sms")],
                    };
                    steps.push(format!("mute {muted:?}"));
                    for alert in muted {
                        mute(&test, *alert, 40).await;
                    }
                }
                6 => {
                    steps.push("restart".to_owned());
                    test = test.restarted(std::time::Duration::from_secs(5)).await;
                }
                _ => {
                    let minutes = 1 + draw(40) as i64;
                    steps.push(format!("{minutes} min"));
                    later(&test, minutes).await;
                }
            }
        }
        later(&test, 60).await;
        // What waited for the last mutes is told, and looked at again.
        later(&test, 2).await;
        for id in ids {
            flip(&test, id, FINE).await;
        }
        later(&test, 60).await;
        for (alert, channel) in &test.alerts {
            for id in ids {
                let taken = channel.taken.lock().unwrap();
                let states: Vec<State> =
                    taken.iter().filter(|told| told.monitor.id == id).map(|told| told.new_state).collect();
                assert_ne!(states.first(), Some(&FINE), "{alert} {states:?} after {steps:?}");
                assert!(states.windows(2).all(|two| two != [FINE, FINE]), "{alert} {states:?} after {steps:?}");
                assert!(states.last().is_none_or(|last| *last == FINE), "{alert} {states:?} after {steps:?}");
            }
        }
    }
}
