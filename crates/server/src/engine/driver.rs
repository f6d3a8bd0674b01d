//! Drives tasks, and knows nothing of monitors: a task is woken by its timer or by a signal, does a bounded piece of
//! work from what it finds, and says when it wants to be woken next. A panic is one piece's fault; the task lives.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use jiff::{SignedDuration, Timestamp};
use revere_model::Clock;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Background work without input: it reads what is to be done, and doing it twice is as good as once.
pub(super) trait Task: Send + Sync + 'static {
    /// What operators know it by.
    fn name(&self) -> String;

    /// Does a bounded piece. May be dropped when the server stops.
    fn run(&self) -> BoxFuture<'_, Next>;
}

/// When a task wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// At once: there is more to do.
    Now,
    /// At that time, never before.
    At(Timestamp),
    /// By its signal, and otherwise now and then: another server may have something for it.
    Idle,
}

/// Wakes a task. Clones wake the same one; a signal that comes while it works is not lost.
#[derive(Clone, Default)]
pub(super) struct Wake(Arc<Notify>);

impl Wake {
    pub(super) fn wake(&self) {
        self.0.notify_one();
    }
}

/// How a task stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskStatus {
    /// What it is known by.
    pub name: String,
    /// Since when it is at work; `None` while it waits.
    pub working_since: Option<Timestamp>,
    /// When it last finished a piece.
    pub finished_at: Option<Timestamp>,
    /// Pieces it finished.
    pub pieces: u64,
    /// What it waits for.
    pub next: Next,
    /// Panics, ever, and the words of the last one.
    pub panics: u64,
    /// The words of the last panic.
    pub last_panic: Option<String>,
}

/// How long a panicked task is left alone.
const AFTER_PANIC: SignedDuration = SignedDuration::from_secs(1);

/// The longest sleep: the machine's clock may be set while a task sleeps.
const NAP: Duration = Duration::from_secs(10);

/// Drives tasks until it is told to stop.
pub(super) struct Driver {
    clock: Arc<dyn Clock>,
    tracker: TaskTracker,
    stopping: CancellationToken,
    statuses: Vec<Arc<Mutex<TaskStatus>>>,
}

impl Driver {
    pub(super) fn new(clock: Arc<dyn Clock>, tracker: TaskTracker, stopping: CancellationToken) -> Driver {
        Driver { clock, tracker, stopping, statuses: Vec::new() }
    }

    /// Starts a task: it works once at once, and then whenever it asked to or `wake` says so.
    pub(super) fn start(&mut self, task: Arc<dyn Task>, wake: Wake) {
        let status = Arc::new(Mutex::new(TaskStatus {
            name: task.name(),
            working_since: None,
            finished_at: None,
            pieces: 0,
            next: Next::Now,
            panics: 0,
            last_panic: None,
        }));
        self.statuses.push(status.clone());
        let driven = Driven { task, wake, status, clock: self.clock.clone(), stopping: self.stopping.clone() };
        self.tracker.spawn(driven.drive());
    }

    pub(super) fn statuses(&self) -> Vec<TaskStatus> {
        self.statuses.iter().map(|status| lock(status).clone()).collect()
    }
}

struct Driven {
    task: Arc<dyn Task>,
    wake: Wake,
    status: Arc<Mutex<TaskStatus>>,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
}

impl Driven {
    async fn drive(self) {
        while !self.stopping.is_cancelled() {
            let began = self.clock.now();
            lock(&self.status).working_since = Some(began);
            let piece = AssertUnwindSafe(self.task.run()).catch_unwind();
            let next = tokio::select! {
                biased;
                next = piece => next.unwrap_or_else(|panic| self.panicked(panic)),
                () = self.stopping.cancelled() => break,
            };
            {
                let mut status = lock(&self.status);
                status.working_since = None;
                status.finished_at = Some(self.clock.now());
                status.pieces += 1;
                status.next = next;
            }
            self.wait(next, began).await;
        }
    }

    /// Waits for `next`, which was planned after `began`.
    async fn wait(&self, next: Next, began: Timestamp) {
        loop {
            let left = match next {
                // Others on this thread get their turn, however much there is to do.
                Next::Now => return tokio::task::yield_now().await,
                Next::Idle => {
                    tokio::select! {
                        () = self.stopping.cancelled() => {}
                        () = self.wake.0.notified() => {}
                        () = tokio::time::sleep(NAP) => {}
                    }
                    return;
                }
                Next::At(at) => {
                    let now = self.clock.now();
                    // A clock that was set back: what was planned by the old one is looked at anew.
                    match Duration::try_from(at.duration_since(now)) {
                        Ok(left) if !left.is_zero() && now >= began => left.min(NAP),
                        _ => return,
                    }
                }
            };
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.wake.0.notified() => return,
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    fn panicked(&self, panic: Box<dyn std::any::Any + Send>) -> Next {
        let words = words(&*panic);
        let mut status = lock(&self.status);
        tracing::error!(task = status.name, words, "a task panicked");
        status.panics += 1;
        status.last_panic = Some(words);
        Next::At(self.clock.now().saturating_add(AFTER_PANIC).unwrap_or(Timestamp::MAX))
    }
}

/// What a panic said.
pub(super) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

fn lock(status: &Mutex<TaskStatus>) -> std::sync::MutexGuard<'_, TaskStatus> {
    status.lock().expect("no code panics while it holds this lock")
}

#[cfg(test)]
mod tests {
    use revere_model::ManualClock;

    use super::*;

    /// Plans for an hour ahead, and the first time finds its clock put back a day.
    struct PutBack {
        clock: ManualClock,
        pieces: tokio::sync::mpsc::UnboundedSender<Timestamp>,
    }

    impl Task for PutBack {
        fn name(&self) -> String {
            "put back".to_owned()
        }

        fn run(&self) -> BoxFuture<'_, Next> {
            let now = self.clock.now();
            if now == Timestamp::UNIX_EPOCH {
                self.clock.advance(SignedDuration::from_hours(-24));
            }
            let _ = self.pieces.send(now);
            Box::pin(async move { Next::At(now + SignedDuration::from_hours(1)) })
        }
    }

    #[tokio::test]
    async fn a_clock_put_back_does_not_leave_a_task_asleep() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
        let mut driver = Driver::new(Arc::new(clock.clone()), tracker.clone(), stopping.clone());
        let (pieces, mut seen) = tokio::sync::mpsc::unbounded_channel();
        driver.start(Arc::new(PutBack { clock: clock.clone(), pieces }), Wake::default());
        assert_eq!(seen.recv().await, Some(Timestamp::UNIX_EPOCH));
        let next = tokio::time::timeout(Duration::from_secs(5), seen.recv()).await;
        assert_eq!(next.expect("it looks anew"), Some(clock.now()));
        stopping.cancel();
        tracker.close();
        tracker.wait().await;
    }
}
