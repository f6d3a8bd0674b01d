//! Forgets what is old, in small pieces with room between them for everything else, and tidies up after others: history
//! beyond its monitor's days, one by one or with its partition, which are made ahead here, what monitors left that were
//! deleted long enough ago, claims of servers that hang, monitors that lack a row of theirs, log-ins that are over, the key
//! of links that held long enough, an audit that was kept long enough, ticks reckoned by a wrong clock, and what is owed by
//! alerts that left the configuration.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use revere_model::MonitorId;

use crate::{
    access::FAILURES_COUNT_FOR,
    engine::{
        Shared,
        driver::{Failed, Next, Task},
    },
    store::{StoreError, TakenBack},
};

/// From the end of one round to the beginning of the next.
const EVERY: SignedDuration = SignedDuration::from_mins(15);

/// How long the store is left alone after it could not answer: short enough that a moment's trouble is over before it
/// counts as one.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(5);

/// Rows of one piece.
const PIECE: u32 = 500;

/// The longest that something is owed by an alert that left the configuration.
const ORPHANED: SignedDuration = SignedDuration::from_hours(24);

/// No session goes on for longer while nobody uses it.
const UNUSED: SignedDuration = SignedDuration::from_hours(720);

/// Nobody sends a form again after so long.
const FORMS_SENT_AGAIN: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The task.
pub(in crate::engine) struct Housekeeping {
    shared: Arc<Shared>,
    place: Mutex<Place>,
}

/// How far a round has come.
#[derive(Clone, Copy)]
enum Place {
    Claims,
    Rows,
    Partitions,
    Clock,
    Orphans,
    LogIns,
    LinkKey,
    Audit,
    Deleted,
    HistoryAfter(Option<MonitorId>),
}

impl Housekeeping {
    pub(in crate::engine) fn new(shared: Arc<Shared>) -> Housekeeping {
        Housekeeping { shared, place: Mutex::new(Place::Claims) }
    }

    /// One piece; where to go on, or `None` at the end of the round.
    async fn piece(&self, place: Place) -> Result<Option<Place>, StoreError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        Ok(Some(match place {
            Place::Claims => {
                let TakenBack { runs, deliveries } = shared.store.take_back(&shared.node, now).await?;
                if runs + deliveries > 0 {
                    tracing::warn!(runs, deliveries, "taken over from a server that did not go on with it");
                    shared.evaluate.wake();
                    shared.wake_deliveries();
                }
                Place::Rows
            }
            Place::Rows => {
                if shared.store.mend_monitors(now).await? > 0 {
                    shared.evaluate.wake();
                }
                Place::Partitions
            }
            Place::Partitions => {
                shared.store.keep_partitions(now).await?;
                Place::Clock
            }
            Place::Clock => {
                if shared.store.plan_after_clock_set_back(now).await? > 0 {
                    shared.evaluate.wake();
                }
                Place::Orphans
            }
            Place::Orphans => {
                let before = now.saturating_sub(ORPHANED).unwrap_or(now);
                match shared.store.give_up_orphans(before, now, PIECE).await? {
                    0 => Place::LogIns,
                    _ => {
                        shared.wake_deliveries();
                        Place::Orphans
                    }
                }
            }
            Place::LogIns => {
                let before = |span| now.saturating_sub(span).unwrap_or(now);
                shared.store.forget_log_ins(before(UNUSED), before(FAILURES_COUNT_FOR), now).await?;
                shared.store.forget_forms(before(FORMS_SENT_AGAIN)).await?;
                Place::LinkKey
            }
            Place::LinkKey => {
                if shared.store.exchange_link_key(now).await? {
                    tracing::info!("links in messages are signed with another key from now on");
                }
                Place::Audit
            }
            Place::Audit => {
                shared.store.forget_unlogged().await?;
                let purged = match shared.settings.audit_days {
                    Some(days) => shared.store.purge_audit(days, now, PIECE).await?,
                    None => 0,
                };
                if purged == 0 { Place::Deleted } else { Place::Audit }
            }
            Place::Deleted => match shared.store.purge_deleted(PIECE, now).await? {
                0 => Place::HistoryAfter(None),
                _ => Place::Deleted,
            },
            Place::HistoryAfter(after) => {
                let Some((monitor, days)) = shared.store.monitors_to_purge(after, 1).await?.pop() else {
                    return Ok(None);
                };
                let purged = shared.store.purge_runs(monitor, days, now, PIECE).await?
                    + shared.store.purge_gaps(monitor, days, now, PIECE).await?
                    + shared.store.purge_deliveries(monitor, days, now, PIECE).await?
                    + shared.store.purge_decisions(monitor, days, now, PIECE).await?;
                if purged == 0 { Place::HistoryAfter(Some(monitor)) } else { place }
            }
        }))
    }
}

impl Task for Housekeeping {
    fn name(&self) -> String {
        "prune".to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let place = *self.place.lock().expect("no code panics while it holds this lock");
            let failed = |error: StoreError| Failed::new("cannot tidy up", &error, AFTER_FAULT);
            let (place, next) = match self.piece(place).await.map_err(failed)? {
                Some(place) => (place, Next::Now),
                None => (Place::Claims, Next::At(self.shared.clock.now().saturating_add(EVERY).unwrap_or_default())),
            };
            *self.place.lock().expect("no code panics while it holds this lock") = place;
            Ok(next)
        })
    }
}
