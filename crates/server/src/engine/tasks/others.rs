//! Looks at what other servers do with the same database: wakes who has something to do because of it, tells watchers of this
//! server what happened on another one, says that this one is alive, and takes over from those that are not.
//!
//! Right without it: what is due is found by whoever looks. It makes that soon.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use revere_model::{DeliveryId, MonitorId};

use crate::{
    engine::{
        Event, Shared,
        driver::{Failed, Next, Task},
    },
    store::{DeliveryStanding, DeliveryStatus, MISSED_FOR, Node, SILENT, StoreError, Successor, TakenBack},
};

/// From look to look, give or take a fifth, so that servers do not look all at once.
const EVERY: Duration = Duration::from_millis(900);

/// So many looks from one sign of life to the next.
const SIGNS: u64 = 10;

/// So many looks from one for claims whose time is over to the next.
const TAKES_OVER: u64 = 3;

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// A run whose end was written down so much later than it may take is told no more.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// At most so many runs of other servers are told at once: whoever watches sees the list anew anyway.
const TOLD_AT_ONCE: u32 = 200;

/// The task.
pub(in crate::engine) struct Others {
    shared: Arc<Shared>,
    looks: AtomicU64,
    /// What watchers were told of; `None` while nobody watches.
    told: Mutex<Option<Told>>,
    /// The servers of which the log says that they are gone.
    gone: Mutex<BTreeSet<String>>,
    undone: Mutex<Undone>,
}

/// Why what is not done at each look could not be done when it was tried last. Looks at which it is not tried do not make up for it:
/// the task would fail and be well again in turn.
#[derive(Default)]
struct Undone {
    sign: Option<StoreError>,
    take_over: Option<StoreError>,
}

/// How things stood at the last look.
#[derive(Clone)]
struct Told {
    /// The last run of each monitor, of those that are over since not long.
    runs: HashMap<MonitorId, Timestamp>,
    /// What became of the newest deliveries, and after how many attempts.
    deliveries: HashMap<DeliveryId, (DeliveryStatus, u64)>,
    /// What people did about monitors not long ago, by its number in the audit.
    acts: HashSet<i64>,
}

/// What a look found, or what of it is new.
struct Seen {
    runs: Vec<(MonitorId, Timestamp)>,
    deliveries: Vec<DeliveryStanding>,
    acts: Vec<(i64, MonitorId)>,
}

impl Others {
    pub(in crate::engine) fn new(shared: Arc<Shared>) -> Others {
        Others {
            shared,
            looks: AtomicU64::new(0),
            told: Mutex::new(None),
            gone: Mutex::default(),
            undone: Mutex::default(),
        }
    }

