//! `/api/v1/deliveries`: what is queued, was delivered, has failed, and why.

use axum::Json;
use jiff::Timestamp;
use revere_model::{DeliveryId, FlipId, MonitorId, MuteId, ReturnValue, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    pagination::{self, NewestFirst, Page},
    schemas::{DeliveryStatusWord, ReturnValueShape, SeverityWord, StateWord},
};
use crate::{
    operations::{Context, deliveries},
    store::{Delivery, DeliveryFilter, DeliveryStatus},
    web::{Problem, params::Params},
};

/// One notification by one alert.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    /// Its id.
    #[schema(value_type = i64)]
    id: DeliveryId,
    /// The key of the alert.
    alert: String,
    /// The monitor.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// The monitor's name at that time.
    monitor_name: String,
    /// The change of state it notifies of.
    #[schema(value_type = i64)]
    flip_id: FlipId,
    /// How it stands.
    #[schema(value_type = DeliveryStatusWord)]
    status: DeliveryStatus,
    /// How often sending was begun.
    attempts: u32,
    /// When it was queued.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it is tried next; null once it is settled, or while an earlier one of the same alert and monitor is queued.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_attempt_at: Option<Timestamp>,
    /// When it was delivered, given up or cancelled.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    settled_at: Option<Timestamp>,
    /// Why the last attempt failed.
    #[schema(required)]
    last_error: Option<String>,
    /// What the receiver said when it took it.
    #[schema(required)]
    reply: Option<String>,
    /// Why it is sent to whoever hears it, where a rota decided that; null otherwise.
    #[schema(required)]
    on_call: Option<String>,
    /// The delivery that another alert gave up and that this one makes instead.
    #[schema(value_type = Option<i64>, required)]
    instead_of: Option<DeliveryId>,
    /// The mute that holds it back, or did, because it began when this was queued already; else null.
    #[schema(value_type = Option<i64>, required)]
    held_by: Option<MuteId>,
    /// The state that it gives as the one before.
    #[schema(value_type = StateWord)]
    old_state: State,
    /// The state that it notifies of.
    #[schema(value_type = StateWord)]
    new_state: State,
    /// How severe the problem is that it notifies of; null where it is none.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// What the run said.
    message: String,
    /// The value of the run.
    #[schema(value_type = Option<ReturnValueShape>, required)]
    return_value: Option<ReturnValue>,
    /// The same for every attempt: receivers drop what they have seen.
    key: String,
    /// The change of state that opened the incident it is about: one episode of not being `OK`. All deliveries about it have
    /// the same; null where a delivery is about none.
    #[schema(value_type = Option<i64>, required)]
    incident_id: Option<FlipId>,
    /// Names that incident among those of all servers.
    #[schema(required)]
    incident_key: Option<String>,
}

/// List deliveries
///
/// Newest first. The next page ends before the cursor: give `next` back as `before`.
#[utoipa::path(
    get,
    path = "/api/v1/deliveries",
    operation_id = "list_deliveries",
    tag = "alerts",
    params(
        NewestFirst,
        ("monitor" = Option<i64>, Query, minimum = 1, description = "Only of the monitor with this id."),
        ("alert" = Option<String>, Query, description = "Only of the alert with this key; empty is any."),
        ("status" = Option<DeliveryStatusWord>, Query, description = "Only `queued`, `delivered`, `failed` or `cancelled` ones."),
    ),
    responses((status = 200, description = "One page.", body = Page<DeliveryView>))
)]
pub(crate) async fn list(context: Context, mut params: Params) -> Result<Json<Page<DeliveryView>>, Problem> {
    let limit = pagination::limit(&mut params);
    let filter = DeliveryFilter {
        monitor: params.whole("monitor", 1..=i64::MAX).map(MonitorId),
        alert: params.text("alert"),
        status: params.exactly("status", "queued, delivered, failed or cancelled"),
        before: params.cursor("before"),
        limit: limit + 1,
    };
    let filter = params.finish(filter)?;
    let deliveries = deliveries::list(&context, &filter).await?;
    Ok(Json(Page::of(deliveries, limit, |delivery| delivery.id.0, DeliveryView::from)))
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let told = delivery.notification;
        let severity = told.severity().map(SeverityWord::from);
        DeliveryView {
            id: delivery.id,
            alert: delivery.alert_key,
            monitor_id: delivery.monitor_id,
            monitor_name: told.monitor.name,
            flip_id: delivery.flip_id,
            status: delivery.status,
            attempts: delivery.attempts,
            created_at: delivery.created_at,
            next_attempt_at: delivery.next_attempt_at,
            settled_at: delivery.settled_at,
            last_error: delivery.last_error,
            reply: delivery.reply,
            on_call: told.on_call,
            instead_of: delivery.instead_of,
            held_by: delivery.held_by,
            old_state: told.old_state,
            new_state: told.new_state,
            severity,
            message: told.message,
            return_value: told.return_value,
            key: told.key,
            incident_id: delivery.incident_id,
            incident_key: told.incident.map(|incident| incident.key),
        }
    }
}
