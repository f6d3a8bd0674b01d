//! `/api/v1/alerts`: who is told.

use axum::Json;
use jiff::Timestamp;
use revere_model::{SeveritySet, StateSet};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    pagination::Page,
    schemas::{DeliveryStatusWord, SeveritySetShape, SeverityWord, StateSetShape, StateWord, TagSetShape},
};
use crate::{
    operations::{
        Context, Refusal,
        alerts::{self, AlertInput, AlertReport},
    },
    store::DeliveryStatus,
    web::{
        Problem,
        body::{JsonBody, OptionalBody},
        params::{Key, Params},
    },
};

/// An alert: a configured way of telling someone.
#[derive(Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertView {
    /// Its name in the configuration.
    key: String,
    /// Its type in the configuration; null for one that is no longer there.
    #[serde(rename = "type")]
    #[schema(required)]
    kind: Option<String>,
    /// What an operator wrote about it.
    description: String,
    /// Whether people have it switched on.
    enabled: bool,
    /// Whether the configuration has it switched on.
    enabled_in_config: bool,
    /// Whether the configuration has it at all. If not, its settings are kept for its return.
    in_config: bool,
    /// Why it notifies of nothing by what is chosen, whether it is on or off; null where it notifies of something.
    #[schema(required)]
    tells_nothing: Option<&'static str>,
    /// The states it notifies of.
    #[schema(value_type = Vec<StateWord>)]
    states: StateSet,
    /// The severities of problems it is for.
    #[schema(value_type = Vec<SeverityWord>)]
    severities: SeveritySet,
    /// It is for monitors that have one of these tags; for all monitors, where there are none.
    tags: Vec<String>,
    /// Deliveries that no receiver has taken yet.
    queued: u64,
    /// The newest delivery, in short.
    #[schema(required)]
    last_delivery: Option<LastDelivery>,
}

/// The newest delivery of an alert.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastDelivery {
    /// Its id.
    id: i64,
    /// How it stands.
    #[schema(value_type = DeliveryStatusWord)]
    status: DeliveryStatus,
    /// When it was settled; for one that is queued, when it came to be.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why its last attempt failed.
    #[schema(required)]
    last_error: Option<String>,
}

/// What to change about an alert; what is left out stays as it is.
#[derive(ToSchema)]
#[schema(as = AlertInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct AlertBody {
    /// Whether it is switched on. Switching it off cancels what it has queued.
    #[schema(value_type = bool, required = false)]
    enabled: Option<bool>,
    /// The states it notifies of, each once.
    #[schema(value_type = StateSetShape, required = false)]
    states: Option<Vec<String>>,
    /// The severities of problems it is for, each once. The end of a problem that it notified of before is sent all the same.
    #[schema(value_type = SeveritySetShape, required = false)]
    severities: Option<Vec<String>>,
    /// It is for monitors that have one of these tags; an empty list is for all monitors.
    #[schema(value_type = TagSetShape, required = false)]
    tags: Option<Vec<String>>,
}

/// What the receiver of a test notification said.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestAnswer {
    /// Whether the receiver took it.
    sent: bool,
    /// The receiver's words; null if it took nothing.
    #[schema(required)]
    reply: Option<String>,
    /// Why it was not taken; null if it was.
    #[schema(required)]
    error: Option<String>,
    /// How long it took, in milliseconds.
    duration_ms: f64,
}

/// List alerts
///
/// Those of the configuration, and those that were in it and keep their settings. All on one page.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    operation_id = "list_alerts",
    tag = "alerts",
    responses((status = 200, description = "All alerts.", body = Page<AlertView>))
)]
pub(crate) async fn list(context: Context, params: Params) -> Result<Json<Page<AlertView>>, Problem> {
    params.finish(())?;
    Ok(Json(Page::whole(alerts::list(&context).await?.into_iter().map(AlertView::from))))
}

