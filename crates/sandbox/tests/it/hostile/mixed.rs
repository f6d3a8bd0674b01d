//! Thousands of good and hostile runs in one process: every good one is right, and memory stays where it was.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    catalogue::{Hostile, everything, limits},
    check,
};
use crate::support::{block_on, request, sandbox, value};

/// As many as take a bearable time where they are tested; `REVERE_MIXED_RUNS` asks for more.
const RUNS: usize = 10_000;
/// One in so many is hostile; each of the catalogue comes several times.
const HOSTILE_EVERY: usize = 20;
/// Runs that go on at once.
const AT_ONCE: usize = 16;
/// What memory may differ by between two moments of the same work: allocators keep what they once had.
const FLAT_BYTES: usize = 48 << 20;

const HONEST: &str = "
import json, statistics
numbers = json.loads('[3, 1, 2]')
total = sources['graphite'].get_sum('a')
return_value = f'{sorted(numbers)} {statistics.mean(numbers)} {total} {sources['graphite'].echo(len(numbers))}'
";

#[test]
fn ten_thousand_mixed_runs_are_right_and_memory_is_flat() {
    let runs = std::env::var("REVERE_MIXED_RUNS").ok().map_or(RUNS, |text| text.parse().expect("a number"));
    // Those that use their time up would make the test long; the others leave as much behind.
    let hostile: Arc<Vec<Hostile>> =
        Arc::new(everything().into_iter().filter(|hostile| !takes_its_time(hostile)).collect());
    let warm = resident_after(runs / 5, 0, &hostile);
    let end = resident_after(runs - runs / 5, runs / 5, &hostile);
    eprintln!(
        "{runs} runs; resident {} MiB after a fifth, {} MiB at the end; {:?}",
        warm >> 20,
        end >> 20,
        sandbox().stats()
    );
    assert!(end <= warm + FLAT_BYTES, "memory grew from {} MiB to {} MiB", warm >> 20, end >> 20);
    assert_eq!(sandbox().stats().in_flight, 0);
}

fn takes_its_time(hostile: &Hostile) -> bool {
    use super::Gives::Limit;
    use revere_sandbox::LimitKind::{CpuTime, WallTime};
    hostile.gives.contains(&Limit(CpuTime)) || hostile.gives.contains(&Limit(WallTime))
}

fn resident_after(runs: usize, first: usize, hostile: &Arc<Vec<Hostile>>) -> usize {
    let next = Arc::new(AtomicUsize::new(0));
    block_on(async {
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (next, hostile) = (next.clone(), hostile.clone());
            workers.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= runs {
                        return;
                    }
                    one_run(first + index, &hostile).await;
                }
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended.expect("every run gives what it must");
        }
    });
    resident_bytes()
}

async fn one_run(index: usize, hostile: &[Hostile]) {
    if index.is_multiple_of(HOSTILE_EVERY) {
        let hostile = &hostile[index / HOSTILE_EVERY % hostile.len()];
        let mut request = request(&hostile.script);
        request.limits = limits();
        // How late a run may end is judged where nothing else runs.
        check(hostile, &sandbox().run(request).await.expect("our own side works"), Duration::from_secs(10));
    } else {
        let outcome = sandbox().run(request(HONEST)).await.expect("our own side works");
        assert_eq!(value(&outcome), "[1, 2, 3] 2 120.0 3", "run {index}");
    }
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its resident size");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}
