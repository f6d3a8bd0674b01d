//! How many connections a source has at a time, and those it keeps between calls.
//!
//! Small on purpose: a connection is taken out, and only one that finished its call in order, and is as new again, is put
//! back. One that was cut off in the middle is closed, so nothing of one call can reach another. Nothing happens in the
//! background.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::sources::SourceFault;

/// The right to have a connection open, for as many calls at a time as the configuration says.
pub(super) struct Places {
    free: Semaphore,
    size: usize,
}

impl Places {
    pub(super) fn new(size: usize) -> Self {
        Places { free: Semaphore::new(size), size }
    }

    /// Waits while all are taken, and gives up a little before `deadline`.
    pub(super) async fn place(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, SourceFault> {
        let patience = deadline.checked_sub(Duration::from_millis(20)).unwrap_or(deadline);
        match tokio::time::timeout_at(patience.into(), self.free.acquire()).await {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_) => Err(SourceFault::Failed(format!(
                "all {} connections of this source were busy with other calls ('pool_size')",
                self.size
            ))),
        }
    }
}

pub(super) struct Connections<C> {
    idle: Mutex<Vec<Kept<C>>>,
    places: Places,
    recycle: Duration,
}

/// A connection, and since when it has existed.
pub(super) struct Kept<C> {
    pub(super) connection: C,
    born: Instant,
}

impl<C> Kept<C> {
    pub(super) fn new(connection: C) -> Self {
        Kept { connection, born: Instant::now() }
    }
}

impl<C> Connections<C> {
    /// At most `size` at a time, none used when older than `recycle`.
    pub(super) fn new(size: usize, recycle: Duration) -> Self {
        Connections { idle: Mutex::default(), places: Places::new(size), recycle }
    }

    /// See [`Places::place`].
    pub(super) async fn place(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, SourceFault> {
        self.places.place(deadline).await
    }

    /// One that was put back and is still young enough.
    pub(super) fn take(&self) -> Option<Kept<C>> {
        let mut idle = self.idle.lock().expect("no code panics while it holds this lock");
        idle.retain(|kept| kept.born.elapsed() < self.recycle);
        idle.pop()
    }

    /// Keeps it for the next call.
    pub(super) fn put_back(&self, kept: Kept<C>) {
        let mut idle = self.idle.lock().expect("no code panics while it holds this lock");
        if idle.len() < self.places.size {
            idle.push(kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_put_back_is_used_again_until_it_is_old() {
        let young = Connections::new(1, Duration::from_secs(60));
        let place = young.place(Instant::now()).await.unwrap();
        let refused = young.place(Instant::now()).await.err().unwrap();
        assert!(
            matches!(refused, SourceFault::Failed(_)),
            "its own calls are in the way, and nothing is wrong with it"
        );
        assert_eq!(refused.to_string(), "all 1 connections of this source were busy with other calls ('pool_size')");
        drop(place);
        young.put_back(Kept::new("a"));
        young.put_back(Kept::new("b"));
        assert_eq!(young.take().map(|kept| kept.connection), Some("a"));
        assert!(young.take().is_none());
        let old = Connections::new(1, Duration::ZERO);
        old.put_back(Kept::new("a"));
        assert!(old.take().is_none());
    }
}
