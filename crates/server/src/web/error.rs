//! Turns what went wrong into an answer: RFC 9457 problem documents for programs, later also pages for people.
//!
//! A handler returns a [`Problem`]; the `answer` layer writes it, because only there the request's id is known. The
//! client reads `detail` and `errors`; the cause goes to the log, once, and nowhere else.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use revere_model::Denial;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    operations::{Failure, FieldFault, Refusal},
    store::StoreError,
};

/// When nobody knows when trying again is sensible.
const SOON: Duration = Duration::from_secs(5);

/// The media type of problem documents.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that is not what was asked for.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// For the client: the thing, the fault, the next step. Holds no secret and no internals.
    pub detail: String,
    /// Field by field, for bad input.
    pub faults: Vec<FieldFault>,
    /// Line and column in the body, both from 1, where it stopped being JSON.
    pub place: Option<(u32, u32)>,
    /// The version that is stored, where the client's was another.
    pub current_version: Option<i64>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Whether it is done nevertheless, or goes on.
    pub under_way: bool,
    /// For the log: what really happened.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem that says `detail`.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem {
            status,
            detail: detail.into(),
            faults: Vec::new(),
            place: None,
            current_version: None,
            retry_after: None,
            under_way: false,
            cause: None,
        }
    }

    /// There is no such thing.
    pub fn not_found(what: &str, key: impl std::fmt::Display) -> Self {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no {what} {key}"))
    }

    /// The client edited a version that is no longer the stored one.
    pub fn conflict(current_version: i64) -> Self {
        let detail = format!(
            "someone else has saved this since you read it: the stored version is {current_version}; read it again, \
             apply your change to it, and save that"
        );
        Problem { current_version: Some(current_version), ..Problem::new(StatusCode::CONFLICT, detail) }
    }

    /// We cannot do it now; nothing was changed, and the same request may work later.
    pub fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        Problem { retry_after: Some(retry_after), ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// Our fault; `cause` goes to the log.
    pub fn internal(cause: Arc<dyn Error + Send + Sync>) -> Self {
        let detail = "the server could not do this; its log says why, under this answer's request_id";
        Problem { cause: Some(cause), ..Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail) }
    }

    /// The same problem with what really happened, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The document, as JSON.
    pub(super) fn document(self, request_id: &str) -> Response {
        let body = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.faults,
            line: self.place.map(|(line, _)| line),
            column: self.place.map(|(_, column)| column),
            current_version: self.current_version,
            request_id: request_id.to_owned(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Revere\""));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = match refusal.faults.as_slice() {
            [fault] if fault.field.is_empty() => fault.message.clone(),
            [fault] => format!("{}: {}", fault.field, fault.message),
            faults => format!("{} faults, listed in `errors`; nothing was changed", faults.len()),
        };
        Problem { faults: refusal.faults, ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::TooLarge(refusal) => Problem { status: StatusCode::PAYLOAD_TOO_LARGE, ..Problem::from(refusal) },
            Failure::NotFound { what, key } => Problem::not_found(what, key),
            Failure::Conflict(version) => Problem::conflict(version),
            Failure::NotPossible(detail) => Problem::new(StatusCode::CONFLICT, detail),
            Failure::NotNow { detail, retry_after } => Problem::unavailable(detail, retry_after),
            Failure::UnderWay(detail) => {
                Problem { under_way: true, ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
            }
            Failure::Denied(Denial::NotLoggedIn(_)) => Problem::new(StatusCode::UNAUTHORIZED, failure.to_string()),
            Failure::Denied(denial) => Problem::new(StatusCode::FORBIDDEN, denial.to_string()),
            Failure::NotLetIn => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "name, password or code is wrong"),
            Failure::NotProved => {
                let detail = "show first, again, who you are, on the page /account; then do this anew";
                Problem::new(StatusCode::FORBIDDEN, detail)
            }
            Failure::TooOften { retry_after } => {
                let detail =
                    "there were too many tries; wait a little. Whoever came in from here before gets in all the same";
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
                Problem { retry_after: Some(retry_after), ..problem }
            }
            Failure::Store(error) => error.into(),
            Failure::Internal(cause) => Problem::internal(Arc::from(cause)),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Busy { retry_after } => {
                // Of a file it is another process; a server may be busy with others, or slow to answer.
                let detail =
                    "another process holds the database, or it does not answer in time; nothing was changed, try again";
                Problem::unavailable(detail, *retry_after).caused_by(error)
            }
            StoreError::Unavailable(_) => {
                let detail = match error.is_of_a_server() {
                    true => "PostgreSQL does not answer, or does not take what is asked of it; /healthz says more",
                    false => {
                        "the database cannot be read or written: its disk may be full or failing; /healthz says more"
                    }
                };
                Problem::unavailable(detail, SOON).caused_by(error)
            }
            StoreError::Closed => Problem::unavailable("the server is stopping", SOON),
            StoreError::Conflict(monitor) => Problem::conflict(monitor.version),
            StoreError::NotFound => Problem::new(StatusCode::NOT_FOUND, "there is no such thing"),
            StoreError::Internal { .. } => Problem::internal(Arc::new(error)),
        }
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem to the layer that writes it.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// An RFC 9457 problem document (`application/problem+json`).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What went wrong and what to do about it.
    detail: String,
    /// Field by field, for bad input: every fault at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldFault>,
    /// For a body that is not JSON: the line where it stops being so, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// For a body that is not JSON: the column in that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// For a conflict: the version that is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<i64>,
    /// The same as the `X-Request-Id` header; the server's log has it too.
    request_id: String,
}
