//! Sources: what there is, and how each does.

use std::time::{Duration, Instant};

use revere_model::{MonitorId, Operation};
use revere_sandbox::SourceDescription;

use super::{Context, Failure};
use crate::sources::source_health::SourceHealth;

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

/// The configured sources. With `probe`, which is a trial, each is asked first whether it is there, all at the same time.
pub async fn list(context: &Context, probe: bool) -> Result<Vec<SourceReport>, Failure> {
    let services = context.may(Operation::SeeSources)?;
    if probe {
        context.may(Operation::TryScripts)?;
        let deadline = Instant::now() + PROBE_TIME;
        let probes = services.runner.sources().values().map(|named| {
            let source = named.source.clone();
            // The watch around the source keeps the answer.
            async move { drop(tokio::time::timeout_at(deadline.into(), source.probe(deadline)).await) }
        });
        futures_util::future::join_all(probes).await;
    }
    let described = services.runner.descriptions().await;
    Ok(described
        .iter()
        .map(|(name, description)| SourceReport {
            name: name.clone(),
            description: description.clone(),
            health: services.watch.health(name),
        })
        .collect())
}

/// A source that the configuration has switched off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceOff {
    /// Its name in scripts.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// What an operator wrote about it.
    pub description: String,
}

/// The sources that the configuration has switched off: a script that names one is told it is not there.
pub fn switched_off(context: &Context) -> Result<Vec<SourceOff>, Failure> {
    Ok(context.may(Operation::SeeSources)?.sources_off.clone())
}

/// The names by which scripts know the sources.
pub fn names(context: &Context) -> Result<Vec<String>, Failure> {
    Ok(context.may(Operation::SeeSources)?.runner.sources().keys().cloned().collect())
}

/// The first monitors whose scripts name a source, and how many there are.
pub async fn users(context: &Context, name: &str, limit: u32) -> Result<(Vec<(MonitorId, String)>, u64), Failure> {
    context.may(Operation::SeeSources)?.store.naming_source(name, limit).await.map_err(Failure::Store)
}
