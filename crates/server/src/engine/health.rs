//! Whether ticks are being looked after, from what the tasks say of themselves.

use jiff::{SignedDuration, Timestamp};

use super::driver::{Next, TaskStatus};

/// Whether ticks are being looked after.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineHealth {
    /// Every task, and what is wrong with it if it does not do its work.
    pub tasks: Vec<(String, Option<String>)>,
    /// Whether one of them hangs, or is not woken: what a new start would mend.
    pub hangs: bool,
}

impl EngineHealth {
    /// Whether all is well.
    pub fn is_ok(&self) -> bool {
        self.tasks.iter().all(|(_, fault)| fault.is_none())
    }

    /// What is wrong, a line for each task that does not do its work.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        self.tasks.iter().filter_map(|(task, fault)| Some(format!("{task}: {}", fault.as_ref()?)))
    }
}

/// A piece of work is bounded; one that takes longer hangs, or waits for a database that somebody holds.
const LONG_PIECE: SignedDuration = SignedDuration::from_secs(30);

/// A trouble that passes by itself within this time, such as another process's short hold of the database, is none.
const FAILING: SignedDuration = SignedDuration::from_secs(10);

/// A task that wanted to be woken this long ago is not being driven.
const OVERSLEPT: SignedDuration = SignedDuration::from_secs(15);

pub(super) fn judge(statuses: &[TaskStatus], now: Timestamp) -> EngineHealth {
    let tasks = statuses.iter().map(|status| (status.name.clone(), fault(status, now)));
    let hangs = statuses.iter().any(|status| status.failing_since.is_none() && fault(status, now).is_some());
    EngineHealth { tasks: tasks.collect(), hangs }
}

fn fault(status: &TaskStatus, now: Timestamp) -> Option<String> {
    if let Some(since) = status.failing_since.filter(|since| now.duration_since(*since) > FAILING) {
        let words = status.last_failure.as_deref().unwrap_or_default();
        return Some(format!("cannot do its work since {since}: {words}"));
    }
    match (status.working_since, status.next) {
        (Some(since), _) if now.duration_since(since) > LONG_PIECE => {
            Some(format!("at work on one piece since {since}"))
        }
        (None, Next::At(at)) if now.duration_since(at) > OVERSLEPT => Some(format!("was to be at work since {at}")),
        _ => None,
    }
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
            failing_since: None,
            failures: 0,
            last_failure: None,
        };
        assert!(judge(&[status(Some(at(100)), Next::Now), status(None, Next::At(at(200)))], at(101)).is_ok());
        let hanging = judge(&[status(Some(at(100)), Next::Now)], at(140));
        assert!(!hanging.is_ok() && hanging.hangs);
        assert!(!judge(&[status(None, Next::At(at(100)))], at(140)).is_ok());
    }

    #[test]
    fn a_task_that_fails_for_longer_than_a_moment_is_named_with_the_reason() {
        let at = |second| Timestamp::new(second, 0).unwrap();
        let failing = TaskStatus {
            name: "evaluate".to_owned(),
            working_since: None,
            finished_at: Some(at(100)),
            pieces: 3,
            next: Next::At(at(100)),
            failing_since: Some(at(90)),
            failures: 3,
            last_failure: Some("no such table: dues".to_owned()),
        };
        assert!(judge(std::slice::from_ref(&failing), at(100)).is_ok());
        let judged = judge(&[failing], at(101));
        assert!(!judged.hangs, "it is tried again and again, and a new start would do no more");
        let faults: Vec<String> = judged.faults().collect();
        assert_eq!(faults, ["evaluate: cannot do its work since 1970-01-01T00:01:30Z: no such table: dues"]);
    }
}
