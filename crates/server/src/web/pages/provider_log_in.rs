//! `/login/{provider}` and `/login/{provider}/callback`: away to a provider, and back with its word.
//!
//! A browser is sent away by an address and not by a form, which the policy of pages lets go nowhere else.

use axum::{
    extract::{RawQuery, State as Extract},
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::{
    log_in::{self, Said, browser, come_in},
    own_address,
    page_request::PageRequest,
    see,
};
use crate::{
    access::oidc::GOOD_FOR,
    operations::{Context, Failure, provider_log_in},
    web::{
        Problem, WebState,
        params::{Key, Params},
        session_cookie,
    },
};

/// `/login/{provider}`
pub(super) async fn depart(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    Key(key): Key<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    let to = params.text("to").unwrap_or_default();
    let to = own_address(&to).to_owned();
    let again = params.text("again").is_some();
    match provider_log_in::depart(&request.context, &key, &to, again).await {
        Ok(away) => {
            let mut response = see(&away.address);
            let secure = state.site.is_secure();
            session_cookie::give_log_in(response.headers_mut(), &away.cookie, GOOD_FOR.as_secs(), secure);
            Ok(response)
        }
        Err(failure) => not_in(&state, &request, &headers, failure, to),
    }
}

/// `/login/{provider}/callback`
pub(super) async fn arrive(
    Extract(state): Extract<WebState>,
    request: PageRequest,
    headers: HeaderMap,
    Key(key): Key<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let secure = state.site.is_secure();
    let kept = session_cookie::read_log_in(&headers, secure);
    let query = query.unwrap_or_default();
    let mut response = match provider_log_in::arrive(&request.context, &key, &query, kept, &browser(&headers)).await {
        Ok(back) => come_in(&state, &request.context, &back.begun, own_address(&back.to)),
        Err(failure) => not_in(&state, &request, &headers, failure, "/".to_owned())?,
    };
    session_cookie::take_log_in(response.headers_mut(), secure);
    Ok(response)
}

/// `/logout/{provider}`: out at the provider too, where it has a page for that.
pub(super) async fn log_out_there(context: Context, Key(key): Key<String>) -> Result<Response, Problem> {
    let there = provider_log_in::log_out_address(&context, &key)?;
    Ok(see(there.unwrap_or_else(|| "/login".to_owned())))
}

/// The page of log-ins, with why this one did not succeed.
fn not_in(
    state: &WebState,
    request: &PageRequest,
    headers: &HeaderMap,
    failure: Failure,
    to: String,
) -> Result<Response, Problem> {
    let problem = match failure {
        failure @ (Failure::Refused(_) | Failure::NotLetIn | Failure::TooOften { .. }) => Problem::from(failure),
        failure => return Err(failure.into()),
    };
    let mut page = log_in::log_in_page(state, request, headers, to);
    let words = match problem.status {
        StatusCode::UNPROCESSABLE_ENTITY if problem.faults.is_empty() => "this log-in was refused".to_owned(),
        _ => problem.detail,
    };
    page.said = Some(Said { class: "bad", words: super::layout::sentence(&words) });
    let mut response = request.answer(problem.status, &page.layout, &page)?;
    if let Some(wait) = problem.retry_after {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    Ok(response)
}
