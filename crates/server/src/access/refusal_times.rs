//! When a refusal is told: so that the time which it takes tells nothing of why.
//!
//! The costly part, comparing a password, is done for nobody as for somebody. What is left, a row that is found or not, a code
//! that is looked up, is small, and yet a thousand tries would show it. So a refusal waits for the next full step since it was
//! asked for.

use std::time::{Duration, Instant};

/// Longer than a comparison takes, so that nearly all refusals wait for the same.
const STEP: Duration = Duration::from_millis(100);

/// Waits for the next full step since `begun`.
pub async fn at_a_full_step(begun: Instant) {
    tokio::time::sleep_until((begun + after(begun.elapsed())).into()).await;
}

/// The first full step that is not before so long.
fn after(passed: Duration) -> Duration {
    let steps = passed.as_nanos().div_ceil(STEP.as_nanos());
    STEP.saturating_mul(u32::try_from(steps.max(1)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_at_the_next_full_step() {
        let after = |millis| super::after(Duration::from_micros(millis)).as_millis();
        assert_eq!([0, 1, 99_999, 100_000, 100_001, 250_000].map(after), [100, 100, 100, 100, 200, 300]);
        assert_eq!(super::after(Duration::MAX), STEP.saturating_mul(u32::MAX));
    }
}