/// One alert
///
/// Its settings, and how its deliveries do.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{key}",
    operation_id = "get_alert",
    tag = "alerts",
    params(("key" = String, Path, description = "Its name in the configuration.")),
    responses(
        (status = 200, description = "The alert.", body = AlertView),
        (status = 404, description = "There is none with that key."),
    )
)]
pub(crate) async fn get(context: Context, Key(key): Key<String>, params: Params) -> Result<Json<AlertView>, Problem> {
    params.finish(())?;
    Ok(Json(alerts::get(&context, &key).await?.into()))
}

/// Change an alert
///
/// Switches it on or off, and chooses the states it notifies of, and for which severities and tags. Takes effect at once, for
/// changes of state from now on.
#[utoipa::path(
    put,
    path = "/api/v1/alerts/{key}",
    operation_id = "set_alert",
    tag = "alerts",
    params(("key" = String, Path, description = "Its name in the configuration.")),
    request_body = AlertBody,
    responses(
        (status = 200, description = "As it is now.", body = AlertView),
        (status = 404, description = "There is none with that key."),
        (status = 422, description = "Something is wrong with it; nothing was changed."),
    )
)]
pub(crate) async fn set(
    context: Context,
    Key(key): Key<String>,
    params: Params,
    JsonBody(mut fields): JsonBody,
) -> Result<Json<AlertView>, Problem> {
    params.finish(())?;
    let tags = fields.texts("tags", 1000);
    let mut input = AlertInput {
        enabled: fields.flag("enabled"),
        states: fields.texts("states", 100),
        severities: fields.texts("severities", 100),
        tags: tags.map(|tags| tags.into_iter().map(|tag| tag.trim().to_owned()).collect()),
        seen: None,
        faults: Vec::new(),
    };
    fields.ignore(&[
        "key",
        "type",
        "description",
        "enabled_in_config",
        "in_config",
        "tells_nothing",
        "queued",
        // Its name before.
        "owed",
        "last_delivery",
    ]);
    input.faults = fields.finish();
    Ok(Json(alerts::set(&context, &key, input).await?.into()))
}

/// Try an alert
///
/// Sends one notification that says it is a test, and answers what the receiver said. A receiver that takes nothing is
/// an answer too: 200 with `sent: false` and the reason. Nothing is recorded.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{key}/test",
    operation_id = "test_alert",
    tag = "alerts",
    params(("key" = String, Path, description = "Its name in the configuration.")),
    responses(
        (status = 200, description = "What the receiver said.", body = TestAnswer),
        (status = 404, description = "There is none with that key."),
        (status = 409, description = "It is switched off in the configuration, or no longer there."),
    )
)]
pub(crate) async fn test(
    context: Context,
    Key(key): Key<String>,
    params: Params,
    OptionalBody(fields): OptionalBody,
) -> Result<Json<TestAnswer>, Problem> {
    params.finish(())?;
    Refusal::unless_clean(fields.finish(), ())?;
    let result = alerts::test(&context, &key).await?;
    Ok(Json(TestAnswer {
        sent: result.reply.is_ok(),
        error: result.reply.as_ref().err().cloned(),
        reply: result.reply.ok(),
        duration_ms: result.took.as_secs_f64() * 1e3,
    }))
}

impl From<AlertReport> for AlertView {
    fn from(report: AlertReport) -> Self {
        let entry = report.entry.as_ref();
        AlertView {
            kind: entry.map(|entry| entry.kind.clone()),
            description: entry.map(|entry| entry.description.clone()).unwrap_or_default(),
            enabled: report.row.enabled,
            enabled_in_config: report.row.enabled_in_config,
            in_config: report.row.in_config,
            tells_nothing: report.row.tells_nothing(),
            states: report.row.states,
            severities: report.row.severities,
            tags: report.row.tags,
            queued: report.owed,
            last_delivery: report.last_delivery.map(|delivery| LastDelivery {
                id: delivery.id.0,
                status: delivery.status,
                at: delivery.settled_at.unwrap_or(delivery.created_at),
                last_error: delivery.last_error,
            }),
            key: report.row.key,
        }
    }
}
