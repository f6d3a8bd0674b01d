//! Why an operation did not happen, by what its caller can do about it.

use std::time::Duration;

use revere_model::Denial;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::StoreError;

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
    /// It is done, or goes on, and what comes of it cannot be answered yet.
    #[error("{0}")]
    UnderWay(String),
    /// Whoever asks may not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// A log-in failed. Why is nobody's business.
    #[error("name, password or code is wrong")]
    NotLetIn,
    /// Somebody tries too often to come in.
    #[error("too many tries; wait {} s", retry_after.as_secs().max(1))]
    TooOften {
        /// When trying again is sensible.
        retry_after: Duration,
    },
    /// Whoever asks has to show first, again, who they are.
    #[error("show first, again, who you are: it was too long ago")]
    NotProved,
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
pub(super) fn of(what: &'static str, key: impl std::fmt::Display) -> impl FnOnce(StoreError) -> Failure {
    move |error| match error {
        StoreError::NotFound => Failure::NotFound { what, key: key.to_string() },
        StoreError::Conflict(monitor) => Failure::Conflict(monitor.version),
        other => Failure::Store(other),
    }
}

/// One thing wrong with what was sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct FieldFault {
    /// Which field or parameter: `schedule`, `tags[2]`; empty for the body as a whole.
    pub field: String,
    /// What is wrong with it, and what was expected.
    pub message: String,
    /// The line of the script it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl FieldFault {
    /// The field without its place in a list: `tags` of `tags[2]`.
    pub fn root(&self) -> &str {
        self.field.split('[').next().unwrap_or_default()
    }

    /// What is wrong with `field`, or something in it, if anything is.
    pub fn of<'a>(faults: &'a [FieldFault], field: &str) -> Option<&'a str> {
        faults.iter().find(|fault| fault.root() == field).map(|fault| fault.message.as_str())
    }

    /// A fault of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        FieldFault { field: field.into(), message: message.into(), line: None }
    }
}

/// Everything wrong with what was sent; nothing of it was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// At least one.
    pub faults: Vec<FieldFault>,
}

impl Refusal {
    /// A refusal for one reason.
    pub fn one(field: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal { faults: vec![FieldFault::new(field, message)] }
    }

    /// `value` if there are no faults.
    pub fn unless_clean<T>(faults: Vec<FieldFault>, value: T) -> Result<T, Refusal> {
        if faults.is_empty() { Ok(value) } else { Err(Refusal { faults }) }
    }
}
