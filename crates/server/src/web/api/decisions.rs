//! `/api/v1/not-told`: what no alert told, or some did not, and why.

use axum::Json;
use jiff::Timestamp;
use revere_model::{DecisionId, FlipId, MonitorId, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    pagination::{self, NewestFirst, Page},
    schemas::{SilenceWord, StateWord},
};
use crate::{
    operations::{Context, decisions},
    store::{NotTold, NotToldFilter},
    web::{Problem, params::Params},
};

/// A change of state that one or more alerts did not notify of.
#[derive(Serialize, ToSchema)]
#[schema(as = NotTold)]
pub(crate) struct NotToldView {
    /// Its id.
    #[schema(value_type = i64)]
    id: DecisionId,
    /// The monitor.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// What the monitor is called now.
    monitor_name: String,
    /// The change of state.
    #[schema(value_type = i64)]
    flip_id: FlipId,
    /// The state before.
    #[schema(value_type = StateWord)]
    old_state: State,
    /// The state after.
    #[schema(value_type = StateWord)]
    new_state: State,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The keys of the alerts that did not notify of it.
    alerts: Vec<String>,
    /// Why.
    #[schema(value_type = SilenceWord)]
    reason: &'static str,
    /// The same as a sentence without its full stop.
    words: &'static str,
}

/// List what alerts did not notify of
///
/// Newest first: each change of state that an alert did not notify of, with the reason. Only what somebody could have expected to
/// hear: problems, and what ends them. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/not-told",
    operation_id = "list_not_told",
    tag = "alerts",
    params(
        NewestFirst,
        ("monitor" = Option<i64>, Query, minimum = 1, description = "Only of the monitor with this id."),
        ("alert" = Option<String>, Query, description = "Only what this alert could have been expected to notify of; what is for other alerts is listed with its monitor alone. Empty is any."),
    ),
    responses((status = 200, description = "One page.", body = Page<NotToldView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<NotToldView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = NotToldFilter {
        monitor: params.whole("monitor", 1..=i64::MAX).map(MonitorId),
        alert: params.text("alert"),
        before: params.cursor("before"),
        limit: limit + 1,
    };
    let filter = params.finish(filter)?;
    let decisions = decisions::not_told(&context, &filter).await?;
    Ok(Json(Page::of(decisions, limit, |one| one.id.0, NotToldView::from)))
}

impl From<NotTold> for NotToldView {
    fn from(one: NotTold) -> Self {
        NotToldView {
            id: one.id,
            monitor_id: one.monitor_id,
            monitor_name: one.monitor_name,
            flip_id: one.flip_id,
            old_state: one.old_state,
            new_state: one.new_state,
            at: one.at,
            alerts: one.alerts,
            reason: one.reason.as_str(),
            words: one.reason.words(),
        }
    }
}
