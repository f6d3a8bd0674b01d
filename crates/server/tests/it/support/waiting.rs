//! Waiting for what happens elsewhere: one loop with one patience, which says what it waited for and what it saw last.

use std::{cell::RefCell, time::Duration};

/// How long anything may take on a busy machine; no passing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Looks follow each other at growing distances, up to this: whoever looks all the time takes a processor from what is waited for.
const FARTHEST: Duration = Duration::from_millis(25);

/// Looks again and again until there is what is wanted, and answers it; an `Err` is what was seen instead.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T, String>) -> T {
    within(PATIENCE, what, look).await
}

/// The same of what may take longer, or must not take as long.
pub(crate) async fn within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let last = RefCell::new(String::new());
    let looking = async {
        let mut pause = Duration::from_millis(1);
        loop {
            match look().await {
                Ok(found) => return found,
                Err(seen) => drop(last.replace(seen)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(FARTHEST);
        }
    };
    let found = tokio::time::timeout(patience, looking).await;
    found.unwrap_or_else(|_| panic!("{what}: not within {patience:?}; seen last: {}", last.borrow()))
}

/// Waits until this is so.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually(what, async || if holds().await { Ok(()) } else { Err("it is not so".to_owned()) }).await;
}
