//! One event about the source, whatever its monitors meet.

use std::time::Duration;

use jiff::SignedDuration;
use revere::store::{RunResult, SourceDown, SourcesMet};
use revere_model::{Silence, State};

use super::{DOWN, SOURCE, UP, at_rest, ends, fails, heard, later, monitors, passes, reasons, run, state};
use crate::support::{Scratch, by_server, on_postgresql, switched, until};

#[tokio::test]
async fn monitors_that_wait_are_told_of_as_one_and_what_outlives_the_outage_by_itself() {
    let (test, [recovers, errs, alarms]) = monitors().await;
    for id in [recovers, errs, alarms] {
        fails(&test, id).await;
    }
    later(&test, 20).await;
    assert!(test.ops().taken.lock().unwrap().is_empty(), "a moment's failure is told to nobody");
    assert_eq!(state(&test, errs).await, State::Error);
    assert_eq!(reasons(test.store(), errs, "ops").await, [Silence::WaitsForSource]);
    later(&test, 20).await;
    let down = "source graphite is down: connection refused; 3 monitors wait for it".to_owned();
    assert_eq!(heard(test.ops()), [(SOURCE.to_owned(), State::Error, down)]);
    assert_eq!(heard(test.spare()).len(), 1);
    for id in [recovers, errs, alarms] {
        fails(&test, id).await;
    }
    later(&test, 3600).await;
    assert_eq!(heard(test.ops()).len(), 1, "once");

    passes(&test, recovers).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    let (_, _, back) = heard(test.ops()).pop().unwrap();
    assert!(back.starts_with("source graphite is back after 61 min"), "{back}");
    assert_eq!(test.ops().story("m0"), [], "what began and ended inside is not told");
    later(&test, 3600).await;
    assert_eq!(heard(test.ops()).len(), 2, "the runs of the others are not over");

    ends(&test, errs, State::Error).await;
    ends(&test, alarms, State::Alarm).await;
    at_rest(&test).await;
    assert_eq!((test.ops().story("m1"), test.ops().story("m2")), (vec![DOWN], vec![(State::Ok, State::Alarm)]));
    let told = heard(test.ops()).into_iter().find(|(name, ..)| name == "m1").unwrap();
    assert_eq!(told.2, "came out ERROR", "what is wrong now");
    for id in [errs, alarms] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!((test.ops().story("m1").len(), test.ops().story("m2").len()), (2, 2), "and its end");
    let of_source = test.store().open_outages().await.unwrap();
    assert!(of_source.is_empty(), "{of_source:?}");
    test.scratch.assert_sound().await;
}

#[tokio::test]
async fn a_source_that_answers_some_and_refuses_others_holds_back_one_run_only() {
    let (test, [refused, served]) = monitors().await;
    for _ in 0..4 {
        fails(&test, refused).await;
        passes(&test, served).await;
        later(&test, 60).await;
    }
    assert_eq!(test.ops().story(SOURCE), [], "it is not down");
    assert_eq!(test.ops().story("m0"), [DOWN]);
    assert!(test.store().open_outages().await.unwrap().is_empty());
    passes(&test, refused).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story("m0"), [DOWN, UP]);
    // One that is in ALARM goes to ERROR in the same way, and back.
    ends(&test, refused, State::Alarm).await;
    for _ in 0..2 {
        fails(&test, refused).await;
        passes(&test, served).await;
        later(&test, 60).await;
    }
    assert_eq!(state(&test, refused).await, State::Error);
    assert_eq!(test.ops().story("m0")[2..], [(State::Ok, State::Alarm), (State::Alarm, State::Error)]);
}

/// It answers one while it starts, and refuses the others: one of them says so, and not each.
#[tokio::test]
async fn a_source_that_was_back_for_a_moment_only_is_told_once_more() {
    let (test, [answered, first, second, third]) = monitors().await;
    for id in [answered, first, second, third] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    passes(&test, answered).await;
    at_rest(&test).await;
    for id in [first, second, third] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN]);
    let last = heard(test.ops()).into_iter().rfind(|(name, ..)| name == SOURCE).unwrap();
    assert!(last.2.ends_with("; 2 monitors wait for it"), "{last:?}");
    assert_eq!((test.ops().story("m1"), test.ops().story("m2"), test.ops().story("m3")), (vec![DOWN], vec![], vec![]));
    for id in [first, second, third] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE).last(), Some(&UP));
    assert_eq!((test.ops().story("m1"), test.ops().story("m2")), (vec![DOWN, UP], vec![]));
    // One that is refused alone keeps nothing else waiting.
    fails(&test, first).await;
    passes(&test, second).await;
    fails(&test, first).await;
    later(&test, 60).await;
    assert!(test.store().open_outages().await.unwrap().is_empty(), "nobody waits for it");
    assert_eq!(test.ops().story("m1"), [DOWN, UP, DOWN]);
}

