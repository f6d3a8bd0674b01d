//! The table of everything that can be asked for, grouped by who asks.

use axum::{Extension, Router};
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    WebState, api,
    guard::guard,
    health, metrics, openapi, pages,
    request_layer::{self, answer},
};

/// Everything, ready to serve.
pub fn router(state: WebState) -> Router {
    let (router, _) = table().split_for_parts();
    router
        .layer(Extension(openapi::Description(openapi_document)))
        // People.
        .merge(pages::routes())
        .fallback(request_layer::unknown_path)
        .method_not_allowed_fallback(request_layer::unknown_method)
        // Who asks, and whether they may; then whatever becomes of it is written out.
        .layer(axum::middleware::from_fn_with_state(state.clone(), guard))
        .layer(axum::middleware::from_fn_with_state(state.clone(), answer))
        // The one place that compresses. Streams of events are left alone: what a stream holds back is late.
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// The OpenAPI document.
pub fn openapi_document() -> OpenApi {
    openapi::completed(table().into_openapi())
}

/// The table; the OpenAPI document is read off it.
fn table() -> OpenApiRouter<WebState> {
    OpenApiRouter::with_openapi(openapi::preamble())
        // Machines that look after this one.
        .routes(routes!(health::health))
        .routes(routes!(metrics::metrics))
        // Programs, and the pages' own scripts.
        .routes(routes!(openapi::openapi))
        .routes(routes!(api::monitors::list, api::monitors::create))
        .routes(routes!(api::monitors::get, api::monitors::replace, api::monitors::update, api::monitors::delete))
        .routes(routes!(api::versions::list))
        .routes(routes!(api::versions::get))
        .routes(routes!(api::versions::restore))
        .routes(routes!(api::versions::difference))
        .routes(routes!(api::deleted_monitors::list))
        .routes(routes!(api::deleted_monitors::undelete))
        .routes(routes!(api::who::who))
        .routes(routes!(api::runs::run))
        .routes(routes!(api::runs::list))
        .routes(routes!(api::runs::flips))
        .routes(routes!(api::runs::gaps))
        .routes(routes!(api::eval::eval))
        .routes(routes!(api::check::check))
        .routes(routes!(api::schedule::schedule))
        .routes(routes!(api::sources::list))
        .routes(routes!(api::sources::names))
        .routes(routes!(
            api::source_acknowledgements::get,
            api::source_acknowledgements::acknowledge,
            api::source_acknowledgements::take_back
        ))
        .routes(routes!(api::server::get))
        .routes(routes!(api::rights::get))
        .routes(routes!(api::alerts::list))
        .routes(routes!(api::alerts::get, api::alerts::set))
        .routes(routes!(api::alerts::test))
        .routes(routes!(api::alert_preview::show, api::alert_preview::try_words))
        .routes(routes!(api::browsers::list, api::browsers::add))
        .routes(routes!(api::browsers::remove))
        .routes(routes!(api::deliveries::list))
        .routes(routes!(api::decisions::list))
        .routes(routes!(
            api::acknowledgements::get,
            api::acknowledgements::acknowledge,
            api::acknowledgements::take_back
        ))
        .routes(routes!(api::mutes::list, api::mutes::add))
        .routes(routes!(api::mutes::get))
        .routes(routes!(api::mutes::held_back))
        .routes(routes!(api::mutes::end))
        .routes(routes!(api::on_call::list))
        .routes(routes!(api::on_call::get))
        .routes(routes!(api::overrides::list, api::overrides::add))
        .routes(routes!(api::overrides::get))
        .routes(routes!(api::overrides::end))
        .routes(routes!(api::audit::list))
        .routes(routes!(api::events::events))
}
