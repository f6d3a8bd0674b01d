//! Drives tasks, and knows nothing of monitors: a task is woken by its timer or by a signal, does a bounded piece of
//! work from what it finds, and says when it wants to be woken next. A piece that fails or panics is tried again; the
//! task lives. The beginning and the end of such a trouble are logged, once each, and its status tells meanwhile.

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

use crate::{error_words, metrics::Metrics};

/// Background work without input: it reads what is to be done, and doing it twice is as good as once.
pub(super) trait Task: Send + Sync + 'static {
    /// What operators know it by.
    fn name(&self) -> String;

    /// Does a bounded piece. May be dropped when the server stops.
    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>>;
}

/// A piece could not be done, by a fault of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failed {
    /// What stood in the way.
    pub(super) words: String,
    /// How long it is left alone.
    pub(super) pause: SignedDuration,
}

impl Failed {
    /// What could not be done, and why: the error with its causes.
    pub(super) fn new(what: &str, error: &dyn std::error::Error, pause: SignedDuration) -> Failed {
        let words = format!("{what}: {}", error_words::with_causes(error));
        Failed { words, pause }
    }
}

/// When a task wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// At once: there is more to do.
    Now,
    /// At that time, never before.
    At(Timestamp),
    /// After so long by a clock that nobody sets: it looks at what others do.
    After(Duration),
    /// By its signal, and otherwise now and then: another server may have something for it.
    Idle,
}

/// Wakes a task. Clones wake the same one; a signal that comes while it works is not lost.
#[derive(Clone, Default)]
pub(super) struct Wake(Arc<Notify>);

impl Wake {
    /// Woken by whatever rings this.
    pub(super) fn of(bell: Arc<Notify>) -> Wake {
        Wake(bell)
    }

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
    /// Since when no piece was done that should have been; `None` is well.
    pub failing_since: Option<Timestamp>,
    /// Pieces that failed or panicked, ever.
    pub failures: u64,
    /// The words of the last of them.
    pub last_failure: Option<String>,
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
    metrics: Arc<Metrics>,
    statuses: Vec<Arc<Mutex<TaskStatus>>>,
}

impl Driver {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        tracker: TaskTracker,
        stopping: CancellationToken,
        metrics: Arc<Metrics>,
    ) -> Driver {
        Driver { clock, tracker, stopping, metrics, statuses: Vec::new() }
    }

    /// Starts a task: it works once at once, and then whenever it asked to or `wake` says so.
    pub(super) fn start(&mut self, task: Arc<dyn Task>, wake: Wake) {
        let status = Arc::new(Mutex::new(TaskStatus {
            name: task.name(),
            working_since: None,
            finished_at: None,
            pieces: 0,
            next: Next::Now,
            failing_since: None,
            failures: 0,
            last_failure: None,
        }));
        self.statuses.push(status.clone());
        self.metrics.task(&task.name());
        let driven = Driven {
            task,
            wake,
            status,
            clock: self.clock.clone(),
            stopping: self.stopping.clone(),
            metrics: self.metrics.clone(),
        };
        self.tracker.spawn(driven.drive());
    }

    /// Whether it drives a task of this name.
    pub(super) fn drives(&self, name: &str) -> bool {
        self.statuses.iter().any(|status| lock(status).name == name)
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
    metrics: Arc<Metrics>,
}

impl Driven {
    async fn drive(self) {
        while !self.stopping.is_cancelled() {
            let began = self.clock.now();
            lock(&self.status).working_since = Some(began);
            let piece = AssertUnwindSafe(self.task.run()).catch_unwind();
            let done = tokio::select! {
                biased;
                done = piece => done.unwrap_or_else(|panic| {
                    Err(Failed { words: format!("it panicked: {}", error_words::of_panic(&*panic)), pause: AFTER_PANIC })
                }),
                () = self.stopping.cancelled() => break,
            };
            let next = self.note(done);
            self.wait(next, began).await;
        }
    }

