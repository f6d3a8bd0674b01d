//! How much the answers of all source calls may hold together while they come in.
//!
//! Each run may take an answer of `RUN_ANSWER_MB`, and thousands of runs may be waiting for theirs: without a common limit
//! one slow minute could take all memory of the machine. A call that begins while everything is taken waits; an answer
//! that grows beyond what is there ends its call, by a bound of our own, which says nothing about what is watched.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use revere_sandbox::SourceFault;
use tokio::sync::Notify;

tokio::task_local! {
    /// What the answer holds that this task is waiting for.
    static ANSWER: Held;
}

/// The memory that all answers share. Clones are the same memory.
#[derive(Clone, Debug)]
pub struct AnswerMemory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    used: AtomicUsize,
    freed: Notify,
}

impl AnswerMemory {
    /// `limit` bytes for all answers together.
    pub fn of(limit: usize) -> AnswerMemory {
        AnswerMemory { shared: Arc::new(Shared { limit, used: AtomicUsize::new(0), freed: Notify::new() }) }
    }

    /// What the configuration says, or a quarter of the machine's memory.
    pub fn configured(limit: Option<usize>) -> AnswerMemory {
        let quarter = || usize::try_from(machine_memory().unwrap_or(2 << 30) / 4).unwrap_or(usize::MAX);
        AnswerMemory::of(limit.unwrap_or_else(quarter))
    }

    /// How much is taken now.
    pub fn used(&self) -> usize {
        self.shared.used.load(Ordering::SeqCst)
    }

    /// Makes a call whose answer counts, as soon as there is room for any, and before `deadline`.
    pub async fn during<T>(
        &self,
        deadline: Instant,
        call: impl Future<Output = Result<T, SourceFault>>,
    ) -> Result<T, SourceFault> {
        // So that the caller hears why, and not just that it was late.
        let patience = deadline.checked_sub(Duration::from_millis(20)).unwrap_or(deadline);
        loop {
            let freed = self.shared.freed.notified();
            if self.used() < self.shared.limit {
                break;
            }
            tokio::time::timeout_at(patience.into(), freed).await.map_err(|_| self.shared.full())?;
        }
        let held = Held { shared: self.shared.clone(), bytes: AtomicUsize::new(0), passing: AtomicUsize::new(0) };
        ANSWER.scope(held, call).await
    }
}

/// Counts so many bytes more of the answer that this task is waiting for, or says that there is no room for them. Where no
/// answer is counted, there always is.
pub fn count(bytes: usize) -> Result<(), SourceFault> {
    ANSWER.try_with(|held| held.count(bytes)).unwrap_or(Ok(()))
}

/// The same for what is only there until [`passed`] is called, or the call is over: what an answer is made of.
pub fn count_passing(bytes: usize) -> Result<(), SourceFault> {
    let count = |held: &Held| {
        held.passing.fetch_add(bytes, Ordering::SeqCst);
        held.count(bytes)
    };
    ANSWER.try_with(count).unwrap_or(Ok(()))
}

/// What was [counted so](count_passing) is no longer there.
pub fn passed() {
    let _ = ANSWER.try_with(|held| held.give_back(held.passing.swap(0, Ordering::SeqCst)));
}

impl Shared {
    fn full(&self) -> SourceFault {
        SourceFault::Ours(format!(
            "the call was not made to its end: the answers that come in at this moment hold {} MiB together, and that is \
             the most they may (ANSWERS_IN_FLIGHT_MB)",
            self.limit >> 20
        ))
    }
}

/// What one answer holds; given back when its call is over.
struct Held {
    shared: Arc<Shared>,
    bytes: AtomicUsize,
    /// Of these, what is there for a moment only.
    passing: AtomicUsize,
}

impl Held {
    fn count(&self, bytes: usize) -> Result<(), SourceFault> {
        let own = self.bytes.fetch_add(bytes, Ordering::SeqCst).saturating_add(bytes);
        let used = self.shared.used.fetch_add(bytes, Ordering::SeqCst).saturating_add(bytes);
        // Alone, an answer has only its run's own limit: else one that is allowed could never come.
        if used > self.shared.limit && used > own { Err(self.shared.full()) } else { Ok(()) }
    }

    fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, Ordering::SeqCst);
            self.shared.used.fetch_sub(bytes, Ordering::SeqCst);
            self.shared.freed.notify_waiters();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes.load(Ordering::SeqCst));
    }
}

/// The machine's memory, or what its container may have of it.
pub fn machine_memory() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Some(kib? << 10)
    });
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(container).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn an_answer_beyond_the_limit_ends_its_call_and_gives_all_back() {
        let memory = AnswerMemory::of(10 << 20);
        let beside = memory.clone();
        let fault = memory
            .during(soon(), async move {
                count(6 << 20)?;
                beside.during(soon(), async { count(5 << 20) }).await
            })
            .await
            .unwrap_err();
        assert!(
            matches!(&fault, SourceFault::Ours(text) if text.contains("10 MiB") && text.contains("ANSWERS_IN_FLIGHT_MB")),
            "{fault:?}"
        );
        assert_eq!(memory.used(), 0);
        assert_eq!(memory.during(soon(), async { count(10 << 20) }).await, Ok(()));
        assert_eq!(count(usize::MAX / 2), Ok(()), "nothing is counted outside of a call");
    }

    #[tokio::test]
    async fn an_answer_that_is_alone_comes_however_little_all_may_hold() {
        let memory = AnswerMemory::of(1 << 20);
        assert_eq!(memory.during(soon(), async { count(1 << 20).and_then(|()| count(31 << 20)) }).await, Ok(()));
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn a_call_waits_while_everything_is_taken() {
        let memory = AnswerMemory::of(10);
        let (begun, began) = tokio::sync::oneshot::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let first = memory.clone();
        let first = tokio::spawn(async move {
            first
                .during(soon(), async {
                    count(10)?;
                    begun.send(()).unwrap();
                    ended.await.unwrap();
                    Ok(())
                })
                .await
        });
        began.await.unwrap();
        let refused = memory.during(Instant::now(), async { Ok(()) }).await;
        assert!(matches!(refused, Err(SourceFault::Ours(_))), "{refused:?}");
        let mut second = std::pin::pin!(memory.during(soon(), async { count(10) }));
        assert!(futures_util::poll!(&mut second).is_pending());
        end.send(()).unwrap();
        assert_eq!(second.await, Ok(()));
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(memory.used(), 0);
    }
}
