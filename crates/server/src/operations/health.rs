//! Whether the server does its work. Asks the database nothing: that may be what is wrong.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use revere_model::Operation;

use super::{Context, Failure, Services};
use crate::store::{MISSED_FOR, Node, Successor};

/// Another process may hold the database for a backup; that passes by itself, and nothing is lost meanwhile.
const STORE_GRACE: SignedDuration = SignedDuration::from_secs(10);

/// A trivial script takes a millisecond, and longer only where all places are taken.
const SANDBOX_TIME: Duration = Duration::from_secs(1);

/// A server that said nothing for so long is gone, or cut off.
const SILENT: SignedDuration = SignedDuration::from_secs(60);

/// How the parts are: each well, or what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Whether ticks are looked after.
    pub scheduler: Result<(), String>,
    /// Whether the database can be written. Short waits for another process count as well.
    pub store: Result<(), String>,
    /// Whether scripts can be run. All places being taken counts as well.
    pub sandbox: Result<(), String>,
    /// How many servers share the database, this one among them, as far as they were seen lately; `None` where one has it.
    pub servers: Option<u64>,
    /// Whether runs of the next days have a partition to go into; `None` where runs are in none. Where they have not,
    /// results still make the one that they lack.
    pub partitions: Option<Result<(), String>>,
    /// How interpreters become pristine between runs, which is the fastest way that works on this machine.
    pub sandbox_reset: &'static str,
    /// Whether whoever watches this server hears of it, where an address for that is configured. It says nothing of whether the
    /// server does its work.
    pub heartbeat: Option<Result<(), String>>,
}

/// Looks at every part.
pub async fn look(context: &Context) -> Result<Health, Failure> {
    let services = context.may(Operation::SeeHealth)?;
    Ok(Health {
        scheduler: scheduler(services),
        store: store(services, context.now()),
        sandbox: sandbox(services).await,
        servers: services.engine.servers(),
        partitions: services.store.partitions(context.now()),
        sandbox_reset: services.runner.sandbox().stats().reset_by.as_str(),
        heartbeat: services.heartbeat.as_ref().map(|heartbeat| heartbeat.look(context.now())),
    })
}

/// Servers that share the database and are gone without a word since less than an hour, with no other in their place. Asks the
/// database, which knows of all of them.
pub async fn missing_servers(context: &Context) -> Result<Vec<Node>, Failure> {
    let services = context.may(Operation::SeeHealth)?;
    if !services.store.is_shared() {
        return Ok(Vec::new());
    }
    let ago = |time| context.now().saturating_sub(time).unwrap_or(Timestamp::MIN);
    // Whoever watches is to hear that there are fewer of them, wherever they run.
    let missing = services.store.nodes_missing(ago(SILENT), Successor::Any).await.map_err(Failure::Store)?;
    Ok(missing.into_iter().filter(|node| node.seen_at >= ago(MISSED_FOR)).collect())
}

fn scheduler(services: &Services) -> Result<(), String> {
    let health = services.engine.health();
    if health.is_ok() { Ok(()) } else { Err(health.faults().collect::<Vec<_>>().join("; ")) }
}

fn store(services: &Services, now: Timestamp) -> Result<(), String> {
    let health = services.store.health();
    let words = health.last_error.unwrap_or_default();
    match health.failing_since {
        Some(since) if now.duration_since(since) > STORE_GRACE => {
            let what = if health.claims_alone { "claims cannot be written" } else { "cannot be written" };
            Err(format!("{what} since {since}, {} writes wait: {words}", health.queue_length))
        }
        // Something of theirs alone is held, as a table that somebody changes.
        _ if health.stuck > 0 => {
            Err(format!("{} results of runs wait for long, although others are written: {words}", health.stuck))
        }
        _ => Ok(()),
    }
}

async fn sandbox(services: &Services) -> Result<(), String> {
    match tokio::time::timeout(SANDBOX_TIME, services.runner.check("pass")).await {
        // Out of places is not out of order.
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot run scripts: {error}")),
    }
}
