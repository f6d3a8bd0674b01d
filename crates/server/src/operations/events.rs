//! What happens, as it happens.

use tokio::sync::broadcast::Receiver;

use super::Context;
use crate::engine::Event;

/// What happens from now on. A slow reader loses the oldest and is told how many; it never holds up the engine.
pub fn watch(context: &Context) -> Receiver<Event> {
    context.services.engine.events()
}
