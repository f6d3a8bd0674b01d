//! Who asks: the operations as the sender of a request may ask for them.
//!
//! Every handler that asks for anything takes a [`Context`], which only this makes; there is no other way to an operation.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use revere_model::Actor;

use super::{Problem, WebState};
use crate::operations::{
    Context,
    log_in::{self, Credential},
};

impl FromRequestParts<WebState> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>().cloned().ok_or_else(|| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nobody looked who asks; that is a fault of the program")
        })?;
        Ok(state.operations.asked_by(actor))
    }
}

/// What a request showed of who sent it, in its extensions: for what goes on longer than a moment.
#[derive(Clone)]
pub(super) struct Shown(pub(super) Option<Credential>);

/// Whoever asks, for as long as they may: for answers that go on for long.
pub(crate) struct Caller {
    context: Context,
    shown: Option<Credential>,
}

impl FromRequestParts<WebState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Problem> {
        let shown = parts.extensions.get::<Shown>().and_then(|shown| shown.0.clone());
        Ok(Caller { context: Context::from_request_parts(parts, state).await?, shown })
    }
}

impl Caller {
    /// Waits until they may no longer what they could when they asked.
    pub(super) async fn until_changed(self) {
        match &self.shown {
            Some(credential) => log_in::until_changed(&self.context, credential).await,
            None => std::future::pending().await,
        }
    }
}
