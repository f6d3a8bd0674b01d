//! A monitor whose rows beside its own are gone, taken away by hand or left out of a copy.

use revere::store::{Committed, MonitorFilter};
use revere_model::{MonitorSpec, State};

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
    let next = Some(at("2026-01-01T00:02:00Z"));
    assert!(all.iter().all(|monitor| monitor.id == off || monitor.next_run_at == next), "{all:#?}");

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
    assert_eq!(store.monitor(ids[2]).await.unwrap().state, State::Ok);
    assert!(store.undelete_monitor(deleted, &by_server(scratch.now())).await.unwrap().next_run_at.is_some());
    scratch.assert_sound().await;
}
