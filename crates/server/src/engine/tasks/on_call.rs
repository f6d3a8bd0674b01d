//! Has told what a rota owes, and the next ones of what nobody acknowledges. What comes of it is sent as everything else is.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::{
    engine::{
        Event, Shared,
        driver::{Failed, Next, Task},
    },
    metrics::DeliveryResult,
    store::{DeliveryStatus, OnCallSettled, OnCallTold, StoreError},
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// How often to look without any reason: another server may have made something due sooner, or a mute may have ended.
const GLANCE: SignedDuration = SignedDuration::from_secs(10);

/// Deliveries and problems of one piece.
const PIECE: usize = 100;

/// The task of one rota.
pub(in crate::engine) struct TellOnCall {
    shared: Arc<Shared>,
    key: String,
}

impl TellOnCall {
    /// What operators know the task of a rota by.
    pub(in crate::engine) fn name_of(key: &str) -> String {
        format!("on call {key}")
    }

    pub(in crate::engine) fn new(shared: Arc<Shared>, key: String) -> TellOnCall {
        TellOnCall { shared, key }
    }

    async fn piece(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let in_force = shared.in_force();
        // Taken out of the configuration meanwhile.
        let Some(rota) = in_force.configured.rotas.get(&self.key) else { return Ok(Next::Idle) };
        let now = shared.clock.now();
        let calendar = shared.store.on_call_changes(&self.key, rota, now, now).await?.calendar;
        let told = shared.store.tell_on_call(&self.key, rota, &calendar, now, PIECE).await?;
        let OnCallTold { owed, settled, more, next_due } = told;
        for wake in owed.iter().filter_map(|key| in_force.deliver.get(key)) {
            wake.wake();
        }
        if settled.iter().any(|one| one.status == DeliveryStatus::Failed) {
            // Another alert may have to tell it instead.
            shared.wake_deliveries();
        }
        for one in settled {
            self.note(one);
        }
        let glance: Timestamp = now.saturating_add(GLANCE).unwrap_or(now);
        Ok(if more { Next::Now } else { Next::At(next_due.map_or(glance, |due| due.min(glance))) })
    }

    /// Counts what became of something that the rota owed, and tells whoever watches.
    fn note(&self, OnCallSettled { id, monitor_id, status, said }: OnCallSettled) {
        let alert = &self.key;
        let result = match status {
            DeliveryStatus::Failed => {
                tracing::error!(alert, monitor = %monitor_id, reason = said, "a delivery is given up");
                DeliveryResult::Failed
            }
            _ => DeliveryResult::Delivered,
        };
        self.shared.metrics.observe_delivery(alert, result);
        self.shared.note_delivery(id);
        self.shared.tell(Event::Delivery { id, alert_key: alert.clone(), monitor_id, status });
    }
}

impl Task for TellOnCall {
    fn name(&self) -> String {
        TellOnCall::name_of(&self.key)
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what is owed", &error, AFTER_FAULT);
            self.piece().await.map_err(failed)
        })
    }
}
