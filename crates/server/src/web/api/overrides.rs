//! `/api/v1/overrides`: who takes another one's place in a rota.

use axum::{Json, response::Response};
use jiff::Timestamp;
use revere_model::OverrideId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    pagination::{self, NewestFirst, Page},
    version_schemas::AuthorView,
};
use crate::{
    operations::{
        Context, Refusal,
        on_call::{self, OverrideInput},
    },
    store::{OverrideFilter, OverrideRecord},
    web::{
        Problem,
        body::{JsonBody, OptionalBody, created},
        fields::{Fields, TEXT},
        params::{Key, Params},
    },
};

/// Somebody in another one's place.
#[derive(Serialize, ToSchema)]
#[schema(as = Override)]
pub(crate) struct OverrideView {
    /// Its id.
    #[schema(value_type = i64)]
    id: OverrideId,
    /// The key of the rota.
    rota: String,
    /// Who is on call then.
    person: String,
    /// In whose place; null is whoever would be.
    #[schema(required)]
    instead_of: Option<String>,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Whether it never comes again.
    over: bool,
    /// Why, in one line; empty if they did not say.
    reason: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who asked for it.
    owner: AuthorView,
    /// When somebody ended it before its time; null if nobody did.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    ended_at: Option<Timestamp>,
    /// Who ended it before its time; null if nobody did.
    #[schema(required)]
    ended_by: Option<AuthorView>,
}

/// Who takes whose place, and when.
#[derive(ToSchema)]
#[schema(as = OverrideInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct OverrideBody {
    /// The key of the rota.
    rota: String,
    /// Who is on call then, by the name in the rota.
    person: String,
    /// In whose place; whoever would be, if left out or null.
    #[schema(required = false)]
    instead_of: Option<String>,
    /// From when on; now if left out or null.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    starts_at: Option<String>,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    ends_at: String,
    /// Why, in one line.
    #[schema(value_type = String, required = false, max_length = 500)]
    reason: Option<String>,
}

/// List overrides
///
/// Newest first. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/overrides",
    operation_id = "list_overrides",
    tag = "alerts",
    params(
        NewestFirst,
        ("rota" = Option<String>, Query, description = "Only of the rota with this key; empty is any."),
        ("over" = Option<bool>, Query, description = "Only those that never come again, or only the others."),
    ),
    responses((status = 200, description = "One page.", body = Page<OverrideView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<OverrideView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = OverrideFilter {
        rota: params.text("rota"),
        over: params.flag("over"),
        before: params.cursor("before"),
        limit: limit + 1,
    };
    let filter = params.finish(filter)?;
    let found = on_call::overrides(&context, &filter).await?;
    let now = context.now();
    Ok(Json(Page::of(found, limit, |one| one.change.id.0, |one| OverrideView::of(one, now))))
}

/// Add an override
///
/// For a time. Whoever was notified of something before hears its end; what comes meanwhile goes by the override.
#[utoipa::path(
    post,
    path = "/api/v1/overrides",
    operation_id = "add_override",
    tag = "alerts",
    request_body = OverrideBody,
    responses(
        (status = 201, description = "Added.", body = OverrideView, headers(("Location" = String, description = "Its address."))),
        (status = 409, description = "There are too many that are not over."),
        (status = 422, description = "Something is wrong with it; nothing was changed."),
    )
)]
pub(crate) async fn add(context: Context, params: Params, JsonBody(fields): JsonBody) -> Result<Response, Problem> {
    params.finish(())?;
    let added = on_call::add(&context, read(fields)).await?;
    let location = format!("/api/v1/overrides/{}", added.change.id);
    let view = OverrideView::of(added, context.now());
    Ok(created(location, Json(view)))
}

/// One override
///
/// Also one that is over.
#[utoipa::path(
    get,
    path = "/api/v1/overrides/{id}",
    operation_id = "get_override",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which override.")),
    responses(
        (status = 200, description = "The override.", body = OverrideView),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn get(
    context: Context,
    Key(id): Key<OverrideId>,
    params: Params,
) -> Result<Json<OverrideView>, Problem> {
    params.finish(())?;
    let found = on_call::get_override(&context, id).await?;
    Ok(Json(OverrideView::of(found, context.now())))
}

/// End an override
///
/// Before its time. One that is over stays as it is.
#[utoipa::path(
    post,
    path = "/api/v1/overrides/{id}/end",
    operation_id = "end_override",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which override.")),
    responses(
        (status = 200, description = "As it is now.", body = OverrideView),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn end(
    context: Context,
    Key(id): Key<OverrideId>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Json<OverrideView>, Problem> {
    params.finish(())?;
    Refusal::unless_clean(fields.finish(), ())?;
    let ended = on_call::end(&context, id).await?;
    Ok(Json(OverrideView::of(ended, context.now())))
}

fn read(mut fields: Fields) -> OverrideInput {
    let rota = fields.text("rota", TEXT);
    let person = fields.text("person", TEXT);
    let instead_of = fields.text_or_null("instead_of", TEXT);
    let starts_at = fields.instant_or_null("starts_at");
    let ends_at = fields.instant("ends_at");
    let reason = fields.text("reason", 4 * TEXT).unwrap_or_default();
    OverrideInput { rota, person, instead_of, starts_at, ends_at, reason, faults: fields.finish() }
}

impl OverrideView {
    fn of(record: OverrideRecord, now: Timestamp) -> OverrideView {
        let over = record.is_over(now);
        let (ended_at, ended_by) = record.ended.map_or((None, None), |(at, by)| (Some(at), Some(by.into())));
        OverrideView {
            id: record.change.id,
            rota: record.rota,
            person: record.change.person,
            instead_of: record.change.instead_of,
            starts_at: record.change.starts_at,
            ends_at: record.change.ends_at,
            over,
            reason: record.reason,
            created_at: record.created_at,
            owner: record.owner.into(),
            ended_at,
            ended_by,
        }
    }
}
