//! What an operation is given: who asks, and what it works with. The second is handed out only for an operation that
//! whoever asks may do, so that none can forget to look.

use std::{fmt::Display, sync::Arc};

use jiff::Timestamp;
use revere_model::{Denial, Operation};

use super::{Actor, Defaults, Failure, Services};
use crate::access::LogInSettings;

/// All operations, for whoever says who asks. Cheap to clone.
#[derive(Clone)]
pub struct Operations(Arc<Services>);

impl Operations {
    /// The operations of a server.
    pub fn new(services: Services) -> Operations {
        Operations(Arc::new(services))
    }

    /// What the operator decided about who may come in.
    pub fn log_in_settings(&self) -> &LogInSettings {
        &self.0.access.settings
    }

    /// The operations as `actor` asks for them.
    pub fn asked_by(&self, actor: Actor) -> Context {
        Context { actor, services: self.0.clone() }
    }
}

/// Who asks, and behind their rights, what operations work with.
#[derive(Clone)]
pub struct Context {
    actor: Actor,
    services: Arc<Services>,
}

impl Context {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    /// What a new monitor gets that does not say.
    pub fn defaults(&self) -> &Defaults {
        &self.services.defaults
    }

    /// Who asks.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether a page should offer this, whichever monitor it is about.
    pub fn might(&self, operation: Operation) -> Result<(), Denial> {
        self.actor.who.might(operation)
    }

    /// Whether a page should offer this for a monitor with these tags.
    pub fn might_with(&self, operation: Operation, tags: &[String]) -> Result<(), Denial> {
        self.actor.who.may_with(operation, tags)
    }

    /// What the operation works with, if whoever asks may do it.
    pub(super) fn may(&self, operation: Operation) -> Result<&Arc<Services>, Failure> {
        self.actor.who.may(operation)?;
        Ok(&self.services)
    }

    /// What the operation works with, if whoever asks may do it to a monitor with these tags.
    pub(super) fn may_with(&self, operation: Operation, tags: &[String]) -> Result<&Arc<Services>, Failure> {
        self.actor.who.may_with(operation, tags)?;
        Ok(&self.services)
    }

    /// Notes in the log what was done to what, and who asked for it.
    pub(super) fn log(&self, act: &'static str, key: impl Display) {
        let Actor { who, door, request_id, .. } = &self.actor;
        tracing::info!(%key, %who, by = %door, request_id, "{act}");
    }

    /// Notes in the log that somebody was not let in, under which name and from where.
    pub(super) fn log_failure(&self, what: &'static str, name: &str) {
        let Actor { door, request_id, address, .. } = &self.actor;
        let (name, address) = (name.chars().take(100).collect::<String>(), crate::access::address_text(*address));
        tracing::warn!(name = name.escape_debug().to_string(), address, by = %door, request_id, "{what}");
    }

    /// What the operator decided about who may come in.
    pub fn log_in_settings(&self) -> &LogInSettings {
        &self.services.access.settings
    }
}
