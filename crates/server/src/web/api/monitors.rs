//! `/api/v1/monitors`: what is watched.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use revere_model::{Monitor, MonitorId, State, StateSet};

use super::{
    monitor_fields,
    monitor_schemas::{MonitorBody, MonitorChange, MonitorView},
    pagination::{self, Page},
    schemas::{Cursor, EntityTag, SeverityWord, StateWord},
};
use crate::{
    operations::{
        Context, Refusal,
        monitors::{self, MonitorInput},
    },
    store::MonitorFilter,
    web::{
        Problem,
        body::{JsonBody, created},
        fields::Fields,
        params::{Key, Params, is_number},
    },
};

/// List monitors
///
/// By id. The next page begins after the cursor: give `next` back as `after`.
#[utoipa::path(
    get,
    path = "/api/v1/monitors",
    operation_id = "list_monitors",
    tag = "monitors",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most, 1 to 500; 100 if left out."),
        ("after" = inline(Option<Cursor>), Query, description = "The cursor of the page before."),
        ("state" = Option<Vec<StateWord>>, Query, style = Form, explode = false, description = "Only in these states, separated by commas."),
        ("active" = Option<bool>, Query, description = "Only those that run on their schedule, or with `false` only those that are paused."),
        ("severity" = Option<SeverityWord>, Query, description = "Only with a problem of this severity."),
        ("tag" = Option<String>, Query, description = "Only with this tag; empty is any."),
        ("q" = Option<String>, Query, description = "Only if the name contains this, in either case."),
    ),
    responses((status = 200, description = "One page.", body = Page<MonitorView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<MonitorView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = MonitorFilter {
        states: states(&mut params),
        active: params.exactly("active", "true or false"),
        severity: params.exactly("severity", "critical or warning"),
        tag: params.text("tag"),
        search: params.text("q"),
        after: params.cursor("after"),
        limit,
    };
    let filter = params.finish(filter)?;
    let (monitors, more) = monitors::list(&context, &filter, pagination::MOST_BYTES).await?;
    Ok(Json(Page::cut(monitors, more, |monitor| monitor.id.0, MonitorView::from)))
}

/// Create a monitor
///
/// It runs from its next tick on, and is `INACTIVE` until then.
#[utoipa::path(
    post,
    path = "/api/v1/monitors",
    operation_id = "create_monitor",
    tag = "monitors",
    request_body = MonitorBody,
    responses(
        (status = 201, description = "Created.", body = MonitorView, headers(("Location" = String, description = "Its address."), ("ETag" = String, description = "Its version."))),
        (status = 413, description = "The script is larger than 256 KiB."),
        (status = 422, description = "Something is wrong with it; nothing was stored."),
    )
)]
pub(crate) async fn create(context: Context, params: Params, JsonBody(fields): JsonBody) -> Result<Response, Problem> {
    params.finish(())?;
    let (input, _) = read(fields, None, true);
    let monitor = monitors::create(&context, input).await?;
    let location = format!("/api/v1/monitors/{}", monitor.id);
    Ok(created(location, shown(monitor)))
}

/// One monitor
///
/// Its `ETag` is its version.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}",
    operation_id = "get_monitor",
    tag = "monitors",
    params(("id" = i64, Path, minimum = 1, description = "Which monitor.")),
    responses(
        (status = 200, description = "The monitor.", body = MonitorView, headers(("ETag" = String, description = "Its version."))),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn get(context: Context, Key(id): Key<MonitorId>, params: Params) -> Result<Response, Problem> {
    params.finish(())?;
    Ok(shown(monitors::get(&context, id).await?))
}

/// Replace a monitor
///
/// What the body leaves out gets its default, except `active`, which stays as it is. To change single fields, use PATCH.
#[utoipa::path(
    put,
    path = "/api/v1/monitors/{id}",
    operation_id = "replace_monitor",
    tag = "monitors",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("If-Match" = inline(Option<EntityTag>), Header, description = "The ETag the edit started from."),
    ),
    request_body = MonitorBody,
    responses(
        (status = 200, description = "As it is now.", body = MonitorView, headers(("ETag" = String, description = "Its version."))),
        (status = 404, description = "There is none with that id."),
        (status = 409, description = "Someone else saved first; nothing was changed."),
        (status = 413, description = "The script is larger than 256 KiB."),
        (status = 422, description = "Something is wrong with it; nothing was changed."),
    )
)]
pub(crate) async fn replace(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
    headers: HeaderMap,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    let (input, version) = read(fields, Some((id, &headers)), true);
    Ok(shown(monitors::replace(&context, id, version, &input).await?))
}

