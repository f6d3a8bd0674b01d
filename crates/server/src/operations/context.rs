//! What an operation is given: who asks, and what it works with. The second is handed out only for an operation that
//! whoever asks may do, so that none can forget to look.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use revere_model::{Actor, Asked, Denial, MonitorId, Operation, Who};

use super::{Configured, Defaults, Failure, Services};
use crate::access::{Access, LogInSettings};

/// All operations, for whoever says who asks. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    /// Another one after each reading of the configuration; who asked before goes on with what there was.
    services: Arc<RwLock<Arc<Services>>>,
    access: Arc<Access>,
}

impl Operations {
    /// The operations of a server.
    pub fn new(services: Services) -> Operations {
        let access = services.access.clone();
        Operations { services: Arc::new(RwLock::new(Arc::new(services))), access }
    }

    /// What the operator decided about who may come in.
    pub fn log_in_settings(&self) -> &LogInSettings {
        &self.access.settings
    }

    /// Goes on with another configuration.
    pub fn exchange(&self, configured: Configured) {
        let services = Arc::new(self.services().with(configured));
        *self.services.write().unwrap_or_else(PoisonError::into_inner) = services;
    }

    pub(super) fn services(&self) -> Arc<Services> {
        self.services.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The operations as `actor` asks for them.
    pub fn asked_by(&self, actor: Actor) -> Context {
        Context { actor, services: self.services() }
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
        self.log_in_settings().possible(operation)?;
        self.actor.who.might(operation)
    }

    /// Whether a page should offer this for a monitor with these tags.
    pub fn might_with(&self, operation: Operation, tags: &[String]) -> Result<(), Denial> {
        self.log_in_settings().possible(operation)?;
        self.actor.who.may_with(operation, tags)
    }

    /// For a page that is there for this alone, or does it to many: that whoever asks may not is written down, as it is where one
    /// operation refuses it.
    pub fn must_with(&self, operation: Operation, id: MonitorId, tags: &[String]) -> Result<(), Failure> {
        self.may_with(operation, Some(id), tags).map(drop)
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
        if let Err(denial) = self.log_in_settings().possible(operation).and(judged) {
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
