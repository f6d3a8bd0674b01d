//! Puts a used guest back into the pristine state, by copying back the pages that were written.
//!
//! The kernel knows which pages those are: the memory is a private mapping of the module's image, and a page that was
//! written (or swapped out after that) is a private page. Read from `/proc/self/pagemap`, which any process may; where it
//! cannot be read, or a test shows that it does not tell the truth, every run gets a new instance instead.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

use crate::{guest::Guest, image::Image, image::still};

/// Bits of a pagemap entry.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const FILE_OR_SHARED: u64 = 1 << 61;

/// Reads which pages are private.
#[derive(Debug)]
pub(crate) struct Resetter {
    pagemap: File,
    page: usize,
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
        Ok(Resetter { pagemap: File::open("/proc/self/pagemap")?, page: rustix::param::page_size() })
    }

    /// Makes `guest` what `image` is, and forgets its run.
    pub(crate) fn reset(&self, guest: &mut Guest, image: &Image) -> Result<(), NotReset> {
        guest.begin(still());
        let memory = guest.memory_mut();
        if memory.len() != image.memory.len() {
            return Err(NotReset::Grown);
        }
        for range in self.private_pages(memory).map_err(NotReset::Unreadable)? {
            memory[range.clone()].copy_from_slice(&image.memory[range]);
        }
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
        let pages = length / self.page;
        let places: Vec<usize> =
            [0, 1, pages / 3, pages / 2, pages / 2 + 1, pages - 1].map(|p| p * self.page + 17).into();
        for round in 0..2 {
            for place in &places {
                guest.memory_mut()[*place] ^= 0x5a;
            }
            let seen = self.private_pages(guest.memory()).map_err(|error| error.to_string())?;
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
        Ok(())
    }

    /// The parts of `memory` that are not the untouched image any more, as ranges of whole pages.
    fn private_pages(&self, memory: &[u8]) -> io::Result<Vec<Range<usize>>> {
        // One entry of 8 bytes per page; read in pieces that stay in the cache.
        const PIECE: usize = 1024;
        let mut entries = [0u8; PIECE * 8];
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(256);
        let first = memory.as_ptr() as u64 / self.page as u64;
        let pages = memory.len() / self.page;
        let mut index = 0;
        while index < pages {
            let count = PIECE.min(pages - index);
            let piece = &mut entries[..count * 8];
            self.pagemap.read_exact_at(piece, (first + index as u64) * 8)?;
            for entry in piece.as_chunks::<8>().0 {
                let entry = u64::from_ne_bytes(*entry);
                if entry & (PRESENT | SWAPPED) != 0 && entry & FILE_OR_SHARED == 0 {
                    let start = index * self.page;
                    match ranges.last_mut() {
                        Some(last) if last.end == start => last.end += self.page,
                        _ => ranges.push(start..start + self.page),
                    }
                }
                index += 1;
            }
        }
        Ok(ranges)
    }
}
