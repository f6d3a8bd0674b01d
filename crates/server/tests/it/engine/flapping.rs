//! A monitor that changes again and again: its changes are held back until it is calm, and how it ends is told.

use revere::store::{DeliveryFilter, DeliveryStatus};
use revere_model::{Flapping, MonitorId, State};

use crate::support::{TestEngine, by_server, until, yearly};

async fn flapping() -> (TestEngine, MonitorId) {
    let test = TestEngine::new().await;
    test.store().set_flapping(Some(Flapping { changes: 4 })).await.unwrap();
    let id = test.store().create_monitor(&yearly("m"), &by_server(test.now())).await.unwrap().id;
    // That it runs for the first time is no change.
    flips(&test, id, &[State::Ok]).await;
    (test, id)
}

async fn flips(test: &TestEngine, monitor: MonitorId, states: &[State]) {
    for state in states {
        test.later(60);
        test.scratch.manual(monitor, *state).await;
        test.engine.wake();
        // Told before the clock goes on: what is under way for too long is told once more.
        nothing_owed(test).await;
    }
    nothing_owed(test).await;
}

async fn nothing_owed(test: &TestEngine) {
    until("nothing is owed", async || {
        let owed = DeliveryFilter { status: Some(DeliveryStatus::Owed), limit: 1, ..DeliveryFilter::default() };
        test.store().deliveries(&owed).await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn the_end_of_it_is_told_once_it_is_calm() {
    let (test, id) = flapping().await;
    flips(&test, id, &[State::Alarm, State::Ok, State::Alarm]).await;
    assert_eq!(test.ops().story("m").len(), 3);
    let flaps = async |changes| test.store().would_flap(id, test.now(), changes).await.unwrap();
    assert_eq!((flaps(false).await, flaps(true).await), (false, true));
    flips(&test, id, &[State::Ok, State::Alarm, State::Ok, State::Error]).await;
    assert_eq!(test.ops().story("m").len(), 3, "from the fourth on it flaps");
    assert_eq!(test.store().flapping(&[id], test.now()).await.unwrap().len(), 1);
    test.later(9 * 60);
    flips(&test, id, &[]).await;
    assert_eq!(test.ops().story("m").len(), 3, "not calm yet");
    test.later(61);
    until("its end is told", async || test.ops().story("m").len() == 4).await;
    assert_eq!(test.ops().story("m")[3], (State::Alarm, State::Error));
    flips(&test, id, &[State::Ok]).await;
    test.later(601);
    until("and its end", async || test.ops().story("m").last() == Some(&(State::Error, State::Ok))).await;
}

#[tokio::test]
async fn what_ends_as_people_know_it_is_not_told_again() {
    let (test, id) = flapping().await;
    flips(&test, id, &[State::Alarm, State::Ok, State::Alarm, State::Ok, State::Alarm]).await;
    test.later(601);
    let held = async || test.store().tell_held(test.now(), 0).await.unwrap();
    until("nothing is held back", async || !held().await.more && held().await.next_end.is_none()).await;
    assert_eq!(test.ops().story("m").len(), 3);
}
