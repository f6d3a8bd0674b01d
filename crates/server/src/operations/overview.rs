//! The list of monitors as people look at it: worst first, with how many are in each state.

use std::collections::HashMap;

use revere_model::{MonitorId, Operation};

use super::{Context, Failure};
use crate::store::{OverviewFilter, OverviewRow, SeriesPoint, StateCounts};

/// How many monitors are in each state, as the list counts them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListCounts {
    /// Every state, paused monitors among the `INACTIVE` ones.
    pub by_state: StateCounts,
    /// How many of these are paused, and not only never run.
    pub paused: u64,
}

/// How many monitors are in each state.
pub async fn counts(context: &Context) -> Result<StateCounts, Failure> {
    context.may(Operation::SeeMonitors)?.store.count_by_state().await.map_err(Failure::Store)
}

/// The same, with the paused ones apart.
pub async fn list_counts(context: &Context) -> Result<ListCounts, Failure> {
    let counted = context.may(Operation::SeeMonitors)?.store.count_with_paused().await;
    let (by_state, paused) = counted.map_err(Failure::Store)?;
    Ok(ListCounts { by_state, paused })
}

/// How many monitors with the filter's tag and words are in each state.
pub async fn counts_fitting(context: &Context, filter: &OverviewFilter) -> Result<ListCounts, Failure> {
    if filter.tag.is_none() && filter.search.is_none() {
        return list_counts(context).await;
    }
    let counted = context.may(Operation::SeeMonitors)?.store.count_fitting(filter).await;
    let (by_state, paused) = counted.map_err(Failure::Store)?;
    Ok(ListCounts { by_state, paused })
}

/// Monitors, worst first or as the filter orders them.
pub async fn list(context: &Context, filter: &OverviewFilter) -> Result<Vec<OverviewRow>, Failure> {
    context.may(Operation::SeeMonitors)?.store.overview(filter).await.map_err(Failure::Store)
}

/// These monitors, those of them that are still there.
pub async fn rows(context: &Context, ids: &[MonitorId]) -> Result<Vec<OverviewRow>, Failure> {
    context.may(Operation::SeeMonitors)?.store.overview_rows(ids).await.map_err(Failure::Store)
}

/// The last values of a monitor, oldest first.
pub async fn trend(context: &Context, id: MonitorId, limit: u32) -> Result<Vec<SeriesPoint>, Failure> {
    context.may(Operation::SeeMonitors)?.store.series(id, limit).await.map_err(Failure::Store)
}

/// The last values of each of these monitors, oldest first.
pub async fn trends(
    context: &Context,
    ids: &[MonitorId],
    limit: u32,
) -> Result<HashMap<MonitorId, Vec<SeriesPoint>>, Failure> {
    context.may(Operation::SeeMonitors)?.store.series_of(ids, limit).await.map_err(Failure::Store)
}

/// Tags in use, with how many monitors have each.
pub async fn tags(context: &Context, limit: u32) -> Result<Vec<(String, u64)>, Failure> {
    context.may(Operation::SeeMonitors)?.store.tags(limit).await.map_err(Failure::Store)
}
