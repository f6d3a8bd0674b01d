//! What the random stories have in common: on PostgreSQL a second server comes and goes, and both come to rest.

use std::{sync::Arc, time::Duration};

use revere::{engine::EngineHandle, metrics::Metrics};

use crate::support::{Scratch, TestEngine, at_rest, on_postgresql, test_engine::engine};

/// The second server, while it is there.
pub(super) type Beside = Option<(Scratch, EngineHandle)>;

/// It comes, or goes without a word; says which.
pub(super) async fn comes_or_goes(test: &TestEngine, beside: &mut Beside) -> String {
    if !on_postgresql() {
        return "no second server".to_owned();
    }
    match beside.take() {
        Some((_, engine)) => {
            engine.stop(Duration::ZERO).await;
            "the second server goes".to_owned()
        }
        None => {
            let scratch = test.scratch.beside().await;
            let metrics = Arc::new(Metrics::new(test.now()));
            let settings = test.settings.clone();
            let engine = engine(&scratch.store, &scratch.clock, &test.runner, &test.alerts, settings, metrics).await;
            *beside = Some((scratch, engine));
            "a second server comes".to_owned()
        }
    }
}

/// Lets everything happen that is due now: until nothing is, and both have looked since.
pub(super) async fn come_to_rest(test: &TestEngine, beside: &Beside, nothing_is_due: impl AsyncFnMut() -> bool) {
    let engines: Vec<&EngineHandle> =
        std::iter::once(&test.engine).chain(beside.as_ref().map(|(_, engine)| engine)).collect();
    at_rest(&engines, nothing_is_due).await;
}
