//! Whatever happens to a source, to its monitors and to their alerts meanwhile: no problem of a monitor's own stays untold for ever.

use revere::store::{AlertChange, SourcesMet};
use revere_model::{MonitorSpec, State, StateSet};

use super::{
    DOWN, SOURCE, UP, at_rest, ends, fails, heard, is_failed_by, later, monitor, monitor_as, monitors, passes, run,
};
use crate::support::{TestEngine, by_server};

/// Who hears of a monitor is changed while it waits: those hear of what outlives the outage who would hear of it by then.
#[tokio::test]
async fn what_outlives_it_is_told_by_those_who_are_for_it_by_then() {
    let test = TestEngine::new().await;
    let chosen = |key: &str| Some(vec![key.to_owned()]);
    let moved = monitor_as(&test, "moved", |spec| spec.alerts = chosen("ops")).await;
    let other = monitor(&test, "other").await;
    for id in [moved, other] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    let before = test.store().monitor(moved).await.unwrap();
    let spec = MonitorSpec { alerts: chosen("spare"), ..before.spec };
    test.store().update_monitor(moved, before.version, &spec, &by_server(test.now())).await.unwrap();
    passes(&test, other).await;
    ends(&test, moved, State::Error).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("moved"), test.spare().story("moved")), (vec![], vec![DOWN]));
    passes(&test, moved).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("moved"), test.spare().story("moved")), (vec![], vec![DOWN, UP]));
}

/// Switched on, it follows in silence what is a problem by then. Of this one it was the source's, and is the monitor's own later.
#[tokio::test]
async fn what_outlives_it_is_told_by_an_alert_that_was_switched_off_and_on_meanwhile() {
    let (test, [errs, refused, other]) = monitors().await;
    for id in [errs, refused, other] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    for enabled in [false, true] {
        let change = AlertChange { enabled: Some(enabled), ..AlertChange::default() };
        test.store().set_alert("ops", change, &by_server(test.now())).await.unwrap();
    }
    later(&test, 60).await;
    passes(&test, other).await;
    ends(&test, errs, State::Error).await;
    fails(&test, refused).await;
    at_rest(&test).await;
    for alert in [test.ops(), test.spare()] {
        assert_eq!((alert.story("m0"), alert.story("m1")), (vec![DOWN], vec![DOWN]));
    }
    for id in [errs, refused] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![DOWN, UP], vec![DOWN, UP]));
}

/// It is edited to ask another source while it waits for the first, which nobody asks any more.
#[tokio::test]
async fn one_that_asks_another_source_by_now_is_judged_by_that() {
    let (test, [errs, waits, well]) = monitors().await;
    for id in [errs, waits, well] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    is_failed_by(&test, waits, "prometheus").await;
    run(&test, errs, State::Error, SourcesMet { answered: vec!["prometheus".to_owned()], down: None }).await;
    run(&test, well, State::Ok, SourcesMet::default()).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story("m0"), [DOWN], "it errs by itself");
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP], "nobody waits for it any more");
    is_failed_by(&test, waits, "prometheus").await;
    later(&test, 360).await;
    let told = test.ops().story("Source prometheus").last() == Some(&DOWN) || test.ops().story("m1") == [DOWN];
    assert!(told, "{:?}", heard(test.ops()));
    run(&test, waits, State::Alarm, SourcesMet { answered: vec!["prometheus".to_owned()], down: None }).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m1").last().map(|(_, state)| *state), Some(State::Alarm));
    assert!(test.store().open_outages().await.unwrap().is_empty());
}

/// It comes and goes every minute, and one monitor is refused each time: whoever looks after it hears of one or the other.
#[tokio::test]
async fn a_source_that_comes_and_goes_hides_no_monitor_for_ever() {
    let (test, [refused, served]) = monitors().await;
    for round in 0..40 {
        fails(&test, served).await;
        fails(&test, refused).await;
        // Now longer than it takes to be told, now not.
        later(&test, if round % 2 == 0 { 40 } else { 10 }).await;
        passes(&test, served).await;
        later(&test, 10).await;
    }
    let heard_of = heard(test.ops()).iter().any(|(name, state, _)| name == SOURCE && *state == State::Error);
    assert!(heard_of || test.ops().story("m0") == [DOWN], "{:?}", heard(test.ops()));
    // It is back for good; the refused one errs by itself.
    passes(&test, served).await;
    ends(&test, refused, State::Error).await;
    later(&test, 2 * 3600).await;
    assert_eq!(test.ops().story("m0").last().map(|(_, state)| *state), Some(State::Error));
    assert_eq!(test.ops().story(SOURCE).last(), Some(&UP), "and nobody thinks that the source is down");
}

/// An alert that tells no ERROR hears of no outage; what a monitor alarms of after it is told as ever.
#[tokio::test]
async fn an_alert_that_tells_no_error_is_kept_from_no_alarm() {
    let test = TestEngine::new().await;
    let alarms = StateSet::EMPTY.with(State::Alarm).with(State::Ok);
    let change = AlertChange { states: Some(alarms), ..AlertChange::default() };
    test.store().set_alert("ops", change, &by_server(test.now())).await.unwrap();
    let (short, long) = (monitor(&test, "short").await, monitor(&test, "long").await);
    fails(&test, short).await;
    ends(&test, short, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("short").last().map(|(_, state)| *state), Some(State::Alarm));
    fails(&test, long).await;
    later(&test, 3600).await;
    assert_eq!((test.ops().story(SOURCE), test.spare().story(SOURCE)), (vec![], vec![DOWN]));
    ends(&test, long, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("long").last().map(|(_, state)| *state), Some(State::Alarm));
}
