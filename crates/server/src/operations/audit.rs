//! Who did what, when and from where: looking at it. There is no operation that changes it.

use revere_model::Operation;

use super::{Context, Failure};
use crate::store::{AuditFilter, AuditRow};

/// A page of it, the newest first, and whether there are more. It ends before its details have more than `bytes` bytes.
pub async fn list(context: &Context, filter: &AuditFilter, bytes: usize) -> Result<(Vec<AuditRow>, bool), Failure> {
    context.may(Operation::SeeAudit)?.store.audit(filter, bytes).await.map_err(Failure::Store)
}
