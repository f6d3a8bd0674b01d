//! `/api/v1/on-call`: who is on call.

use axum::Json;
use jiff::Timestamp;
use revere_model::{
    OverrideId,
    on_call::{Because, OnCall, Stretch},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::pagination::Page;
use crate::{
    operations::{
        Context,
        on_call::{self, RotaReport},
    },
    web::{
        Problem,
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
    /// Everybody who can be notified, with the alerts that reach them.
    people: Vec<RotaPersonView>,
    /// After so many seconds without an acknowledgement the next one is notified; null is never.
    #[schema(required)]
    escalate_after_s: Option<i64>,
    /// Who is notified then, one after the other; then everybody is.
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
    let from = params.instant("from", EXPECTED);
    let until = params.instant("until", EXPECTED);
    let (from, until) = params.finish((from, until))?;
    Ok(Json(on_call::get(&context, &key, from, until).await?.into()))
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
