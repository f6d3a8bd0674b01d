//! The layer around every handler: a request id, the panic net, problems written out, headers, counting.
//!
//! Every answer leaves through here, also those of unknown paths and wrong methods, so nothing can forget a header.

use std::{borrow::Cow, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use revere_model::{Act, Actor, Who};

use super::{
    WebState, client_address, error::Problem, guard, pages, request_id::RequestId, same_origin, security_headers,
};
use crate::error_words;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers one request, whatever happens inside.
pub(super) async fn answer(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let shown_path = logged_path(&path);
    let wants_page = pages::problem_page::wanted(&path, request.headers());
    let route = request.extensions().get::<MatchedPath>().map(|matched| matched.as_str().to_owned());

    let mut response = match same_origin::check(&state.site, request.method(), &path, request.headers()) {
        Err(problem) => {
            let address = client_address::of(&request, &state.operations.log_in_settings().trusted_proxies);
            let actor = Actor { who: Who::Stranger, door: guard::door(&path), address, request_id: id.clone() };
            let context = state.operations.asked_by(actor);
            context.refused(Act::OriginRefused, |entry| entry.saying("why", problem.detail.as_str()));
            problem.into_response()
        }
        Ok(()) => AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| {
            let words = error_words::of_panic(panic.as_ref());
            tracing::error!(request_id = id, %method, path = &*shown_path, panic = words, "answering a request panicked; this is a fault of the program");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed while it answered this; its log says where, under this answer's request_id")
                .into_response()
        }),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log(&problem, &id, &method, &path, &shown_path);
        let headers = std::mem::take(response.headers_mut());
        let settings = state.operations.log_in_settings();
        response = match wants_page.then(|| pages::problem_page::shown(&problem, &id, &method, settings)) {
            Some(Ok(page)) => page,
            _ => problem.document(&id),
        };
        // Such as `Allow`, which the router knows and the problem does not.
        for (name, value) in &headers {
            if !response.headers().contains_key(name) {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
    }
    finish_headers(response.headers_mut(), &state, &id, &path);
    let route = route.as_deref().unwrap_or("none");
    state.metrics.observe_http(known_method(&method), route, response.status().as_u16(), began.elapsed());
    response
}

/// For every path that is not in the table.
pub(super) async fn unknown_path(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    Problem::not_found("page or operation at", format!("{path}; the API is described at /api/v1/openapi.json"))
}

/// For every method that a path of the table does not have.
pub(super) async fn unknown_method(request: Request) -> Problem {
    method_not_allowed(&request)
}

/// The same, for whoever finds out.
pub(super) fn method_not_allowed(request: &Request) -> Problem {
    let method: String = request.method().as_str().chars().take(20).collect();
    let detail = format!("{} cannot be asked for with {method}; the Allow header says what can", request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// The caller's own id if it is a harmless one, so that a proxy's log and ours can be laid side by side.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(harmless) {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::new_v4().simple().to_string(),
    }
}

fn finish_headers(headers: &mut HeaderMap, state: &WebState, id: &str, path: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    security_headers::add(headers, state.site.is_secure());
    let no_store = HeaderValue::from_static("no-store");
    if path.starts_with("/api/") {
        headers.insert(header::CACHE_CONTROL, no_store);
    } else {
        headers.entry(header::CACHE_CONTROL).or_insert(no_store);
    }
}

/// The path as the log may hold it: what opens a door is not for whoever reads logs, wherever it stands in an address that was
/// put together wrong.
fn logged_path(path: &str) -> Cow<'_, str> {
    let ends = ["/link/", "/acknowledge/"].into_iter().filter_map(|opens| Some(path.find(opens)? + opens.len()));
    match ends.min() {
        Some(end) => format!("{}...", &path[..end]).into(),
        None => path.into(),
    }
}

/// Once, here: ours as an error, the client's for whoever looks closely.
fn log(problem: &Problem, id: &str, method: &Method, path: &str, shown_path: &str) {
    let status = problem.status.as_u16();
    let cause = problem.cause.as_deref().map(|cause| error_words::with_causes(cause)).unwrap_or_default();
    // What the client is told may hold the path as it came.
    let detail = if path == shown_path { problem.detail.as_str() } else { "" };
    let path = shown_path;
    match status {
        503 => tracing::warn!(request_id = id, %method, path, status, cause, "request refused for now"),
        500.. => tracing::error!(request_id = id, %method, path, status, cause, "request failed"),
        _ => tracing::debug!(request_id = id, %method, path, status, detail, "request refused"),
    }
}

/// A method may be any word; a label may not.
fn known_method(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_door_is_in_no_path_of_the_log() {
        for (path, shown) in [
            ("/monitor/7", "/monitor/7"),
            ("/link/abc", "/link/..."),
            ("/link/abc/", "/link/..."),
            ("/acknowledge/7.ab", "/acknowledge/..."),
            ("/acknowledge/7.ab/link/x", "/acknowledge/..."),
            ("/revere/link/abc", "/revere/link/..."),
            ("/monitor/7/acknowledge", "/monitor/7/acknowledge"),
        ] {
            assert_eq!(logged_path(path), shown);
        }
    }
}
