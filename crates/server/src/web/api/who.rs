//! `/api/v1/monitors/{id}/who`: who would be told.

use axum::Json;
use revere_model::{MonitorId, State, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::{SeverityWord, StateWord, VerdictWord};
use crate::{
    operations::{
        Context,
        who::{self, Answer, Supposed},
    },
    web::{
        Problem,
        params::{Key, Params},
    },
};

/// Who would be told.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoIsTold)]
pub(crate) struct WhoView {
    /// The state that was asked about.
    #[schema(value_type = StateWord)]
    state: State,
    /// How severe it is taken to be; null where that is no problem.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// The alerts of the configuration, those that would tell it first.
    alerts: Vec<AlertVerdictView>,
}

/// What one alert would do.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertVerdict)]
pub(crate) struct AlertVerdictView {
    /// The key of the alert.
    alert: String,
    /// Whether it would tell.
    told: bool,
    /// `told`, or the reason why not.
    #[schema(value_type = VerdictWord)]
    verdict: &'static str,
    /// The same as a sentence without its full stop.
    words: &'static str,
}

/// Who would be told
///
/// What each alert would do if the monitor now came to be in a state, with the reason of each yes and no. Nothing happens. It is
/// decided as the engine decides it, from what was told before: who heard of a problem is not told of the same one again.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/who",
    operation_id = "who_is_told",
    tag = "alerts",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("state" = Option<StateWord>, Query, description = "The state it would be in; `ALARM` if left out."),
        ("severity" = Option<SeverityWord>, Query, description = "How severe that would be; what the monitor says if left out."),
    ),
    responses(
        (status = 200, description = "What each alert would do.", body = WhoView),
        (status = 404, description = "There is no monitor with that id."),
    )
)]
pub(crate) async fn who(
    context: Context,
    Key(id): Key<MonitorId>,
    mut params: Params,
) -> Result<Json<WhoView>, Problem> {
    let supposed = Supposed {
        state: params.exactly("state", "OK, ALARM, ERROR or INACTIVE").unwrap_or(State::Alarm),
        severity: params.exactly("severity", "critical or warning"),
    };
    let supposed = params.finish(supposed)?;
    Ok(Json(who::would_be_told(&context, id, supposed).await?.into()))
}

impl From<Answer> for WhoView {
    fn from(answer: Answer) -> Self {
        WhoView {
            state: answer.state,
            severity: answer.severity.map(SeverityWord::from),
            alerts: answer
                .alerts
                .into_iter()
                .map(|alert| AlertVerdictView {
                    alert: alert.row.key,
                    told: alert.verdict == Verdict::Owed,
                    verdict: alert.verdict.as_str(),
                    words: alert.verdict.words(),
                })
                .collect(),
        }
    }
}
