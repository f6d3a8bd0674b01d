//! Which pages of a private mapping are not its file's any more, as `/proc/self/pagemap` tells it.
//!
//! The first way is the `PAGEMAP_SCAN` request, which finds them inside the kernel; where it is refused, every entry is
//! read and looked at here.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::io::Errno;

use super::{
    push,
    scan::{FILE, PRESENT, Question, SWAPPED, WRITTEN, ZERO, scan},
};

/// Reads which pages are private.
#[derive(Debug)]
pub(crate) struct PrivatePages {
    pagemap: File,
    size: usize,
    /// Whether the kernel looks through the pages itself.
    scans: AtomicBool,
}

impl PrivatePages {
    pub(crate) fn open() -> io::Result<PrivatePages> {
        let pagemap = File::open("/proc/self/pagemap")?;
        Ok(PrivatePages { pagemap, size: rustix::param::page_size(), scans: AtomicBool::new(true) })
    }

    /// The parts of `memory` that are not its untouched image, as ranges of whole pages: private pages, or such in swap.
    /// Where all of it was `protected`, a page that is not there bears a mark that looks like one in swap, but is not written.
    pub(crate) fn private(&self, memory: &[u8], protected: bool) -> io::Result<Vec<Range<usize>>> {
        if self.scans.load(Ordering::Relaxed) {
            match self.scanned(memory, protected) {
                Err(Errno::NOTTY | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::ACCESS) => {
                    self.scans.store(false, Ordering::Relaxed);
                }
                result => return result.map_err(io::Error::from),
            }
        }
        self.read(memory, protected)
    }

    fn scanned(&self, memory: &[u8], protected: bool) -> Result<Vec<Range<usize>>, Errno> {
        let private = Question {
            inverted: FILE | ZERO,
            all_of: FILE | ZERO,
            any_of: PRESENT | if protected { WRITTEN } else { SWAPPED },
            answered: PRESENT | SWAPPED,
            ..Question::default()
        };
        scan(&self.pagemap, memory, private)
    }

    fn read(&self, memory: &[u8], protected: bool) -> io::Result<Vec<Range<usize>>> {
        // One entry of 8 bytes per page; read in pieces that stay in the cache.
        const PIECE: usize = 1024;
        let mut entries = [0u8; PIECE * 8];
        let mut found = Vec::with_capacity(256);
        let first = memory.as_ptr() as u64 / self.size as u64;
        let pages = memory.len() / self.size;
        let mut index = 0;
        while index < pages {
            let count = PIECE.min(pages - index);
            let piece = &mut entries[..count * 8];
            self.pagemap.read_exact_at(piece, (first + index as u64) * 8)?;
            for entry in piece.as_chunks::<8>().0 {
                let entry = u64::from_ne_bytes(*entry);
                let mark = protected && entry & ENTRY_PROTECTED != 0;
                let there = entry & ENTRY_PRESENT != 0 || entry & ENTRY_SWAPPED != 0 && !mark;
                if there && entry & ENTRY_FILE_OR_SHARED == 0 {
                    push(&mut found, index * self.size..(index + 1) * self.size);
                }
                index += 1;
            }
        }
        Ok(found)
    }
}

/// Bits of a pagemap entry.
const ENTRY_PRESENT: u64 = 1 << 63;
const ENTRY_SWAPPED: u64 = 1 << 62;
const ENTRY_FILE_OR_SHARED: u64 = 1 << 61;
const ENTRY_PROTECTED: u64 = 1 << 57;

#[cfg(test)]
mod tests {
    use super::{super::tests::Mapping, *};

    #[test]
    fn both_ways_find_what_was_written() {
        let pages = PrivatePages::open().unwrap();
        let size = pages.size;
        let mut memory = Mapping::of(20);
        memory.touch(&[0, 3, 4, 19]);
        let expected = [0..size, 3 * size..5 * size, 19 * size..20 * size];
        assert_eq!(pages.read(memory.bytes(), false).unwrap(), expected);
        match pages.scanned(memory.bytes(), false) {
            Ok(found) => assert_eq!(found, expected),
            Err(error) => assert_eq!(error, Errno::NOTTY, "this kernel is older than 6.7"),
        }
    }

    #[test]
    fn more_parts_than_fit_one_answer_are_all_found() {
        let pages = PrivatePages::open().unwrap();
        let mut memory = Mapping::of(1200);
        memory.touch(&(0..1200).step_by(2).collect::<Vec<_>>());
        assert_eq!(pages.private(memory.bytes(), false).unwrap().len(), 600);
    }
}
