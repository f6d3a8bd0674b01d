//! Mutes, as the store keeps them.

use jiff::SignedDuration;
use revere::store::MuteFilter;
use revere_model::{MonitorId, MutePeriod, MuteScope, Recurrence, State};

use crate::support::{Scratch, by_server};

/// Asks the store everything it can be asked about mutes of these monitors, which are in `ALARM`.
pub(super) async fn ask_everything(scratch: &Scratch, monitors: &[MonitorId]) {
    let (store, now) = (&scratch.store, scratch.now());
    let scope = MuteScope { monitors: monitors.to_vec(), alert: Some("ops".to_owned()), ..MuteScope::default() };
    let recurs = Recurrence::read("0 12 * * *", "UTC", SignedDuration::from_hours(8)).unwrap();
    let period = MutePeriod { starts_at: now, ends_at: None, recurs: Some(recurs) };
    store.add_mute(&scope, &period, &by_server(now)).await.unwrap();
    let hour = MutePeriod::once(now, now + SignedDuration::from_hours(1));
    let mute = store.add_mute(&scope, &hour, &by_server(now)).await.unwrap();
    for monitor in monitors {
        scratch.manual(*monitor, State::Ok).await;
    }
    store.tell_held(now, 9).await.unwrap();
    for over in [None, Some(true), Some(false)] {
        store.mutes(&MuteFilter { over, before: None, limit: 9 }, now).await.unwrap();
    }
    store.mutes_not_over(now).await.unwrap();
    assert_eq!(store.held_back(mute.mute.id, None, 9).await.unwrap().len(), monitors.len());
    store.end_mute(mute.mute.id, &by_server(now)).await.unwrap();
    assert_eq!(store.tell_held(now, 9).await.unwrap().owed, ["ops"]);
}
