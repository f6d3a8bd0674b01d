//! Sends what one alert owes. Each alert has a task of its own, so a dead channel never slows another.
//!
//! A delivery is marked sent only after the receiver said so; a crash in between sends it again, with the same key, and so does
//! another server where this one did not end in the time of its claim. What this one is sending it never claims anew. Where people
//! read, what comes within a window after a message is told as one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Semaphore, time::Instant};

use super::send_messages::{Sender, TOO_LATE};
use crate::{
    engine::{
        Shared,
        driver::{Failed, Next, Task, Wake},
    },
    store::{Delivery, Settlement, StoreError},
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// How often to look without any reason.
const GLANCE: SignedDuration = SignedDuration::from_secs(10);

/// The most deliveries that are told as one message.
const CROWD: u32 = 500;

/// The task of one alert.
pub(in crate::engine) struct Deliver {
    shared: Arc<Shared>,
    key: String,
    wake: Wake,
    places: Arc<Semaphore>,
    /// Messages that are to be sent one by one before anything is gathered again.
    apart: Arc<AtomicUsize>,
}

impl Deliver {
    /// What operators know the task of an alert by.
    pub(in crate::engine) fn name_of(key: &str) -> String {
        format!("deliver {key}")
    }

    pub(in crate::engine) fn new(shared: Arc<Shared>, key: String, wake: Wake) -> Deliver {
        let places = Arc::new(Semaphore::new(shared.settings.sends_per_alert.max(1)));
        Deliver { shared, key, wake, places, apart: Arc::new(AtomicUsize::new(0)) }
    }

    async fn claim_and_send(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let free = self.places.available_permits();
        if free == 0 {
            return Ok(Next::Idle);
        }
        // Taken out of the configuration meanwhile.
        let Some(channel) = shared.in_force().configured.channels.get(&self.key).cloned() else {
            return Ok(Next::Idle);
        };
        let window = SignedDuration::try_from(channel.crowd_window()).unwrap_or(SignedDuration::ZERO);
        let (apart, wake) = (self.apart.clone(), self.wake.clone());
        let sender = Sender { shared: shared.clone(), channel, wake, window, apart };
        let now = shared.clock.now();
        // Not beyond a glance: another server may have made something due sooner.
        let glance = now.saturating_add(GLANCE).unwrap_or(now);
        match shared.store.next_delivery(&self.key).await? {
            None => return Ok(Next::Idle),
            Some(due) if due > now => return Ok(Next::At(due.min(glance))),
            Some(_) => {}
        }
        let lease = shared.lease();
        let apart = self.apart.load(Ordering::Relaxed);
        let gathers = !window.is_zero() && apart == 0;
        if gathers && let Some(until) = self.gathers_until(window, lease, now).await? {
            return Ok(Next::At(until.min(glance)));
        }
        let is_sending = free < shared.settings.sends_per_alert.max(1);
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        let limit = if gathers { CROWD } else { free };
        let asked = Instant::now();
        // Not that of before the questions, which may have waited for the database: the claim's time would be over too soon.
        let now = shared.clock.now();
        let claimed = shared.store.claim_deliveries(&self.key, &shared.node, now, lease, limit).await?;
        // Others have it in hand, or this server has.
        if claimed.is_empty() && (shared.store.is_shared() || is_sending) {
            let pause = shared.leaving_it_to_others();
            return Ok(Next::At(shared.clock.now().saturating_add(pause).unwrap_or(now)));
        }
        if shared.is_too_late(asked) {
            let now = shared.clock.now();
            let back = |delivery: Delivery| (delivery, Settlement::Again(now, TOO_LATE.to_owned()));
            shared.store.settle_deliveries(claimed.into_iter().map(back).collect(), now).await?;
            return Ok(Next::Now);
        }
        let messages: Vec<Vec<Delivery>> = match gathers && !claimed.is_empty() {
            true => vec![claimed],
            false => claimed.into_iter().map(|delivery| vec![delivery]).collect(),
        };
        if apart > 0 {
            self.apart.store(apart.saturating_sub(messages.len()), Ordering::Relaxed);
        }
        for message in messages {
            let place = self.places.clone().acquire_owned().await.expect("the places are never closed");
            let being_sent = shared.store.sending(&message);
            shared.tracker.clone().spawn(sender.clone().send(message, being_sent, place));
        }
        Ok(Next::Now)
    }

    /// Until when what there is to tell is gathered, if it is now: for a window after the last message, whichever server sent
    /// that. A clock that was set back makes nobody wait for longer.
    async fn gathers_until(
        &self,
        window: SignedDuration,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(last) = self.shared.store.last_message(&self.key, lease).await? else { return Ok(None) };
        let until = last.min(now).saturating_add(window).unwrap_or(now);
        Ok((until > now).then_some(until))
    }
}

impl Task for Deliver {
    fn name(&self) -> String {
        Deliver::name_of(&self.key)
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what is owed", &error, AFTER_FAULT);
            self.claim_and_send().await.map_err(failed)
        })
    }
}
