//! The pristine state every run begins in: an instance that runs nothing, ever. Its memory is a private mapping of the
//! compiled module's file, as every instance's is, so that it takes no room beside theirs.

use std::io;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wasmtime::Val;

use crate::{
    Limits, OpenError,
    guest::{Guest, Template},
    host::{Capabilities, RunState, clock::RunClock},
    pages::{self, PrivatePages},
};

/// The granularity in which memory is looked at; the size of a page where this runs, or a part of one.
pub(crate) const PAGE: usize = 4096;
/// An answer of the prelude that is inert_run believed.
pub(crate) const MOST_ANSWER_BYTES: usize = 4 << 20;

/// Memory and globals of a pristine guest.
pub(crate) struct Image {
    pristine: Guest,
    pub(crate) globals: Vec<Val>,
}

impl Image {
    /// Takes the state of a new instance.
    pub(crate) async fn of(template: &Template) -> Result<Image, OpenError> {
        let mut pristine = template.instantiate(inert_run()).await.map_err(OpenError::engine)?;
        Ok(Image { globals: pristine.globals(), pristine })
    }

    pub(crate) fn memory(&self) -> &[u8] {
        self.pristine.memory()
    }

    /// Has the system forget the pages that were looked at: the file has them. Where a page is not the file's, or nobody
    /// can say, all stay.
    pub(crate) fn forget_pages(&mut self) -> io::Result<()> {
        let memory = self.pristine.memory_mut();
        if PrivatePages::open()?.private(memory, false)?.is_empty() {
            pages::give_back_all(memory)?;
        }
        Ok(())
    }
}

/// A run that nobody asked for: no clock that moves, no randomness that differs, nobody to ask.
pub(crate) fn inert_run() -> RunState {
    let clock = RunClock::at(Timestamp::UNIX_EPOCH);
    RunState::new(Limits::default(), clock, ChaCha20Rng::seed_from_u64(0), Capabilities::none())
}
