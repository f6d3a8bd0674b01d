//! How a monitor stands, at the head of its page.

use askama::Template;
use jiff::Timestamp;
use revere_model::{Monitor, Pending, Severity, State};

use super::{
    super::{
        display::{Badge, Severe, Shown, Span, When},
        foreign_text::{Folded, Linked},
    },
    PASSED,
};

/// How a monitor stands; sent again when it changes.
#[derive(Clone, Debug)]
pub(in super::super) struct StatusPanel {
    pub(super) badge: Badge,
    pub(super) severity: Severe,
    pub(super) since: Span,
    pub(super) never: bool,
    pub(super) paused: bool,
    pub(super) problem: bool,
    pub(super) value: Option<Shown>,
    pub(super) last: Option<When>,
    pub(super) next: Option<When>,
    /// What is there already of a change that has not come yet.
    pub(super) pending: Option<Pending>,
    /// The source that it waits for, and since when that is down.
    pub(super) waits: Option<(String, When)>,
    pub(super) value_text: Option<Folded>,
    pub(super) message: Option<Folded>,
    pub(super) description: Option<Linked>,
}

#[derive(Template)]
#[template(path = "pages/monitor_status.html")]
pub(in super::super) struct StatusPart {
    pub(in super::super) stand: StatusPanel,
}

impl StatusPanel {
    pub(in super::super) fn of(monitor: &Monitor, now: Timestamp) -> StatusPanel {
        let numbers = monitor.spec.number_format();
        let value = monitor.last_value.clone().map(|value| Shown::wide(value, &numbers));
        let panel = StatusPanel::new(
            (monitor.state, monitor.severity),
            monitor.state_since,
            monitor.spec.active,
            (monitor.last_run_at, monitor.last_message.clone(), value),
            monitor.next_run_at,
            monitor.spec.description.clone(),
            now,
        );
        let waits = monitor.waits_for.clone().filter(|waits| !waits.over);
        let waits = waits.map(|waits| (waits.source, When { at: waits.since, now }));
        StatusPanel { pending: monitor.pending, waits, ..panel }
    }

    pub(super) fn new(
        (state, severity): (State, Option<Severity>),
        since: Timestamp,
        active: bool,
        last: (Option<Timestamp>, Option<String>, Option<Shown>),
        next: Option<Timestamp>,
        description: String,
        now: Timestamp,
    ) -> StatusPanel {
        let (last_at, message, value) = last;
        StatusPanel {
            badge: Badge::of(state, active),
            severity: Severe(severity),
            since: Span::Since(since, now),
            never: last_at.is_none(),
            paused: !active,
            problem: state.is_problem(),
            value_text: value.as_ref().and_then(Shown::long_text).map(|text| Folded(text.to_owned())),
            value: value.filter(|value| value.long_text().is_none()),
            last: last_at.map(|at| When { at, now }),
            next: next.map(|at| When { at, now }),
            pending: None,
            waits: None,
            // Nothing is said of a state that is well but since when.
            message: message.filter(|message| !(state == State::Ok && message == PASSED)).map(Folded),
            description: Some(description).filter(|text| !text.is_empty()).map(Linked),
        }
    }
}