#[tokio::test]
async fn one_source_that_is_back_while_another_turns_out_to_be_down_has_nobody_shout() {
    let (test, [one, other]) = monitors().await;
    for id in [one, other] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    for id in [one, other] {
        let down = SourceDown { source: "shop".to_owned(), reason: "connection refused".to_owned() };
        run(&test, id, State::Error, SourcesMet { answered: vec!["graphite".to_owned()], down: Some(down) }).await;
    }
    later(&test, 60).await;
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![]));
    assert_eq!((test.ops().story(SOURCE), test.ops().story("Source shop")), (vec![DOWN, UP], vec![DOWN]));
    for id in [one, other] {
        run(&test, id, State::Ok, SourcesMet { answered: vec!["shop".to_owned()], down: None }).await;
    }
    at_rest(&test).await;
    assert_eq!(test.ops().story("Source shop"), [DOWN, UP]);
    assert_eq!((test.ops().story("m0"), test.ops().story("m1")), (vec![], vec![]));
}

#[tokio::test]
async fn one_answer_in_a_long_outage_has_nobody_shout() {
    let (test, [one, other, often]) = monitors().await;
    for id in [one, other, often] {
        fails(&test, id).await;
    }
    later(&test, 60).await;
    passes(&test, often).await;
    fails(&test, often).await;
    for id in [one, other] {
        fails(&test, id).await;
    }
    later(&test, 600).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN]);
    assert_eq!((test.ops().story("m0"), test.ops().story("m1"), test.ops().story("m2")), (vec![], vec![], vec![]));
    for id in [one, other, often] {
        passes(&test, id).await;
    }
    at_rest(&test).await;
    assert_eq!((test.ops().story(SOURCE).last(), test.ops().story("m0")), (Some(&UP), vec![]));
}

#[tokio::test]
async fn an_outage_is_over_where_the_source_is_gone_or_nobody_waits() {
    let (test, [one]) = monitors().await;
    fails(&test, one).await;
    later(&test, 60).await;
    test.store().sync_outages(Some(&["other".to_owned()]), test.now()).await.unwrap();
    later(&test, 1).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
    let (.., gone) = heard(test.ops()).pop().unwrap();
    assert!(gone.starts_with("source graphite: it is not in the configuration any more, after 60 s"), "{gone}");
    passes(&test, one).await;
    fails(&test, one).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE).len(), 3);
    switched(test.store(), one, false, test.now()).await;
    later(&test, 1).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN, UP]);
    switched(test.store(), one, true, test.now()).await;
    fails(&test, one).await;
    test.store().delete_monitor(one, &by_server(test.now())).await.unwrap();
    later(&test, 60).await;
    assert!(test.store().open_outages().await.unwrap().is_empty());
    assert_eq!(test.ops().story(SOURCE).len(), 4);
    assert_eq!(test.ops().story("m0"), []);
}

#[tokio::test]
async fn nothing_is_forgotten_over_a_restart_and_nothing_told_twice() {
    let (test, [one]) = monitors().await;
    fails(&test, one).await;
    test.engine.stop(Duration::from_secs(5)).await;
    test.scratch.clock.advance(SignedDuration::from_secs(60));
    let test = test.restarted(Duration::from_secs(5)).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN]);
    let test = test.restarted(Duration::from_secs(5)).await;
    passes(&test, one).await;
    test.engine.stop(Duration::from_secs(5)).await;
    let test = test.restarted(Duration::from_secs(5)).await;
    later(&test, 60).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP]);
}

