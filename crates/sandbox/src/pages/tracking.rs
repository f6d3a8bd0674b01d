//! The kernel notes which pages are written: userfaultfd's asynchronous write protection (Linux 6.7,
//! Documentation/admin-guide/mm/userfaultfd.rst).
//!
//! A protected page that is written loses its protection, in the kernel and without anybody being asked, and counts as
//! written until it is protected again; so does a page that was given back. `PAGEMAP_SCAN` that asks for nothing but
//! written pages is answered without a look at what each page is. Any process may have this of its own memory, unless a
//! container's filter forbids `userfaultfd`. One descriptor serves all memories.

use std::{fs::File, io, ops::Range, os::fd::OwnedFd, sync::Arc};

use rustix::{
    io::Errno,
    ioctl::{Opcode, Updater, ioctl, opcode},
    mm::{UserfaultfdFlags, userfaultfd},
};

use super::scan::{ALL_NOTED, Question, WRITTEN, scan};

/// Notes writes to memories.
#[derive(Debug)]
pub(crate) struct WriteTracking {
    descriptor: OwnedFd,
    pagemap: File,
}

/// A memory whose writes are noted, until this is dropped; which has to come before the memory is used for another guest.
#[derive(Debug)]
pub(crate) struct Tracked {
    tracking: Arc<WriteTracking>,
    memory: Range<usize>,
}

impl WriteTracking {
    /// Fails where the kernel is older or this is forbidden.
    #[expect(unsafe_code, reason = "userfaultfd, and agreeing on its version")]
    pub(crate) fn open() -> io::Result<WriteTracking> {
        // Only writes by the process itself have to be noted by asking a thread, and nobody is asked here at all; with
        // this flag an ordinary user may.
        const USER_MODE_ONLY: UserfaultfdFlags = UserfaultfdFlags::from_bits_retain(1);
        let pagemap = File::open("/proc/self/pagemap")?;
        // SAFETY: the descriptor is used in this module only, to protect pages against unseen writes.
        let descriptor =
            unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK | USER_MODE_ONLY)? };
        let mut wanted = Api { api: API, features: WP_UNPOPULATED | WP_ASYNC, requests: 0 };
        // SAFETY: `Api` is laid out as the kernel's `uffdio_api`.
        unsafe { ioctl(&descriptor, Updater::<UFFDIO_API, Api>::new(&mut wanted))? };
        Ok(WriteTracking { descriptor, pagemap })
    }

    /// Begins to note writes to `memory`. Every page counts as written until [`Tracked::protect`].
    #[expect(unsafe_code, reason = "a request that rustix does not know")]
    pub(crate) fn track(self: &Arc<Self>, memory: &mut [u8]) -> io::Result<Tracked> {
        let memory = addresses(memory);
        let mut request = Register { range: Part::of(&memory), mode: REGISTER_WP, requests: 0 };
        // SAFETY: `Register` is laid out as the kernel's `uffdio_register`. What the memory holds does not change by it,
        // and with asynchronous protection no access of it ever waits.
        unsafe { ioctl(&self.descriptor, Updater::<UFFDIO_REGISTER, Register>::new(&mut request))? };
        Ok(Tracked { tracking: self.clone(), memory })
    }
}

impl Tracked {
    /// From now on no page of `memory` counts as written.
    #[expect(unsafe_code, reason = "a request that rustix does not know")]
    pub(crate) fn protect(&self, memory: &mut [u8]) -> io::Result<()> {
        self.must_be(memory)?;
        let mut request = Protect { range: Part::of(&self.memory), mode: PROTECT_WP };
        // SAFETY: `Protect` is laid out as the kernel's `uffdio_writeprotect`. Pages stay what they are, and may be
        // written as before.
        unsafe { ioctl(&self.tracking.descriptor, Updater::<UFFDIO_WRITEPROTECT, Protect>::new(&mut request))? };
        Ok(())
    }

    /// The parts of `memory` that were written since they were protected, as ranges of whole pages; an error where the
    /// kernel does not note all of it.
    pub(crate) fn written(&self, memory: &[u8]) -> io::Result<Vec<Range<usize>>> {
        self.must_be(memory)?;
        // Nothing else may be asked or answered: only so the kernel has no look at the pages themselves.
        let written = Question { flags: ALL_NOTED, all_of: WRITTEN, answered: WRITTEN, ..Question::default() };
        Ok(scan(&self.tracking.pagemap, memory, written)?)
    }

    fn must_be(&self, memory: &[u8]) -> io::Result<()> {
        if addresses(memory) == self.memory { Ok(()) } else { Err(Errno::FAULT.into()) }
    }
}

fn addresses(memory: &[u8]) -> Range<usize> {
    let range = memory.as_ptr_range();
    range.start.addr()..range.end.addr()
}

impl Drop for Tracked {
    #[expect(unsafe_code, reason = "a request that rustix does not know")]
    fn drop(&mut self) {
        let mut range = Part::of(&self.memory);
        // SAFETY: `Part` is laid out as the kernel's `uffdio_range`. Pages stay what they are, and may be written as
        // before. Where it fails, writes are noted on and nobody asks for them.
        let ended = unsafe { ioctl(&self.tracking.descriptor, Updater::<UFFDIO_UNREGISTER, Part>::new(&mut range)) };
        if let Err(error) = ended {
            tracing::debug!(%error, "writes to an interpreter's memory are noted on");
        }
    }
}

