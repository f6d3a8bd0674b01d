//! Fetches the calendars of rotas, at once and then now and again. The last copy that could be read is kept in the database, so
//! that a calendar that is away changes nobody's turn.

use std::sync::Arc;

use revere_model::Clock;
use tokio_util::sync::CancellationToken;

use crate::{engine::EngineHandle, on_call::CalendarSource, outbound::Outbound, store::Store};

/// What it works with.
#[derive(Clone)]
pub(super) struct CalendarWatch {
    pub(super) outbound: Outbound,
    pub(super) store: Store,
    pub(super) engine: EngineHandle,
    pub(super) clock: Arc<dyn Clock>,
}

impl CalendarWatch {
    /// Fetches each of these now, and then again and again until `stopping`, or until what is answered is cancelled: another
    /// configuration has others.
    pub(super) fn watch_all(self, sources: Vec<CalendarSource>, stopping: &CancellationToken) -> CancellationToken {
        let until = stopping.child_token();
        for source in sources {
            tokio::spawn(self.clone().watch(source, until.clone()));
        }
        until
    }

    async fn watch(self, source: CalendarSource, until: CancellationToken) {
        let mut fails = false;
        loop {
            let began = tokio::time::Instant::now();
            if until.run_until_cancelled(self.once(&source, &mut fails)).await.is_none() {
                return;
            }
            if until.run_until_cancelled(tokio::time::sleep_until(began + source.every())).await.is_none() {
                return;
            }
        }
    }

    async fn once(&self, source: &CalendarSource, fails: &mut bool) {
        let rota = &source.rota;
        let fetched = source.fetch(&self.outbound, self.clock.now()).await;
        let fetched = fetched.map_err(|fault| self.outbound.secrets().redact(&fault).into_owned());
        // Once for each trouble; the page says it meanwhile.
        match &fetched {
            Err(fault) if !*fails => {
                tracing::warn!(rota, fault, "its calendar cannot be fetched; the last copy of it counts");
            }
            Ok(_) if *fails => tracing::info!(rota, "its calendar can be fetched again"),
            _ => {}
        }
        *fails = fetched.is_err();
        match self.store.keep_calendar(rota, fetched, self.clock.now()).await {
            Ok(()) => self.engine.wake(),
            Err(error) => tracing::warn!(rota, %error, "its calendar could not be kept; trying again"),
        }
    }
}
