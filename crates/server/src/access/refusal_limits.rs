//! How many refusals are written down one by one: strangers can have as many as they like, and a disk has an end. Beyond
//! that they are counted, and the count is written down.

use std::{collections::BTreeMap, collections::HashMap, sync::Mutex};

use jiff::{SignedDuration, Timestamp};
use revere_model::Act;

/// What is counted together is counted for so long.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// So many refusals to one address, person or token are written down one by one.
const OF_ONE: u32 = 60;
/// So many in all to strangers, whose refusals they can have as many as they like of, and as many again to people and programs
/// that are known: nobody outside can hide what somebody inside does.
const OF_ALL: u32 = 200;

/// Counts refusals.
#[derive(Default)]
pub struct RefusalLimits(Mutex<Window>);

#[derive(Default)]
struct Window {
    since: Option<Timestamp>,
    /// As many as are written down one by one, so it does not grow.
    by_one: HashMap<String, u32>,
    /// To strangers, and to those who are known.
    all: [u32; 2],
    left_out: BTreeMap<Act, u64>,
}

/// Refusals that were counted and not written down one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// How many, by what was refused.
    pub counts: BTreeMap<Act, u64>,
    /// The first of what was counted together with them.
    pub since: Timestamp,
}

impl RefusalLimits {
    /// Counts one more to `whom`: whether it is to be written down, and what was left out of the stretch of time that is over
    /// with it.
    pub fn count(&self, act: Act, whom: &str, is_known: bool, now: Timestamp) -> (bool, Option<LeftOut>) {
        let mut window = self.0.lock().expect("no code panics while it holds this lock");
        let over = window.taken_if_over(now, false);
        window.since.get_or_insert(now);
        let of_one = window.by_one.get(whom).copied().unwrap_or_default();
        if window.all[usize::from(is_known)] >= OF_ALL || of_one >= OF_ONE {
            *window.left_out.entry(act).or_default() += 1;
            return (false, over);
        }
        window.all[usize::from(is_known)] += 1;
        window.by_one.insert(whom.to_owned(), of_one + 1);
        (true, over)
    }

    /// What was left out, if its stretch of time is over, or with `at_once` in any case.
    pub fn left_out(&self, now: Timestamp, at_once: bool) -> Option<LeftOut> {
        self.0.lock().expect("no code panics while it holds this lock").taken_if_over(now, at_once)
    }
}

impl Window {
    fn taken_if_over(&mut self, now: Timestamp, at_once: bool) -> Option<LeftOut> {
        let since = self.since?;
        let passed = now.duration_since(since);
        if !at_once && passed < WINDOW && !passed.is_negative() {
            return None;
        }
        let counts = std::mem::take(self).left_out;
        (!counts.is_empty()).then_some(LeftOut { counts, since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_an_hour_are_written_down_and_the_rest_is_counted() {
        let limits = RefusalLimits::default();
        let now: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        for _ in 0..OF_ONE {
            assert_eq!(limits.count(Act::Denied, "192.0.2.1", false, now), (true, None));
        }
        for _ in 0..1000 {
            assert_eq!(limits.count(Act::LogInRefused, "192.0.2.1", false, now), (false, None));
        }
        let mut written = OF_ONE;
        for number in 0..1000 {
            written += u32::from(limits.count(Act::Denied, &format!("stranger {number}"), false, now).0);
        }
        assert_eq!((written, limits.0.lock().unwrap().by_one.len()), (OF_ALL, OF_ALL as usize - OF_ONE as usize + 1));
        assert_eq!(
            limits.count(Act::Denied, "person 7", true, now),
            (true, None),
            "whoever is known has room of their own"
        );
        assert_eq!(limits.left_out(now + WINDOW - SignedDuration::from_secs(1), false), None);
        let counts = BTreeMap::from([(Act::LogInRefused, 1000), (Act::Denied, 1000 - u64::from(OF_ALL - OF_ONE))]);
        let (one_more, left_out) = limits.count(Act::Denied, "192.0.2.1", false, now + WINDOW);
        assert_eq!((one_more, left_out), (true, Some(LeftOut { counts, since: now })));
        assert_eq!(limits.left_out(now + WINDOW, true), None, "it was said");
    }
}
