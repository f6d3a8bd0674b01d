//! Rows of runs, for the monitor's page and its history.

use jiff::{Timestamp, tz::TimeZone};
use revere_model::{MonitorId, Run, RunId, RunKind};

use super::display::{Badge, Severe, Shown, Span, When};

/// A run in a table.
#[derive(Clone, Debug)]
pub(super) struct RunView {
    pub(super) id: RunId,
    pub(super) badge: Badge,
    pub(super) old: Badge,
    pub(super) severity: Severe,
    pub(super) flip: bool,
    pub(super) at: When,
    /// The time as a clock shows it, where a zone was chosen.
    pub(super) exact: String,
    pub(super) kind: &'static str,
    pub(super) value: Option<Shown>,
    pub(super) message: String,
    pub(super) output: String,
    pub(super) traceback: Option<String>,
    pub(super) took: Span,
    /// Whether there is something to unfold.
    pub(super) more: bool,
    /// The version of its monitor that had its script first, where that is not the one it has now.
    pub(super) version: Option<i64>,
    pub(super) monitor_id: MonitorId,
    /// Whether the message does not fit a line.
    pub(super) long: bool,
}

impl RunView {
    /// With the time it began as a clock in `zone` shows it.
    pub(super) fn in_zone(run: Run, now: Timestamp, zone: &TimeZone) -> RunView {
        let exact = run.started_at.to_zoned(zone.clone()).strftime("%a %-d %b %Y, %H:%M:%S").to_string();
        RunView { exact, ..RunView::of(run, now) }
    }

    /// With a version that had its script, if it is not that of now.
    pub(super) fn of_version(self, version: Option<i64>) -> RunView {
        RunView { version, more: self.more || version.is_some(), ..self }
    }

    pub(super) fn of(run: Run, now: Timestamp) -> RunView {
        let long = run.message.chars().count() > 90 || run.message.contains('\n');
        let counting = run.outcome != run.new_state;
        RunView {
            id: run.id,
            badge: Badge(run.new_state),
            old: Badge(run.old_state),
            severity: Severe(run.severity),
            flip: run.old_state != run.new_state,
            at: When { at: run.started_at, now },
            exact: String::new(),
            kind: match run.kind {
                RunKind::Scheduled => "",
                RunKind::CatchUp => "caught up",
                RunKind::Manual => "by hand",
                RunKind::Imported => "imported",
            },
            value: run.return_value.map(Shown),
            // A failing run that does not yet count is told by its outcome.
            message: if counting { format!("{}, not counted yet: {}", run.outcome, run.message) } else { run.message },
            version: None,
            monitor_id: run.monitor_id,
            more: long || !run.output.is_empty() || run.traceback.is_some(),
            long,
            output: run.output,
            traceback: run.traceback,
            took: Span::Took(run.duration_ms),
        }
    }
}
