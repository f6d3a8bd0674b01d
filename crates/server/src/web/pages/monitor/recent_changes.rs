//! The last changes of a monitor's state, as its page tells them.

use askama::Template;
use jiff::Timestamp;
use revere_model::{Monitor, MonitorId, NumberFormat, RunId, State};

use super::{
    super::{
        display::{Mark, Severe, Shown, Span, When, class},
        foreign_text::Folded,
    },
    PASSED,
};
use crate::{
    operations::{self, Context, Failure},
    store::RecordedFlip,
};

/// Changes of state that the page tells.
const STORY: u32 = 10;

#[derive(Template)]
#[template(path = "pages/monitor_story.html")]
pub(in super::super) struct StoryPart {
    pub(in super::super) id: MonitorId,
    pub(in super::super) story: Vec<FlipRow>,
}

/// One change of state.
pub(in super::super) struct FlipRow {
    pub(super) class: &'static str,
    pub(super) mark: Mark,
    pub(super) state: State,
    pub(super) severity: Severe,
    /// Whether it was this already, and became worse.
    pub(super) worse: bool,
    pub(super) at: When,
    pub(super) lasted: Option<Span>,
    pub(super) value: Option<Shown>,
    pub(super) message: Folded,
    /// The run that made it, where it is kept.
    pub(super) run: Option<RunId>,
    /// Whether the message says nothing that the state does not.
    pub(super) plain: bool,
}

/// The last changes of state, as the page tells them.
pub(in super::super) async fn last_story(context: &Context, monitor: &Monitor) -> Result<Vec<FlipRow>, Failure> {
    let flips = operations::runs::flips(context, monitor.id, None, STORY).await?;
    Ok(story(flips, &monitor.spec.number_format(), context.now()))
}

/// Newest first; each lasted until the one above it.
pub(super) fn story(flips: Vec<RecordedFlip>, numbers: &NumberFormat, now: Timestamp) -> Vec<FlipRow> {
    let mut until = None;
    let mut turns = Vec::with_capacity(flips.len());
    for flip in flips {
        turns.push(FlipRow {
            class: class(flip.new_state),
            mark: Mark(flip.new_state),
            state: flip.new_state,
            severity: Severe(flip.severity),
            worse: flip.old_state == flip.new_state && flip.severity > flip.old_severity,
            at: When { at: flip.at, now },
            lasted: until.map(|until| Span::Between(flip.at, until)),
            value: flip.return_value.map(|value| Shown::of(value, numbers)),
            plain: flip.message == PASSED,
            message: Folded(flip.message),
            run: flip.run_id,
        });
        until = Some(flip.at);
    }
    turns
}
