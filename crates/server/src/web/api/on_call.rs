//! `/api/v1/on-call`: who is on call, and who takes another one's place.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use revere_model::{
    OverrideId,
    on_call::{Because, OnCall, Stretch},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    pagination::{self, Page},
    schemas::Cursor,
    version_schemas::AuthorView,
};
use crate::{
    operations::{
        Context, Refusal,
        on_call::{self, OverrideInput, RotaReport},
    },
    store::{OverrideFilter, OverrideRecord},
    web::{
        Problem,
        body::{JsonBody, OptionalBody},
        fields::Fields,
        params::{Key, Params},
    },
};

/// A rota: who is on call, and who will be.
#[derive(Serialize, ToSchema)]
#[schema(as = Rota)]
pub(crate) struct RotaView {
    /// Its key, which is that of its alert.
    key: String,
    /// What the configuration says about it.
    description: String,
    /// Everybody who can be told, with the alerts that reach them.
    people: Vec<RotaPersonView>,
    /// After so many seconds without an acknowledgement the next one is told; null is never.
    #[schema(required)]
    escalate_after_s: Option<i64>,
    /// Who is told then, one after the other; then everybody is.
    escalation: Vec<String>,
    /// Who is on call now; nobody is a fault.
    now: Vec<OnCallView>,
    /// When others are on call next, and who; null if nothing changes within three months.
    #[schema(required)]
    next: Option<StretchView>,
    /// How its calendar does; null if it goes by layers.
    #[schema(required)]
    calendar: Option<CalendarView>,
    /// Who is on call over the time that was asked for, without a hole.
    plan: Vec<StretchView>,
    /// The parts of it in which nobody is.
    gaps: Vec<StretchView>,
}

/// How the calendar of a rota does.
#[derive(Serialize, ToSchema)]
#[schema(as = RotaCalendar)]
pub(crate) struct CalendarView {
    /// When it could be fetched last; null if it never could.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    fetched_at: Option<Timestamp>,
    /// Why it cannot be fetched; the last copy of it counts meanwhile. Null if it can.
    #[schema(required)]
    fault: Option<String>,
    /// Since when it cannot be; null if it can.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    failing_since: Option<Timestamp>,
    /// What is wrong with some of its events, a sentence each.
    faults: Vec<String>,
}

/// Somebody of a rota.
#[derive(Serialize, ToSchema)]
#[schema(as = RotaPerson)]
pub(crate) struct RotaPersonView {
    /// Their name.
    name: String,
    /// The keys of the alerts that reach them.
    alerts: Vec<String>,
}

/// A time in which the same people are on call.
#[derive(Serialize, ToSchema)]
#[schema(as = Stretch)]
pub(crate) struct StretchView {
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// Until when, as far as was asked.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Who; nobody is a gap.
    on_call: Vec<OnCallView>,
}

/// Somebody who is on call, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = OnCall)]
pub(crate) struct OnCallView {
    /// Who.
    person: String,
    /// The layer whose turn it is; null where it is none.
    #[schema(required)]
    layer: Option<String>,
    /// The override that put them there; null where none did.
    #[schema(value_type = Option<i64>, required)]
    override_id: Option<OverrideId>,
}

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

/// Who is on call
///
/// All rotas that are switched on, with the coming two weeks. All on one page.
#[utoipa::path(
    get,
    path = "/api/v1/on-call",
    operation_id = "list_rotas",
    tag = "alerts",
    responses((status = 200, description = "All rotas.", body = Page<RotaView>))
)]
pub(crate) async fn list(context: Context, params: Params) -> Result<Json<Page<RotaView>>, Problem> {
    params.finish(())?;
    let found = on_call::list(&context).await?;
    Ok(Json(Page::whole(found.into_iter().map(RotaView::from))))
}

