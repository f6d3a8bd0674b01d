//! The OpenAPI document, generated from the table of the router and the types of its handlers. The router knows this
//! module and hands it the table; nothing here knows the router.
//!
//! A copy is committed as `docs/openapi.json`; a test regenerates it and fails if the two differ. Handlers name the
//! problems they can answer in words; that every problem is one kind of document is said here, once.

use std::sync::OnceLock;

use axum::{Extension, http::header, response::IntoResponse};
use utoipa::openapi::{
    Content, License, OpenApi, PathItem, Ref, RefOr, Response,
    info::InfoBuilder,
    path::Operation,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use super::{
    error::{PROBLEM_JSON, ProblemDocument},
    request_schemas,
};
use crate::operations::FieldFault;

/// The way to the document, for the handler that answers it.
#[derive(Clone, Copy)]
pub(super) struct Description(pub(super) fn() -> OpenApi);

/// What was read off the table, completed by what holds for all of it.
pub(super) fn completed(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            say_problems(operation, path.starts_with("/api/") || path == "/metrics");
        }
    }
    request_schemas::make_exact(&mut document);
    document
}

/// What the table is added to: name, words on the whole, and the groups.
pub(super) fn preamble() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(ProblemDocument, FieldFault)))]
    struct Problems;

    let groups = [
        ("monitors", "What is watched: scripts, their schedules and states."),
        ("versions", "What a monitor was: every version that was saved, by whom and why."),
        ("runs", "What happened: runs, changes of state, and ticks without a run."),
        ("trying", "Try a script or a schedule; nothing is recorded."),
        ("sources", "Where data comes from."),
        ("alerts", "Who is notified, and what was sent."),
        ("server", "The server itself."),
    ];
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    let mut document = <Problems as utoipa::OpenApi>::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token, where people have to log in."))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document.info = InfoBuilder::new()
        .title("Revere")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("openapi.md")))
        .license(Some(license))
        .build();
    document.tags =
        Some(groups.map(|(name, words)| TagBuilder::new().name(name).description(Some(words)).build()).to_vec());
    document
}

/// The description of this API
///
/// As an OpenAPI 3.1 document, generated from the program itself.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "openapi",
    tag = "server",
    responses((status = 200, description = "The document.", body = Object))
)]
pub(super) async fn openapi(Extension(Description(document)): Extension<Description>) -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().expect("a document made of texts and maps has a JSON form"));
    ([(header::CONTENT_TYPE, "application/json")], text.as_str())
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Every answer that is not a success is a problem document, unless the handler says otherwise.
fn say_problems(operation: &mut Operation, any: bool) {
    let problem = || Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if status.starts_with(['4', '5']) && response.content.is_empty() {
            response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(problem()));
        }
    }
    if any {
        let mut response = Response::new("Any other problem.");
        response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(problem()));
        operation.responses.responses.entry("default".to_owned()).or_insert(RefOr::T(response));
    }
}
