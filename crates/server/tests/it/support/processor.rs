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

fn so_far() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program is in parentheses and may hold anything; the state after it is the third field.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
