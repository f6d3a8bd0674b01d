//! Problems as people read them: what happened, what was kept, where to go.

use askama::Template;
use axum::{
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};

use super::layout::{self, Layout, Place, sentence};
use crate::{access::LogInSettings, operations::FieldFault, web::Problem};

#[derive(Template)]
#[template(path = "pages/problem.html")]
struct ProblemPage {
    layout: Layout,
    status: u16,
    title: &'static str,
    detail: String,
    kept: &'static str,
    faults: Vec<FieldFault>,
    request_id: String,
    /// Whether the log says more of it: what somebody asked wrongly is not in it.
    logged: bool,
    try_again: bool,
}

/// Whether whoever asked reads pages rather than documents.
pub(in crate::web) fn wanted(path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !path.starts_with("/api/") && accepts.contains("text/html")
}

/// The page of a problem, with its status and no headers but its own. What the operator has said on every page, it says too.
pub(in crate::web) fn shown(
    problem: &Problem,
    request_id: &str,
    method: &Method,
    settings: &LogInSettings,
) -> Result<Response, Problem> {
    let status = problem.status;
    let title = title(problem);
    let mut layout = Layout::new(title, Place::Nowhere, 0, "");
    layout.live = false;
    layout.anyone_may_everything = settings.anyone_may_everything;
    layout.only_looks = settings.only_looks;
    if status == StatusCode::UNAUTHORIZED {
        layout = layout.for_a_stranger();
    }
    let template = ProblemPage {
        layout,
        status: status.as_u16(),
        title,
        detail: detail(problem),
        kept: if problem.under_way { "" } else { kept(status, method) },
        // One alone is the sentence above.
        faults: if problem.faults.len() > 1 { problem.faults.clone() } else { Vec::new() },
        request_id: request_id.to_owned(),
        logged: status.is_server_error(),
        try_again: status.is_server_error() && *method == Method::GET,
    };
    let mut response = layout::page(status, None, &template)?;
    if let Some(wait) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    Ok(response)
}

/// What happened, as a sentence.
fn detail(problem: &Problem) -> String {
    match problem.faults.as_slice() {
        [] | [_] => sentence(&problem.detail),
        faults => format!("{} things are not right; nothing was changed.", faults.len()),
    }
}

fn title(problem: &Problem) -> &'static str {
    let status = problem.status;
    match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::METHOD_NOT_ALLOWED => "That cannot be done here",
        StatusCode::CONFLICT if problem.current_version.is_some() => "Someone else saved first",
        StatusCode::CONFLICT => "That is not possible now",
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => "Refused",
        StatusCode::UNAUTHORIZED => "Log in first",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ if status.is_server_error() => "The server failed",
        _ => "That did not work",
    }
}

fn kept(status: StatusCode, method: &Method) -> &'static str {
    match (method, status.is_server_error()) {
        (&Method::GET | &Method::HEAD, true) => "Nothing was changed. Monitors keep running by themselves.",
        (&Method::GET | &Method::HEAD, false) => "",
        _ => "Nothing was changed. What you typed is still in the form: go back with your browser.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_happened_what_was_kept_and_where_to_go() {
        let problem = Problem::not_found("monitor", "<b>7</b>");
        let template = ProblemPage {
            layout: Layout::new("x", Place::Nowhere, 0, "t"),
            status: 404,
            title: title(&problem),
            detail: detail(&problem),
            kept: kept(problem.status, &Method::POST),
            faults: vec![FieldFault::new("name", "the name is \"empty\"")],
            request_id: "abc".into(),
            logged: false,
            try_again: true,
        };
        let html = template.render().unwrap();
        assert!(html.contains("There is no monitor &#60;b&#62;7"), "{html}");
        assert!(html.contains("go back with your browser") && !html.contains("log has this"), "{html}");
        assert!(html.contains(r#"href="/""#));
    }
}
