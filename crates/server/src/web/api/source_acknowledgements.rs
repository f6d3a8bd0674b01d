//! `/api/v1/sources/{name}/acknowledgement`: who looks after a source that is down.

use axum::{http::StatusCode, response::Response};

use super::acknowledgements::{AcknowledgementBody, AcknowledgementView, note, said, shown};
use crate::{
    operations::{Context, acknowledgements},
    web::{
        Problem,
        body::OptionalBody,
        params::{Key, Params},
    },
};

/// Who looks after a source that is down
///
/// There is nothing here while nobody said so, and none is kept for longer than the outage goes on. Its `monitor_id` is the number
/// of the deliveries about the source.
#[utoipa::path(
    get,
    path = "/api/v1/sources/{name}/acknowledgement",
    operation_id = "get_source_acknowledgement",
    tag = "sources",
    params(("name" = String, Path, description = "The source's name in scripts.")),
    responses(
        (status = 200, description = "Who does.", body = AcknowledgementView),
        (status = 204, description = "Nobody said so."),
        (status = 404, description = "No source has this name, or it is switched off."),
    )
)]
pub(crate) async fn get(context: Context, Key(name): Key<String>, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    Ok(shown(acknowledgements::get_of_source(&context, &name).await?))
}

/// Acknowledge that a source is down
///
/// Says that one looks after it: alerts remind nobody of the outage any more, and no rota notifies the next ones. Who said so first
/// stays. An editor of some tags cannot: any monitor may wait for the source.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/acknowledgement",
    operation_id = "acknowledge_source",
    tag = "sources",
    params(("name" = String, Path, description = "The source's name in scripts.")),
    request_body = AcknowledgementBody,
    responses(
        (status = 200, description = "Somebody had said so already: this is who.", body = AcknowledgementView),
        (status = 201, description = "Acknowledged.", body = AcknowledgementView),
        (status = 404, description = "No source has this name, or it is switched off."),
        (status = 409, description = "It is not down, or nobody was notified of that yet."),
        (status = 422, description = "Something is wrong with the note; nothing was acknowledged."),
    )
)]
pub(crate) async fn acknowledge(
    context: Context,
    Key(name): Key<String>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    Ok(said(acknowledgements::acknowledge_source(&context, &name, &note(fields)?).await?))
}

/// Take back that one looks after a source
///
/// Alerts remind of its outage again, and a rota notifies the next ones, both as if it had begun just now. Where nobody had
/// acknowledged it, nothing changes.
#[utoipa::path(
    delete,
    path = "/api/v1/sources/{name}/acknowledgement",
    operation_id = "take_back_source_acknowledgement",
    tag = "sources",
    params(("name" = String, Path, description = "The source's name in scripts.")),
    responses(
        (status = 204, description = "Nobody looks after it."),
        (status = 404, description = "No source has this name, or it is switched off."),
    )
)]
pub(crate) async fn take_back(context: Context, Key(name): Key<String>, params: Params) -> Result<StatusCode, Problem> {
    params.finish(())?;
    acknowledgements::take_back_of_source(&context, &name, "").await?;
    Ok(StatusCode::NO_CONTENT)
}
