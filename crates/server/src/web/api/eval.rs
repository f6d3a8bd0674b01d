//! `/api/v1/eval`: a script tried out on the real sources.

use std::time::Duration;

use axum::Json;
use revere_model::{MAX_TIMEOUT_S, MonitorId, ReturnValue, State};
use revere_sandbox::{CallRecord, HttpAnswer, Outcome};
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas::{ReturnValueShape, SeverityWord, StateWord, TriedScript};
use crate::{
    operations::{
        Context,
        trials::{self, Trial},
    },
    web::{Problem, body::JsonBody, params::Params},
};

/// A script to try.
#[derive(ToSchema)]
#[schema(as = EvalInput)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub(crate) struct EvalBody {
    /// Python, at most 256 KiB.
    #[schema(example = "return_value = 1 + 1", value_type = TriedScript)]
    script: String,
    /// Seconds it may take, waiting included; the server's limit if left out, or null.
    #[schema(exclusive_minimum = 0, maximum = 3600)]
    timeout_s: Option<f64>,
    /// A monitor whose last recorded run the script sees as `previous`; none if left out, or null.
    #[schema(minimum = 1)]
    monitor_id: Option<i64>,
}

/// What a script did.
#[derive(Serialize, ToSchema)]
#[schema(as = Outcome)]
pub(crate) struct OutcomeView {
    /// `OK`, `ALARM` or `ERROR`.
    #[schema(value_type = StateWord)]
    state: State,
    /// How severe the failure says that it is; null where it does not say, or there is none.
    #[schema(required)]
    severity: Option<SeverityWord>,
    /// The failure's text, or `Monitor Passed`.
    message: String,
    /// What it left in `return_value`.
    #[schema(value_type = Option<ReturnValueShape>, required)]
    return_value: Option<ReturnValue>,
    /// What the script left in `threshold`, if it is a number.
    #[schema(required)]
    threshold: Option<f64>,
    /// How long it took, in milliseconds.
    duration_ms: f64,
    /// How long it computed, in milliseconds.
    cpu_ms: f64,
    /// The most memory it had, in bytes, Python itself included.
    memory_bytes: u64,
    /// What it printed, bounded.
    output: String,
    /// Python's traceback, beginning at the script.
    #[schema(required)]
    traceback: Option<String>,
    /// The line of the script that failed, from 1.
    #[schema(required)]
    line: Option<u32>,
    /// The exception's type.
    #[schema(required)]
    error_type: Option<String>,
    /// The source calls it made, in order.
    source_calls: Vec<SourceCallView>,
}

/// One call of a source.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceCall)]
pub(crate) struct SourceCallView {
    /// The source's configured name.
    source: String,
    /// The method.
    method: String,
    /// The arguments as Python would write them, shortened.
    arguments: String,
    /// The answer as Python would write it, shortened; null if it failed.
    #[schema(required)]
    answer: Option<String>,
    /// Why it failed; null if it did not.
    #[schema(required)]
    error: Option<String>,
    /// The answer with its parts, where it came over HTTP; `answer` is `200 OK · 1.6 ms · 49 B` then.
    #[schema(required)]
    http: Option<HttpAnswerView>,
    /// How long it took, in milliseconds.
    duration_ms: f64,
}

/// An answer over HTTP.
#[derive(Serialize, ToSchema)]
#[schema(as = HttpAnswer)]
pub(crate) struct HttpAnswerView {
    /// Its status.
    status: u16,
    /// The words of it.
    reason: String,
    /// Where it came from in the end.
    url: String,
    /// How long it took, in milliseconds.
    elapsed_ms: f64,
    /// How many bytes its body has.
    bytes: u64,
    /// The beginning of the body, as text.
    body: String,
    /// Its headers.
    headers: Vec<HeaderView>,
    /// Until when the certificate holds that was shown; null if none was.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    certificate_until: Option<String>,
}

/// A header.
#[derive(Serialize, ToSchema)]
#[schema(as = Header)]
pub(crate) struct HeaderView {
    /// Its name, in lower case.
    name: String,
    /// What it says, shortened.
    value: String,
}

impl From<HttpAnswer> for HttpAnswerView {
    fn from(http: HttpAnswer) -> HttpAnswerView {
        HttpAnswerView {
            status: http.status,
            reason: http.reason,
            url: http.url,
            elapsed_ms: http.elapsed_ms,
            bytes: http.bytes,
            body: http.body,
            headers: http.headers.into_iter().map(|(name, value)| HeaderView { name, value }).collect(),
            certificate_until: http.certificate.map(|(until, _)| until),
        }
    }
}

/// Try a script
///
/// Runs it once, now, on the configured sources, and records nothing. A script that fails is an answer too: 200 with
/// what went wrong.
#[utoipa::path(
    post,
    path = "/api/v1/eval",
    operation_id = "eval_script",
    tag = "trying",
    request_body = EvalBody,
    responses(
        (status = 200, description = "What it did.", body = OutcomeView),
        (status = 404, description = "There is no monitor with that id."),
        (status = 413, description = "The script is larger than 256 KiB."),
        (status = 422, description = "The body is not as described."),
        (status = 503, description = "Too many scripts are being tried out; `Retry-After` says when to come back."),
    )
)]
pub(crate) async fn eval(
    context: Context,
    params: Params,
    JsonBody(mut fields): JsonBody,
) -> Result<Json<OutcomeView>, Problem> {
    params.finish(())?;
    fields.require("script", "Python");
    let trial = Trial {
        script: fields.text("script", 1 << 20).unwrap_or_default(),
        timeout: fields
            .or_null("timeout_s", |fields| fields.positive("timeout_s", MAX_TIMEOUT_S))
            .flatten()
            .map(Duration::from_secs_f64),
        monitor: fields
            .or_null("monitor_id", |fields| fields.whole("monitor_id", 1..=i64::MAX))
            .flatten()
            .map(MonitorId),
        faults: fields.finish(),
    };
    Ok(Json(trials::evaluate(&context, trial).await?.into()))
}

impl From<Outcome> for OutcomeView {
    fn from(outcome: Outcome) -> Self {
        let error = outcome.error;
        OutcomeView {
            state: outcome.state,
            severity: outcome.severity.map(SeverityWord::from),
            message: outcome.message,
            return_value: outcome.return_value,
            threshold: outcome.threshold,
            duration_ms: milliseconds(outcome.duration),
            cpu_ms: milliseconds(outcome.cpu_time),
            memory_bytes: outcome.memory_bytes as u64,
            output: outcome.output,
            line: error.as_ref().and_then(|error| error.line),
            error_type: error.as_ref().map(|error| error.kind.clone()),
            traceback: error.and_then(|error| error.traceback),
            source_calls: outcome.source_calls.into_iter().map(SourceCallView::from).collect(),
        }
    }
}

impl From<CallRecord> for SourceCallView {
    fn from(call: CallRecord) -> Self {
        SourceCallView {
            source: call.source,
            method: call.method,
            arguments: call.arguments,
            error: call.answer.as_ref().err().cloned(),
            answer: call.answer.ok(),
            http: call.http.map(|http| HttpAnswerView::from(*http)),
            duration_ms: milliseconds(call.duration),
        }
    }
}

/// To the microsecond: more digits would be noise.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
