//! Whether ticks are being looked after, from what the tasks say of themselves.

use jiff::{SignedDuration, Timestamp};

use super::driver::{Next, TaskStatus};

/// Whether ticks are being looked after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineHealth {
    /// What is wrong, for each task that does not do its work; empty is healthy.
    pub faults: Vec<String>,
}

impl EngineHealth {
    /// Whether all is well.
    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }
}

/// A piece of work is bounded; one that takes longer hangs, or waits for a database that somebody holds.
const LONG_PIECE: SignedDuration = SignedDuration::from_secs(30);

/// A task that wanted to be woken this long ago is not being driven.
const OVERSLEPT: SignedDuration = SignedDuration::from_secs(15);

pub(super) fn judge(statuses: &[TaskStatus], now: Timestamp) -> EngineHealth {
    let faults = statuses.iter().filter_map(|status| {
        let name = &status.name;
        match (status.working_since, status.next) {
            (Some(since), _) if now.duration_since(since) > LONG_PIECE => {
                Some(format!("{name}: at work on one piece since {since}"))
            }
            (None, Next::At(at)) if now.duration_since(at) > OVERSLEPT => {
                Some(format!("{name}: was to be at work since {at}"))
            }
            _ => None,
        }
    });
    EngineHealth { faults: faults.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_hangs_or_oversleeps_is_named() {
        let at = |second| Timestamp::new(second, 0).unwrap();
        let status = |working_since, next| TaskStatus {
            name: "evaluate".to_owned(),
            working_since,
            finished_at: None,
            pieces: 0,
            next,
            panics: 0,
            last_panic: None,
        };
        assert!(judge(&[status(Some(at(100)), Next::Now), status(None, Next::At(at(200)))], at(101)).is_ok());
        assert!(!judge(&[status(Some(at(100)), Next::Now)], at(140)).is_ok());
        assert!(!judge(&[status(None, Next::At(at(100)))], at(140)).is_ok());
    }
}
