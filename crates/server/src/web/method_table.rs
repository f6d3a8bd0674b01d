//! How pages get into their table: each by its methods, and as one type.
//!
//! A handler's own type holds all that it waits for, and axum's services would hold it in theirs: for each of them, and for each
//! of their functions, the compiler looks through everything that the handler may ever wait for. Behind a pointer there is nothing
//! to look through.

use std::sync::Arc;

use axum::{
    extract::Request,
    handler::Handler,
    response::Response,
    routing::{self, MethodRouter},
};
use futures_util::future::BoxFuture;

use super::WebState;

/// Answers `GET` and `HEAD`.
pub(super) fn get<T: 'static>(handler: impl Boxed<T>) -> MethodRouter<WebState> {
    routing::get(AnyHandler::of(handler))
}

/// Answers `POST`.
pub(super) fn post<T: 'static>(handler: impl Boxed<T>) -> MethodRouter<WebState> {
    routing::post(AnyHandler::of(handler))
}

/// Answers `GET` and `HEAD` by the one, `POST` by the other.
pub(super) fn get_and_post<G: 'static, P: 'static>(get: impl Boxed<G>, post: impl Boxed<P>) -> MethodRouter<WebState> {
    routing::get(AnyHandler::of(get)).post(AnyHandler::of(post))
}

/// A function that axum takes for a handler: what it waits for is behind a pointer already.
pub(super) trait Boxed<T>: Handler<T, WebState, Future = BoxFuture<'static, Response>> {}
impl<T, H: Handler<T, WebState, Future = BoxFuture<'static, Response>>> Boxed<T> for H {}

#[derive(Clone)]
struct AnyHandler(Arc<dyn Fn(Request, WebState) -> BoxFuture<'static, Response> + Send + Sync>);

impl AnyHandler {
    fn of<T: 'static>(handler: impl Boxed<T>) -> AnyHandler {
        AnyHandler(Arc::new(move |request, state| handler.clone().call(request, state)))
    }
}

impl Handler<(), WebState> for AnyHandler {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, state: WebState) -> BoxFuture<'static, Response> {
        (self.0)(request, state)
    }
}
