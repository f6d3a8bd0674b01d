//! The `PAGEMAP_SCAN` request (Linux 6.7, Documentation/admin-guide/mm/pagemap.rst): the kernel walks through a memory and
//! answers the ranges of pages that fit.

use std::{fs::File, ops::Range};

use rustix::{
    io::Errno,
    ioctl::{self, opcode},
};

/// The kernel's `PAGE_IS_...`.
pub(super) const WRITTEN: u64 = 1 << 1;
pub(super) const FILE: u64 = 1 << 2;
pub(super) const PRESENT: u64 = 1 << 3;
pub(super) const SWAPPED: u64 = 1 << 4;
/// The one page of zeros that is shown where nothing was ever written.
pub(super) const ZERO: u64 = 1 << 5;

/// The kernel's `PM_SCAN_CHECK_WPASYNC`: fail where any page's writes are not noted.
pub(super) const ALL_NOTED: u64 = 1 << 1;

/// Ranges of one answer; where there are more, the kernel is asked again.
const REGIONS: usize = 256;

/// Which pages are asked for.
#[derive(Clone, Copy, Default)]
pub(super) struct Question {
    pub(super) flags: u64,
    pub(super) inverted: u64,
    pub(super) all_of: u64,
    pub(super) any_of: u64,
    pub(super) answered: u64,
}

/// The parts of `memory` whose pages fit, as ranges of whole pages in their order.
pub(super) fn scan(pagemap: &File, memory: &[u8], question: Question) -> Result<Vec<Range<usize>>, Errno> {
    let mut found = Vec::with_capacity(REGIONS);
    let mut regions = [Region::default(); REGIONS];
    let base = memory.as_ptr() as u64;
    let end = base + memory.len() as u64;
    let mut start = base;
    while start < end {
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            flags: question.flags,
            start,
            end,
            regions: regions.as_mut_ptr() as u64,
            regions_len: regions.len() as u64,
            inverted: question.inverted,
            all_of: question.all_of,
            any_of: question.any_of,
            answered: question.answered,
            ..Scan::default()
        };
        let count = ask(pagemap, &mut scan)?;
        for region in regions.get(..count).ok_or(Errno::INVAL)? {
            super::push(&mut found, (region.start - base) as usize..(region.end - base) as usize);
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
fn ask(pagemap: &File, scan: &mut Scan) -> Result<usize, Errno> {
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
    unsafe { ioctl::ioctl(pagemap, Request(scan)) }
}

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
