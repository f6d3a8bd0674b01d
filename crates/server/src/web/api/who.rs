//! `/api/v1/monitors/{id}/who`: who would be notified.

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

/// Who would be notified.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoIsTold)]
pub(crate) struct WhoView {
    /// The state that was asked about.
    #[schema(value_type = StateWord)]
    state: State,
    /// How severe it is taken to be; null where that is no problem.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// The alerts of the configuration, those that would notify of it first.
    alerts: Vec<AlertVerdictView>,
}

/// What one alert would do.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertVerdict)]
pub(crate) struct AlertVerdictView {
    /// The key of the alert.
    alert: String,
    /// Whether it would notify.
    told: bool,
    /// `told`, or the reason why not.
    #[schema(value_type = VerdictWord)]
    verdict: &'static str,
    /// The same as a sentence without its full stop.
    words: &'static str,
    /// Whether its last message did not arrive.
    failing: bool,
    /// How many of its messages are queued.
    queued: u64,
    /// Whom a rota would notify; null for any other alert, and where it would not.
    #[schema(required)]
    on_call: Option<WhoIsOnCallView>,
}

/// Whom a rota would notify.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoIsOnCall)]
pub(crate) struct WhoIsOnCallView {
    /// Those on call, who are notified first.
    people: Vec<PersonOnCallView>,
    /// Who is notified next, one after the other, where nobody acknowledges or nobody is on call; `everybody` is all the others.
    then: Vec<String>,
    /// The same as a sentence without its full stop.
    words: String,
}

/// Somebody who is on call.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonOnCall)]
pub(crate) struct PersonOnCallView {
    /// Who, by the name in the rota.
    person: String,
    /// The keys of the alerts that reach them.
    alerts: Vec<String>,
}

/// Who would be notified
///
/// What each alert would do if the monitor now came to be in a state, with the reason of each yes and no. Nothing happens. It is
/// decided as the engine decides it, from what was sent before: who heard of a problem is not notified of the same one again.
#[utoipa::path(
    get,
    path = "/api/v1/monitors/{id}/who",
    operation_id = "who_is_told",
    tag = "alerts",
    params(
        ("id" = i64, Path, minimum = 1, description = "Which monitor."),
        ("state" = Option<StateWord>, Query, description = "The state it would be in; `ALARM` if left out."),
        ("severity" = Option<SeverityWord>, Query, description = "How severe that would be; what the monitor says if left out."),
        ("at" = Option<String>, Query, format = DateTime, description = "When, in RFC 3339; now if left out. Mutes, quiet hours and rotas are asked of that moment; what was sent before is what was sent until now."),
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
        at: params.instant("at", "a time such as 2026-11-30T22:00:00Z"),
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
                    failing: alert.trouble.is_some_and(|trouble| trouble.failing),
                    queued: alert.trouble.map_or(0, |trouble| trouble.owed),
                    on_call: alert.on_call.map(|on_call| WhoIsOnCallView {
                        words: on_call.words(),
                        people: on_call
                            .people
                            .into_iter()
                            .map(|(person, alerts)| PersonOnCallView { person, alerts })
                            .collect(),
                        then: on_call.then,
                    }),
                })
                .collect(),
        }
    }
}