    async fn look(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        // One that could not be given is tried again sooner, at other looks than those that take over.
        if look.is_multiple_of(SIGNS) || (look % TAKES_OVER == 1 && self.undone().sign.is_some()) {
            let given = self.sign().await;
            self.undone().sign = given.as_ref().err().cloned();
            given?;
        }
        if look.is_multiple_of(TAKES_OVER) {
            let taken = self.take_over().await;
            self.undone().take_over = taken.as_ref().err().cloned();
            taken?;
        }
        let now = shared.clock.now();
        let due = shared.store.due(now).await?;
        if due.tick.is_some_and(|tick| tick <= now) {
            shared.evaluate.wake();
        }
        let in_force = shared.in_force();
        for (alert, _) in due.deliveries.iter().filter(|(_, at)| *at <= now) {
            if let Some(wake) = in_force.deliver.get(alert) {
                wake.wake();
            }
        }
        self.tell().await?;
        if let Some(error) = self.undone().first() {
            return Err(error);
        }
        // Servers that were started together look at different times; nothing else depends on it.
        let spread = getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX));
        Ok(Next::After(EVERY.mul_f64(0.8 + 0.4 * spread)))
    }

    /// A sign of life, and a look for those who give none.
    async fn sign(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        let asked = shared.store.ask_the_clock().await;
        let now = shared.clock.now();
        // Tried all the same: where nobody else has anything to write, the health of the store hangs on it.
        let seen = shared.store.node_seen(&shared.sign_of_life(now)).await;
        asked.and(seen)?;
        let since = now.saturating_sub(SILENT).unwrap_or(Timestamp::MIN);
        self.say_who_is_gone(shared.store.nodes_missing(since, Successor::TheSame).await?, now);
        shared.servers.store(shared.store.nodes_seen(since).await?, Ordering::Relaxed);
        Ok(())
    }

    /// Makes due again what other servers had and did not bring to an end in time.
    async fn take_over(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        let TakenBack { runs, deliveries } = shared.store.take_back(&shared.node, shared.clock.now()).await?;
        if runs + deliveries > 0 {
            tracing::warn!(runs, deliveries, "taken over from a server that did not go on with it");
            shared.evaluate.wake();
            shared.wake_deliveries();
        }
        Ok(())
    }

    /// Says in the log, once, which servers give no sign of life, and which do again or are missed no more.
    fn say_who_is_gone(&self, missing: Vec<Node>, now: Timestamp) {
        let recent = now.saturating_sub(MISSED_FOR).unwrap_or(Timestamp::MIN);
        let (missing, long_gone): (Vec<Node>, Vec<Node>) = missing.into_iter().partition(|node| node.seen_at >= recent);
        let mut gone = self.gone.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let names: BTreeSet<String> = missing.iter().map(|node| node.name.clone()).collect();
        for node in missing.iter().filter(|node| !gone.contains(&node.name)) {
            let Node { name, host, seen_at, .. } = node;
            tracing::warn!(server = name, host, %seen_at, "another server gives no sign of life; what it has in hand is taken over");
        }
        for name in gone.difference(&names) {
            match long_gone.iter().any(|node| node.name == *name) {
                true => tracing::info!(server = name, "another server has been gone for an hour and is missed no more"),
                false => tracing::info!(server = name, "another server is there again, or was begun anew in its place"),
            }
        }
        *gone = names;
    }

    /// Tells watchers, if there are any, of what other servers recorded.
    async fn tell(&self) -> Result<(), StoreError> {
        let shared = &self.shared;
        if shared.events.receiver_count() == 0 {
            *self.told() = None;
            shared.announced_deliveries().clear();
            return Ok(());
        }
        let limit = SignedDuration::try_from(shared.in_force().configured.run_limit).unwrap_or(MARGIN);
        let since = shared.clock.now().saturating_sub(MARGIN).unwrap_or(Timestamp::MIN);
        let owed = self.told().as_ref().map(Told::owed).unwrap_or_default();
        let seen = Seen {
            runs: shared.store.last_runs(since, limit).await?,
            deliveries: shared.store.delivery_standings(&owed, TOLD_AT_ONCE).await?,
            // Written down when they were asked for, and there when they are done.
            acts: shared.store.acts_on_monitors(since, TOLD_AT_ONCE).await?,
        };
        let before = self.told().clone();
        let Seen { runs, deliveries, acts } = self.news(seen);
        let found = shared.store.runs_that_began(&runs, TOLD_AT_ONCE).await.inspect_err(|_| {
            // Nobody was told of it: it is looked for again.
            *self.told() = before;
        })?;
        for (run, flip) in found {
            shared.tell(Event::Run { run: Arc::new(run), flip: flip.map(Arc::new) });
        }
        for DeliveryStanding { id, alert_key, monitor_id, status, .. } in deliveries {
            shared.tell(Event::Delivery { id, alert_key, monitor_id, status });
        }
        let changed: BTreeSet<MonitorId> = acts.into_iter().map(|(_, monitor)| monitor).collect();
        for monitor_id in changed {
            shared.tell(Event::Changed { monitor_id });
        }
        Ok(())
    }

    /// What is new and not of this server's own doing, as far as that matters: who is shown a change again sees none. At the first
    /// look nothing is new: whoever watches has just seen it.
    fn news(&self, seen: Seen) -> Seen {
        let shared = &self.shared;
        let Seen { mut runs, mut deliveries, mut acts } = seen;
        let now = Told {
            runs: runs.iter().copied().collect(),
            deliveries: deliveries.iter().map(|one| (one.id, (one.status, one.attempts))).collect(),
            acts: acts.iter().map(|(act, _)| *act).collect(),
        };
        let before = self.told().replace(now);
        let own_runs = shared.announced.lock().expect("no code panics while it holds this lock").clone();
        let own_deliveries = std::mem::take(&mut *shared.announced_deliveries());
        let Some(before) = before else {
            return Seen { runs: Vec::new(), deliveries: Vec::new(), acts: Vec::new() };
        };
        let is_new = |(monitor, at): &(MonitorId, Timestamp)| {
            before.runs.get(monitor) != Some(at) && own_runs.get(monitor) != Some(at)
        };
        let has_changed = |one: &DeliveryStanding| {
            before.deliveries.get(&one.id) != Some(&(one.status, one.attempts)) && !own_deliveries.contains(&one.id)
        };
        runs.retain(is_new);
        deliveries.retain(has_changed);
        acts.retain(|(act, _)| !before.acts.contains(act));
        Seen { runs, deliveries, acts }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Option<Told>> {
        self.told.lock().expect("no code panics while it holds this lock")
    }

    fn undone(&self) -> std::sync::MutexGuard<'_, Undone> {
        self.undone.lock().expect("no code panics while it holds this lock")
    }
}

impl Undone {
    fn first(&self) -> Option<StoreError> {
        self.sign.clone().or_else(|| self.take_over.clone())
    }
}

impl Told {
    /// What was owed then: it is looked for until it is not.
    fn owed(&self) -> Vec<DeliveryId> {
        let is_owed =
            |(id, (status, _)): (&DeliveryId, &(DeliveryStatus, u64))| (*status == DeliveryStatus::Owed).then_some(*id);
        self.deliveries.iter().filter_map(is_owed).collect()
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
