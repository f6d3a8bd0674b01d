//! Who asks: what a request says of its sender, and the operations as that sender may ask for them.
//!
//! Every handler that asks for anything takes a [`Context`], which only this makes; there is no other way to an operation.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{RequestId, WebState};
use crate::operations::{Actor, Context, Door};

impl FromRequestParts<WebState> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Infallible> {
        let door = if parts.uri.path().starts_with("/api/") { Door::Api } else { Door::Page };
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Ok(state.operations.asked_by(Actor { door, request_id }))
    }
}
