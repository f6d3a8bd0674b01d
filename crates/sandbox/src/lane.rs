//! Turns for runs that compute long, so that those that compute briefly need not wait for them.
//!
//! A monitor computes for a fraction of a millisecond between its waits. One that has computed for longer takes a turn per
//! time slice from here. There are as many turns as threads, and they go round: whoever else comes finds at most that many
//! slices ahead of it, however many scripts loop.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So much computing is free.
pub(crate) const BRIEF: Duration = Duration::from_millis(20);

/// The turns of all runs.
#[derive(Clone, Debug)]
pub(crate) struct Lane(Arc<Semaphore>);

/// One run's turn, while it has one.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    lane: Lane,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Lane {
    pub(crate) fn new(threads: usize) -> Lane {
        Lane(Arc::new(Semaphore::new(threads)))
    }

    pub(crate) fn turn(&self) -> Turn {
        Turn { lane: self.clone(), held: Arc::default() }
    }
}

impl Turn {
    /// Gives up the turn, lets others run, and waits for the next one.
    pub(crate) async fn next(self) {
        self.end();
        tokio::task::yield_now().await;
        // The semaphore is never closed; if it were, running on is better than stopping.
        if let Ok(permit) = self.lane.0.acquire_owned().await {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        }
    }

    /// Gives up the turn, as a run does that waits for something else.
    pub(crate) fn end(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
