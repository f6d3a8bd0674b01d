//! Reminds of problems that go on, for each alert that wants it. What comes of it is sent as everything else is.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::{
    engine::{
        Shared,
        driver::{Failed, Next, Task},
    },
    store::StoreError,
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// How often to look without any reason: what changed meanwhile, here or on another server, is noticed then.
const GLANCE: SignedDuration = SignedDuration::from_secs(30);

/// Monitors of one piece.
const PIECE: usize = 100;

/// The task.
pub(in crate::engine) struct Remind {
    shared: Arc<Shared>,
}

impl Remind {
    /// What operators know it by.
    pub(in crate::engine) const NAME: &str = "remind";

    pub(in crate::engine) fn new(shared: Arc<Shared>) -> Remind {
        Remind { shared }
    }

    async fn piece(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let mut next: Timestamp = now.saturating_add(GLANCE).unwrap_or(now);
        let mut more = false;
        let mut failed = None;
        let in_force = shared.in_force();
        for (alert, reminders) in &in_force.configured.reminders {
            let Some(deliver) = in_force.deliver.get(alert) else { continue };
            // One that cannot be looked at keeps no other from its reminders.
            let reminded = match shared.store.remind(alert, *reminders, now, PIECE).await {
                Ok(reminded) => reminded,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            if reminded.owed > 0 {
                deliver.wake();
            }
            more |= reminded.more;
            next = reminded.next_due.map_or(next, |due| due.min(next));
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(if more { Next::Now } else { Next::At(next) }),
        }
    }
}

impl Task for Remind {
    fn name(&self) -> String {
        Remind::NAME.to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what goes on", &error, AFTER_FAULT);
            self.piece().await.map_err(failed)
        })
    }
}
