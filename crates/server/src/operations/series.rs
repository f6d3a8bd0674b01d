//! A monitor's values over a stretch of time, for whoever may see it.

use jiff::Timestamp;
use revere_model::{MonitorId, Operation};

use super::{Context, Failure, monitors};
use crate::chart;
pub use crate::chart::{Band, Points, Series, TextBand, ThresholdBand};

/// The series of a monitor from `from` until before `to`, in at most about `points` points.
pub async fn series(
    context: &Context,
    id: MonitorId,
    from: Timestamp,
    to: Timestamp,
    points: usize,
) -> Result<Series, Failure> {
    let numbers = monitors::get(context, id).await?.spec.number_format();
    let store = &context.may(Operation::SeeMonitors)?.store;
    chart::series(store, id, (from, to), points, numbers).await.map_err(Failure::Store)
}
