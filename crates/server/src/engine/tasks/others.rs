//! Looks at what other servers do with the same database: wakes who has something to do because of it, tells watchers of this
//! server what happened on another one, says that this one is alive, and takes over from those that are not.
//!
//! Right without it: what is due is found by whoever looks. It makes that soon.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use revere_model::MonitorId;

use crate::{
    engine::{
        Event, Shared,
        driver::{Failed, Next, Task},
    },
    store::{StoreError, TakenBack},
};

/// From look to look, give or take a fifth, so that servers do not look all at once.
const EVERY: Duration = Duration::from_millis(900);

/// So many looks from one sign of life to the next.
const SIGNS: u64 = 10;

/// A server that said nothing for so long is gone, or cut off.
const SILENT: SignedDuration = SignedDuration::from_secs(30);

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// Runs that ended longer ago than a run may take are told no more.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// At most so many runs of other servers are told at once: whoever watches sees the list anew anyway.
const TOLD_AT_ONCE: u32 = 200;

/// The task.
pub(in crate::engine) struct Others {
    shared: Arc<Shared>,
    looks: AtomicU64,
    /// The last run of each monitor that watchers were told of; `None` while nobody watches.
    told: Mutex<Option<HashMap<MonitorId, Timestamp>>>,
}

impl Others {
    pub(in crate::engine) fn new(shared: Arc<Shared>) -> Others {
        Others { shared, looks: AtomicU64::new(0), told: Mutex::new(None) }
    }

    async fn look(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        if look.is_multiple_of(SIGNS) {
            self.sign().await?;
        }
        let due = shared.store.due().await?;
        let now = shared.clock.now();
        if due.tick.is_some_and(|tick| tick <= now) {
            shared.evaluate.wake();
        }
        for (alert, _) in due.deliveries.iter().filter(|(_, at)| *at <= now) {
            if let Some(wake) = shared.deliver.get(alert) {
                wake.wake();
            }
        }
        self.tell().await?;
        // Servers that were started together look at different times; nothing else depends on it.
        let spread = getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX));
        Ok(Next::After(EVERY.mul_f64(0.8 + 0.4 * spread)))
    }

    /// A sign of life, and a look for those that give none.
    async fn sign(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        shared.store.ask_the_clock().await?;
        let now = shared.clock.now();
        shared.store.node_seen(&shared.sign_of_life(now)).await?;
        let since = now.saturating_sub(SILENT).unwrap_or(Timestamp::MIN);
        shared.servers.store(shared.store.nodes_seen(since).await?, Ordering::Relaxed);
        let TakenBack { runs, deliveries } = shared.store.take_back(&shared.node, now).await?;
        if runs + deliveries > 0 {
            tracing::warn!(runs, deliveries, "taken over from a server that did not go on with it");
            shared.evaluate.wake();
            shared.wake_deliveries();
        }
        Ok(())
    }

    /// Tells watchers, if there are any, of the runs that other servers recorded.
    async fn tell(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        if shared.events.receiver_count() == 0 {
            *self.told() = None;
            return Ok(());
        }
        let limit = SignedDuration::try_from(shared.settings.run_limit).unwrap_or(MARGIN);
        let since = shared.clock.now().saturating_sub(limit + MARGIN).unwrap_or(Timestamp::MIN);
        let last = shared.store.last_runs(since).await?;
        let new: Vec<(MonitorId, Timestamp)> = {
            let mut told = self.told();
            let ours = shared.announced.lock().expect("no code panics while it holds this lock").clone();
            let known = told.get_or_insert_with(|| last.iter().copied().collect());
            let is_new = |(monitor, at): &&(MonitorId, Timestamp)| known.get(monitor) != Some(at);
            let new: Vec<_> = last.iter().filter(is_new).copied().collect();
            known.extend(last.iter().copied());
            known.retain(|_, at| *at >= since);
            new.into_iter().filter(|(monitor, at)| ours.get(monitor) != Some(at)).collect()
        };
        for (run, flip) in shared.store.runs_that_began(&new, TOLD_AT_ONCE).await? {
            shared.tell(Event::Run { run: Arc::new(run), flip: flip.map(Arc::new) });
        }
        Ok(())
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Option<HashMap<MonitorId, Timestamp>>> {
        self.told.lock().expect("no code panics while it holds this lock")
    }
}

impl Task for Others {
    fn name(&self) -> String {
        "other servers".to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what other servers do", &error, AFTER_FAULT);
            self.look().await.map_err(failed)
        })
    }
}
