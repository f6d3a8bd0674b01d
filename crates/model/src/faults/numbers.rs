//! What is wrong with numbers: outside of what makes sense.

use super::{Judged, MAX_DECIMALS, MAX_RETAIN_DAYS, MAX_STREAK, MAX_TIMEOUT_S};
use crate::{MAX_ALARM_WINDOW, field_kind};

impl Judged for field_kind::Streak {
    type Value = u32;

    fn fault(field: &str, runs: &u32) -> Option<String> {
        let fits = (1..=MAX_STREAK).contains(runs);
        (!fits).then(|| format!("{field} is {runs}: write how many runs, 1-{MAX_STREAK}"))
    }
}

impl Judged for field_kind::Window {
    type Value = Option<u32>;

    fn fault(field: &str, window: &Option<u32>) -> Option<String> {
        let window = (*window)?;
        let fits = (1..=MAX_ALARM_WINDOW).contains(&window);
        (!fits).then(|| {
            format!("{field} is {window}: write of how many last runs, 1-{MAX_ALARM_WINDOW}, or leave it empty to count in a row")
        })
    }
}

impl Judged for field_kind::Decimals {
    type Value = Option<u32>;

    fn fault(_: &str, decimals: &Option<u32>) -> Option<String> {
        let decimals = (*decimals)?;
        (decimals > MAX_DECIMALS)
            .then(|| format!("{decimals} decimals: 0-{MAX_DECIMALS}, or leave it empty for as many as there are"))
    }
}

impl Judged for field_kind::Days {
    type Value = Option<u32>;

    fn fault(_: &str, days: &Option<u32>) -> Option<String> {
        let days = (*days)?;
        let fits = (1..=MAX_RETAIN_DAYS).contains(&days);
        (!fits).then(|| format!("{days} days is outside 1-{MAX_RETAIN_DAYS}: leave it empty to keep runs for ever"))
    }
}

impl Judged for field_kind::Seconds {
    type Value = Option<f64>;

    fn fault(_: &str, seconds: &Option<f64>) -> Option<String> {
        let seconds = (*seconds)?;
        let fits = seconds.is_finite() && seconds > 0.0 && seconds <= MAX_TIMEOUT_S;
        (!fits).then(|| {
            format!(
                "a limit of {seconds} s is not above 0 and up to {MAX_TIMEOUT_S}: leave it empty for the server's default"
            )
        })
    }
}
