//! The outage of a source on the page of sources, and saying there that one looks after it.

use axum::response::Response;
use jiff::Timestamp;

use super::{acknowledge::AcknowledgedView, display::When, form::Form, see, source_user::User};
use crate::{
    operations::{Context, acknowledgements, sources::OutageReport},
    web::Problem,
};

/// An outage that goes on.
pub(super) struct OutageView {
    pub(super) since: When,
    pub(super) reason: String,
    /// The first monitors that wait.
    pub(super) waiting: Vec<User>,
    /// How many more.
    pub(super) more: u64,
    /// Whether anybody was told of it.
    pub(super) told: bool,
    /// Who looks after it.
    pub(super) acknowledged: Option<AcknowledgedView>,
}

impl OutageView {
    pub(super) fn of(outage: OutageReport, now: Timestamp) -> OutageView {
        OutageView {
            since: When { at: outage.since, now },
            reason: outage.reason,
            more: outage.all.saturating_sub(outage.monitors.len() as u64),
            waiting: outage.monitors.into_iter().map(|(id, name)| User { id, name }).collect(),
            told: outage.told,
            acknowledged: outage.acknowledgement.map(|made| AcknowledgedView::of(made, now)),
        }
    }
}

/// `/sources/acknowledge`
pub(super) async fn acknowledge(context: Context, form: Form) -> Result<Response, Problem> {
    acknowledgements::acknowledge_source(&context, form.text("source"), form.text("note")).await?;
    Ok(see("/sources"))
}

/// `/sources/take-back`
pub(super) async fn take_back(context: Context, form: Form) -> Result<Response, Problem> {
    acknowledgements::take_back_of_source(&context, form.text("source"), form.text("note")).await?;
    Ok(see("/sources"))
}
