//! `/api/v1/deleted-monitors`: what was deleted and can be brought back.

use axum::{Json, response::Response};
use jiff::Timestamp;
use revere_model::MonitorId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    monitor_schemas::MonitorView,
    monitors::shown,
    pagination::{self, Page},
    schemas::Cursor,
    version_schemas::AuthorView,
};
use crate::{
    operations::{Context, Refusal, deleted_monitors},
    store::DeletedMonitor,
    web::{
        Problem,
        body::OptionalBody,
        params::{Key, Params},
    },
};

/// A monitor that was deleted and can be brought back.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedMonitor)]
pub(crate) struct DeletedMonitorView {
    /// Its id, which it has again when it is back.
    #[schema(value_type = i64)]
    id: MonitorId,
    /// What it was called. Another one may be called so by now.
    name: String,
    /// Its tags.
    tags: Vec<String>,
    /// When it was deleted.
    #[schema(value_type = String, format = DateTime)]
    deleted_at: Timestamp,
    /// Who deleted it; null where that was not kept.
    #[schema(required)]
    deleted_by: Option<AuthorView>,
    /// Until when it can be brought back. Then it goes for good, with its history.
    #[schema(value_type = String, format = DateTime)]
    kept_until: Timestamp,
}

/// Deleted monitors
///
/// Those that can be brought back, the last deleted first. The next page begins after the cursor: give `next` back as `after`.
#[utoipa::path(
    get,
    path = "/api/v1/deleted-monitors",
    operation_id = "list_deleted_monitors",
    tag = "monitors",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most, 1 to 500; 100 if left out."),
        ("after" = inline(Option<Cursor>), Query, description = "The cursor of the page before."),
    ),
    responses((status = 200, description = "One page.", body = Page<DeletedMonitorView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<DeletedMonitorView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let after = params.cursor("after");
    let after = params.finish(after)?;
    let found = deleted_monitors::list(&context, after, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |deleted| deleted.id.0, DeletedMonitorView::from)))
}

/// Bring a deleted monitor back
///
/// With its id, its versions and its history, in the state it was in. If it is active, it runs from its next tick on.
#[utoipa::path(
    post,
    path = "/api/v1/deleted-monitors/{id}/undelete",
    operation_id = "undelete_monitor",
    tag = "monitors",
    params(("id" = i64, Path, minimum = 1, description = "Which monitor.")),
    responses(
        (status = 200, description = "As it is now.", body = MonitorView, headers(("ETag" = String, description = "Its version."))),
        (status = 404, description = "There is no deleted monitor with that id, or it is kept no longer."),
    )
)]
pub(crate) async fn undelete(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    Refusal::unless_clean(fields.finish(), ())?;
    Ok(shown(deleted_monitors::undelete(&context, id).await?))
}

impl From<DeletedMonitor> for DeletedMonitorView {
    fn from(deleted: DeletedMonitor) -> Self {
        DeletedMonitorView {
            id: deleted.id,
            name: deleted.name,
            tags: deleted.tags,
            deleted_at: deleted.deleted_at,
            deleted_by: deleted.deleted_by.map(AuthorView::from),
            kept_until: deleted.kept_until,
        }
    }
}
