//! `/api/v1/alerts/{key}/preview`: what an alert would say.

use std::{fmt::Display, str::FromStr};

use axum::Json;
use revere_model::{MonitorId, RunId, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::{SeverityWord, StateWord};
use crate::{
    operations::{
        Context,
        preview::{self, Draft, Preview, Told},
    },
    web::{
        Problem,
        body::JsonBody,
        fields::Fields,
        params::{Key, Params},
    },
    wording::{MOST_DRAFT_BYTES, OwnText},
};

/// What an alert would say, and to nobody says.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertPreview)]
pub(crate) struct PreviewView {
    /// Its name in the configuration.
    alert: String,
    /// Its type in the configuration.
    #[serde(rename = "type")]
    kind: String,
    /// The monitor it is about.
    #[schema(value_type = i64)]
    monitor_id: MonitorId,
    /// The run that it is about; null where it is about none.
    #[schema(value_type = Option<i64>, required)]
    run_id: Option<RunId>,
    /// The state before.
    #[schema(value_type = StateWord)]
    old_state: State,
    /// The state after.
    #[schema(value_type = StateWord)]
    new_state: State,
    /// How severe that is; null where it is no problem.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// Whether it is made up, since the monitor was never so as far as its runs are kept.
    is_example: bool,
    /// What is said, piece by piece, in the order of what would be sent and without secrets.
    parts: Vec<PreviewPartView>,
    /// What had to be cut, as the receiver takes only so much.
    cuts: Vec<CutView>,
    /// The templates of the configuration that fail for this very run: the default is sent, with the reason.
    failed: Vec<FailedTemplateView>,
}

/// A piece of what would be sent.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertPreviewPart)]
pub(crate) struct PreviewPartView {
    /// Where it stands: a header, a field of a form, the path of a text in JSON.
    name: String,
    /// What stands there.
    text: String,
    /// The texts that it is made of, whose words can be the alert's own; none where it says the same in any words.
    #[schema(value_type = Vec<OwnTextWord>)]
    made_of: Vec<&'static str>,
}

/// Something that is sent in part.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertPreviewCut)]
pub(crate) struct CutView {
    /// `message`, `return_value`, `name` and `description` are those of the run and its monitor; `text`, `subject` and `short`
    /// all of such a text.
    #[schema(value_type = CutWord)]
    what: &'static str,
    /// So many characters of it are sent, with the mark of the cut.
    kept: u64,
    /// Of so many.
    of: u64,
}

/// A template that fails.
#[derive(Serialize, ToSchema)]
#[schema(as = FailedTemplate)]
pub(crate) struct FailedTemplateView {
    /// Which.
    #[schema(value_type = OwnTextWord)]
    template: &'static str,
    /// The line of it, from 1; null if that is not known.
    #[schema(required)]
    line: Option<u32>,
    /// What is wrong.
    message: String,
}

/// A text of an alert that can have words of its own.
#[derive(ToSchema)]
#[schema(as = OwnText)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a word")]
pub(crate) enum OwnTextWord {
    Text,
    Subject,
    Short,
}

/// What was cut.
#[derive(ToSchema)]
#[schema(as = Cut)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a word")]
pub(crate) enum CutWord {
    Message,
    ReturnValue,
    Name,
    Description,
    Text,
    Subject,
    Short,
}

/// Words to try, and what they are to be about.
#[derive(ToSchema)]
#[schema(as = AlertPreviewInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct PreviewBody {
    /// Of this monitor.
    #[schema(minimum = 1)]
    monitor_id: i64,
    /// That it is in this state; what the run found if left out.
    #[schema(value_type = StateWord, required = false)]
    state: Option<String>,
    /// How severe that is; what the run found, or the monitor says, if left out.
    #[schema(value_type = SeverityWord, required = false)]
    severity: Option<String>,
    /// What this run found; the newest with such a state if left out.
    #[schema(value_type = i64, required = false, minimum = 1)]
    run_id: Option<i64>,
    /// A template for the text. Left out, that of the configuration; empty, the default text.
    #[schema(value_type = String, required = false, max_length = 8192)]
    text: Option<String>,
    /// A template for one line.
    #[schema(value_type = String, required = false, max_length = 8192)]
    subject: Option<String>,
    /// A template for one text message.
    #[schema(value_type = String, required = false, max_length = 8192)]
    short: Option<String>,
}

