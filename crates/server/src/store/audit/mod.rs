//! The audit: who did what, when and from where, and what was refused to whom.
//!
//! A write that somebody asked for goes through [`Store::act`], which writes the row in the same transaction: both are
//! there or neither is. Whoever adds such a write has to say who asks, by its type. Nothing changes a row; only time
//! takes it away.

mod keeping;
mod monitor_changes;
mod reading;
mod rows;

use futures_util::future::BoxFuture;
use revere_model::{Act, Asked, MonitorId, Target};
use serde_json::{Map, Value, json};

use monitor_changes::script_difference;
pub(in crate::store) use monitor_changes::{created, differences};
pub use reading::{AuditFilter, AuditRow, AuditWho, AuditedTarget, AuditedWho};
pub use rows::address_text;
pub(in crate::store) use rows::insert;

use crate::{
    redact::Secrets,
    store::{Store, StoreError, database::DbConnection},
};

/// A row to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Who asked, from where, and when.
    pub asked: Asked,
    /// For what.
    pub act: Act,
    /// What it is about.
    pub target: Option<Target>,
    /// What changed; an object.
    pub details: Map<String, Value>,
    /// Whether it is to be said elsewhere, too.
    pub(in crate::store) is_logged: bool,
}

impl AuditEntry {
    /// A row about nothing in particular.
    pub fn new(act: Act, asked: &Asked) -> AuditEntry {
        AuditEntry { asked: asked.clone(), act, target: None, details: Map::new(), is_logged: false }
    }

    /// The same, about this.
    #[must_use]
    pub fn about(mut self, target: Target) -> AuditEntry {
        self.target = Some(target);
        self
    }

    /// The same, with one more thing to say.
    #[must_use]
    pub fn saying(mut self, name: &str, value: impl Into<Value>) -> AuditEntry {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same, with what of a script differs from another one, if anything does.
    #[must_use]
    pub fn changing_script(self, from: &String, to: &String) -> AuditEntry {
        if from == to { self } else { self.saying("script", script_difference(from, to)) }
    }

    /// The same, with why, if they said.
    #[must_use]
    pub(in crate::store) fn noting(self, asked: &Asked) -> AuditEntry {
        if asked.note.is_empty() { self } else { self.saying("note", asked.note.as_str()) }
    }

    /// The same, with what something was and is.
    #[must_use]
    pub(in crate::store) fn changing(self, name: &str, from: Value, to: Value) -> AuditEntry {
        if from == to { self } else { self.saying(name, json!({ "from": from, "to": to })) }
    }

    /// Says it in the log.
    fn log(&self) {
        let (who, by, request_id) = (&self.asked.by.who, self.asked.by.door, &self.asked.by.request_id);
        // A name may be made of anything, also of what the log says of others.
        let (kind, who) = (who.kind(), format!("{:?}", who.to_string()));
        let words = self.act.words();
        let target = self.target.as_ref().map(Target::to_string).unwrap_or_default();
        match (&self.target, self.act.is_refusal()) {
            (Some(Target { id, .. }), false) => tracing::info!(key = %id, kind, who, %by, request_id, "{words}"),
            (None, false) => tracing::info!(kind, who, %by, request_id, "{words}"),
            (_, true) => {
                let address = address_text(self.asked.by.address);
                let why = self.details.get("why").and_then(Value::as_str).unwrap_or_default();
                tracing::warn!(target, kind, who, address, %by, request_id, why, "{words}");
            }
        }
    }
}

/// What a write that somebody asked for came to: what its caller is answered, and the row; none where nothing changed.
pub(in crate::store) struct Acted<T> {
    answer: T,
    entry: Option<AuditEntry>,
}

impl<T> Acted<T> {
    /// It was done.
    pub(in crate::store) fn done(answer: T, entry: AuditEntry) -> Acted<T> {
        Acted { answer, entry: Some(entry) }
    }

    /// Nothing changed.
    pub(in crate::store) fn nothing(answer: T) -> Acted<T> {
        Acted { answer, entry: None }
    }
}

/// What becomes of every row before it is written.
#[derive(Clone)]
pub(in crate::store) struct AuditSettings {
    /// Taken out of what it says.
    pub(in crate::store) secrets: Secrets,
    /// Whether it is to be said elsewhere, too.
    pub(in crate::store) is_logged: bool,
}

impl AuditSettings {
    /// Makes a row ready to be written.
    pub(in crate::store) fn prepare(&self, entry: &mut AuditEntry) {
        entry.details.values_mut().for_each(|value| redact(value, &self.secrets));
        if let Some(target) = &mut entry.target {
            target.name = self.secrets.redact(&target.name).into_owned();
        }
        entry.is_logged = self.is_logged;
    }

    async fn recorded<T>(&self, connection: &mut DbConnection, mut acted: Acted<T>) -> Result<Acted<T>, StoreError> {
        if let Some(entry) = &mut acted.entry {
            self.prepare(entry);
            insert(connection, entry).await?;
        }
        Ok(acted)
    }
}

impl Store {
    /// A write that somebody asked for and waits for, with its audit row.
    pub(in crate::store) async fn act<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<Acted<T>, StoreError>> + Clone + Send + 'static,
    {
        self.act_about(Vec::new(), work).await
    }

    /// The same of work that keeps the rows of these monitors.
    pub(in crate::store) async fn act_about<T, F>(&self, monitors: Vec<MonitorId>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<Acted<T>, StoreError>> + Clone + Send + 'static,
    {
        let settings = self.0.audit.clone();
        let acted = self.write_about(monitors, move |connection| {
            Box::pin(async move {
                let acted = work(connection).await?;
                settings.recorded(connection, acted).await
            })
        });
        Ok(self.said(acted.await?))
    }

    /// The same for a write that must not be lost: waits as long as it takes.
    pub(in crate::store) async fn act_patiently<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut DbConnection) -> BoxFuture<'c, Result<Acted<T>, StoreError>> + Clone + Send + 'static,
    {
        let settings = self.0.audit.clone();
        let acted = self.write_patiently(move |connection| {
            Box::pin(async move {
                let acted = work(connection).await?;
                settings.recorded(connection, acted).await
            })
        });
        Ok(self.said(acted.await?))
    }

    /// Writes down what changes nothing in here: a test that was sent, a refusal.
    pub async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.act(move |_| Box::pin(async move { Ok(Acted::done((), entry)) })).await
    }

    /// After the commit: says it in the log, and rings.
    pub(in crate::store) fn say(&self, entry: &AuditEntry) {
        entry.log();
        self.0.audit_written.notify_one();
    }

    fn said<T>(&self, acted: Acted<T>) -> T {
        if let Some(entry) = &acted.entry {
            self.say(entry);
        }
        acted.answer
    }
}

fn redact(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(clean) = secrets.redact(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, secrets)),
        Value::Object(items) => items.values_mut().for_each(|item| redact(item, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
