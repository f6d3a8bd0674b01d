//! Who is told of a monitor, what they were told and what not, and who looks after its problem.

use askama::Template;
use revere_model::{Monitor, MonitorId, MonitorSpec, Operation, Severity, State, Subject};

use super::super::{
    acknowledge::AcknowledgedView,
    display::{Badge, Status, When},
    not_told::NotToldRow,
};
use crate::{
    operations::{Context, Failure, acknowledgements, alerts, decisions, deliveries},
    store::{AlertRow, DeliveryFilter, NotToldFilter},
    web::Problem,
};

/// Deliveries that the page lists, and so many decisions not to tell.
const DELIVERIES: u32 = 5;

#[derive(Template)]
#[template(path = "pages/monitor_deliveries.html")]
pub(in super::super) struct DeliveryLogPart {
    pub(in super::super) id: MonitorId,
    pub(in super::super) deliveries: Vec<Sent>,
    pub(in super::super) not_told: Vec<NotToldRow>,
}

/// Who looks after its problem; sent again when that or the state changes, but for the form to say so.
#[derive(Template)]
#[template(path = "pages/monitor_acknowledged_part.html")]
pub(in super::super) struct AcknowledgedPart {
    pub(in super::super) acknowledged: Option<AcknowledgedView>,
    /// The monitor, where somebody looked after its problem a moment ago and does no more.
    pub(in super::super) taken_back: Option<MonitorId>,
}

/// An alert, as it concerns this monitor.
pub(super) struct ToldAlert {
    pub(super) key: String,
    pub(super) words: String,
}

/// One of the last deliveries.
pub(in super::super) struct Sent {
    pub(super) alert: String,
    pub(super) old: Badge,
    pub(super) new: Badge,
    pub(super) status: Status,
    pub(super) at: When,
}

/// Who looks after the present problem.
pub(in super::super) async fn acknowledged(
    context: &Context,
    monitor: &Monitor,
) -> Result<Option<AcknowledgedView>, Failure> {
    let made = acknowledgements::of_these(context, &[monitor.id]).await?.remove(&monitor.id);
    let may = context.might_with(Operation::Acknowledge, &monitor.spec.tags).is_ok();
    let taken_back_at = may.then_some(monitor.id);
    Ok(made.map(|made| AcknowledgedView { taken_back_at, ..AcknowledgedView::of(made, context.now()) }))
}

/// The alerts that are for this monitor, and those that it chose and nobody has.
pub(super) async fn told(context: &Context, spec: &MonitorSpec) -> Result<Vec<ToldAlert>, Problem> {
    let rows = alerts::settings(context).await?;
    let subject = Subject { tags: &spec.tags, alerts: spec.alerts.as_deref(), state: State::Inactive, severity: None };
    let here = rows.iter().filter(|row| row.in_config && row.rules().elsewhere(&subject).is_none());
    let mut told: Vec<ToldAlert> = here.map(|row| ToldAlert { key: row.key.clone(), words: tells(row) }).collect();
    let gone = |key: &&String| !rows.iter().any(|row| row.in_config && row.key == **key);
    let gone = spec.alerts.iter().flatten().filter(gone);
    told.extend(gone.map(|key| ToldAlert { key: key.clone(), words: "not in the configuration".to_owned() }));
    Ok(told)
}

fn tells(row: &AlertRow) -> String {
    let states: Vec<&str> = row.states.iter().map(State::as_str).collect();
    let severities: Vec<&str> = row.severities.iter().map(Severity::as_str).collect();
    match (row.is_on(), states.is_empty(), severities.as_slice()) {
        (false, ..) => "switched off".to_owned(),
        (true, true, _) => "of nothing".to_owned(),
        (true, false, [only]) => format!("{}; {only} problems only", states.join(", ")),
        (true, false, []) => format!("{}; no problems", states.join(", ")),
        (true, false, _) => states.join(", "),
    }
}

/// The last that was told, as the page lists it.
pub(in super::super) async fn last_told(context: &Context, id: MonitorId) -> Result<Vec<Sent>, Failure> {
    let now = context.now();
    let filter = DeliveryFilter { monitor: Some(id), limit: DELIVERIES, ..DeliveryFilter::default() };
    let deliveries = deliveries::list(context, &filter).await?;
    Ok(deliveries
        .into_iter()
        .map(|delivery| Sent {
            alert: delivery.alert_key,
            old: Badge::State(delivery.notification.old_state),
            new: Badge::State(delivery.notification.new_state),
            status: Status(delivery.status),
            at: When { at: delivery.settled_at.unwrap_or(delivery.created_at), now },
        })
        .collect())
}

/// The last that was not told, as the page lists it.
pub(in super::super) async fn last_not_told(context: &Context, id: MonitorId) -> Result<Vec<NotToldRow>, Failure> {
    let now = context.now();
    let filter = NotToldFilter { monitor: Some(id), limit: DELIVERIES, ..NotToldFilter::default() };
    let found = decisions::not_told(context, &filter).await?;
    let found = decisions::unheard(context, found).await?;
    Ok(found.into_iter().map(|one| NotToldRow::of(one, now)).collect())
}
