//! Log lines on standard error: for a person, or as JSON, one line an event, without secrets.

use std::{
    fmt::{self, Write as _},
    io::{self, Write},
};

use revere_model::{Clock, SystemClock};
use tracing::{Event, Level, Subscriber, field::Field};
use tracing_subscriber::{
    field::Visit,
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer, time::FormatTime},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::{
    Global, Speaker,
    terminal::{self, Paint, inert_line},
};
use crate::redact::Secrets;

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum LogLevel {
    /// Only what needs someone.
    Error,
    /// And what may need someone.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// Everything.
    Trace,
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum LogFormat {
    /// For a person.
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `secrets` may still learn: every line is redacted when it is written.
/// Only the server itself logs what happens; other commands have words of their own, and log what may need someone. In the
/// demo, one receiver is down on purpose.
pub(super) fn start(global: &Global, secrets: &Secrets) {
    let default = match global.command {
        Speaker::Server => "warn,revere=info,revere_sandbox=info",
        Speaker::Demo => "warn,revere::engine=error",
        Speaker::Other => "warn",
    };
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.trim().is_empty());
    let words = match global.log_level {
        Some(LogLevel::Error) => "error",
        Some(LogLevel::Warn) => "warn",
        Some(LogLevel::Info) => "warn,revere=info,revere_sandbox=info",
        Some(LogLevel::Debug) => "info,revere=debug,revere_sandbox=debug",
        Some(LogLevel::Trace) => "debug,revere=trace,revere_sandbox=trace",
        None => asked.as_deref().unwrap_or(default),
    };
    let (filter, wrong) = match words.parse::<Targets>() {
        Ok(filter) => (filter, None),
        Err(error) => (default.parse().expect("our own words are right"), Some(error)),
    };
    let builder = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(Redacting(secrets.clone()));
    match global.log_format {
        LogFormat::Human => builder.event_format(Human { paint: Paint::stderr() }).finish().with(filter).init(),
        LogFormat::Json => {
            terminal::tell_as_log_lines();
            builder.json().flatten_event(true).with_current_span(false).with_timer(Utc).finish().with(filter).init();
        }
    }
    if let Some(error) = wrong {
        tracing::warn!(%error, "RUST_LOG is not understood; write it like `info` or `warn,revere=debug`");
    }
}

/// RFC 3339 in UTC, to the millisecond.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:.3}", SystemClock.now())
    }
}

/// `2026-02-03T04:05:06.789Z  WARN what happened  monitor=7 error="..."`
struct Human {
    paint: Paint,
}

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let level = *event.metadata().level();
        let word = format!("{:>5}", level.as_str());
        let word = match level {
            Level::ERROR => self.paint.red(word),
            Level::WARN => self.paint.yellow(word),
            Level::INFO => self.paint.green(word),
            _ => self.paint.dim(word),
        };
        let time = self.paint.dim(format!("{:.3}", SystemClock.now()));
        write!(writer, "{time} {word} {}", line.message)?;
        if !line.fields.is_empty() {
            write!(writer, "{}", self.paint.dim(&line.fields))?;
        }
        writeln!(writer)
    }
}

/// Gathers an event's words, with control characters escaped: what a script or a receiver said cannot begin a new line
/// or paint the terminal.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message.push_str(&inert_line(text));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(self.fields, "  {}=", field.name());
            self.fields.push_str(&inert_line(text));
        }
    }
}

/// Standard error, without secrets.
struct Redacting(Secrets);

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = RedactingWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(&self.0)
    }
}

/// Writes one whole event at a time, which is how the subscriber calls it.
struct RedactingWriter<'a>(&'a Secrets);

impl Write for RedactingWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().lock().write_all(self.0.redact(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_event_can_begin_a_line_or_paint_the_terminal() {
        let line = inert_line("a\r\n2026 ERROR forged \x1b[31mred\u{202e}");
        assert_eq!(line, "a\\r\\n2026 ERROR forged \\u{1b}[31mred\\u{202e}");
    }
}
