//! Another configuration while the server runs: what of it can be exchanged is, in one go; of the rest it is said that it counts
//! from the next start. What is under way goes on with what it began with.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use revere_model::Clock;
use revere_sandbox::Sandbox;

use super::{Running, calendar_watch::CalendarWatch};
use crate::{
    alerts::Channel,
    answer_memory::AnswerMemory,
    config::Config,
    engine::EngineConfigured,
    metrics::Metrics,
    on_call,
    operations::{Configured, Defaults, sources::SourceOff},
    outbound::Outbound,
    redact::Secrets,
    runner::{NamedSource, Runner, RunnerParts, Sources},
    sources::source_health::SourceWatch,
    store::{Store, StoreError},
};

/// The settings that are exchanged while the server runs.
const EXCHANGED: [&str; 19] = [
    "REVERE_SOURCES",
    "REVERE_ALERTS",
    "TIMEZONE",
    "FLAPPING_CHANGES",
    "OUTBOUND_REFUSES",
    "OUTBOUND_ALLOWS",
    "PYTHON_PATH",
    "DEFAULT_RETAIN_DAYS",
    "RUN_TIMEOUT",
    "RUN_CPU_TIME",
    "RUN_MEMORY_MB",
    "RUN_SOURCE_CALLS",
    "RUN_ANSWER_MB",
    "RUN_OUTPUT_KB",
    "RUN_MESSAGE_KB",
    "RUN_VALUE_KB",
    "ANSWERS_IN_FLIGHT_MB",
    "SOURCE_OUTAGES",
    "METRICS_PER_MONITOR",
];

/// What was built from another configuration, which has been found right.
pub struct NewParts {
    /// What the operator decided.
    pub config: Config,
    /// What scripts can ask.
    pub sources: Sources,
    /// How people are told.
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reloaded {
    /// The settings that are in force now as they are written.
    pub in_force: Vec<String>,
    /// Those that count from the next start.
    pub at_next_start: Vec<String>,
}

/// What runners are made with, whatever the configuration says.
pub(super) struct MakesRunners {
    pub(super) sandbox: Sandbox,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) secrets: Secrets,
    pub(super) store: Store,
}

impl MakesRunners {
    /// What operations work with, as the configuration says.
    pub(super) fn configured(&self, config: &Config, sources: Sources) -> Configured {
        let watch = SourceWatch::new(self.clock.clone());
        let watched = |(name, named): (String, NamedSource)| {
            let source = watch.around(&name, named.source);
            (name, NamedSource { source, ..named })
        };
        let runner = Runner::new(RunnerParts {
            sandbox: self.sandbox.clone(),
            sources: sources.into_iter().map(watched).collect(),
            limits: config.limits.clone(),
            python_path: config.python_path.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            secrets: self.secrets.clone(),
            answer_memory: AnswerMemory::configured(config.answers_in_flight),
            past: Some(Arc::new(self.store.clone())),
        });
        let off = config.sources.iter().filter(|entry| !entry.enabled).cloned();
        Configured {
            defaults: Defaults {
                timezone: config.timezone.clone(),
                retain_days: config.default_retain_days,
                run_limit: config.limits.wall_time,
            },
            runner,
            watch,
            sources_off: off
                .map(|entry| SourceOff { name: entry.name, kind: entry.kind, description: entry.description })
                .collect(),
            alert_entries: config.alerts.clone(),
            rotas: on_call::rotas(&config.alerts),
            metrics_per_monitor: config.metrics_per_monitor,
        }
    }
}

/// Tells the store what it has to know of a configuration.
pub(super) async fn tell_the_store(store: &Store, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    store.sync_alerts(&on_call::configured_alerts(&config.alerts), now).await?;
    let enabled = config.sources.iter().filter(|entry| entry.enabled);
    let sources: Vec<String> = enabled.map(|entry| entry.name.clone()).collect();
    store.sync_outages(config.source_outages.then_some(&sources[..]), now).await?;
    store.set_flapping(config.flapping).await
}

impl Running {
    /// Goes on with another configuration. An error changes nothing but what the store knows of alerts, which the next one
    /// puts right.
    pub async fn exchange(&self, parts: NewParts) -> Result<Reloaded, StoreError> {
        let NewParts { config, sources, channels } = parts;
        let changed = {
            let written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            written.differing(&config.written)
        };
        let (in_force, at_next_start): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|name| EXCHANGED.contains(&name.as_str()));
        if in_force.is_empty() {
            return Ok(Reloaded { in_force, at_next_start });
        }
        if !self.only_looks {
            tell_the_store(&self.store, &config, self.makes_runners.clock.now()).await?;
        }
        let configured = self.makes_runners.configured(&config, sources);
        self.engine.exchange(EngineConfigured {
            runner: Arc::new(configured.runner.clone()),
            channels,
            reminders: config.alerts.iter().filter_map(|alert| Some((alert.name.clone(), alert.remind?))).collect(),
            rotas: configured.rotas.clone(),
            run_limit: config.limits.wall_time,
            source_outages: config.source_outages,
        });
        self.operations.exchange(configured);
        if !self.only_looks {
            let watch = CalendarWatch {
                outbound: Outbound::ruled(self.makes_runners.secrets.clone(), config.address_rules.clone()),
                store: self.store.clone(),
                engine: self.engine.clone(),
                clock: self.makes_runners.clock.clone(),
            };
            let sources = on_call::calendars(&config.alerts, &config.folder);
            let mut calendars = self.calendars.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            calendars.cancel();
            *calendars = watch.watch_all(sources, &self.stopping);
        }
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // What waits for the next start goes on to differ.
        written.take(&in_force, &config.written);
        Ok(Reloaded { in_force, at_next_start })
    }
}

#[cfg(test)]
mod tests {
    use super::EXCHANGED;

    #[test]
    fn what_is_exchanged_stands_in_the_documents() {
        let document = include_str!("../../../../docs/OPERATIONS.md");
        let (_, behind) = document.split_once("## Changing the configuration").unwrap();
        let section = behind.split("\n## ").next().unwrap();
        for name in EXCHANGED {
            let written = if name.starts_with("RUN_") { "`RUN_...`" } else { name };
            assert!(section.contains(written), "{name}");
        }
    }
}
