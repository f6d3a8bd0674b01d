//! Progress of long work on standard error: one line that is rewritten on a terminal, and nothing elsewhere.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Not oftener than an eye can follow.
const REST: Duration = Duration::from_millis(100);

/// One line of progress.
pub(super) struct Progress {
    shown: bool,
    on: bool,
    last: Option<Instant>,
}

impl Progress {
    /// Nothing is shown before the first [`Progress::say`].
    pub(super) fn new() -> Self {
        Progress { shown: false, on: io::stderr().is_terminal(), last: None }
    }

    /// Shows `text` in place of what was shown, unless that was only just now.
    pub(super) fn say(&mut self, text: impl Display) {
        if !self.on || self.last.is_some_and(|last| last.elapsed() < REST) {
            return;
        }
        self.last = Some(Instant::now());
        self.shown = true;
        let mut err = io::stderr().lock();
        let _ = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r\x1b[K").and_then(|()| err.flush());
        }
    }
}

/// `12345678` as `12,345,678`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 monitor`, `12 monitors`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", grouped(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
        assert_eq!(counted(1, "run", "runs"), "1 run");
        assert_eq!(counted(2_000, "run", "runs"), "2,000 runs");
    }
}
