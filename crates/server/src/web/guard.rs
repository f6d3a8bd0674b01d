//! Who asks, and whether they may: looked at before any handler runs, for every route alike.
//!
//! A route that is not in the table of rights is answered to nobody. Where nobody has to log in, nothing is looked up.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use revere_model::{Act, Actor, Denial, Door, Who};

use super::{
    WebState, access_table,
    caller::Shown,
    client_address,
    error::Problem,
    in_the_clear,
    pages::problem_page,
    proxy_header::{self, Named},
    request_id::RequestId,
    session_cookie,
};
use crate::operations::{
    Failure,
    log_in::{self, Credential},
    proxy_log_in,
};

/// Lets a request through to its handler, with its actor, or answers why not.
pub(super) async fn guard(State(state): State<WebState>, mut request: Request, next: Next) -> Response {
    // What has no path of ours is no handler's.
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else { return next.run(request).await };
    let operation = match access_table::operation(request.method(), path.as_str()) {
        Ok(operation) => operation,
        Err(methods) => return no_method(&methods, &request),
    };
    let door = door(path.as_str());
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let address = client_address::of(&request, &state.operations.log_in_settings().trusted_proxies);
    let mut actor = Actor { who: Who::Everybody, door, address, request_id };
    if let Err(problem) = in_the_clear::check(&state, &request, path.as_str()) {
        let context = state.operations.asked_by(Actor { who: Who::Stranger, ..actor });
        context.refused(Act::OriginRefused, |entry| entry.saying("why", problem.detail.as_str()));
        return problem.into_response();
    }
    let mut shown = None;
    if state.operations.log_in_settings().is_required() {
        actor.who = Who::Stranger;
        match credential(&request, &state, &actor) {
            Ok(found) => shown = found,
            Err(problem) if operation.least().is_some() => return problem.into_response(),
            Err(_) => {}
        }
        if let Some(credential) = &shown {
            // An open page asks these by itself, whether or not anybody looks at it.
            let is_use = !matches!(path.as_str(), "/counts" | "/events");
            let asks = state.operations.asked_by(actor.clone());
            // Whether the server is well is answered while the database is not, and soon.
            let who = match operation.least() {
                None => Ok(log_in::identify_in_a_moment(&asks, credential).await),
                Some(_) => log_in::identify(&asks, credential, is_use).await,
            };
            match who {
                Ok(Some(who)) => actor.who = who,
                Ok(None) => {}
                Err(failure) => return Problem::from(failure).into_response(),
            }
        }
    }
    let possible = state.operations.log_in_settings().possible(operation);
    if let Err(denial) = actor.who.might(operation).and(possible) {
        let context = state.operations.asked_by(actor);
        match (&denial, &shown) {
            (Denial::NotLoggedIn(_), Some(Credential::Token(_))) => {
                context.refused(Act::TokenRefused, |entry| entry.saying("what", operation.words()));
            }
            // Whoever shows nothing, or a session that is over, is asked to log in; that is no refusal yet.
            (Denial::NotLoggedIn(_), _) => {}
            _ => context.denied(operation, &denial, None),
        }
        return denied(denial, shown.as_ref(), &request);
    }
    if let Some(Credential::Session(_) | Credential::Proxied(_)) = shown
        && door == Door::Api
        && let Err(problem) = of_our_page(&request)
    {
        let context = state.operations.asked_by(actor);
        context.refused(Act::OriginRefused, |entry| entry.saying("why", problem.detail.as_str()));
        return problem.into_response();
    }
    request.extensions_mut().insert(actor);
    request.extensions_mut().insert(Shown(shown));
    next.run(request).await
}

/// By which door whoever asks for this path comes.
pub(super) fn door(path: &str) -> Door {
    if path.starts_with("/api/") { Door::Api } else { Door::Page }
}

