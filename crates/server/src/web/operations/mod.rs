//! What can be asked of Revere, whoever asks: the API and the pages call the same functions.
//!
//! Inputs are typed; wrong ones come back as a [`Refusal`] with every fault, and nothing refused is half stored. No
//! HTTP in here: [`Failure`] says what a caller can do, and `web/error.rs` makes an answer of it.

pub mod alerts;
pub mod monitors;
pub mod runs;
pub mod schedule;
pub mod script;
pub mod series;
pub mod sources;

use std::time::Duration;

use crate::{store::StoreError, web::Refusal};

/// An operation did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was sent cannot be accepted.
    #[error("refused")]
    Refused(Refusal),
    /// A field is larger than anything that is kept.
    #[error("too large")]
    TooLarge(Refusal),
    /// There is no such thing.
    #[error("there is no {what} {key}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// The key that names none.
        key: String,
    },
    /// Someone else has saved since; this is the version that is stored.
    #[error("the stored version is {0}")]
    Conflict(i64),
    /// It cannot be done as things are; says why, and what to change.
    #[error("{0}")]
    NotPossible(String),
    /// It cannot be done now; why, and when to try again.
    #[error("{detail}")]
    NotNow {
        /// Why, and what to do.
        detail: String,
        /// When trying again is sensible.
        retry_after: Duration,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// We failed in another way.
    #[error("the server failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// A refusal for one reason.
    pub fn refused(field: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure::Refused(Refusal::one(field, message))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

/// Names the thing that the store did not find.
pub fn of(what: &'static str, key: impl std::fmt::Display) -> impl FnOnce(StoreError) -> Failure {
    move |error| match error {
        StoreError::NotFound => Failure::NotFound { what, key: key.to_string() },
        StoreError::Conflict(monitor) => Failure::Conflict(monitor.version),
        other => Failure::Store(other),
    }
}