/// One rota
///
/// Over the coming two weeks, or the time that is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/on-call/{key}",
    operation_id = "get_rota",
    tag = "alerts",
    params(
        ("key" = String, Path, description = "The key of the rota's alert."),
        ("from" = Option<String>, Query, format = DateTime, description = "From when on, in RFC 3339; now if left out."),
        ("until" = Option<String>, Query, format = DateTime, description = "Until when, a year later at most; two weeks later if left out."),
    ),
    responses(
        (status = 200, description = "The rota.", body = RotaView),
        (status = 404, description = "There is none with that key."),
        (status = 422, description = "The time does not end after its beginning."),
    )
)]
pub(crate) async fn get(
    context: Context,
    Key(key): Key<String>,
    mut params: Params,
) -> Result<Json<RotaView>, Problem> {
    const EXPECTED: &str = "a time such as 2026-11-30T22:00:00Z";
    let from = params.exactly("from", EXPECTED);
    let until = params.exactly("until", EXPECTED);
    let (from, until) = params.finish((from, until))?;
    Ok(Json(on_call::get(&context, &key, from, until).await?.into()))
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
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many at most, 1 to 500; 100 if left out."),
        ("before" = inline(Option<Cursor>), Query, description = "The cursor of the page before."),
        ("rota" = Option<String>, Query, description = "Only of the rota with this key; empty is any."),
        ("over" = Option<bool>, Query, description = "Only those that never come again, or only the others."),
    ),
    responses((status = 200, description = "One page.", body = Page<OverrideView>))
)]
pub(crate) async fn overrides(context: Context, mut params: Params) -> Result<Json<Page<OverrideView>>, Problem> {
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
/// For a time. Whoever was told of something before stays told; what comes to be told meanwhile goes by the override.
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
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(view)).into_response())
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
pub(crate) async fn get_override(
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

/// The longest text of a field that is not bounded otherwise.
const TEXT: usize = 1000;

fn read(mut fields: Fields) -> OverrideInput {
    let rota = fields.text("rota", TEXT);
    let person = fields.text("person", TEXT);
    let instead_of = fields.or_null("instead_of", |fields| fields.text("instead_of", TEXT)).flatten();
    let starts_at = fields.or_null("starts_at", |fields| fields.instant("starts_at")).flatten();
    let ends_at = fields.instant("ends_at");
    let reason = fields.text("reason", 4 * TEXT).unwrap_or_default();
    OverrideInput { rota, person, instead_of, starts_at, ends_at, reason, faults: fields.finish() }
}

impl From<RotaReport> for RotaView {
    fn from(report: RotaReport) -> Self {
        let gaps = report.gaps().cloned().map(StretchView::from).collect();
        let person =
            |person: revere_model::on_call::Person| RotaPersonView { name: person.name, alerts: person.alerts };
        RotaView {
            key: report.key,
            description: report.description,
            people: report.rota.people.into_iter().map(person).collect(),
            escalate_after_s: report.rota.escalate_after.map(|after| after.as_secs()),
            escalation: report.rota.escalation,
            now: report.now.into_iter().map(OnCallView::from).collect(),
            next: report.next.map(StretchView::from),
            calendar: report.calendar.map(|calendar| {
                let (fault, failing_since) = calendar.fault.unzip();
                CalendarView { fetched_at: calendar.fetched_at, fault, failing_since, faults: calendar.faults }
            }),
            plan: report.plan.into_iter().map(StretchView::from).collect(),
            gaps,
        }
    }
}

impl From<Stretch> for StretchView {
    fn from(stretch: Stretch) -> Self {
        let on_call = stretch.on_call.into_iter().map(OnCallView::from).collect();
        StretchView { starts_at: stretch.starts_at, ends_at: stretch.ends_at, on_call }
    }
}

impl From<OnCall> for OnCallView {
    fn from(one: OnCall) -> Self {
        let (layer, override_id) = match one.because {
            Because::Layer(layer) => (Some(layer), None),
            Because::Override(id) => (None, Some(id)),
            Because::Calendar => (None, None),
        };
        OnCallView { person: one.person, layer, override_id }
    }
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
