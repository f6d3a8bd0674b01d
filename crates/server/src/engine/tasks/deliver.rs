//! Sends what one alert owes. Each alert has a task of its own, so a dead channel never slows another.
//!
//! A delivery is marked sent only after the receiver said so; a crash in between sends it again, with the same key.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    acknowledge_link::LinkSigner,
    alerts::{Channel, Receipt, SendError, retry, send_once},
    engine::{
        Event, Shared,
        driver::{Failed, Next, Task, Wake},
    },
    metrics::DeliveryResult,
    store::{Delivery, DeliveryStatus, Settlement, StoreError},
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// How often to look without any reason.
const GLANCE: SignedDuration = SignedDuration::from_secs(10);

/// The task of one alert.
pub(in crate::engine) struct Deliver {
    shared: Arc<Shared>,
    key: String,
    channel: Arc<dyn Channel>,
    wake: Wake,
    places: Arc<Semaphore>,
}

impl Deliver {
    pub(in crate::engine) fn new(shared: Arc<Shared>, key: String, channel: Arc<dyn Channel>, wake: Wake) -> Deliver {
        let places = Arc::new(Semaphore::new(shared.settings.sends_per_alert.max(1)));
        Deliver { shared, key, channel, wake, places }
    }

    async fn claim_and_send(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let free = self.places.available_permits();
        if free == 0 {
            return Ok(Next::Idle);
        }
        let now = shared.clock.now();
        match shared.store.next_delivery(&self.key).await? {
            None => return Ok(Next::Idle),
            // Not beyond a glance: another server may have made something due sooner.
            Some(due) if due > now => return Ok(Next::At(due.min(now.saturating_add(GLANCE).unwrap_or(due)))),
            Some(_) => {}
        }
        let lease = shared.settings.send_limit.saturating_add(shared.settings.claim_margin);
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        let asked = Instant::now();
        let claimed = shared.store.claim_deliveries(&self.key, &shared.node, now, lease, limit).await?;
        if claimed.is_empty() && shared.store.is_shared() {
            let pause = shared.leaving_it_to_others();
            return Ok(Next::At(shared.clock.now().saturating_add(pause).unwrap_or(now)));
        }
        if shared.is_too_late(asked) {
            for delivery in &claimed {
                let now = shared.clock.now();
                let reason = "the database answered too late for it to be sent then".to_owned();
                shared.store.settle_delivery(delivery, Settlement::Again(now, reason), now).await?;
            }
            return Ok(Next::Now);
        }
        for delivery in claimed {
            let place = self.places.clone().acquire_owned().await.expect("the places are never closed");
            let (shared, channel, wake) = (shared.clone(), self.channel.clone(), self.wake.clone());
            shared.tracker.clone().spawn(send(shared, channel, delivery, place, wake));
        }
        Ok(Next::Now)
    }
}

impl Task for Deliver {
    fn name(&self) -> String {
        format!("deliver {}", self.key)
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what is owed", &error, AFTER_FAULT);
            self.claim_and_send().await.map_err(failed)
        })
    }
}

async fn send(
    shared: Arc<Shared>,
    channel: Arc<dyn Channel>,
    delivery: Delivery,
    place: OwnedSemaphorePermit,
    wake: Wake,
) {
    let sent = tokio::select! {
        biased;
        // What is cut off stays owed, and is sent again by the next start.
        () = shared.cut.cancelled() => return,
        sent = attempt(&shared, &*channel, &delivery) => sent,
    };
    settle(&shared, &delivery, sent).await;
    drop(place);
    wake.wake();
}

async fn attempt(shared: &Shared, channel: &dyn Channel, delivery: &Delivery) -> Result<Receipt, SendError> {
    let mut notification = delivery.notification.clone();
    if !shared.settings.address.is_empty() {
        notification.monitor.url = format!("{}/monitor/{}", shared.settings.address, delivery.monitor_id);
    }
    if shared.settings.acknowledge_links && notification.new_state.is_problem() {
        match shared.store.link_key().await {
            Ok(key) => {
                let token = LinkSigner::new(&key).token(delivery.id, delivery.flip_id);
                notification.acknowledge_url = Some(format!("{}/acknowledge/{token}", shared.settings.address));
            }
            // Rather told without a link than not told.
            Err(error) => tracing::warn!(delivery = %delivery.id, %error, "told without a link to acknowledge it by"),
        }
    }
    send_once(channel, &notification, shared.settings.send_limit).await
}

async fn settle(shared: &Arc<Shared>, delivery: &Delivery, sent: Result<Receipt, SendError>) {
    let now = shared.clock.now();
    let (settlement, status, result) = match sent {
        Ok(receipt) => {
            let reply = shared.secrets.redact(&receipt.reply).into_owned();
            (Settlement::Sent(reply), DeliveryStatus::Sent, DeliveryResult::Sent)
        }
        Err(error) => {
            let message = shared.secrets.redact(&error.message).into_owned();
            // Counted from when it came to be owed: what waited behind others is tried at least once.
            match retry::next_attempt(delivery.attempts, delivery.created_at, now, error.retry, shared.jitter()) {
                Some(at) => (Settlement::Again(at, message), DeliveryStatus::Owed, DeliveryResult::Retried),
                None => (Settlement::Failed(message), DeliveryStatus::Failed, DeliveryResult::GivenUp),
            }
        }
    };
    shared.metrics.observe_delivery(&delivery.alert_key, result);
    if let Settlement::Failed(reason) | Settlement::Again(_, reason) = &settlement {
        let (alert, monitor, attempts) = (&delivery.alert_key, delivery.monitor_id, delivery.attempts);
        match status {
            DeliveryStatus::Failed => tracing::error!(alert, %monitor, attempts, reason, "a delivery is given up"),
            _ => tracing::warn!(alert, %monitor, attempts, reason, "a delivery was not taken; trying again"),
        }
    }
    match shared.store.settle_delivery(delivery, settlement, now).await {
        Ok(true) => {
            if status == DeliveryStatus::Failed {
                // Another alert may have to tell it instead.
                shared.wake_deliveries();
            }
            let (alert_key, monitor_id) = (delivery.alert_key.clone(), delivery.monitor_id);
            shared.tell(Event::Delivery { id: delivery.id, alert_key, monitor_id, status });
        }
        Ok(false) => {}
        Err(error) => {
            tracing::error!(alert = delivery.alert_key, delivery = %delivery.id, %error,
                "what came of a delivery could not be recorded; it will be sent again with the same key");
        }
    }
}
