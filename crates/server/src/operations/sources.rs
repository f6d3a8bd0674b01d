//! Sources: what there is, and how each does.

use std::{
    collections::BTreeMap,
    str::FromStr,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use revere_model::{MonitorId, Operation};
use revere_sandbox::{SourceDescription, SourceFault};

use super::{Context, Failure, Services};
use crate::{
    sources::{
        names::{Extent, Name, NamesOf, NamesQuestion},
        reason,
        source_health::SourceHealth,
    },
    store::{Acknowledgement, StoreError},
};

/// A probe that takes longer than a person waits is a failure.
const PROBE_TIME: Duration = Duration::from_secs(10);
/// Most monitors of one outage that are named.
const WAITING: u32 = 20;
/// Names that come later come too late for whoever types.
const NAMES_TIME: Duration = Duration::from_secs(3);
/// Most names of one answer.
pub const MOST_NAMES: usize = 200;
/// Most characters of what names begin with.
pub const LONGEST_PREFIX: usize = 200;

/// A configured source.
#[derive(Clone, Debug)]
pub struct SourceReport {
    /// Its name in scripts.
    pub name: String,
    /// Type, words and methods.
    pub description: SourceDescription,
    /// Where it is: a host, a file, a program; without anything secret.
    pub place: Option<String>,
    /// A whole address to begin with, where it wants one of scripts.
    pub example_address: Option<String>,
    /// What it can name, if it can.
    pub names_of: Option<NamesOf>,
    /// How it does.
    pub health: SourceHealth,
    /// The outage that goes on, if monitors wait for its end.
    pub outage: Option<OutageReport>,
}

/// An outage of a source that goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutageReport {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// The first monitors that wait for its end.
    pub monitors: Vec<(MonitorId, String)>,
    /// How many there are.
    pub all: u64,
    /// Whether anybody was told of it, so that it can be acknowledged.
    pub told: bool,
    /// Who looks after it.
    pub acknowledgement: Option<Acknowledgement>,
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
    let mut outages = outages(services).await.map_err(Failure::Store)?;
    let described = services.runner.descriptions().await;
    Ok(described
        .iter()
        .map(|(name, description)| {
            let source = services.runner.sources().get(name).map(|named| &named.source);
            SourceReport {
                name: name.clone(),
                description: description.clone(),
                place: source.and_then(|source| source.place()),
                example_address: source.and_then(|source| source.example_address()),
                names_of: source.and_then(|source| source.names_of()),
                health: services.watch.health(name),
                outage: outages.remove(name),
            }
        })
        .collect())
}

/// The outages that go on, by their sources.
async fn outages(services: &Services) -> Result<BTreeMap<String, OutageReport>, StoreError> {
    let open = services.store.open_outages().await?;
    if open.is_empty() {
        return Ok(BTreeMap::new());
    }
    let told_as = services.store.sources_told().await?;
    let ids: Vec<MonitorId> = open.iter().filter_map(|outage| told_as.get(&outage.source).copied()).collect();
    let mut acknowledged = services.store.acknowledgements(&ids).await?;
    let mut reports = BTreeMap::new();
    for outage in open {
        let (monitors, all) = services.store.waiting_for(outage.id, WAITING).await?;
        if all == 0 {
            continue;
        }
        let acknowledgement = told_as.get(&outage.source).and_then(|id| acknowledged.remove(id));
        let told = outage.told_at.is_some();
        let report =
            OutageReport { since: outage.began_at, reason: outage.reason, monitors, all, told, acknowledgement };
        reports.insert(outage.source, report);
    }
    Ok(reports)
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

/// The source whose outages are told under that number, as those of a monitor are; `None` if it is none.
pub async fn told_under(context: &Context, id: MonitorId) -> Result<Option<String>, Failure> {
    context.may(Operation::SeeSources)?.store.source_behind(id).await.map_err(Failure::Store)
}

/// How names begin that are looked for; may be empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prefix(String);

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Prefix, String> {
        if text.contains(char::is_control) {
            return Err("expected one line without control characters".to_owned());
        }
        match text.chars().count() {
            count if count > LONGEST_PREFIX => {
                Err(format!("expected at most {LONGEST_PREFIX} characters, and these are {count}"))
            }
            _ => Ok(Prefix(text.to_owned())),
        }
    }
}

/// What a source can be asked about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NamesReport {
    /// What its names are names of; `None` if it can tell none.
    pub of: Option<NamesOf>,
    /// The names that begin with the prefix.
    pub names: Vec<Name>,
    /// Whether that is all of them, up to the next dot or brace.
    pub complete: bool,
    /// Why it told none.
    pub fault: Option<String>,
}

/// The names of a source that begin with `prefix`, as it tells them now or did a short while ago. That a source tells none
/// is no failure: a script can be written without.
pub async fn named_by(context: &Context, source: &str, prefix: Prefix) -> Result<NamesReport, Failure> {
    let services = context.may(Operation::TryScripts)?;
    let Some(named) = services.runner.sources().get(source) else {
        return Err(Failure::NotFound { what: "source", key: format!("{source:?}") });
    };
    let of = named.source.names_of();
    let deadline = Instant::now() + NAMES_TIME;
    let question = NamesQuestion { prefix: prefix.0, deadline, now: context.now() };
    match named.source.names(question).await {
        Ok(mut found) => {
            let complete = found.extent != Extent::Some && found.items.len() <= MOST_NAMES;
            found.items.truncate(MOST_NAMES);
            Ok(NamesReport { of, names: found.items, complete, fault: None })
        }
        Err(SourceFault::Ours(words)) => Err(Failure::Internal(words.into())),
        Err(fault) => {
            let fault = reason(&fault.to_string(), source).to_owned();
            Ok(NamesReport { of, fault: Some(fault), ..NamesReport::default() })
        }
    }
}
