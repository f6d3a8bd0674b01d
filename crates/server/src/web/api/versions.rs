//! `/api/v1/monitors/{id}/versions` and `/difference`: what a monitor was, by whom and why, and how to have it back.

use axum::{Json, http::HeaderMap, response::Response};
use revere_model::MonitorId;
use utoipa::ToSchema;

use super::{
    monitor_schemas::MonitorView,
    monitors::{if_match, shown},
    pagination::{self, NewestFirst, Page},
    schemas::{EntityTag, NoteText},
    version_schemas::{DifferenceView, VersionView, WholeVersionView},
};
use crate::{
    operations::{Context, Refusal, versions},
    web::{
        Problem,
        body::{BODY_BYTES, JsonBody},
        params::{Key, Keys, Params},
    },
};

/// What is said of a version that is restored.
#[derive(ToSchema)]
#[schema(as = RestoreInput)]
#[expect(dead_code, reason = "a description")]
pub(crate) struct RestoreInput {
    /// Why, in one line; kept with the version.
    #[schema(value_type = NoteText, required = false)]
    note: String,
}

/// Versions of a monitor
///
/// Newest first. All are kept as long as there is the monitor. The next page ends before the cursor: give `next` back as
/// `before`.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/versions",
    operation_id = "list_versions",
    tag = "versions",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        NewestFirst,
    ),
    responses(
        (status = 200, description = "One page.", body = Page<VersionView>),
        (status = 404, description = "There is no monitor with that id."),
    )
)]
pub(crate) async fn list(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<Page<VersionView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let before = params.cursor("before");
    let before = params.finish(before)?;
    let (found, more) = versions::list(&context, id, before, limit).await?;
    Ok(Json(Page::cut(found, more, |listed| listed.saved.version, VersionView::from)))
}

/// One version of a monitor
///
/// What its author had decided, the script included.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/versions/{version}",
    operation_id = "get_version",
    tag = "versions",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("version" = i64, Path, minimum = 1, description = "Which version."),
    ),
    responses(
        (status = 200, description = "The version.", body = WholeVersionView),
        (status = 404, description = "There is no such monitor, or that version of it is not kept."),
    )
)]
pub(crate) async fn get(
    context: Context,
    Keys(id, version): Keys<MonitorId, i64>,
    params: Params,
) -> Result<Json<WholeVersionView>, Problem> {
    params.finish(())?;
    Ok(Json(versions::get(&context, id, version).await?.into()))
}

/// Restore a version of a monitor
///
/// Makes the monitor what it was in that version, also whether it is active. That is saved as a version of its own; where
/// nothing differs, nothing is. What would be refused of an edit is refused here, too.
#[utoipa::path(
    post,
    path = "/api/v1/monitors/{id}/versions/{version}/restore",
    operation_id = "restore_version",
    tag = "versions",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("version" = i64, Path, minimum = 1, description = "Which version."),
        ("If-Match" = inline(Option<EntityTag>), Header, description = "Restore only if this is still the monitor's ETag."),
    ),
    request_body = RestoreInput,
    responses(
        (status = 200, description = "As it is now.", body = MonitorView, headers(("ETag" = String, description = "Its version."))),
        (status = 404, description = "There is no such monitor, or that version of it is not kept."),
        (status = 409, description = "Someone else saved first; nothing was changed."),
        (status = 422, description = "Something is wrong with it; nothing was changed."),
    )
)]
pub(crate) async fn restore(
    context: Context,
    Keys(id, version): Keys<MonitorId, i64>,
    params: Params,
    headers: HeaderMap,
    JsonBody(mut fields): JsonBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    let note = fields.text("note", BODY_BYTES).unwrap_or_default();
    let stored = if_match(&headers).map_err(|message| fields.fault("If-Match", message)).unwrap_or_default();
    Refusal::unless_clean(fields.finish(), ())?;
    Ok(shown(versions::restore(&context, id, version, stored, note).await?))
}

/// The difference between two versions of a monitor
///
/// Field by field, the script line by line.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/difference",
    operation_id = "compare_versions",
    tag = "versions",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("from" = Option<i64>, Query, minimum = 1, description = "The version that is compared; the one before `to` if left out."),
        ("to" = Option<i64>, Query, minimum = 1, description = "The one that it is compared with; the stored one if left out."),
    ),
    responses(
        (status = 200, description = "What differs.", body = DifferenceView),
        (status = 404, description = "There is no such monitor, or one of the versions is not kept."),
    )
)]
pub(crate) async fn difference(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<DifferenceView>, Problem> {
    let ends = (params.whole("from", 1..=i64::MAX), params.whole("to", 1..=i64::MAX));
    let (from, to) = params.finish(ends)?;
    Ok(Json(versions::difference(&context, id, from, to).await?.into()))
}
