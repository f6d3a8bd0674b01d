//! Processor time of one run: the thread's own clock, read around every poll of the run's future, and what was spent for
//! it elsewhere.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// How long a run was on a processor. Shared between the future that is measured and the guest's interruptions.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    /// Nanoseconds of the polls that are over.
    spent: AtomicU64,
    /// Nanoseconds of `spent` that were spent elsewhere.
    charged: AtomicU64,
    /// The thread's clock at the beginning of the present poll, in nanoseconds.
    poll_began: AtomicU64,
}

impl CpuMeter {
    /// The time so far, the present poll included. Only meaningful on the thread that polls, or after the end.
    pub(crate) fn spent_in_poll(&self) -> Duration {
        let present = thread_time().saturating_sub(self.poll_began.load(Ordering::Relaxed));
        self.spent() + Duration::from_nanos(present)
    }

    /// The time of all polls that are over.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }
}

thread_local! {
    /// The meter of what this thread is polling.
    static PRESENT: RefCell<Option<Arc<CpuMeter>>> = const { RefCell::new(None) };
}

/// Charges the run that this thread is polling for processor time that was spent for it on another thread. To be called
/// by a [`Broker`](crate::Broker), in the future it gave.
pub fn charge(time: Duration) {
    PRESENT.with_borrow(|meter| {
        if let Some(meter) = meter {
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            meter.spent.fetch_add(nanos, Ordering::Relaxed);
            meter.charged.fetch_add(nanos, Ordering::Relaxed);
        }
    });
}

/// What the run that this thread is polling was charged for so far.
pub(crate) fn charged() -> Duration {
    PRESENT.with_borrow(|meter| {
        meter.as_ref().map_or(Duration::ZERO, |meter| Duration::from_nanos(meter.charged.load(Ordering::Relaxed)))
    })
}

/// What `future` gives, and the processor time that its polls took.
pub async fn with_cpu_time<F: Future>(future: F) -> (F::Output, Duration) {
    let meter = Arc::<CpuMeter>::default();
    let output = measured(meter.clone(), future).await;
    (output, meter.spent())
}

/// Polls `future` and charges `meter` for it.
pub(crate) async fn measured<F: Future>(meter: Arc<CpuMeter>, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| poll_measured(&meter, future.as_mut(), context)).await
}

fn poll_measured<F: Future>(meter: &Arc<CpuMeter>, future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
    let began = thread_time();
    meter.poll_began.store(began, Ordering::Relaxed);
    let outer = PRESENT.replace(Some(meter.clone()));
    let result = future.poll(context);
    PRESENT.replace(outer);
    meter.spent.fetch_add(thread_time().saturating_sub(began), Ordering::Relaxed);
    result
}

fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
