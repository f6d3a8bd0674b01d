//! Tells what was held back and is held back no longer, as at the end of a mute, and what is told of sources that are down.
//!
//! It looks at what is kept as held back, not at which mutes ended: one that ended while no server ran is noticed as well.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::SignedDuration;

use crate::{
    engine::{
        Shared,
        driver::{Failed, Next, Task},
    },
    store::StoreError,
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// How often to look without any reason: another server may have held something back, or ended a mute.
const GLANCE: SignedDuration = SignedDuration::from_secs(10);

/// Monitors and alerts of one piece.
const PIECE: usize = 100;

/// The task.
pub(in crate::engine) struct TellHeld {
    shared: Arc<Shared>,
}

impl TellHeld {
    pub(in crate::engine) fn new(shared: Arc<Shared>) -> TellHeld {
        TellHeld { shared }
    }

    async fn piece(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        // What cannot be told of a source keeps nothing else from being told.
        let outages = shared.store.tell_outages(now).await;
        let told = shared.store.tell_held(now, PIECE).await?;
        let in_force = shared.in_force();
        let owed = outages.iter().flat_map(|outages| &outages.owed).chain(&told.owed);
        owed.filter_map(|key| in_force.deliver.get(key)).for_each(|wake| wake.wake());
        let outages = outages?;
        if outages.caught_up > 0 {
            shared.evaluate.wake();
        }
        shared.these_are_down(outages.down);
        if told.more || outages.more {
            return Ok(Next::Now);
        }
        let glance = now.saturating_add(GLANCE).unwrap_or(now);
        Ok(Next::At([told.next_end, outages.next_at, Some(glance)].into_iter().flatten().min().unwrap_or(glance)))
    }
}

impl Task for TellHeld {
    fn name(&self) -> String {
        "tell held".to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what is held back", &error, AFTER_FAULT);
            self.piece().await.map_err(failed)
        })
    }
}
