//! The table of everything that can be asked for, grouped by who asks.

use axum::Router;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    WebState,
    answer::{self, answer},
    api, health, metrics, openapi,
};

/// Everything, ready to serve.
pub fn router(state: WebState) -> Router {
    let (router, _) = table().split_for_parts();
    router
        .fallback(answer::unknown_path)
        .method_not_allowed_fallback(answer::unknown_method)
        .layer(axum::middleware::from_fn_with_state(state.clone(), answer))
        .with_state(state)
}

/// The table; the OpenAPI document is read off it.
pub(super) fn table() -> OpenApiRouter<WebState> {
    OpenApiRouter::with_openapi(openapi::preamble())
        // Machines that look after this one.
        .routes(routes!(health::health))
        .routes(routes!(metrics::metrics))
        // Programs, and the pages' own scripts.
        .routes(routes!(openapi::openapi))
        .routes(routes!(api::schedule::schedule))
}
