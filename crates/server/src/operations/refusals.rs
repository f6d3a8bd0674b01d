//! Refusals: written down like what is done, but bounded, since strangers can have as many as they like.

use std::sync::Arc;

use jiff::Timestamp;
use revere_model::{Act, Asked, Denial, MonitorId, Operation, Target, TargetKind, Who};

use super::{Context, Operations, Services};
use crate::{
    access::{LeftOut, address_network},
    store::{AuditEntry, User},
};

impl Context {
    /// A row that says that something is refused to whoever asks; `None` where so many were lately that this one is counted
    /// only.
    pub(super) fn refusal(&self, act: Act) -> Option<AuditEntry> {
        let asked = self.asked();
        let whom = match &asked.by.who {
            Who::Person { id, .. } => format!("person {id}"),
            Who::Token { id, .. } => format!("token {id}"),
            Who::Stranger | Who::Everybody | Who::CommandLine | Who::Server => {
                asked.by.address.map(|address| address_network(address).to_string()).unwrap_or_default()
            }
        };
        let is_known = matches!(asked.by.who, Who::Person { .. } | Who::Token { .. });
        let (is_written, left_out) = self.services().access.refusals.count(act, &whom, is_known, asked.at);
        if let Some(left_out) = left_out {
            write(self.services(), counted(left_out, asked.at));
        }
        is_written.then(|| AuditEntry::new(act, &asked))
    }

    /// Writes down that something was refused to whoever asks. Nobody waits for it: it stays refused, whether or not the
    /// database can be written.
    pub fn refused(&self, act: Act, saying: impl FnOnce(AuditEntry) -> AuditEntry) {
        if let Some(entry) = self.refusal(act) {
            write(self.services(), saying(entry));
        }
    }

    /// Writes down that whoever asks may not, and to which monitor, where that is known.
    pub fn denied(&self, operation: Operation, denial: &Denial, monitor: Option<MonitorId>) {
        self.refused(Act::Denied, |entry| {
            let entry = entry.saying("what", operation.words()).saying("why", denial.to_string());
            match monitor {
                Some(id) => entry.about(Target::new(TargetKind::Monitor, id, "")),
                None => entry,
            }
        });
    }
}

/// Who could not come in, and why. A name that nobody has is not written down: often enough it is a password, typed into the
/// wrong field.
pub(super) fn about(entry: AuditEntry, user: Option<&User>, why: &str) -> AuditEntry {
    let entry = entry.saying("why", why);
    match user {
        Some(user) => entry.about(Target::new(TargetKind::Person, user.id, &user.name)),
        None => entry,
    }
}

/// Writes down how many refusals were counted only, if the stretch of time that they were counted in is over; with `at_once`
/// in any case.
pub async fn write_left_out(operations: &Operations, at_once: bool) {
    let services = operations.services();
    let now = services.clock.now();
    if let Some(left_out) = services.access.refusals.left_out(now, at_once) {
        note(&services, counted(left_out, now)).await;
    }
}

fn counted(left_out: LeftOut, now: Timestamp) -> AuditEntry {
    let entry = AuditEntry::new(Act::RefusalsLeftOut, &Asked::by_the_server(now));
    let entry = entry.saying("since", left_out.since.to_string());
    left_out.counts.into_iter().fold(entry, |entry, (act, count)| entry.saying(act.as_str(), count))
}

fn write(services: &Arc<Services>, entry: AuditEntry) {
    let services = services.clone();
    tokio::spawn(async move { note(&services, entry).await });
}

async fn note(services: &Services, entry: AuditEntry) {
    let words = entry.act.words();
    if let Err(error) = services.store.note(entry).await {
        tracing::error!(%error, "not written to the audit: {words}");
    }
}
