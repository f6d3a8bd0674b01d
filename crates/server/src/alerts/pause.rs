//! A receiver that says with an answer that it takes nothing more for a moment: the next message waits for that, and is not sent
//! into a refusal.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::outbound::header::HeaderMap;

/// What is longer is not waited for here: the receiver says so once more when it refuses, and the delivery waits for its time.
const LONGEST: Duration = Duration::from_secs(5);

/// Until when a receiver takes nothing more.
#[derive(Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// Waits until it is over, where that leaves at least half of the time until `end`.
    pub(super) async fn over(&self, end: Instant) {
        let until = *self.0.lock().expect("no code panics while it holds this lock");
        let now = Instant::now();
        let wait = until.map(|until| until.saturating_duration_since(now)).unwrap_or_default();
        if !wait.is_zero() && wait <= end.saturating_duration_since(now) / 2 {
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes what the headers of an answer say: `X-RateLimit-Remaining: 0` and, in seconds, `X-RateLimit-Reset-After`.
    pub(super) fn note(&self, headers: &HeaderMap) {
        if let Some(wait) = asked_pause(headers) {
            *self.0.lock().expect("no code panics while it holds this lock") = Instant::now().checked_add(wait);
        }
    }
}

fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let left: u64 = text("x-ratelimit-remaining")?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(text("x-ratelimit-reset-after")?.parse().ok()?).ok()?;
    (left == 0 && wait <= LONGEST).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_pause_that_is_asked_for_is_made() {
        for (left, after, expected) in [
            (Some("0"), Some("0.47"), Some(Duration::from_millis(470))),
            (Some("0"), Some(" 5 "), Some(LONGEST)),
            (Some("0"), Some("5.1"), None),
            (Some("1"), Some("0.47"), None),
            (Some("0"), Some("-1"), None),
            (Some("0"), Some("NaN"), None),
            (Some("0"), Some("soon"), None),
            (Some("none"), Some("1"), None),
            (Some("0"), None, None),
            (None, Some("1"), None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("x-ratelimit-remaining", left), ("x-ratelimit-reset-after", after)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(asked_pause(&headers), expected, "{left:?} {after:?}");
        }
    }
}
