//! `/api/v1/mutes`: what is held back for a time.

use axum::{Json, response::Response};
use jiff::Timestamp;
use revere_model::{FlipId, MonitorId, MuteDraft, MuteId, ReturnValue, Severity, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    pagination::{self, NewestFirst, Page},
    schemas::{ReturnValueShape, SeverityWord, StateWord},
    version_schemas::AuthorView,
};
use crate::{
    operations::{
        Context, Refusal,
        mutes::{self, MuteInput},
    },
    store::{HeldBack, MuteFilter, MuteRecord},
    web::{
        Problem,
        body::{JsonBody, OptionalBody, created},
        fields::{Fields, TEXT},
        params::{Key, Params},
    },
};

/// A mute: what is held back for a time although an alert would notify of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Mute)]
pub(crate) struct MuteView {
    /// Its id.
    #[schema(value_type = i64)]
    id: MuteId,
    /// The monitors it is about; empty is any.
    #[schema(value_type = Vec<i64>)]
    monitor_ids: Vec<MonitorId>,
    /// The tag of the monitors it is about; null is any.
    #[schema(required)]
    tag: Option<String>,
    /// The alert that it silences; null is all.
    #[schema(required)]
    alert: Option<String>,
    /// The severity of the problems it is about; null is any.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// When it ends; of one that recurs, when that ends, and null is never.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    ends_at: Option<Timestamp>,
    /// The crontab by which it recurs; null if it comes once.
    #[schema(required)]
    schedule: Option<String>,
    /// Where that is read; null if it comes once.
    #[schema(required)]
    timezone: Option<String>,
    /// How long each turn of the schedule lasts, in seconds; null if it comes once.
    #[schema(required)]
    duration_s: Option<i64>,
    /// Why, in one line; empty if they did not say.
    reason: String,
    /// Whether it is in force now.
    in_force: bool,
    /// Until when it is in force without a pause; null if it is not.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    in_force_until: Option<Timestamp>,
    /// When it begins next; null if it is in force, or never comes again.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_start_at: Option<Timestamp>,
    /// Whether it never comes again.
    over: bool,
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
    /// How many notifications it held back, one for each change of state and alert.
    held_back: u64,
    /// When it held back the last of them; null if it held back none.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_held_at: Option<Timestamp>,
    /// Since when it held nothing back, where that is 30 days or more: is it still needed? Else null.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    unused_since: Option<Timestamp>,
}

/// What to mute, and for how long. Whatever fits all that is named is muted; nothing named is everything.
#[derive(ToSchema)]
#[schema(as = MuteInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct MuteBody {
    /// These monitors.
    #[schema(value_type = Vec<i64>, required = false, max_items = 500)]
    monitor_ids: Option<Vec<i64>>,
    /// The monitors with this tag; null is any.
    #[schema(required = false)]
    tag: Option<String>,
    /// This alert; null is all.
    #[schema(required = false, format = "alert-key")]
    alert: Option<String>,
    /// Problems of this severity, and their ends; null is any.
    #[schema(value_type = Option<SeverityWord>, required = false)]
    severity: Option<String>,
    /// From when on; now if left out or null.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    starts_at: Option<String>,
    /// Until when: either this or `duration_s`. With a `schedule`, when that ends; never if left out or null.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    ends_at: Option<String>,
    /// For so many seconds. With a `schedule`, how long each of its turns lasts.
    #[schema(value_type = i64, required = false, minimum = 60, maximum = 31_622_400)]
    duration_s: Option<i64>,
    /// A crontab: muted again and again, from each of its ticks on for `duration_s`.
    #[schema(required = false)]
    schedule: Option<String>,
    /// The time zone in which the schedule is read; UTC if left out.
    #[schema(required = false)]
    timezone: Option<String>,
    /// Why, in one line.
    #[schema(value_type = String, required = false, max_length = 500)]
    reason: Option<String>,
}

/// A change of state that a mute held back.
#[derive(Serialize, ToSchema)]
#[schema(as = HeldBack)]
pub(crate) struct HeldBackView {
    /// The change of state.
    #[schema(value_type = i64)]
    flip_id: FlipId,
    /// Its monitor.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// What that is called.
    monitor_name: String,
    /// When it was.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The state before.
    #[schema(value_type = StateWord)]
    old_state: State,
    /// The state after.
    #[schema(value_type = StateWord)]
    new_state: State,
    /// What the run said.
    message: String,
    /// The value of the run.
    #[schema(value_type = Option<ReturnValueShape>, required)]
    return_value: Option<ReturnValue>,
    /// The alerts that would have notified of it.
    alerts: Vec<String>,
}

/// List mutes
///
/// Newest first. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/mutes",
    operation_id = "list_mutes",
    tag = "alerts",
    params(
        NewestFirst,
        ("over" = Option<bool>, Query, description = "Only those that never come again, or only the others."),
    ),
    responses((status = 200, description = "One page.", body = Page<MuteView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<MuteView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = MuteFilter { over: params.flag("over"), before: params.cursor("before"), limit: limit + 1 };
    let filter = params.finish(filter)?;
    let found = mutes::list(&context, &filter).await?;
    let now = context.now();
    Ok(Json(Page::of(found, limit, |record| record.mute.id.0, |record| MuteView::of(record, now))))
}

/// Mute
///
/// Monitors go on running. What begins and ends while it is muted is not sent; what is left at the end is sent then, in one
/// message.
#[utoipa::path(
    post,
    path = "/api/v1/mutes",
    operation_id = "add_mute",
    tag = "alerts",
    request_body = MuteBody,
    responses(
        (status = 201, description = "Added.", body = MuteView, headers(("Location" = String, description = "Its address."))),
        (status = 409, description = "There are too many that are not over."),
        (status = 422, description = "Something is wrong with it; nothing was muted."),
    )
)]
pub(crate) async fn add(context: Context, params: Params, JsonBody(fields): JsonBody) -> Result<Response, Problem> {
    params.finish(())?;
    let added = mutes::add(&context, read(fields)).await?;
    let location = format!("/api/v1/mutes/{}", added.mute.id);
    let view = MuteView::of(added, context.now());
    Ok(created(location, Json(view)))
}

