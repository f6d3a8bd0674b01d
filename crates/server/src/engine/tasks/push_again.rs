//! Tells browsers what others took and they did not: each by itself, so that one that is away holds up no other.

use std::sync::Arc;

use futures_util::{StreamExt as _, future::BoxFuture, stream};
use jiff::SignedDuration;

use crate::{
    engine::{
        Shared,
        driver::{Failed, Next, Task},
    },
    store::{BrowserNext, BrowserOwed, StoreError},
    web_push::{Became, Round},
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// How often to look without any reason: what another server owes is noticed then.
const GLANCE: SignedDuration = SignedDuration::from_secs(30);

/// Browsers that are told at the same time.
const PIECE: u32 = 32;

/// The task.
pub(in crate::engine) struct PushAgain {
    shared: Arc<Shared>,
}

impl PushAgain {
    /// What operators know it by.
    pub(in crate::engine) const NAME: &str = "push again";

    pub(in crate::engine) fn new(shared: Arc<Shared>) -> PushAgain {
        PushAgain { shared }
    }

    async fn piece(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let glance = now.saturating_add(GLANCE).unwrap_or(now);
        match shared.store.next_browser_owed().await? {
            None => return Ok(Next::At(glance)),
            Some(due) if due > now => return Ok(Next::At(due.min(glance))),
            Some(_) => {}
        }
        // Not that of before the question, which may have waited for the database.
        let now = shared.clock.now();
        let claimed = shared.store.claim_browsers_owed(now, shared.attempt_ends(now), PIECE).await?;
        if claimed.is_empty() {
            // Another server has them in hand.
            return Ok(Next::At(now.saturating_add(shared.leaving_it_to_others()).unwrap_or(now)));
        }
        let key = shared.store.web_push_key().await?;
        let round = Round::new(key, &shared.settings.address, Vec::new());
        let mut failed = Ok(());
        let mut told =
            stream::iter(claimed.into_iter().map(|owed| self.tell(owed, &round))).buffer_unordered(PIECE as usize);
        while let Some(settled) = told.next().await {
            failed = failed.and(settled);
        }
        failed.map(|()| Next::Now)
    }

    async fn tell(&self, owed: BrowserOwed, round: &Round) -> Result<(), StoreError> {
        let shared = &self.shared;
        let channel = shared.in_force().configured.channels.get(&owed.alert).cloned();
        let web_push = channel.as_ref().and_then(|channel| channel.web_push());
        let became = match web_push {
            None => Became::Refused("the alert is no longer in the configuration, or switched off there".to_owned()),
            Some(web_push) => tokio::select! {
                biased;
                // What is cut off is told once its claim is over.
                () = shared.cut.cancelled() => return Ok(()),
                became = web_push.push(&owed.browser, &owed.message, round, shared.settings.send_limit) => became,
            },
        };
        let now = shared.clock.now();
        let next = match &became {
            Became::Later(wait, _) => shared.told_again(owed.attempts, owed.created_at, now, *wait),
            _ => BrowserNext::Never,
        };
        self.say(&owed, &became, &next);
        shared.store.settle_browser(owed, became, next, now).await
    }

    fn say(&self, owed: &BrowserOwed, became: &Became, next: &BrowserNext) {
        let (alert, browser, attempts) = (&owed.alert, owed.browser.id, owed.attempts);
        if let (Became::Refused(reason) | Became::Later(_, reason), BrowserNext::Never) = (became, next) {
            let reason = self.shared.secrets.redact(reason);
            tracing::warn!(alert, browser, attempts, %reason, "what a browser alone was owed is given up");
        }
    }
}

impl Task for PushAgain {
    fn name(&self) -> String {
        PushAgain::NAME.to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what browsers are owed", &error, AFTER_FAULT);
            self.piece().await.map_err(failed)
        })
    }
}
