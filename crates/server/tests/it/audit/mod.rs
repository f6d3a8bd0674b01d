//! The audit: who did what, when and from where, and what was refused to whom.

mod acts;
mod each_act;
mod log;
mod reading;
mod refusals;

use revere::store::{AuditFilter, AuditRow, Store};

/// The whole audit, the oldest first.
pub(crate) async fn whole(store: &Store) -> Vec<AuditRow> {
    let filter = AuditFilter { limit: 2000, ..AuditFilter::default() };
    let (mut rows, more) = store.audit(&filter, usize::MAX).await.unwrap();
    assert!(!more);
    rows.reverse();
    rows
}
