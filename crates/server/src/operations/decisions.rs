//! What was decided not to be told, and why.

use revere_model::Operation;

use super::{Context, Failure};
use crate::store::{NotTold, NotToldFilter};

/// Decisions not to tell, newest first.
pub async fn not_told(context: &Context, filter: &NotToldFilter) -> Result<Vec<NotTold>, Failure> {
    context.may(Operation::SeeAlerts)?.store.not_told(filter).await.map_err(Failure::Store)
}

/// Those of them that were told by no rota either.
pub async fn unheard(context: &Context, found: Vec<NotTold>) -> Result<Vec<NotTold>, Failure> {
    context.may(Operation::SeeAlerts)?.store.unheard(found).await.map_err(Failure::Store)
}
