//! What a try-out did: outcome, value, output, traceback, every source call. Part of other pages.

use std::time::Duration;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use jiff::{Timestamp, tz::TimeZone};
use revere_model::{MonitorId, ReturnValue, far_day};
use revere_sandbox::{HttpAnswer, Outcome, call_name};

use super::{
    display::{Badge, Severe, Span},
    form::Form,
    layout,
};
use crate::{
    operations::{
        Context,
        trials::{self, Trial},
    },
    web::Problem,
};

/// An outcome as it is shown.
#[derive(Clone, Debug)]
pub(super) struct OutcomeView {
    pub(super) badge: Badge,
    pub(super) severity: Severe,
    pub(super) message: String,
    pub(super) value: Option<String>,
    pub(super) threshold: Option<String>,
    pub(super) output: String,
    pub(super) traceback: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) took: Span,
    pub(super) calls: Vec<CallView>,
}

#[derive(Clone, Debug)]
pub(super) struct CallView {
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) answer: String,
    pub(super) http: Option<HttpView>,
    pub(super) failed: bool,
    pub(super) took: Span,
}

/// The parts of an answer over HTTP.
#[derive(Clone, Debug)]
pub(super) struct HttpView {
    pub(super) body: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) url: String,
    /// `until 1 Dec 2026 UTC, 2.5 days left`
    pub(super) certificate: Option<String>,
}

impl From<HttpAnswer> for HttpView {
    fn from(http: HttpAnswer) -> HttpView {
        let certificate = http.certificate.map(|(until, days)| {
            // As the script is told it: a text, in UTC.
            let at = until.parse().or_else(|_| format!("{until}Z").parse::<Timestamp>());
            let day = at.map_or(until, |at| far_day(at, &TimeZone::UTC));
            format!("until {day}, {days:.1} days left")
        });
        HttpView { body: http.body, headers: http.headers, url: http.url, certificate }
    }
}

#[derive(Template)]
#[template(path = "pages/outcome.html")]
struct OutcomePart {
    outcome: OutcomeView,
}

/// `/try`: runs the script of a form once and answers the part of the page that shows what it did.
pub(super) async fn try_it(context: Context, form: Form) -> Result<Response, Problem> {
    let monitor = form.text("monitor").parse::<MonitorId>().ok();
    let outcome = run(&context, form.text("script"), form.text("timeout_s"), monitor).await?;
    layout::page(StatusCode::OK, None, &OutcomePart { outcome })
}

/// Runs a script once. A time limit that is none is the server's: the form says what is wrong with it when it is saved.
pub(super) async fn run(
    context: &Context,
    script: &str,
    timeout_s: &str,
    monitor: Option<MonitorId>,
) -> Result<OutcomeView, Problem> {
    let timeout = timeout_s.trim().parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    let trial = Trial {
        script: script.to_owned(),
        timeout: timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds.min(revere_model::MAX_TIMEOUT_S)).ok()),
        monitor,
        faults: Vec::new(),
    };
    Ok(trials::evaluate(context, trial).await?.into())
}

impl From<Outcome> for OutcomeView {
    fn from(outcome: Outcome) -> Self {
        let error = outcome.error;
        OutcomeView {
            badge: Badge::State(outcome.state),
            severity: Severe(outcome.severity),
            message: outcome.message,
            value: outcome.return_value.map(|value| value.to_string()),
            threshold: outcome.threshold.map(|number| ReturnValue::Float(number).to_string()),
            output: outcome.output,
            line: error.as_ref().and_then(|error| error.line),
            traceback: error.and_then(|error| Some(without_its_message(&error.traceback?, &error.message))),
            took: took(outcome.duration),
            calls: outcome
                .source_calls
                .into_iter()
                .map(|call| CallView {
                    failed: call.answer.is_err(),
                    http: call.http.map(|http| HttpView::from(*http)),
                    answer: call.answer.unwrap_or_else(|fault| fault),
                    arguments: if call.arguments.starts_with('(') {
                        call.arguments
                    } else {
                        format!("({})", call.arguments)
                    },
                    name: call_name(&call.source, &call.method),
                    took: took(call.duration),
                })
                .collect(),
        }
    }
}

/// A traceback without its end, where that is the message, which stands above it: `SourceError: connection refused`.
fn without_its_message(traceback: &str, message: &str) -> String {
    let text = traceback.trim_end();
    let Some(before) = text.strip_suffix(message.trim_end()).filter(|_| !message.trim().is_empty()) else {
        return traceback.to_owned();
    };
    // A message of an alarm has no type in front of it, and a type may have a module.
    let (rest, kind) = before.rsplit_once('\n').unwrap_or(("", before));
    let is_kind = !kind.trim_end_matches(": ").contains(char::is_whitespace);
    if is_kind { rest.to_owned() } else { traceback.to_owned() }
}

fn took(time: Duration) -> Span {
    Span::Took(time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use revere_model::State;
    use revere_sandbox::{CallRecord, RunInputs, ScriptError};

    use super::*;

    #[test]
    fn what_a_message_says_a_traceback_does_not_say_again() {
        let frames = "Traceback (most recent call last):\n  File \"monitor.py\", line 2, in <module>\n    ask()";
        for (end, message) in [
            ("SourceError: refused; source 'shop': get('/')", "SourceError: refused; source 'shop': get('/')"),
            ("shop.Odd: one\ntwo", "Odd: one\ntwo"),
            ("MonitorFailure: full", "full"),
        ] {
            assert_eq!(without_its_message(&format!("{frames}\n{end}\n"), message), frames, "{end}");
        }
        let whole = format!("{frames}\nValueError: it is full");
        for message in ["full", "", "ValueError: it is full (a hint)"] {
            assert_eq!(without_its_message(&whole, message), whole, "{message}");
        }
    }

    #[test]
    fn an_outcome_shows_everything_and_nothing_of_it_is_markup() {
        let outcome = Outcome {
            state: State::Error,
            message: "<b>boom</b>".into(),
            severity: None,
            return_value: Some(ReturnValue::Text("<i>".into())),
            threshold: Some(8.0),
            output: "<pre>".into(),
            error: Some(ScriptError {
                kind: "ValueError".into(),
                line: Some(3),
                column: None,
                message: "boom".into(),
                traceback: Some("Traceback <module>".into()),
                limit: None,
            }),
            source_calls: vec![CallRecord {
                source: "<s>".into(),
                method: "get".into(),
                arguments: "'<a>'".into(),
                answer: Err("<refused>".into()),
                available: None,
                ended_run: false,
                http: None,
                duration: Duration::from_millis(12),
            }],
            inputs: RunInputs { instant: jiff::Timestamp::UNIX_EPOCH, seed: 7, script_version: String::new() },
            duration: Duration::from_millis(250),
            cpu_time: Duration::ZERO,
            memory_bytes: 0,
        };
        let html = OutcomePart { outcome: outcome.into() }.render().unwrap();
        for raw in ["<b>boom", "<i>", "<pre>&", "<module>", "<s>", "<a>'", "<refused>"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
        assert!(html.contains("data-line=\"3\"") && html.contains("250 ms") && html.contains("12 ms"), "{html}");
    }
}
