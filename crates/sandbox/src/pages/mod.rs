//! What the kernel knows of a memory's pages: which were written, and giving them back.
//!
//! A guest's memory is a private mapping of its module's image. Two questions find what was written to it: which pages are
//! private now ([`PrivatePages`], on any kernel), and, some ten times faster, which were written since they were protected
//! ([`WriteTracking`], Linux 6.7). All unsafe code of this folder talks to the kernel about pages.

mod private;
mod scan;
mod tracking;

use std::{io, ops::Range};

use rustix::mm::{Advice, madvise};

pub(crate) use self::{
    private::PrivatePages,
    tracking::{Tracked, WriteTracking},
};

/// Makes every page of `parts` what it is in the image, at the price of a page fault when it is used again.
#[expect(unsafe_code, reason = "the caller has the only reference to the memory")]
pub(crate) fn give_back(memory: &mut [u8], parts: &[Range<usize>]) -> io::Result<()> {
    for part in parts {
        let pages = &mut memory[part.clone()];
        // SAFETY: the range lies within `memory`, which nobody else refers to; any bytes are valid in it.
        unsafe { madvise(pages.as_mut_ptr().cast(), pages.len(), Advice::LinuxDontNeed)? };
    }
    Ok(())
}

/// The same for all of `memory`.
pub(crate) fn give_back_all(memory: &mut [u8]) -> io::Result<()> {
    let whole = 0..memory.len();
    give_back(memory, std::slice::from_ref(&whole))
}

/// Adds a range to others before it, joined if they touch.
pub(crate) fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that begin at a page, mapped from a file and private, as a guest's memory is.
    pub(super) struct Mapping(*mut u8, usize);

    #[expect(unsafe_code, reason = "a mapping of its own")]
    impl Mapping {
        /// So many pages of ones.
        pub(super) fn of(pages: usize) -> Mapping {
            use rustix::mm::{MapFlags, ProtFlags, mmap};
            let length = pages * rustix::param::page_size();
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, &vec![1; length]).unwrap();
            let protection = ProtFlags::READ | ProtFlags::WRITE;
            let at = unsafe { mmap(std::ptr::null_mut(), length, protection, MapFlags::PRIVATE, &file, 0) }.unwrap();
            Mapping(at.cast(), length)
        }

        pub(super) fn bytes(&mut self) -> &mut [u8] {
            unsafe { std::slice::from_raw_parts_mut(self.0, self.1) }
        }

        /// Reads every page, and writes to these.
        pub(super) fn touch(&mut self, pages: &[usize]) {
            let size = rustix::param::page_size();
            assert!(self.bytes().iter().all(|byte| *byte == 1));
            for page in pages {
                self.bytes()[page * size + 5] = 9;
            }
        }
    }

    impl Drop for Mapping {
        #[expect(unsafe_code, reason = "nobody refers to it any more")]
        fn drop(&mut self) {
            unsafe { rustix::mm::munmap(self.0.cast(), self.1) }.unwrap();
        }
    }

    #[test]
    fn what_is_given_back_is_the_file_again() {
        let size = rustix::param::page_size();
        let mut memory = Mapping::of(20);
        memory.touch(&[3, 4, 19]);
        let (given_back, written) = (3 * size..5 * size, 19 * size..20 * size);
        give_back(memory.bytes(), &[given_back]).unwrap();
        assert_eq!((memory.bytes()[3 * size + 5], memory.bytes()[19 * size + 5]), (1, 9));
        let pages = PrivatePages::open().unwrap();
        assert_eq!(pages.private(memory.bytes(), false).unwrap(), [written]);
    }
}