/// What an alert would say
///
/// Of a run of a monitor, exactly as its receiver would be sent it: in its own words where it has any, cut to what the receiver
/// takes, and inert. Nothing is sent.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{key}/preview",
    operation_id = "preview_alert",
    tag = "alerts",
    params(
        ("key" = String, Path, description = "Its name in the configuration."),
        ("monitor" = i64, Query, minimum = 1, description = "Of which monitor."),
        ("state" = Option<StateWord>, Query, description = "That it is in this state; what the run found if left out."),
        ("severity" = Option<SeverityWord>, Query, description = "How severe that is; what the run found, or the monitor says, if left out."),
        ("run" = Option<i64>, Query, minimum = 1, description = "What this run found; the newest with such a state if left out."),
    ),
    responses(
        (status = 200, description = "What it would say.", body = PreviewView),
        (status = 404, description = "There is no such alert, monitor or run."),
        (status = 409, description = "It would say nothing: it is switched off in the configuration or no longer there, or it is a rota, which notifies by other alerts."),
    )
)]
pub(crate) async fn show(
    context: Context,
    Key(key): Key<String>,
    mut params: Params,
) -> Result<Json<PreviewView>, Problem> {
    let told = Told {
        monitor: params.required("monitor", "the id of a monitor").unwrap_or(MonitorId(0)),
        state: params.exactly("state", "OK, ALARM, ERROR or INACTIVE"),
        severity: params.exactly("severity", "critical or warning"),
        run: params.exactly("run", "the id of a run"),
    };
    let told = params.finish(told)?;
    Ok(Json(PreviewView::of(key.clone(), preview::show(&context, &key, told).await?)))
}

/// Try an alert's words
///
/// What the alert would say if these were its templates in the configuration, which stays as it is. A template that fails is
/// refused as the configuration would be, with the line and the name that is wrong. Nothing is sent, and nothing kept.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{key}/preview",
    operation_id = "try_alert_words",
    tag = "alerts",
    params(("key" = String, Path, description = "Its name in the configuration.")),
    request_body = PreviewBody,
    responses(
        (status = 200, description = "What it would say.", body = PreviewView),
        (status = 404, description = "There is no such alert, monitor or run."),
        (status = 409, description = "It would say nothing: it is switched off in the configuration or no longer there, or it is a rota, which notifies by other alerts."),
        (status = 422, description = "Something is wrong with it; each template that fails is named."),
        (status = 503, description = "As many previews are being made as may be at a time."),
    )
)]
pub(crate) async fn try_words(
    context: Context,
    Key(key): Key<String>,
    params: Params,
    JsonBody(mut fields): JsonBody,
) -> Result<Json<PreviewView>, Problem> {
    params.finish(())?;
    fields.require("monitor_id", "the id of a monitor");
    let monitor = fields.whole("monitor_id", 1..=i64::MAX).map_or(MonitorId(0), MonitorId);
    let state = word(&mut fields, "state");
    let severity = word(&mut fields, "severity");
    let told = Told { monitor, state, severity, run: fields.whole("run_id", 1..=i64::MAX).map(RunId) };
    let draft = Draft {
        text: fields.text("text", MOST_DRAFT_BYTES),
        subject: fields.text("subject", MOST_DRAFT_BYTES),
        short: fields.text("short", MOST_DRAFT_BYTES),
    };
    let said = preview::try_words(&context, &key, told, draft, fields.finish()).await?;
    Ok(Json(PreviewView::of(key, said)))
}

/// A word of a kind, if there is one.
fn word<T: FromStr<Err: Display>>(fields: &mut Fields, name: &'static str) -> Option<T> {
    let read = fields.text(name, 20)?.parse();
    read.map_err(|error: T::Err| fields.fault(name, error.to_string())).ok()
}

impl PreviewView {
    fn of(alert: String, preview: Preview) -> PreviewView {
        let Preview { kind, notification, is_example, message, .. } = preview;
        PreviewView {
            alert,
            kind,
            monitor_id: notification.monitor.id,
            run_id: notification.run_id,
            old_state: notification.old_state,
            new_state: notification.new_state,
            severity: notification.severity.map(SeverityWord::from),
            is_example,
            parts: message
                .parts
                .into_iter()
                .map(|part| PreviewPartView {
                    name: part.name,
                    text: part.text,
                    made_of: part.made_of.into_iter().map(OwnText::as_str).collect(),
                })
                .collect(),
            cuts: message
                .cuts
                .into_iter()
                .map(|cut| CutView { what: cut.what, kept: cut.kept as u64, of: cut.of as u64 })
                .collect(),
            failed: message
                .failed
                .into_iter()
                .map(|(one, error)| FailedTemplateView {
                    template: one.as_str(),
                    line: error.line,
                    message: error.what,
                })
                .collect(),
        }
    }
}
