//! What becomes of the monitors that wait for a source: their states, their next runs, and what is told of them.

use std::sync::atomic::Ordering;

use revere::store::{AcknowledgedBy, RunResult, SourceDown, SourcesMet};
use revere_model::{Flapping, MonitorId, MonitorSpec, State, StateInOutage};

use super::{DOWN, SOURCE, UP, at_rest, ends, fails, heard, later, monitor, monitor_as, monitors, passes, state};
use crate::support::{Behaviour, TestEngine, by_server, switched, until};

#[tokio::test]
async fn a_problem_that_was_there_keeps_its_state_and_who_looks_after_it() {
    let (test, [alarming, other]) = monitors().await;
    ends(&test, alarming, State::Alarm).await;
    at_rest(&test).await;
    test.store().acknowledge(alarming, None, AcknowledgedBy::Request, &by_server(test.now())).await.unwrap();
    for id in [alarming, other, alarming] {
        fails(&test, id).await;
    }
    later(&test, 600).await;
    assert_eq!(state(&test, alarming).await, State::Alarm);
    let (_, message) = (0, heard(test.ops()).pop().unwrap().2);
    assert!(message.ends_with("; 1 monitor waits for it"), "only what would have been told counts: {message}");
    ends(&test, alarming, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [(State::Ok, State::Alarm)]);
    assert_eq!(test.store().acknowledgements(&[alarming]).await.unwrap().len(), 1);
    fails(&test, alarming).await;
    passes(&test, alarming).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [(State::Ok, State::Alarm), (State::Alarm, State::Ok)]);
}

#[tokio::test]
async fn passing_runs_that_do_not_end_it_yet_tell_nothing() {
    let test = TestEngine::new().await;
    let slow = |spec: &mut MonitorSpec| spec.recover_after = 2;
    let (well, errs) = (monitor_as(&test, "well", slow).await, monitor_as(&test, "errs", slow).await);
    for id in [well, errs] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    passes(&test, well).await;
    passes(&test, errs).await;
    later(&test, 600).await;
    assert_eq!((state(&test, well).await, test.ops().story("well")), (State::Error, vec![]));
    passes(&test, well).await;
    ends(&test, errs, State::Error).await;
    later(&test, 600).await;
    assert_eq!((state(&test, well).await, test.ops().story("well")), (State::Ok, vec![]));
    assert_eq!(test.ops().story("errs"), [DOWN]);
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

#[tokio::test]
async fn monitors_say_what_they_are_meanwhile_and_who_asks_is_told_one_by_one() {
    let test = TestEngine::new().await;
    let keeps = monitor_as(&test, "keeps", |spec| spec.state_in_outage = StateInOutage::Keep).await;
    let well = monitor_as(&test, "well", |spec| spec.state_in_outage = StateInOutage::Ok).await;
    let told = monitor_as(&test, "told", |spec| spec.told_in_outage = true).await;
    for id in [keeps, well, told] {
        fails(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!(test.ops().story("told"), [DOWN], "at once");
    later(&test, 60).await;
    assert_eq!((state(&test, keeps).await, state(&test, well).await), (State::Ok, State::Ok));
    let (name, _, message) = heard(test.ops()).pop().unwrap();
    assert_eq!(
        (name.as_str(), heard(test.ops()).len()),
        (SOURCE, 2),
        "they say nothing, so the source has to be told of"
    );
    assert!(message.ends_with("; 2 monitors wait for it"), "{message}");
    passes(&test, told).await;
    ends(&test, keeps, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("told"), [DOWN, UP]);
    assert_eq!(test.ops().story("keeps"), [(State::Ok, State::Alarm)]);
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

#[tokio::test]
async fn changes_that_outages_make_are_no_flapping() {
    let (test, [one]) = monitors().await;
    test.store().set_flapping(Some(Flapping { changes: 3 })).await.unwrap();
    for _ in 0..3 {
        fails(&test, one).await;
        later(&test, 60).await;
        passes(&test, one).await;
    }
    assert!(test.store().flapping(&[one], test.now()).await.unwrap().is_empty());
    ends(&test, one, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [(State::Ok, State::Alarm)]);
}

/// What nobody hears of as an outage is the monitor's own.
#[tokio::test]
async fn changes_by_outages_that_were_told_to_nobody_are_flapping() {
    let (test, [one]) = monitors().await;
    test.store().set_flapping(Some(Flapping { changes: 3 })).await.unwrap();
    for _ in 0..3 {
        fails(&test, one).await;
        passes(&test, one).await;
    }
    assert!(test.store().flapping(&[one], test.now()).await.unwrap().contains_key(&one));
}

/// A source is away for a moment, and a monitor that failed by it runs again tomorrow.
#[tokio::test]
async fn what_an_outage_did_that_nobody_heard_of_is_told_by_itself() {
    let (test, [nightly, other]) = monitors().await;
    fails(&test, nightly).await;
    passes(&test, other).await;
    later(&test, 200).await;
    assert!(heard(test.ops()).is_empty());
    later(&test, 200).await;
    assert_eq!((test.ops().story("m0"), test.ops().story(SOURCE)), (vec![DOWN], vec![]));
    assert_eq!(test.spare().story("m0"), [DOWN]);
    passes(&test, nightly).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [DOWN, UP]);
}

#[tokio::test]
async fn one_that_was_deleted_meanwhile_is_judged_by_its_first_run() {
    let (test, [deleted, errs, other]) = monitors().await;
    for id in [deleted, errs, other] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    for id in [deleted, errs] {
        test.store().delete_monitor(id, &by_server(test.now())).await.unwrap();
    }
    passes(&test, other).await;
    later(&test, 60).await;
    for id in [deleted, errs] {
        test.store().undelete_monitor(id, &by_server(test.now())).await.unwrap();
    }
    later(&test, 60).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![]));
    passes(&test, deleted).await;
    ends(&test, errs, State::Error).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![DOWN]));
}