/// The token of a program, the word of a proxy, or the session of a browser, in this order.
fn credential(request: &Request, state: &WebState, actor: &Actor) -> Result<Option<Credential>, Problem> {
    let headers = request.headers();
    let settings = state.operations.log_in_settings();
    let named = match proxy_header::named(request, settings) {
        Named::Several => {
            proxy_log_in::several_headers(&state.operations.asked_by(actor.clone()));
            return Err(proxy_header::several(settings));
        }
        Named::ByAStranger => {
            proxy_log_in::foreign_header(&state.operations.asked_by(actor.clone()));
            None
        }
        Named::Nobody => None,
        Named::Somebody(name) => Some(Credential::Proxied(name)),
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        // Proxies pass on how somebody logged in at them.
        (first, None) if named.is_some() && !first.is_some_and(is_bearer) => Ok(named),
        (None, _) => Ok(session_cookie::read(headers, state.site.is_secure()).map(Credential::Session)),
        (Some(value), None) => {
            let value = value.to_str().unwrap_or_default();
            let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
            let token = token.map(|(_, token)| token.trim()).filter(|token| !token.is_empty());
            token.map(|token| Some(Credential::Token(token.to_owned()))).ok_or_else(|| {
                let detail = "the Authorization header must be `Bearer` and an API token, which the page /tokens makes";
                Problem::new(StatusCode::UNAUTHORIZED, detail)
            })
        }
        (Some(_), Some(_)) => {
            Err(Problem::new(StatusCode::UNAUTHORIZED, "there is more than one Authorization header"))
        }
    }
}

/// Whether it is a program's way to come in, with a token or without: where one is let past a proxy's log-in, nothing else
/// counts.
fn is_bearer(value: &HeaderValue) -> bool {
    let mut words = value.as_bytes().split(|byte| byte.is_ascii_whitespace() || *byte == b',');
    words.find(|word| !word.is_empty()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
}

fn denied(denial: Denial, shown: Option<&Credential>, request: &Request) -> Response {
    if !matches!(denial, Denial::NotLoggedIn(_)) {
        return Problem::from(Failure::Denied(denial)).into_response();
    }
    if let Some(Credential::Proxied(_)) = shown {
        let detail = "the proxy before this server knows you, and you may not come in here; ask whoever runs the server, \
                      whose log says why";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // A script of a page that asks for a part of one could make nothing of the page to log in.
    let navigates = request.headers().get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    if reads && navigates && problem_page::wanted(request.uri().path(), request.headers()) {
        let to = request.uri().path_and_query().map_or("/", |to| to.as_str());
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
        return Redirect::to(&format!("/login?{query}")).into_response();
    }
    let detail = match shown {
        Some(Credential::Token(_)) => {
            "this API token is not known, or its time is over, or its owner may not come in any more; the page /tokens makes another"
                .to_owned()
        }
        Some(Credential::Session(_)) => {
            "your session is over: log in again, in another tab if there is something to keep".to_owned()
        }
        Some(Credential::Proxied(_)) | None => {
            format!("{denial}: a person at /login, a program with a token of the page /tokens")
        }
    };
    Problem::new(StatusCode::UNAUTHORIZED, detail).into_response()
}

/// A browser's session is good for the pages' own scripts, which say where they are; a program has a token.
fn of_our_page(request: &Request) -> Result<(), Problem> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers();
    // Where either is there, it was found to be of this server before.
    if safe || headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    let detail =
        "a session is for the pages alone, and this says of no page that it sent it; a program uses an API token";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

fn no_method(methods: &[&'static str], request: &Request) -> Response {
    if methods.is_empty() {
        let detail = "this address is in no table of who may do what, so nobody may; that is a fault of the program";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response();
    }
    let mut allowed: Vec<&str> = Vec::new();
    for method in methods {
        allowed.push(method);
        if *method == "GET" {
            allowed.push("HEAD");
        }
    }
    let mut response = super::request_layer::method_not_allowed(request).into_response();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(",")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
