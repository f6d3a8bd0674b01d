//! Deleted monitors, which can be brought back for a time.

use revere_model::{Monitor, MonitorId, Operation};

use super::{Context, Failure, failure::of};
use crate::store::DeletedMonitor;

/// How many days a deleted monitor is kept.
pub fn days_kept(context: &Context) -> Result<u32, Failure> {
    Ok(context.may(Operation::SeeMonitors)?.store.deleted_days())
}

/// Those that can be brought back, the last deleted first, after `after`.
pub async fn list(context: &Context, after: Option<MonitorId>, limit: u32) -> Result<Vec<DeletedMonitor>, Failure> {
    let services = context.may(Operation::SeeMonitors)?;
    services.store.deleted_monitors(after, limit, context.now()).await.map_err(Failure::Store)
}

/// Those of these monitors that can be brought back.
pub async fn of_these(context: &Context, ids: &[MonitorId]) -> Result<Vec<DeletedMonitor>, Failure> {
    let services = context.may(Operation::SeeMonitors)?;
    services.store.deleted_of(ids, context.now()).await.map_err(Failure::Store)
}

/// Brings one back as it was, with its history. Whoever may edit monitors with its tags may.
pub async fn undelete(context: &Context, id: MonitorId) -> Result<Monitor, Failure> {
    let Some(deleted) = of_these(context, &[id]).await?.pop() else {
        return Err(Failure::NotFound { what: "deleted monitor", key: id.to_string() });
    };
    let services = context.may_with(Operation::UndeleteMonitor, Some(id), &deleted.tags)?;
    let monitor = services.store.undelete_monitor(id, &context.asked()).await.map_err(of("deleted monitor", id))?;
    services.engine.changed(id);
    Ok(monitor)
}
