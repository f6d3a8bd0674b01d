//! The pristine state every run begins in, copied from an instance that ran nothing.

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wasmtime::Val;

use crate::{
    Limits, OpenError,
    guest::Template,
    host::{Capabilities, RunState, clock::RunClock},
};

/// The granularity in which memory is looked at; the size of a page where this runs, or a part of one.
pub(crate) const PAGE: usize = 4096;
/// An answer of the prelude that is inert_run believed.
pub(crate) const MOST_ANSWER_BYTES: usize = 4 << 20;

/// Memory and globals of a pristine guest.
pub(crate) struct Image {
    pub(crate) memory: Vec<u8>,
    pub(crate) globals: Vec<Val>,
}

impl Image {
    /// Takes the state of a new instance.
    pub(crate) async fn of(template: &Template) -> Result<Image, OpenError> {
        let mut guest = template.instantiate(inert_run()).await.map_err(OpenError::engine)?;
        Ok(Image { memory: guest.memory().to_vec(), globals: guest.globals() })
    }
}

/// A run that nobody asked for: no clock that moves, no randomness that differs, nobody to ask.
pub(crate) fn inert_run() -> RunState {
    let clock = RunClock::at(Timestamp::UNIX_EPOCH);
    RunState::new(Limits::default(), clock, ChaCha20Rng::seed_from_u64(0), Capabilities::none())
}
