//! What happens, as it happens.

use revere_model::Operation;
use tokio::sync::broadcast::Receiver;

use super::{Context, Failure};
use crate::engine::Event;

/// What happens from now on. A slow reader loses the oldest and is told how many; it never holds up the engine.
pub fn watch(context: &Context) -> Result<Receiver<Event>, Failure> {
    Ok(context.may(Operation::SeeMonitors)?.engine.events())
}
