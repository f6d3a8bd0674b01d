//! Whom an alert that tells browsers tells, and what becomes of it for each.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Shared;
use crate::{
    alerts::{Channel, Notification, Retry, SendError, retry},
    store::{BrowserNext, Store, StoreError},
    web_push::{Became, Round},
};

/// The browsers that an alert tells at this moment, if it tells browsers; `address` is the server's own.
pub async fn browsers_of(
    store: &Store,
    address: &str,
    alert: &str,
    channel: &dyn Channel,
) -> Result<Option<Arc<Round>>, StoreError> {
    let Some(web_push) = channel.web_push() else { return Ok(None) };
    let key = store.web_push_key().await?;
    let browsers = store.browsers_to_tell(alert, &web_push.public_key(&key)).await?;
    Ok(Some(Round::new(key, address, browsers)))
}

/// Writes down what became of a test to each browser; a test is told once.
pub async fn note_tested_browsers(store: &Store, round: &Round, now: Timestamp) -> Result<(), StoreError> {
    let came = round.came();
    let Some(message) = came.message else { return Ok(()) };
    let of_each = came.of_each.into_iter().map(|(id, became)| (id, became, BrowserNext::Never));
    store.note_browsers(message, of_each.collect(), now).await
}

impl Shared {
    /// Gives a notification the browsers that an alert tells, if it tells browsers.
    pub(super) async fn add_browsers(
        &self,
        alert: &str,
        channel: &dyn Channel,
        notification: &mut Notification,
    ) -> Result<Option<Arc<Round>>, StoreError> {
        let round = browsers_of(&self.store, &self.settings.address, alert, channel).await?;
        if let Some(round) = &round {
            notification.sending.browsers.insert(alert.to_owned(), round.clone());
        }
        Ok(round)
    }

    /// Writes down what became of a message to each browser. Where one took it, the others are told by themselves later; where
    /// none did, all are owed it together, as by any alert. Answers whether there was nobody to tell, or is not any
    /// more. A `test` is told once.
    pub(super) async fn note_browsers(&self, round: &Round, test: bool, now: Timestamp) -> Result<bool, SendError> {
        let came = round.came();
        let nobody = came.of_each.iter().all(|(_, became)| matches!(became, Became::Gone(_)));
        let Some(message) = came.message else { return Ok(nobody) };
        let taken = came.of_each.iter().any(|(_, became)| *became == Became::Taken);
        let of_each = came.of_each.into_iter().map(|(id, became)| {
            let next = match &became {
                Became::Later(wait, _) if taken && !test => self.told_again(1, now, now, *wait),
                _ => BrowserNext::Never,
            };
            (id, became, next)
        });
        let noted = self.store.note_browsers(message, of_each.collect(), now).await;
        self.push_again.wake();
        noted.map(|()| nobody).map_err(|error| {
            // It is sent once more: what has the same key is shown once.
            SendError::unanswered(format!("which browsers took it could not be recorded: {error}"))
        })
    }

    /// When a browser is told again after so many attempts, the first of them at `since`.
    pub(super) fn told_again(
        &self,
        attempts: u32,
        since: Timestamp,
        now: Timestamp,
        wait: Option<std::time::Duration>,
    ) -> BrowserNext {
        let retry = wait.map_or(Retry::Later, Retry::After);
        retry::next_attempt(attempts, since, now, retry, self.jitter()).map_or(BrowserNext::Never, BrowserNext::At)
    }

    /// When a claim ends that begins now and is for one attempt.
    pub(super) fn attempt_ends(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(SignedDuration::try_from(self.lease()).unwrap_or(SignedDuration::MAX)).unwrap_or(now)
    }
}
