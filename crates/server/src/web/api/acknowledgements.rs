//! `/api/v1/monitors/{id}/acknowledgement`: who looks after a problem.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use revere_model::{FlipId, MonitorId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{schemas::NoteText, version_schemas::AuthorView};
use crate::{
    operations::{Context, Refusal, acknowledgements},
    store::Acknowledgement,
    web::{
        Problem,
        body::{BODY_BYTES, OptionalBody},
        fields::Fields,
        params::{Key, Params},
    },
};

/// Somebody said that they look after a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Acknowledgement)]
pub(crate) struct AcknowledgementView {
    /// The monitor.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// The change of state that began the problem.
    #[schema(value_type = i64)]
    flip_id: FlipId,
    /// When they said so.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who. A `stranger` used the link of a message.
    by: AuthorView,
    /// The alert whose message had the link they used; null where they used none.
    #[schema(required)]
    alert: Option<String>,
    /// What they said, in one line; empty if nothing.
    note: String,
}

/// What may be said with it.
#[derive(ToSchema)]
#[schema(as = AcknowledgementInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct AcknowledgementBody {
    /// What one does about it, in one line.
    #[schema(value_type = NoteText, required = false)]
    note: Option<String>,
}

/// Who looks after the problem
///
/// There is nothing here while nobody said so, and none is kept for longer than the monitor is as it is.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/acknowledgement",
    operation_id = "get_acknowledgement",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which monitor.")),
    responses(
        (status = 200, description = "Who does.", body = AcknowledgementView),
        (status = 204, description = "Nobody said so."),
        (status = 404, description = "There is no such monitor."),
    )
)]
pub(crate) async fn get(context: Context, Key(id): Key<MonitorId>, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    Ok(shown(acknowledgements::get(&context, id).await?))
}

/// Acknowledge a problem
///
/// Says that one looks after it: alerts remind nobody any more until the state changes. Who said so first stays.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/{id}/acknowledgement",
    operation_id = "acknowledge",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which monitor.")),
    request_body = AcknowledgementBody,
    responses(
        (status = 200, description = "Somebody had said so already: this is who.", body = AcknowledgementView),
        (status = 201, description = "Acknowledged.", body = AcknowledgementView),
        (status = 404, description = "There is no such monitor."),
        (status = 409, description = "It is neither in `ALARM` nor in `ERROR`."),
        (status = 422, description = "Something is wrong with the note; nothing was acknowledged."),
    )
)]
pub(crate) async fn acknowledge(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    Ok(said(acknowledgements::acknowledge(&context, id, &note(fields)?).await?))
}

/// Take an acknowledgement back
///
/// Nobody looks after the problem any more: alerts remind of it again, and a rota notifies the next ones, both as if it had begun just
/// now. Where nobody had acknowledged it, nothing changes.
#[utoipa::path(
    delete,
    path = "/api/v1/monitors/{id}/acknowledgement",
    operation_id = "take_back_acknowledgement",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which monitor.")),
    responses(
        (status = 204, description = "Nobody looks after it."),
        (status = 404, description = "There is no such monitor."),
    )
)]
pub(crate) async fn take_back(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish(())?;
    acknowledgements::take_back(&context, id, "").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who looks after it, of a monitor or of a source; nothing where nobody said so.
pub(super) fn shown(found: Option<Acknowledgement>) -> Response {
    match found {
        Some(found) => Json(AcknowledgementView::from(found)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// What is said with it, likewise.
pub(super) fn note(mut fields: Fields) -> Result<String, Problem> {
    let note = fields.text("note", BODY_BYTES).unwrap_or_default();
    Ok(Refusal::unless_clean(fields.finish(), note)?)
}

/// Who looks after it now, likewise, and whether that is so since before.
pub(super) fn said((made, before): (Acknowledgement, bool)) -> Response {
    let status = if before { StatusCode::OK } else { StatusCode::CREATED };
    (status, Json(AcknowledgementView::from(made))).into_response()
}

impl From<Acknowledgement> for AcknowledgementView {
    fn from(made: Acknowledgement) -> Self {
        AcknowledgementView {
            monitor_id: made.monitor_id,
            flip_id: made.flip_id,
            at: made.at,
            by: made.author.into(),
            alert: made.alert,
            note: made.note,
        }
    }
}
