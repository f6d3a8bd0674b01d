//! What an operation is given: who asks, and what it works with. The second is handed out only for an operation that
//! whoever asks may do, so that none can forget to look.

use std::sync::Arc;

use jiff::Timestamp;
use revere_model::{Actor, Asked, Denial, MonitorId, Operation, Who};

use super::{Defaults, Failure, Services};
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

    pub(super) fn services(&self) -> &Arc<Services> {
        &self.0
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
        self.judged(operation, None, self.actor.who.may(operation))
    }

    /// What the operation works with, if whoever asks may do it to a monitor with these tags; `id` is which, if it is there
    /// already.
    pub(super) fn may_with(
        &self,
        operation: Operation,
        id: Option<MonitorId>,
        tags: &[String],
    ) -> Result<&Arc<Services>, Failure> {
        self.judged(operation, id, self.actor.who.may_with(operation, tags))
    }

    fn judged(
        &self,
        operation: Operation,
        id: Option<MonitorId>,
        judged: Result<(), Denial>,
    ) -> Result<&Arc<Services>, Failure> {
        if let Err(denial) = judged {
            self.denied(operation, &denial, id);
            return Err(denial.into());
        }
        Ok(&self.services)
    }

    /// For what is written down of whoever may not.
    pub(super) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Who asks, and when: what every write is told, which writes it down in the same transaction.
    pub(super) fn asked(&self) -> Asked {
        Asked { by: self.actor.clone(), at: self.now(), note: String::new() }
    }

    /// The same for what the server does of itself while somebody comes in.
    pub(super) fn asked_of_itself(&self) -> Asked {
        Asked { by: Actor { who: Who::Server, ..self.actor.clone() }, at: self.now(), note: String::new() }
    }

    /// What the operator decided about who may come in.
    pub fn log_in_settings(&self) -> &LogInSettings {
        &self.services.access.settings
    }
}
