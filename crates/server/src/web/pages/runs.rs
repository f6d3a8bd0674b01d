//! Rows of runs, for the monitor's page and its history: the time by the clock, each day named once.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use revere_model::{MonitorId, NumberFormat, Run, RunId, RunKind, day_of, offset_of};

use super::display::{Badge, ClockTime, Severe, Shown, Span};

/// How runs are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunDisplay<'a> {
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
    pub(super) numbers: &'a NumberFormat,
}

/// A run in a table.
#[derive(Clone, Debug)]
pub(super) struct RunView {
    pub(super) id: RunId,
    pub(super) badge: Badge,
    pub(super) old: Badge,
    pub(super) severity: Severe,
    pub(super) flip: bool,
    pub(super) at: ClockTime,
    /// The day, where it is not that of the row above.
    pub(super) day: Option<String>,
    pub(super) kind: &'static str,
    pub(super) value: Option<Shown>,
    pub(super) message: String,
    pub(super) output: String,
    pub(super) traceback: Option<String>,
    pub(super) took: Span,
    /// The version of its monitor that had its script first, where that is not the one it has now.
    pub(super) version: Option<i64>,
    pub(super) monitor_id: MonitorId,
    /// Whether the message does not fit a line.
    pub(super) long: bool,
}

/// The rows of runs that stand newest first.
pub(super) fn rows(runs: Vec<Run>, how: RunDisplay<'_>) -> Vec<RunView> {
    let mut above = None;
    let mut rows = Vec::with_capacity(runs.len());
    for run in runs {
        let mut row = RunView::of(run, how);
        let day = row.at.at.date();
        if above.replace(day) != Some(day) {
            row.day = Some(day_in_zone(&row.at.at));
        }
        rows.push(row);
    }
    rows
}

/// `Wed 25 Nov 2026, Europe/Berlin (UTC+1)`
pub(super) fn day_in_zone(at: &Zoned) -> String {
    let (day, offset) = (day_of(at), offset_of(at));
    match at.time_zone().iana_name() {
        Some(name) if name != offset => format!("{day}, {name} ({offset})"),
        _ => format!("{day}, {offset}"),
    }
}

impl RunView {
    /// With a version that had its script, if it is not that of now.
    pub(super) fn of_version(self, version: Option<i64>) -> RunView {
        RunView { version, ..self }
    }

    /// Whether there is something to unfold.
    pub(super) fn more(&self) -> bool {
        self.long
            || !self.output.is_empty()
            || self.traceback.is_some()
            || self.version.is_some()
            || self.long_value().is_some()
    }

    /// The value, where it is a text that the column cuts.
    pub(super) fn long_value(&self) -> Option<&str> {
        self.value.as_ref()?.long_text()
    }

    pub(super) fn of(run: Run, how: RunDisplay<'_>) -> RunView {
        let long = run.message.chars().count() > 90 || run.message.contains('\n');
        let counting = run.outcome != run.new_state;
        RunView {
            id: run.id,
            badge: Badge::State(run.new_state),
            old: Badge::State(run.old_state),
            severity: Severe(run.severity),
            flip: run.old_state != run.new_state,
            at: ClockTime { at: run.started_at.to_zoned(how.zone.clone()), now: how.now },
            day: None,
            kind: match run.kind {
                RunKind::Scheduled => "",
                RunKind::CatchUp => "caught up",
                RunKind::Manual => "by hand",
                RunKind::Imported => "imported",
            },
            value: run.return_value.map(|value| Shown::of(value, how.numbers)),
            // A failing run that does not yet count is told by its outcome.
            message: if counting { format!("{}, not counted yet: {}", run.outcome, run.message) } else { run.message },
            version: None,
            monitor_id: run.monitor_id,
            long,
            output: run.output,
            traceback: run.traceback,
            took: Span::Took(run.duration_ms),
        }
    }
}
