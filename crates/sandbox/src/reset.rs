//! Puts a used guest back into the pristine state, by copying back the pages that were written.
//!
//! The kernel knows which pages those are: the memory is a private mapping of the module's image, and a page that was
//! written (or swapped out after that) is a private page. Any process may ask for its own; where it cannot, or a test
//! shows that it is not told the truth, every run gets a new instance instead.

use std::{io, ops::Range};

use crate::{
    guest::Guest,
    image::{Image, inert_run},
    pages::{self, Pages},
};

/// How often private pages that hold what the image holds are given back: each that is used again costs a page fault.
const TIDY_EVERY: u32 = 128;

/// Puts guests back.
#[derive(Debug)]
pub(crate) struct Resetter {
    pages: Pages,
}

/// Why a guest was not put back; it must not be used again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReset {
    #[error("its memory has grown")]
    Grown,
    #[error("which pages were written cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("its globals cannot be set")]
    Globals,
}

impl Resetter {
    pub(crate) fn open() -> io::Result<Resetter> {
        Ok(Resetter { pages: Pages::open()? })
    }

    /// Makes `guest` what `image` is, and forgets its run.
    pub(crate) fn reset(&self, guest: &mut Guest, image: &Image) -> Result<(), NotReset> {
        guest.begin(inert_run());
        let tidy = guest.resets.is_multiple_of(TIDY_EVERY);
        guest.resets = guest.resets.wrapping_add(1);
        let memory = guest.memory_mut();
        if memory.len() != image.memory.len() {
            return Err(NotReset::Grown);
        }
        // A page that a script wrote once is private for good, and has to be compared in every reset that follows.
        let mut same: Vec<Range<usize>> = Vec::new();
        for range in self.pages.written(memory).map_err(NotReset::Unreadable)? {
            for start in range.step_by(self.pages.size()) {
                let page = start..start + self.pages.size();
                if memory[page.clone()] != image.memory[page.clone()] {
                    memory[page.clone()].copy_from_slice(&image.memory[page]);
                } else if tidy {
                    pages::push(&mut same, page);
                }
            }
        }
        self.pages.give_back(memory, &same).map_err(NotReset::Unreadable)?;
        guest.set_globals(&image.globals).map_err(|_| NotReset::Globals)
    }

    /// Shows on a new guest that writes are seen and undone. `Err` says what was not.
    pub(crate) fn test(&self, guest: &mut Guest, image: &Image) -> Result<(), String> {
        let length = image.memory.len();
        if guest.memory().len() != length {
            return Err("a new guest has another size than the image".to_owned());
        }
        // Read everything first, so that pages which were only read are there to be told apart.
        if guest.memory() != image.memory {
            return Err("a new guest differs from the image".to_owned());
        }
        let size = self.pages.size();
        let pages = length / size;
        let places: Vec<usize> = [0, 1, pages / 3, pages / 2, pages / 2 + 1, pages - 1].map(|p| p * size + 17).into();
        for round in 0..2 {
            for place in &places {
                guest.memory_mut()[*place] ^= 0x5a;
            }
            let seen = self.pages.written(guest.memory()).map_err(|error| error.to_string())?;
            if let Some(place) = places.iter().find(|place| !seen.iter().any(|range| range.contains(place))) {
                return Err(format!("a written page was not reported (round {round}, byte {place})"));
            }
            let private: usize = seen.iter().map(ExactSizeIterator::len).sum();
            if private == length {
                return Err("every page is reported as written".to_owned());
            }
            self.reset(guest, image).map_err(|error| error.to_string())?;
            if guest.memory() != image.memory {
                return Err(format!("memory differed from the image after a reset (round {round})"));
            }
        }
        guest.memory_mut()[places[1]] ^= 0x5a;
        let page = places[1] / size * size..(places[1] / size + 1) * size;
        self.pages.give_back(guest.memory_mut(), &[page]).map_err(|error| error.to_string())?;
        if guest.memory() != image.memory {
            return Err("a page that was given back is not the image's".to_owned());
        }
        Ok(())
    }
}
