//! Who computes: places for runs that begin, and turns for runs that compute long.
//!
//! A monitor computes for a fraction of a millisecond between its waits. However many are due at once, only a few begin
//! at the same time, so that each finds an interpreter that was put back; one that waits for a source, or computes for
//! longer, gives its place to the next. One that has computed for longer takes a turn per time slice from here. There are
//! as many turns as threads, and they go round: whoever else comes finds at most that many slices ahead of it, however
//! many scripts loop.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So much computing is free.
pub(crate) const BRIEF: Duration = Duration::from_millis(20);

/// Runs that begin at the same time, per thread: one computes, one is ready to.
const PLACES_PER_THREAD: usize = 2;

/// The places and turns of all runs.
#[derive(Clone, Debug)]
pub(crate) struct CpuQueue {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// One run's place while it begins, and its turn while it has one. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    cpu_queue: CpuQueue,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl CpuQueue {
    pub(crate) fn new(threads: usize) -> CpuQueue {
        CpuQueue {
            places: Arc::new(Semaphore::new(PLACES_PER_THREAD * threads)),
            turns: Arc::new(Semaphore::new(threads)),
        }
    }

    /// Waits for a place to begin.
    pub(crate) async fn begin(&self) -> Turn {
        // The semaphore is never closed; if it were, beginning is better than not.
        let place = self.places.clone().acquire_owned().await.ok();
        Turn { cpu_queue: self.clone(), held: Arc::new(Mutex::new(place)) }
    }
}

impl Turn {
    /// Gives up place or turn, lets others run, and waits for the next turn.
    pub(crate) async fn next(self) {
        self.end();
        tokio::task::yield_now().await;
        // The semaphore is never closed; if it were, running on is better than stopping.
        if let Ok(permit) = self.cpu_queue.turns.acquire_owned().await {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        }
    }

    /// Gives up place or turn, as a run does that waits for something else.
    pub(crate) fn end(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
