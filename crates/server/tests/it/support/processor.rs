//! What this process and the ones that it waited for have computed. It does not grow while others use the machine.

use std::time::Duration;

/// So coarse is what the kernel counts; less is no measure of anything.
const LEAST: Duration = Duration::from_millis(50);

/// Processor time that `work` took, here and in processes that ended meanwhile; at least what can be measured well. True
/// where each test has a process of its own, as under cargo-nextest.
pub(crate) fn spent<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = so_far();
    let done = work();
    (done, (so_far() - before).max(LEAST))
}

/// The same for what is awaited.
pub(crate) async fn spent_in<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let before = so_far();
    let done = work.await;
    (done, (so_far() - before).max(LEAST))
}

/// What another process has computed by itself, by its `/proc/PID/stat`.
pub(crate) fn of(stat: &str) -> Duration {
    counted(stat, 11..13)
}

fn so_far() -> Duration {
    counted(&std::fs::read_to_string("/proc/self/stat").unwrap(), 11..15)
}

fn counted(stat: &str, which: std::ops::Range<usize>) -> Duration {
    // The name of the program is in parentheses and may hold anything; the state after it is the third field.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[which].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
