//! What a person sees: colour only where it is wanted, and errors as one paragraph.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use revere_model::State;
use serde_json::Value;

use crate::error_words;

/// Colours for one stream. Words carry the meaning; colour only repeats it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    /// For standard output.
    pub(super) fn stdout() -> Self {
        Paint { on: wanted() && io::stdout().is_terminal() }
    }

    /// For standard error.
    pub(super) fn stderr() -> Self {
        Paint { on: wanted() && io::stderr().is_terminal() }
    }

    /// Never any.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Paint { on: false }
    }

    pub(super) fn bold(self, text: impl Display) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(self, text: impl Display) -> String {
        self.wrap("2", text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.wrap("31", text)
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.wrap("32", text)
    }

    pub(super) fn yellow(self, text: impl Display) -> String {
        self.wrap("33", text)
    }

    /// A state's word in its colour.
    pub(super) fn state(self, state: State) -> String {
        let code = match state {
            State::Ok => "1;32",
            State::Alarm => "1;31",
            State::Error => "1;35",
            State::Inactive => "2",
        };
        self.wrap(code, state)
    }

    fn wrap(self, code: &str, text: impl Display) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// <https://no-color.org>: set and not empty means none. A dumb terminal has none either.
fn wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Writes to standard output, with whatever steers a terminal escaped. A reader that went away (`revere eval x | head -1`) is
/// no fault of anyone.
pub(super) fn print(text: &str) {
    print_as_it_is(&inert(text));
}

/// The same for text that is painted, of which each part that others wrote went through [`inert`]; and for programs.
pub(super) fn print_as_it_is(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A JSON document for programs, and for whoever looks at it in a terminal: what would steer one is written as JSON writes it.
pub(super) fn print_json(document: &Value) {
    let mut text = String::new();
    for c in format!("{document:#}\n").chars() {
        match steers(c) && c != '\n' {
            // All of them are in the first plane.
            true => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => text.push(c),
        }
    }
    print_as_it_is(&text);
}

/// What others wrote (scripts, servers, databases, receivers), with its lines and tabs, and with every character escaped by
/// which it could hide lines, paint the terminal or turn the direction of reading.
pub(super) fn inert(text: impl Display) -> String {
    escaped(&text.to_string(), |c| matches!(c, '\n' | '\t'))
}

/// The same without lines: nothing in it can begin one.
pub(super) fn inert_line(text: impl Display) -> String {
    escaped(&text.to_string(), |_| false)
}

fn escaped(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) && !keeps(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

/// Whether a character does something else than being seen. The bidirectional overrides are not control characters to
/// Unicode, and reorder a line all the same.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Whether log lines are JSON objects. Then whatever else is said on standard error is one too: whoever reads them reads
/// every line.
static AS_LOG_LINES: AtomicBool = AtomicBool::new(false);

/// From now on everything is said as log lines.
pub(super) fn tell_as_log_lines() {
    AS_LOG_LINES.store(true, Ordering::Relaxed);
}

/// Says something that is good to know.
pub(super) fn note(text: impl Display) {
    match AS_LOG_LINES.load(Ordering::Relaxed) {
        true => tracing::info!("{text}"),
        false => tell(Paint::stderr().dim(inert(text))),
    }
}

/// Says something that may need someone.
pub(super) fn warn(text: impl Display) {
    match AS_LOG_LINES.load(Ordering::Relaxed) {
        true => tracing::warn!("{text}"),
        false => tell(format_args!("{} {}", Paint::stderr().yellow("warning:"), inert(text))),
    }
}

/// An error with its causes, in one paragraph.
pub(super) fn complain(error: &anyhow::Error) {
    match AS_LOG_LINES.load(Ordering::Relaxed) {
        true => tracing::error!("{}", paragraph(error)),
        false => tell(format_args!("{} {}", Paint::stderr().red("error:"), inert(paragraph(error)))),
    }
}

/// Writes a line for the person to standard error.
fn tell(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The error and its causes, joined by colons. A cause that the text before already holds is not said twice.
pub(crate) fn paragraph(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if error_words::plain(&text).contains(&*error_words::plain(&cause)) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    error_words::plain(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once_and_in_order() {
        let error = anyhow::anyhow!("no such file").context("cannot read x: no such file").context("cannot start");
        assert_eq!(paragraph(&error), "cannot start: cannot read x: no such file");
    }

    #[test]
    fn what_others_wrote_steers_no_terminal() {
        let hostile = "a\x1b[1A\x1b[2K\r\nb\u{9b}8m\tc\u{202e}d\u{2028}\u{7f}";
        assert_eq!(inert(hostile), "a\\u{1b}[1A\\u{1b}[2K\\r\nb\\u{9b}8m\tc\\u{202e}d\\u{2028}\\u{7f}");
        assert_eq!(inert_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(inert("Größe \u{1f600} 日本\n"), "Größe \u{1f600} 日本\n");
    }

    #[test]
    fn words_carry_the_meaning_without_colour() {
        assert_eq!(Paint::plain().state(State::Alarm), "ALARM");
        assert_eq!(Paint { on: true }.state(State::Alarm), "\x1b[1;31mALARM\x1b[0m");
    }
}
