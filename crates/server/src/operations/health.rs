//! Whether the server does its work. Asks the database nothing: that may be what is wrong.

use std::time::Duration;

use jiff::SignedDuration;

use super::Context;

/// Another process may hold the database for a backup; that passes by itself, and nothing is lost meanwhile.
const STORE_GRACE: SignedDuration = SignedDuration::from_secs(10);

/// A trivial script takes a millisecond, and longer only where all places are taken.
const SANDBOX_TIME: Duration = Duration::from_secs(1);

/// Whether ticks are looked after, or what is wrong.
pub fn scheduler(context: &Context) -> Result<(), String> {
    let health = context.services.engine.health();
    if health.is_ok() { Ok(()) } else { Err(health.faults().collect::<Vec<_>>().join("; ")) }
}

/// Whether the database can be written, or what is wrong. Short waits for another process count as well.
pub fn store(context: &Context) -> Result<(), String> {
    let health = context.services.store.health();
    let Some(since) = health.failing_since else { return Ok(()) };
    if context.now().duration_since(since) <= STORE_GRACE {
        return Ok(());
    }
    let words = health.last_error.unwrap_or_default();
    Err(format!("cannot be written since {since}, {} writes wait: {words}", health.queue_length))
}

/// How interpreters become pristine between runs, which is the fastest way that works on this machine.
pub fn sandbox_reset(context: &Context) -> &'static str {
    context.services.runner.sandbox().stats().reset_by.as_str()
}

/// Whether scripts can be run, or what is wrong. All places being taken counts as well.
pub async fn sandbox(context: &Context) -> Result<(), String> {
    match tokio::time::timeout(SANDBOX_TIME, context.services.runner.check("pass")).await {
        // Out of places is not out of order.
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot run scripts: {error}")),
    }
}