    /// Waits for `next`, which was planned after `began`.
    async fn wait(&self, next: Next, began: Timestamp) {
        loop {
            let left = match next {
                // Others on this thread get their turn, however much there is to do.
                Next::Now => return tokio::task::yield_now().await,
                Next::Idle | Next::After(_) => {
                    let pause = if let Next::After(pause) = next { pause } else { NAP };
                    tokio::select! {
                        () = self.stopping.cancelled() => {}
                        () = self.wake.0.notified() => {}
                        () = tokio::time::sleep(pause) => {}
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

    /// Notes how a piece ended; answers when the next is.
    fn note(&self, done: Result<Next, Failed>) -> Next {
        let now = self.clock.now();
        let mut status = lock(&self.status);
        status.working_since = None;
        status.finished_at = Some(now);
        status.pieces += 1;
        status.next = match done {
            Ok(next) => {
                if let Some(since) = status.failing_since.take() {
                    tracing::info!(task = status.name, %since, "a task does its work again");
                }
                next
            }
            Err(Failed { words, pause }) => {
                // Once per trouble: it is tried again, perhaps several times a second.
                if status.failing_since.is_none() {
                    tracing::error!(task = status.name, words, "a task cannot do its work; it is tried again");
                    status.failing_since = Some(now);
                }
                status.failures += 1;
                status.last_failure = Some(words);
                self.metrics.task_failed(&status.name);
                Next::At(now.saturating_add(pause).unwrap_or(Timestamp::MAX))
            }
        };
        status.next
    }
}

fn lock(status: &Mutex<TaskStatus>) -> std::sync::MutexGuard<'_, TaskStatus> {
    status.lock().expect("no code panics while it holds this lock")
}

#[cfg(test)]
mod tests {
    use revere_model::ManualClock;

    use super::*;

    /// How long anything may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Plans for an hour ahead, and the first time finds its clock put back a day.
    struct PutBack {
        clock: ManualClock,
        pieces: tokio::sync::mpsc::UnboundedSender<Timestamp>,
    }

    impl Task for PutBack {
        fn name(&self) -> String {
            "put back".to_owned()
        }

        fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
            let now = self.clock.now();
            if now == Timestamp::UNIX_EPOCH {
                self.clock.advance(SignedDuration::from_hours(-24));
            }
            let _ = self.pieces.send(now);
            Box::pin(async move { Ok(Next::At(now + SignedDuration::from_hours(1))) })
        }
    }

    #[tokio::test]
    async fn a_clock_put_back_does_not_leave_a_task_asleep() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
        let metrics = Arc::new(Metrics::new(clock.now()));
        let mut driver = Driver::new(Arc::new(clock.clone()), tracker.clone(), stopping.clone(), metrics);
        let (pieces, mut seen) = tokio::sync::mpsc::unbounded_channel();
        driver.start(Arc::new(PutBack { clock: clock.clone(), pieces }), Wake::default());
        assert_eq!(seen.recv().await, Some(Timestamp::UNIX_EPOCH));
        let next = tokio::time::timeout(PATIENCE, seen.recv()).await;
        assert_eq!(next.expect("it looks anew"), Some(clock.now()));
        stopping.cancel();
        tracker.close();
        tracker.wait().await;
    }

    /// Panics as often as it is told to, and then works.
    struct Unlucky {
        left: std::sync::atomic::AtomicU64,
        clock: ManualClock,
        done: Notify,
    }

    impl Task for Unlucky {
        fn name(&self) -> String {
            "unlucky".to_owned()
        }

        fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
            use std::sync::atomic::Ordering::SeqCst;
            Box::pin(async move {
                // So that the pause after it is over at once.
                self.clock.advance(SignedDuration::from_secs(10));
                let left = self.left.load(SeqCst);
                if left > 0 {
                    self.left.store(left - 1, SeqCst);
                    panic!("out of luck, {left} more");
                }
                self.done.notify_one();
                Ok(Next::Idle)
            })
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_again_and_again_is_one_trouble_until_it_works() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
        let metrics = Arc::new(Metrics::new(clock.now()));
        let mut driver = Driver::new(Arc::new(clock.clone()), tracker.clone(), stopping.clone(), metrics.clone());
        let unlucky = Arc::new(Unlucky { left: 3.into(), clock, done: Notify::new() });
        let wake = Wake::default();
        driver.start(unlucky.clone(), wake.clone());
        let watch = async {
            loop {
                let status = driver.statuses().remove(0);
                if status.failures == 3 {
                    break status;
                }
                wake.wake();
                tokio::task::yield_now().await;
            }
        };
        let status = tokio::time::timeout(PATIENCE, watch).await.unwrap();
        assert_eq!(status.failing_since.map(Timestamp::as_second), Some(10), "since the first of them");
        assert_eq!(status.last_failure.as_deref(), Some("it panicked: out of luck, 1 more"));
        let done = async {
            loop {
                tokio::select! {
                    biased;
                    () = unlucky.done.notified() => break,
                    () = tokio::task::yield_now() => wake.wake(),
                }
            }
        };
        tokio::time::timeout(PATIENCE, done).await.unwrap();
        while driver.statuses()[0].failing_since.is_some() {
            tokio::task::yield_now().await;
        }
        let page = metrics.render(crate::metrics::Format::Plain, &[]);
        assert!(page.contains("revere_task_failures_total{task=\"unlucky\"} 3"), "{page}");
        stopping.cancel();
        tracker.close();
        tracker.wait().await;
    }
}
