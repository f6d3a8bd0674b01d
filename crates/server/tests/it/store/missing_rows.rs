//! A monitor whose rows beside its own are gone, taken away by hand or left out of a copy.

use revere::store::{ClaimRequest, Claims, Committed, MonitorFilter};
use revere_model::{MonitorSpec, RunKind, State};

use crate::support::{Scratch, at, by_server, spec};

#[tokio::test]
async fn a_monitor_that_lacks_a_row_has_it_anew_and_is_due_again() {
    let scratch = Scratch::new().await;
    let (store, asked) = (&scratch.store, by_server(scratch.now()));
    let mut ids = Vec::new();
    for name in ["no ticks", "no state", "neither", "whole"] {
        ids.push(store.create_monitor(&spec(name), &asked).await.unwrap().id);
    }
    let off = MonitorSpec { active: false, ..spec("off") };
    let off = store.create_monitor(&off, &asked).await.unwrap().id;
    let deleted = store.create_monitor(&spec("deleted"), &asked).await.unwrap().id;
    store.delete_monitor(deleted, &asked).await.unwrap();
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let claimed = scratch.claim().await;
    assert_eq!(claimed.len(), 4);
    scratch.finish(&claimed[3], State::Alarm).await;
    assert_eq!(store.mend_monitors(scratch.now()).await.unwrap(), 0, "none lacks anything");
    let whole = store.monitor(ids[3]).await.unwrap();

    let mut sql = scratch.sql().await;
    sql.run(format!("delete from dues where monitor_id in ({}, {}, {off}, {deleted})", ids[0], ids[2])).await;
    sql.run(format!("delete from states where monitor_id in ({}, {}, {off}, {deleted})", ids[1], ids[2])).await;
    assert_eq!(store.mend_monitors(scratch.now()).await.unwrap(), 5);
    assert_eq!(store.mend_monitors(scratch.now()).await.unwrap(), 0);
    sql.assert_sound().await;
    let all = store.monitors(&MonitorFilter { limit: 9, ..MonitorFilter::default() }).await.unwrap();
    assert_eq!(all.len(), 5, "each is in the list again");
    assert_eq!(all.iter().find(|monitor| monitor.id == ids[3]), Some(&whole), "what was whole is as it was");
    let next: Vec<_> = all.iter().map(|monitor| monitor.next_run_at).collect();
    let (now, soon) = (Some(scratch.now()), Some(at("2026-01-01T00:02:00Z")));
    assert_eq!(next, [now, soon, now, soon, None], "the ticks whose runs were lost are due again");

    // What was running when its claim went counts for nothing: who has the tick by now would not be told from it.
    assert_eq!(scratch.finish(&claimed[0], State::Alarm).await, Committed::Superseded);
    assert!(matches!(scratch.finish(&claimed[1], State::Ok).await, Committed::Recorded { .. }), "this claim was there");
    scratch.clock.set(at("2026-01-01T00:02:00Z"));
    let again = scratch.claim().await;
    assert_eq!(again.len(), 4, "all that are on are due");
    assert!(again[0].attempt > claimed[0].attempt);
    for claimed in &again {
        assert!(matches!(scratch.finish(claimed, State::Ok).await, Committed::Recorded { .. }));
    }
    let again = store.monitor(ids[2]).await.unwrap();
    assert_eq!((again.state, again.missed_ticks), (State::Ok, 1));
    assert!(store.undelete_monitor(deleted, &by_server(scratch.now())).await.unwrap().next_run_at.is_some());
    scratch.assert_sound().await;
}

#[tokio::test]
async fn a_monitor_without_a_state_is_not_claimed_again_and_again() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let mut sql = scratch.sql().await;
    sql.run("delete from states").await;
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    let request = ClaimRequest {
        node: "one".to_owned(),
        now: scratch.now(),
        up_since: scratch.now(),
        run_limit: std::time::Duration::from_secs(30),
        limit: 9,
        places: 9,
    };
    let claims = scratch.store.claim_due(&request).await.unwrap();
    assert_eq!(claims, Claims { missed: 1, ..Claims::default() }, "nothing to run, and no more to look at");
    assert_eq!(scratch.store.mend_monitors(scratch.now()).await.unwrap(), 1);
    scratch.clock.set(at("2026-01-01T00:02:00Z"));
    let claimed = scratch.claim().await.remove(0);
    assert!(matches!(scratch.finish(&claimed, State::Ok).await, Committed::Recorded { .. }));
    let is = scratch.store.monitor(id).await.unwrap();
    assert_eq!((is.state, is.fault, is.missed_ticks), (State::Ok, None, 1));
    scratch.assert_sound().await;
}

#[tokio::test]
async fn a_monitor_that_one_server_could_not_read_is_due_again_for_one_that_can() {
    let scratch = Scratch::new().await;
    let id = scratch.store.create_monitor(&spec("a"), &by_server(scratch.now())).await.unwrap().id;
    let mut sql = scratch.sql().await;
    // A tick is owed.
    scratch.clock.set(at("2026-01-01T00:01:00Z"));
    assert_eq!(scratch.claim_as("one").await.len(), 1);
    assert_eq!(scratch.store.release_node("one", scratch.now()).await.unwrap(), 1);
    // As one of the version before finds a schedule that it does not know yet.
    sql.run("update monitors set schedule = 'every full moon'").await;
    assert_eq!(scratch.claim().await, []);
    let is = scratch.store.monitor(id).await.unwrap();
    assert!(is.next_run_at.is_none() && is.fault.unwrap().contains("the schedule cannot be read"));
    assert_eq!(scratch.store.mend_monitors(scratch.now()).await.unwrap(), 0, "nobody can read it yet");
    sql.run("update monitors set schedule = '* * * * *'").await;
    scratch.clock.set(at("2026-01-01T00:05:30Z"));
    assert_eq!(scratch.store.mend_monitors(scratch.now()).await.unwrap(), 1);
    assert_eq!(scratch.store.mend_monitors(scratch.now()).await.unwrap(), 0);
    let claimed = scratch.claim().await.remove(0);
    assert_eq!((claimed.tick_at, claimed.kind), (at("2026-01-01T00:05:00Z"), RunKind::CatchUp));
    scratch.finish(&claimed, State::Ok).await;
    let is = scratch.store.monitor(id).await.unwrap();
    // Four without a run, the one that was owed among them, each once.
    assert_eq!((is.fault, is.missed_ticks, is.next_run_at), (None, 4, Some(at("2026-01-01T00:06:00Z"))));
    scratch.assert_sound().await;
}
