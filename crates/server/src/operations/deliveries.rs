//! What was sent, is owed, has failed, and why.

use revere_model::Operation;

use super::{Context, Failure};
use crate::store::{Delivery, DeliveryFilter};

/// Deliveries, newest first.
pub async fn list(context: &Context, filter: &DeliveryFilter) -> Result<Vec<Delivery>, Failure> {
    context.may(Operation::SeeAlerts)?.store.deliveries(filter).await.map_err(Failure::Store)
}