/// Change some fields of a monitor
///
/// What the body leaves out stays as it is.
#[utoipa::path(
    patch,
    path = "/api/v1/monitors/{id}",
    operation_id = "update_monitor",
    tag = "monitors",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("If-Match" = inline(Option<EntityTag>), Header, description = "The ETag the edit started from."),
    ),
    request_body = MonitorChange,
    responses(
        (status = 200, description = "As it is now.", body = MonitorView, headers(("ETag" = String, description = "Its version."))),
        (status = 404, description = "There is none with that id."),
        (status = 409, description = "Someone else saved first; nothing was changed."),
        (status = 413, description = "The script is larger than 256 KiB."),
        (status = 422, description = "Something is wrong with it; nothing was changed."),
    )
)]
pub(crate) async fn update(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
    headers: HeaderMap,
    JsonBody(fields): JsonBody,
) -> Result<Response, Problem> {
    params.finish(())?;
    let (input, version) = read(fields, Some((id, &headers)), false);
    Ok(shown(monitors::update(&context, id, version, &input).await?))
}

/// Delete a monitor
///
/// What is queued is still delivered. For a time (`KEEP_DELETED_DAYS` of the configuration) it can be brought back with its
/// history: see `/api/v1/deleted-monitors`. The id is never used for another one.
#[utoipa::path(
    delete,
    path = "/api/v1/monitors/{id}",
    operation_id = "delete_monitor",
    tag = "monitors",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("If-Match" = inline(Option<EntityTag>), Header, description = "Delete only if this is still its ETag."),
    ),
    responses(
        (status = 204, description = "Deleted."),
        (status = 404, description = "There is none with that id."),
        (status = 409, description = "Someone else saved first; nothing was deleted."),
    )
)]
pub(crate) async fn delete(
    context: Context,
    Key(id): Key<MonitorId>,
    params: Params,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    params.finish(())?;
    let version = if_match(&headers).map_err(|message| Refusal::one("If-Match", message))?;
    monitors::delete(&context, id, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What answers show and inputs need not name.
const SHOWN_ONLY: &[&str] = &[
    "id",
    "state",
    "severity",
    "state_since",
    "created_at",
    "updated_at",
    "last_run_at",
    "last_message",
    "last_value",
    "next_run_at",
    "missed_ticks",
    "overlapped_ticks",
    "pending",
    "fault",
    "waits_for",
];

/// What is wrong with a body that makes a monitor, as far as can be said without the server.
pub fn body_faults(body: serde_json::Value) -> Vec<crate::operations::FieldFault> {
    match Fields::of(body) {
        Ok(fields) => monitors::faults_of(&read(fields, None, true).0),
        Err(refusal) => refusal.faults,
    }
}

/// Reads a body. `edit` is the monitor that is edited, and the headers that may name its version.
fn read(mut fields: Fields, edit: Option<(MonitorId, &HeaderMap)>, whole: bool) -> (MonitorInput, Option<i64>) {
    if whole {
        monitor_fields::require(&mut fields);
    }
    let mut input = monitor_fields::read(&mut fields);
    let mut version = fields.or_null("version", |fields| fields.whole("version", 1..=i64::MAX)).flatten();
    match edit {
        // A copy of another monitor: its version and id mean nothing here.
        None => version = None,
        Some((id, headers)) => {
            match if_match(headers) {
                Ok(named) => version = named.or(version),
                Err(message) => fields.fault("If-Match", message),
            }
            let given = fields.or_null("id", |fields| fields.whole("id", i64::MIN..=i64::MAX)).flatten();
            if let Some(given) = given.filter(|given| *given != id.0) {
                fields
                    .fault("id", format!("is {given}, but the address names monitor {id}; send it to its own address"));
            }
        }
    }
    fields.ignore(SHOWN_ONLY);
    input.faults = fields.finish();
    (input, version)
}

/// The version that an `If-Match` header names; `*` names any.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, String> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let short: String = text.chars().take(40).collect();
    bare.parse()
        .ok()
        .filter(|_| is_number(bare))
        .map(Some)
        .ok_or_else(|| format!("expected the ETag of a monitor, such as \"3\", not {short:?}"))
}

pub(super) fn shown(monitor: Monitor) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", monitor.version)).expect("digits and quotes fit a header");
    ([(header::ETAG, tag)], Json(MonitorView::from(monitor))).into_response()
}

/// The parameter `state`: several, separated by commas.
pub(super) fn states(params: &mut Params) -> Option<StateSet> {
    params.several::<State>("state").map(|states| states.into_iter().collect())
}
