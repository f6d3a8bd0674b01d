//! Sources: what there is, and how each does.

use std::time::{Duration, Instant};

use revere_sandbox::SourceDescription;

use crate::{sources::source_health::SourceHealth, web::WebState};

/// A probe that takes longer than a person waits is a failure.
const PROBE_TIME: Duration = Duration::from_secs(10);

/// A configured source.
#[derive(Clone, Debug)]
pub struct SourceReport {
    /// Its name in scripts.
    pub name: String,
    /// Type, words and methods.
    pub description: SourceDescription,
    /// How it does.
    pub health: SourceHealth,
}

/// The configured sources. With `probe`, each is asked first whether it is there, all at the same time.
pub async fn list(state: &WebState, probe: bool) -> Vec<SourceReport> {
    if probe {
        let deadline = Instant::now() + PROBE_TIME;
        let probes = state.runner.sources().values().map(|named| {
            let source = named.source.clone();
            // The watch around the source keeps the answer.
            async move { drop(tokio::time::timeout_at(deadline.into(), source.probe(deadline)).await) }
        });
        futures_util::future::join_all(probes).await;
    }
    let described = state.runner.descriptions().await;
    described
        .iter()
        .map(|(name, description)| SourceReport {
            name: name.clone(),
            description: description.clone(),
            health: state.watch.health(name),
        })
        .collect()
}
