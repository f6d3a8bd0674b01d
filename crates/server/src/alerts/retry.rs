//! When to try again, as pure functions: the one place that knows, for every channel.
//!
//! A failed send says [`Retry`]; this says when. Waits grow from a second to five minutes with full jitter, so that a
//! thousand alerts a dead receiver owes do not all come back in the same second, and end a day after the first attempt.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Retry;

/// The shortest wait between two attempts.
pub const SHORTEST: Duration = Duration::from_secs(1);

/// The longest wait that is ours to choose. A receiver may ask for a longer one.
pub const LONGEST: Duration = Duration::from_secs(300);

/// The longest wait that a receiver may ask for: what it says beyond may be a mistake, and people wait.
pub const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// So long after the first attempt comes the last one.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// When to try again after `attempts` failed attempts (at least 1) of which the first was at `first_at`, or `None` for
/// never. `random` is uniform in `[0, 1)`.
pub fn next_attempt(
    attempts: u32,
    first_at: Timestamp,
    now: Timestamp,
    retry: Retry,
    random: f64,
) -> Option<Timestamp> {
    let deadline = after(first_at, GIVE_UP_AFTER);
    let wait = match retry {
        Retry::Never => return None,
        _ if now >= deadline => return None,
        Retry::Later => {
            let doublings = attempts.clamp(1, 16);
            let ceiling = (SHORTEST * 2_u32.pow(doublings)).min(LONGEST);
            ceiling.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST)
        }
        // Never before the receiver said, and a little after, since it said the same to everyone.
        Retry::After(asked) => {
            let asked = asked.clamp(SHORTEST, LONGEST_ASKED);
            asked + (asked / 10).min(Duration::from_secs(30)).mul_f64(random.clamp(0.0, 1.0))
        }
    };
    // The last attempt is at the deadline itself, also where a receiver asked for more patience than we have.
    Some(after(now, wait).min(deadline))
}

/// What an HTTP status means for a POST: `None` that it was taken, else whether trying again can help.
///
/// | status | again? |
/// |---|---|
/// | 2xx | taken |
/// | 302, 303, 307 | later: the receiver itself calls its redirection temporary (a maintenance page) |
/// | other 3xx | never: the address is wrong |
/// | 408, 425, 429 | later, or when the receiver says |
/// | other 4xx | never |
/// | 5xx and beyond | later, or when the receiver says |
pub fn judge_status(status: u16, asked: Option<Duration>) -> Option<Retry> {
    match status {
        200..=299 => None,
        302 | 303 | 307 | 408 | 425 | 429 | 500.. => Some(asked.map_or(Retry::Later, Retry::After)),
        _ => Some(Retry::Never),
    }
}

fn after(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn waits_grow_to_five_minutes_and_end_after_a_day() {
        let waits: Vec<i64> = (1..=10)
            .map(|n| next_attempt(n, NOON, NOON, Retry::Later, 0.999_999).unwrap().duration_since(NOON).as_secs())
            .collect();
        assert_eq!(waits, [1, 3, 7, 15, 31, 63, 127, 255, 299, 299]);
        let almost = after(NOON, GIVE_UP_AFTER - Duration::from_secs(2));
        let deadline = after(NOON, GIVE_UP_AFTER);
        assert_eq!(next_attempt(500, NOON, almost, Retry::Later, 0.9), Some(deadline));
        assert_eq!(next_attempt(501, NOON, deadline, Retry::Later, 0.9), None);
        assert_eq!(next_attempt(1, NOON, NOON, Retry::Never, 0.5), None);
    }

    #[test]
    fn the_receiver_says_when_and_is_not_asked_before() {
        let asked = Retry::After(Duration::from_secs(120));
        for random in [0.0, 0.5, 0.999] {
            let wait = next_attempt(1, NOON, NOON, asked, random).unwrap().duration_since(NOON);
            assert!((120.0..=132.0).contains(&wait.as_secs_f64()), "{wait}");
        }
        for (asked, expected) in [(Duration::MAX, LONGEST_ASKED), (Duration::ZERO, SHORTEST)] {
            assert_eq!(next_attempt(1, NOON, NOON, Retry::After(asked), 0.0), Some(after(NOON, expected)));
        }
    }

    #[test]
    fn every_status_is_judged() {
        let asked = Duration::from_secs(7);
        let again = [302, 303, 307, 408, 425, 429];
        for status in 100..=999 {
            let (plain, with_header) = match status {
                200..=299 => (None, None),
                s if s >= 500 || again.contains(&s) => (Some(Retry::Later), Some(Retry::After(asked))),
                _ => (Some(Retry::Never), Some(Retry::Never)),
            };
            assert_eq!(judge_status(status, None), plain, "{status}");
            assert_eq!(judge_status(status, Some(asked)), with_header, "{status} with Retry-After");
        }
    }

    proptest! {
        #[test]
        fn an_attempt_is_never_in_the_past_nor_after_the_deadline(
            attempts in any::<u32>(), late_s in 0_u64..100_000, random in 0.0_f64..1.0, asked_s in proptest::option::of(any::<u64>()),
        ) {
            let now = after(NOON, Duration::from_secs(late_s));
            let retry = asked_s.map_or(Retry::Later, |s| Retry::After(Duration::from_secs(s)));
            match next_attempt(attempts, NOON, now, retry, random) {
                Some(at) => {
                    prop_assert!(at > now && at <= after(NOON, GIVE_UP_AFTER));
                    prop_assert!(asked_s.is_some() || at <= after(now, LONGEST));
                }
                None => prop_assert!(late_s >= GIVE_UP_AFTER.as_secs()),
            }
        }
    }
}