const API: u64 = 0xAA;
const UFFDIO_API: Opcode = opcode::read_write::<Api>(0xAA, 0x3F);
const UFFDIO_REGISTER: Opcode = opcode::read_write::<Register>(0xAA, 0x00);
const UFFDIO_UNREGISTER: Opcode = opcode::read::<Part>(0xAA, 0x01);
const UFFDIO_WRITEPROTECT: Opcode = opcode::read_write::<Protect>(0xAA, 0x06);

/// `UFFD_FEATURE_...`: pages that were never used can be protected, and a write to a protected one is only noted.
const WP_UNPOPULATED: u64 = 1 << 13;
const WP_ASYNC: u64 = 1 << 15;
const REGISTER_WP: u64 = 1 << 1;
const PROTECT_WP: u64 = 1;

/// The kernel's `uffdio_api`.
#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    requests: u64,
}

/// The kernel's `uffdio_range`.
#[repr(C)]
struct Part {
    start: u64,
    length: u64,
}

impl Part {
    fn of(memory: &Range<usize>) -> Part {
        Part { start: memory.start as u64, length: memory.len() as u64 }
    }
}

/// The kernel's `uffdio_register`.
#[repr(C)]
struct Register {
    range: Part,
    mode: u64,
    requests: u64,
}

/// The kernel's `uffdio_writeprotect`.
#[repr(C)]
struct Protect {
    range: Part,
    mode: u64,
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{
        super::{PrivatePages, give_back, tests::Mapping},
        *,
    };

    /// `None`, and said, where this kernel cannot or must not.
    fn tracking() -> Option<Arc<WriteTracking>> {
        let opened = WriteTracking::open();
        opened.map(Arc::new).map_err(|error| eprintln!("not tried, userfaultfd: {error}")).ok()
    }

    #[test]
    fn what_is_written_after_it_was_protected_is_found() {
        let Some(tracking) = tracking() else { return };
        let size = rustix::param::page_size();
        let mut memory = Mapping::of(1200);
        // Some private, some only read, the last never used.
        assert!(memory.bytes()[..1000 * size].iter().all(|byte| *byte == 1));
        memory.bytes()[7 * size] = 2;
        let tracked = tracking.track(memory.bytes()).unwrap();
        tracked.protect(memory.bytes()).unwrap();
        assert_eq!(tracked.written(memory.bytes()).unwrap(), []);
        // The marks of pages that are not there are no pages.
        let private = PrivatePages::open().unwrap();
        let once_written = 7 * size..8 * size;
        assert_eq!(private.private(memory.bytes(), true).unwrap(), [once_written]);

        memory.bytes()[7 * size] = 3;
        memory.bytes()[8 * size] = 3;
        memory.bytes()[1199 * size] = 3;
        // By the kernel.
        File::open("/dev/zero").unwrap().read_exact(&mut memory.bytes()[500 * size..500 * size + 1]).unwrap();
        let expected = [7 * size..9 * size, 500 * size..501 * size, 1199 * size..1200 * size];
        assert_eq!(tracked.written(memory.bytes()).unwrap(), expected);
        assert_eq!(tracked.written(memory.bytes()).unwrap(), expected, "asking changes nothing");

        give_back(memory.bytes(), &expected[..1]).unwrap();
        assert_eq!((memory.bytes()[7 * size], memory.bytes()[8 * size]), (1, 1));
        tracked.protect(memory.bytes()).unwrap();
        assert_eq!(tracked.written(memory.bytes()).unwrap(), []);
        for page in (0..1200).step_by(2) {
            memory.bytes()[page * size] = 9;
        }
        assert_eq!(tracked.written(memory.bytes()).unwrap().len(), 600, "more than fit one answer");
    }

    #[test]
    fn memory_that_is_not_noted_is_an_error_and_never_nothing_written() {
        let Some(tracking) = tracking() else { return };
        let size = rustix::param::page_size();
        let (mut memory, mut other) = (Mapping::of(8), Mapping::of(8));
        let tracked = tracking.track(&mut memory.bytes()[..4 * size]).unwrap();
        assert_eq!(tracked.written(other.bytes()).unwrap_err().raw_os_error(), Some(14));
        let all = Question { flags: ALL_NOTED, all_of: WRITTEN, answered: WRITTEN, ..Question::default() };
        assert_eq!(scan(&tracking.pagemap, memory.bytes(), all), Err(Errno::PERM), "half of it is not noted");

        // A memory that is used for another guest is noted anew, and forgets what it was.
        tracked.protect(&mut memory.bytes()[..4 * size]).unwrap();
        drop(tracked);
        assert_eq!(scan(&tracking.pagemap, &memory.bytes()[..4 * size], all), Err(Errno::PERM));
        let again = tracking.track(memory.bytes()).unwrap();
        again.protect(memory.bytes()).unwrap();
        memory.bytes()[5 * size] = 2;
        let written = 5 * size..6 * size;
        assert_eq!(again.written(memory.bytes()).unwrap(), [written]);
    }
}