/// One mute
///
/// Also one that is over.
#[utoipa::path(
    get,
    path = "/api/v1/mutes/{id}",
    operation_id = "get_mute",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which mute.")),
    responses(
        (status = 200, description = "The mute.", body = MuteView),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn get(context: Context, Key(id): Key<MuteId>, params: Params) -> Result<Json<MuteView>, Problem> {
    params.finish(())?;
    let found = mutes::get(&context, id).await?;
    Ok(Json(MuteView::of(found, context.now())))
}

/// What a mute held back
///
/// Newest first. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/mutes/{id}/held-back",
    operation_id = "list_held_back",
    tag = "alerts",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which mute."),
        NewestFirst,
    ),
    responses(
        (status = 200, description = "One page.", body = Page<HeldBackView>),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn held_back(
    context: Context,
    Key(id): Key<MuteId>,
    mut params: Params,
) -> Result<Json<Page<HeldBackView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let before = params.cursor("before");
    let before = params.finish(before)?;
    let found = mutes::held_back(&context, id, before, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |one| one.flip.id.0, HeldBackView::from)))
}

/// End a mute
///
/// Before its time. What it held back and is not over is sent now, unless another mute holds it. One that is over stays as
/// it is.
#[utoipa::path(
    post,
    path = "/api/v1/mutes/{id}/end",
    operation_id = "end_mute",
    tag = "alerts",
    params(("id" = i64, Path, minimum = 1, description = "Which mute.")),
    responses(
        (status = 200, description = "As it is now.", body = MuteView),
        (status = 404, description = "There is none with that id."),
    )
)]
pub(crate) async fn end(
    context: Context,
    Key(id): Key<MuteId>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Json<MuteView>, Problem> {
    params.finish(())?;
    Refusal::unless_clean(fields.finish(), ())?;
    let ended = mutes::end(&context, id).await?;
    Ok(Json(MuteView::of(ended, context.now())))
}

fn read(mut fields: Fields) -> MuteInput {
    let severity = fields.text_or_null("severity", TEXT);
    let severity = severity
        .and_then(|text| text.parse::<Severity>().map_err(|error| fields.fault("severity", error.to_string())).ok());
    let draft = MuteDraft {
        monitors: fields.ids("monitor_ids").unwrap_or_default().into_iter().map(MonitorId).collect(),
        tag: fields.text_or_null("tag", TEXT),
        alert: fields.text_or_null("alert", TEXT),
        severity,
        starts_at: fields.instant_or_null("starts_at"),
        ends_at: fields.instant_or_null("ends_at"),
        duration_s: fields.whole("duration_s", 60..=31_622_400),
        schedule: fields.text_or_null("schedule", TEXT),
        timezone: fields.text_or_null("timezone", TEXT),
        reason: fields.text("reason", 4 * TEXT).unwrap_or_default(),
    };
    MuteInput { draft, faults: fields.finish() }
}

impl MuteView {
    fn of(record: MuteRecord, now: Timestamp) -> MuteView {
        let (until, over, unused_since) = (record.until(now), record.is_over(now), record.unused_since(now));
        let period = &record.mute.period;
        let recurs = period.recurs.as_ref();
        let (ended_at, ended_by) = record.ended.map_or((None, None), |(at, by)| (Some(at), Some(by.into())));
        MuteView {
            id: record.mute.id,
            starts_at: period.starts_at,
            ends_at: period.ends_at,
            schedule: recurs.map(|recurs| recurs.schedule.to_string()),
            timezone: recurs.map(|recurs| recurs.timezone().to_owned()),
            duration_s: recurs.map(|recurs| recurs.duration.as_secs()),
            in_force: until.is_some(),
            in_force_until: until,
            next_start_at: if over { None } else { period.next_start(now) },
            over,
            monitor_ids: record.mute.scope.monitors,
            tag: record.mute.scope.tag,
            alert: record.mute.scope.alert,
            severity: record.mute.scope.severity.map(SeverityWord::from),
            reason: record.reason,
            created_at: record.created_at,
            owner: record.owner.into(),
            ended_at,
            ended_by,
            held_back: record.held_back,
            last_held_at: record.last_held_at,
            unused_since,
        }
    }
}

impl From<HeldBack> for HeldBackView {
    fn from(held: HeldBack) -> Self {
        HeldBackView {
            flip_id: held.flip.id,
            monitor_id: held.flip.monitor_id,
            monitor_name: held.monitor_name,
            at: held.flip.at,
            old_state: held.flip.old_state,
            new_state: held.flip.new_state,
            message: held.flip.message,
            return_value: held.flip.return_value,
            alerts: held.alerts,
        }
    }
}