/// A monitor whose own runs come out so.
async fn running(test: &TestEngine, name: &str, outcome: State) -> MonitorId {
    let script = format!("comes out {outcome}");
    test.runner.behaves(&script, Behaviour::Ends(outcome));
    monitor_as(test, name, |spec| spec.script = script).await
}

/// None of them is due for months.
#[tokio::test]
async fn what_waited_runs_once_more_at_the_end_and_what_is_switched_off_does_not() {
    let test = TestEngine::new().await;
    let (well, errs) = (running(&test, "well", State::Ok).await, running(&test, "errs", State::Error).await);
    let (alarming, paused) = (running(&test, "alarming", State::Ok).await, running(&test, "paused", State::Ok).await);
    let other = monitor(&test, "other").await;
    ends(&test, alarming, State::Alarm).await;
    at_rest(&test).await;
    for id in [well, errs, alarming, paused, other] {
        fails(&test, id).await;
    }
    switched(test.store(), paused, false, test.now()).await;
    later(&test, 60).await;
    let waits = async |id| test.store().monitor(id).await.unwrap().waits_for;
    assert_eq!(waits(well).await.map(|waits| (waits.source, waits.over)), Some(("graphite".to_owned(), false)));
    assert_eq!(test.runner.begun.load(Ordering::SeqCst), 0);
    passes(&test, other).await;
    // One after the other, a tenth of a second apart.
    until("they ran", async || {
        test.later(1);
        test.runner.begun.load(Ordering::SeqCst) == 3 && test.ops().story("errs") == [DOWN]
    })
    .await;
    later(&test, 3600).await;
    assert_eq!(test.runner.begun.load(Ordering::SeqCst), 3, "once each");
    for id in [well, errs, alarming] {
        assert_eq!(waits(id).await, None);
    }
    assert_eq!((state(&test, well).await, test.ops().story("well")), (State::Ok, vec![]));
    assert_eq!(test.ops().story("alarming"), [(State::Ok, State::Alarm), (State::Alarm, State::Ok)]);
    assert_eq!(state(&test, paused).await, State::Inactive);
    assert_eq!(test.store().monitor(well).await.unwrap().missed_ticks, 0, "nothing was missed");
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

/// It runs by its schedule while the source comes back: that run began too early to tell.
#[tokio::test]
async fn what_was_running_at_the_end_and_failed_runs_once_more_after_it() {
    let test = TestEngine::new().await;
    let (slow, other) = (running(&test, "slow", State::Ok).await, monitor(&test, "other").await);
    for id in [slow, other] {
        fails(&test, id).await;
    }
    let began = test.now();
    passes(&test, other).await;
    let down = SourceDown { source: "graphite".to_owned(), reason: "connection refused".to_owned() };
    let sources = SourcesMet { down: Some(down), ..SourcesMet::default() };
    let late = RunResult { started_at: began, sources, ..test.scratch.manual_result(slow, State::Error) };
    test.store().commit_run(late).await.unwrap();
    until("it ran", async || {
        test.later(1);
        state(&test, slow).await == State::Ok
    })
    .await;
    assert_eq!(test.store().monitor(slow).await.unwrap().waits_for, None);
}
