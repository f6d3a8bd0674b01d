//! Which pages of a private mapping were written, as the kernel tells it in `/proc/self/pagemap`, and giving pages back.
//!
//! The first way is the `PAGEMAP_SCAN` request (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst), which finds them
//! inside the kernel; where it is refused, every entry is read and looked at here.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    io::Errno,
    ioctl::{self, opcode},
    mm::{Advice, madvise},
};

/// Reads which pages are private.
#[derive(Debug)]
pub(crate) struct Pages {
    pagemap: File,
    size: usize,
    /// Whether the kernel looks through the pages itself.
    scans: AtomicBool,
}

impl Pages {
    pub(crate) fn open() -> io::Result<Pages> {
        let pagemap = File::open("/proc/self/pagemap")?;
        Ok(Pages { pagemap, size: rustix::param::page_size(), scans: AtomicBool::new(true) })
    }

    /// The size of a page in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The parts of `memory` that are not its untouched image, as ranges of whole pages: private pages, or such in swap.
    pub(crate) fn written(&self, memory: &[u8]) -> io::Result<Vec<Range<usize>>> {
        if self.scans.load(Ordering::Relaxed) {
            match self.scanned(memory) {
                Err(Errno::NOTTY | Errno::INVAL | Errno::OPNOTSUPP) => self.scans.store(false, Ordering::Relaxed),
                result => return result.map_err(io::Error::from),
            }
        }
        self.read(memory)
    }

    /// Makes every page of `parts` what it is in the image, at the price of a page fault when it is used again.
    #[expect(unsafe_code, reason = "the caller has the only reference to the memory")]
    pub(crate) fn give_back(&self, memory: &mut [u8], parts: &[Range<usize>]) -> io::Result<()> {
        for part in parts {
            let pages = &mut memory[part.clone()];
            // SAFETY: the range lies within `memory`, which nobody else refers to; any bytes are valid in it.
            unsafe { madvise(pages.as_mut_ptr().cast(), pages.len(), Advice::LinuxDontNeed)? };
        }
        Ok(())
    }

    fn scanned(&self, memory: &[u8]) -> Result<Vec<Range<usize>>, Errno> {
        let mut found = Vec::with_capacity(256);
        let mut regions = [Region::default(); 256];
        let base = memory.as_ptr() as u64;
        let end = base + memory.len() as u64;
        let mut start = base;
        while start < end {
            let mut scan = Scan {
                size: size_of::<Scan>() as u64,
                start,
                end,
                regions: regions.as_mut_ptr() as u64,
                regions_len: regions.len() as u64,
                inverted: FILE | ZERO,
                all_of: FILE | ZERO,
                any_of: PRESENT | SWAPPED,
                answered: PRESENT | SWAPPED,
                ..Scan::default()
            };
            let count = self.ask(&mut scan)?;
            for region in regions.get(..count).ok_or(Errno::INVAL)? {
                push(&mut found, (region.start - base) as usize..(region.end - base) as usize);
            }
            // It ends early where there is no room for another region.
            if scan.walked_to <= start {
                return Err(Errno::INVAL);
            }
            start = scan.walked_to;
        }
        Ok(found)
    }

    #[expect(unsafe_code, reason = "a request that rustix does not know")]
    fn ask(&self, scan: &mut Scan) -> Result<usize, Errno> {
        const REQUEST: ioctl::Opcode = opcode::read_write::<Scan>(b'f', 16);

        struct Request<'a>(&'a mut Scan);

        // SAFETY: `Scan` is laid out as the kernel's `pm_scan_arg`; the kernel writes only to it and, as many as it was
        // told there is room for, to the regions it points to.
        unsafe impl ioctl::Ioctl for Request<'_> {
            type Output = usize;
            const IS_MUTATING: bool = true;

            fn opcode(&self) -> ioctl::Opcode {
                REQUEST
            }

            fn as_ptr(&mut self) -> *mut std::ffi::c_void {
                std::ptr::from_mut(self.0).cast()
            }

            unsafe fn output_from_ptr(count: ioctl::IoctlOutput, _: *mut std::ffi::c_void) -> Result<usize, Errno> {
                usize::try_from(count).map_err(|_| Errno::INVAL)
            }
        }

        // SAFETY: as above; `scan.regions` is an array that outlives the call.
        unsafe { ioctl::ioctl(&self.pagemap, Request(scan)) }
    }

    fn read(&self, memory: &[u8]) -> io::Result<Vec<Range<usize>>> {
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
                if entry & (ENTRY_PRESENT | ENTRY_SWAPPED) != 0 && entry & ENTRY_FILE_OR_SHARED == 0 {
                    push(&mut found, index * self.size..(index + 1) * self.size);
                }
                index += 1;
            }
        }
        Ok(found)
    }
}

/// Adds a range to others before it, joined if they touch.
pub(crate) fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// Bits of a pagemap entry.
const ENTRY_PRESENT: u64 = 1 << 63;
const ENTRY_SWAPPED: u64 = 1 << 62;
const ENTRY_FILE_OR_SHARED: u64 = 1 << 61;

/// The kernel's `PAGE_IS_...`.
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
/// The one page of zeros that is shown where nothing was ever written.
const ZERO: u64 = 1 << 5;

/// The kernel's `pm_scan_arg`.
#[derive(Default)]
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walked_to: u64,
    regions: u64,
    regions_len: u64,
    max_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    answered: u64,
}

/// The kernel's `page_region`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that begin at a page, mapped from a file and private, as a guest's memory is.
    #[test]
    fn both_ways_find_what_was_written_and_what_is_given_back_is_the_file_again() {
        let pages = Pages::open().unwrap();
        let size = pages.size();
        let mut memory = Mapping::of(20 * size);
        let read: u64 = memory.bytes().iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!(read, 20 * size as u64);
        for page in [0, 3, 4, 19] {
            memory.bytes()[page * size + 5] = 9;
        }
        let expected = [0..size, 3 * size..5 * size, 19 * size..20 * size];
        assert_eq!(pages.read(memory.bytes()).unwrap(), expected);
        match pages.scanned(memory.bytes()) {
            Ok(found) => assert_eq!(found, expected),
            Err(error) => assert_eq!(error, Errno::NOTTY, "this kernel is older than 6.7"),
        }
        pages.give_back(memory.bytes(), &expected[..2]).unwrap();
        assert_eq!(memory.bytes()[3 * size + 5], 1);
        assert_eq!(memory.bytes()[19 * size + 5], 9);
        assert_eq!(pages.written(memory.bytes()).unwrap(), expected[2..]);
    }

    #[test]
    fn more_parts_than_fit_one_answer_are_all_found() {
        let pages = Pages::open().unwrap();
        let size = pages.size();
        let mut memory = Mapping::of(1200 * size);
        for page in (0..1200).step_by(2) {
            memory.bytes()[page * size] = 9;
        }
        assert_eq!(pages.written(memory.bytes()).unwrap().len(), 600);
    }

    struct Mapping(*mut u8, usize);

    #[expect(unsafe_code, reason = "a mapping of its own")]
    impl Mapping {
        fn of(length: usize) -> Mapping {
            use rustix::mm::{MapFlags, ProtFlags, mmap};
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, &vec![1; length]).unwrap();
            let protection = ProtFlags::READ | ProtFlags::WRITE;
            let at = unsafe { mmap(std::ptr::null_mut(), length, protection, MapFlags::PRIVATE, &file, 0) }.unwrap();
            Mapping(at.cast(), length)
        }

        fn bytes(&mut self) -> &mut [u8] {
            unsafe { std::slice::from_raw_parts_mut(self.0, self.1) }
        }
    }
}