/// A run that was slow says nothing of an outage that began after it.
#[tokio::test]
async fn an_answer_from_before_the_outage_does_not_end_it_and_a_failure_from_before_its_end_is_part_of_it() {
    let (test, [one, other, slow]) = monitors().await;
    let began = test.now();
    fails(&test, one).await;
    let answered = SourcesMet { answered: vec!["graphite".to_owned()], down: None };
    let result = RunResult { started_at: began, sources: answered, ..test.scratch.manual_result(other, State::Ok) };
    test.store().commit_run(result).await.unwrap();
    assert_eq!(test.store().open_outages().await.unwrap().len(), 1);
    fails(&test, slow).await;
    let began = test.now();
    passes(&test, other).await;
    assert!(test.store().open_outages().await.unwrap().is_empty());
    let down = SourceDown { source: "graphite".to_owned(), reason: "timed out".to_owned() };
    let sources = SourcesMet { down: Some(down), ..SourcesMet::default() };
    let result = RunResult { started_at: began, sources, ..test.scratch.manual_result(slow, State::Error) };
    test.store().commit_run(result).await.unwrap();
    later(&test, 60).await;
    assert!(heard(test.ops()).is_empty(), "it waits for its next run");
    passes(&test, slow).await;
    at_rest(&test).await;
    assert!(heard(test.ops()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_meet_it_at_once_make_one_event() {
    let (test, ids) = monitors::<8>().await;
    let beside = if on_postgresql() { Some(test.scratch.beside().await) } else { None };
    let down = SourceDown { source: "graphite".to_owned(), reason: "connection refused".to_owned() };
    let sources = SourcesMet { down: Some(down), ..SourcesMet::default() };
    let stores = [test.store().clone(), beside.as_ref().map_or(test.store(), |beside| &beside.store).clone()];
    let all = ids.iter().zip(stores.iter().cycle()).map(|(id, store)| {
        let result = RunResult { sources: sources.clone(), ..test.scratch.manual_result(*id, State::Error) };
        store.commit_run(result)
    });
    for committed in futures_util::future::join_all(all).await {
        committed.unwrap();
    }
    test.later(60);
    let both = stores.iter().map(|store| store.tell_outages(test.now()));
    for told in futures_util::future::join_all(both).await {
        told.unwrap();
    }
    at_rest(&test).await;
    assert_eq!(heard(test.ops()).len(), 1);
    assert!(heard(test.ops())[0].2.ends_with("8 monitors wait for it"));
    assert_eq!(test.store().open_outages().await.unwrap().len(), 1);
    drop::<Option<Scratch>>(beside);
}

/// A quarter after its last outage nothing of a source is left, and the next one is told as the first was.
#[tokio::test]
async fn what_stands_for_a_source_goes_when_it_was_well_for_long() {
    let (test, [one]) = monitors().await;
    let days = |days: i64| test.scratch.clock.advance(SignedDuration::from_hours(24 * days));
    let stands = async || test.store().sources_told().await.unwrap().get("graphite").copied();
    fails(&test, one).await;
    later(&test, 60).await;
    let source = stands().await.unwrap();
    days(100);
    assert_eq!(test.store().purge_deleted(99, test.now()).await.unwrap(), 0, "it is down");
    passes(&test, one).await;
    at_rest(&test).await;
    assert_eq!(test.store().monitors_to_purge(None, 99).await.unwrap().last(), Some(&(source, 90)));
    days(89);
    assert_eq!(test.store().purge_deleted(99, test.now()).await.unwrap(), 0);
    assert!(test.store().deleted_monitors(None, 99, test.now()).await.unwrap().is_empty(), "nobody deleted it");
    test.store().undelete_monitor(source, &by_server(test.now())).await.unwrap_err();
    // Another outage, and it stays.
    fails(&test, one).await;
    later(&test, 60).await;
    assert_eq!(stands().await, Some(source));
    days(80);
    assert_eq!(test.store().purge_deleted(99, test.now()).await.unwrap(), 0);
    passes(&test, one).await;
    at_rest(&test).await;
    days(91);
    until("nothing is left of it", async || {
        test.store().purge_deleted(99, test.now()).await.unwrap() == 0 && stands().await.is_none()
    })
    .await;
    fails(&test, one).await;
    later(&test, 60).await;
    assert_ne!(stands().await, Some(source));
    passes(&test, one).await;
    at_rest(&test).await;
    assert_eq!(test.ops().story(SOURCE), [DOWN, UP, DOWN, UP, DOWN, UP]);
    test.scratch.assert_sound().await;
}
