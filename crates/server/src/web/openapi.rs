//! The OpenAPI document, generated from the table of the router and the types of its handlers.
//!
//! A copy is committed as `docs/openapi.json`; a test regenerates it and fails if the two differ.

use std::sync::OnceLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder, tag::TagBuilder};

/// The document.
pub fn document() -> OpenApi {
    super::router::table().into_openapi()
}

/// What the table is added to: name, words on the whole, and the groups.
pub(super) fn preamble() -> OpenApi {
    let tags = [
        ("monitors", "What is watched: scripts, their schedules and states."),
        ("runs", "What happened: runs, changes of state, and ticks without a run."),
        ("trying", "Try a script or a schedule; nothing is recorded."),
        ("sources", "Where data comes from."),
        ("alerts", "Who is told, and what was told."),
        ("server", "The server itself."),
    ];
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Revere")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(include_str!("openapi.md")))
                .license(Some(license)),
        )
        .tags(Some(tags.map(|(name, words)| TagBuilder::new().name(name).description(Some(words)).build())))
        .build()
}

/// The description of this API
///
/// As an OpenAPI 3.1 document, generated from the program itself.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "server",
    responses((status = 200, description = "The document.", body = Object))
)]
pub(super) async fn openapi() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().expect("a document made of texts and maps has a JSON form"));
    ([(header::CONTENT_TYPE, "application/json")], text.as_str())
}
