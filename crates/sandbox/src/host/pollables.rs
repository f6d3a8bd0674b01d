//! What a guest waits for: handles that become ready at a time of the run's clock.

use std::time::Duration;

use crate::stop::Stop;

/// Handles of pollables begin here, apart from the streams'.
const FIRST_POLLABLE: u32 = 16;
/// More than any honest script waits for at once.
pub(crate) const MOST_POLLABLES: usize = 10_000;
/// Why a guest that wants more is ended.
pub(crate) const TOO_MANY: Stop = Stop::Refused("it waits for too many things at once");

/// When a pollable is ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ready {
    Now,
    /// At this time of the run's clock.
    At(Duration),
}

impl Ready {
    /// When, on the run's clock.
    pub(crate) fn at(self) -> Duration {
        match self {
            Ready::Now => Duration::ZERO,
            Ready::At(at) => at,
        }
    }
}

/// The pollables a guest holds.
#[derive(Default, Debug)]
pub(crate) struct Pollables {
    slots: Vec<Option<Ready>>,
    free: Vec<u32>,
}

impl Pollables {
    pub(crate) fn add(&mut self, ready: Ready) -> Result<u32, Stop> {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(ready);
            return Ok(FIRST_POLLABLE + slot);
        }
        if self.slots.len() >= MOST_POLLABLES {
            return Err(TOO_MANY);
        }
        self.slots.push(Some(ready));
        Ok(FIRST_POLLABLE + (self.slots.len() as u32 - 1))
    }

    pub(crate) fn get(&self, handle: u32) -> Result<Ready, Stop> {
        let slot = handle.checked_sub(FIRST_POLLABLE).and_then(|slot| self.slots.get(slot as usize));
        slot.copied().flatten().ok_or(Stop::Refused("a handle it does not hold"))
    }

    pub(crate) fn remove(&mut self, handle: u32) -> Result<(), Stop> {
        self.get(handle)?;
        self.slots[(handle - FIRST_POLLABLE) as usize] = None;
        self.free.push(handle - FIRST_POLLABLE);
        Ok(())
    }
}
