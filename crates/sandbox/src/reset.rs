//! Puts a used guest back into the pristine state, by copying back the pages that were written.
//!
//! The kernel knows which pages those are, and is asked in the fastest way that passes a test at the start: which pages
//! were written since they were protected, or which are private, or nothing at all, and then every run gets a new instance.
//! Pages that every run writes stay unprotected, since a first write to a protected page costs a fault.

use std::{io, ops::Range, sync::Arc};

use crate::{
    KeepInstances, Progress, ResetBy,
    guest::{Guest, Template},
    image::{Image, inert_run},
    pages::{self, PrivatePages, Tracked, WriteTracking},
};

/// After so many resets all private pages are looked at: those that hold what the image holds are given back, which costs
/// a page fault when they are used again, and all are protected anew, so that those which one script wrote once are not
/// looked at for ever.
const TIDY_EVERY: u32 = 128;

/// Puts guests back.
#[derive(Debug)]
pub(crate) struct Resetter {
    private: PrivatePages,
    tracking: Option<Arc<WriteTracking>>,
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

/// The fastest way that works here, and why faster ones do not.
pub(crate) struct Choice {
    /// `None` where every run gets a new instance.
    pub(crate) resetter: Option<Resetter>,
    pub(crate) refused: Vec<Progress>,
}

impl Choice {
    pub(crate) async fn of(template: &Template, image: &Image, keep: KeepInstances) -> Choice {
        let mut refused = Vec::new();
        if keep == KeepInstances::Auto {
            match Resetter::tested(template, image, true).await {
                Ok(resetter) => return Choice { resetter: Some(resetter), refused },
                Err(reason) => refused.push(Progress::WritesNotTracked { reason }),
            }
        }
        if keep != KeepInstances::Never {
            match Resetter::tested(template, image, false).await {
                Ok(resetter) => return Choice { resetter: Some(resetter), refused },
                Err(reason) => refused.push(Progress::InstancesNotKept { reason }),
            }
        }
        Choice { resetter: None, refused }
    }
}

impl Resetter {
    async fn tested(template: &Template, image: &Image, tracks: bool) -> Result<Resetter, String> {
        let private = PrivatePages::open().map_err(|error| format!("/proc/self/pagemap: {error}"))?;
        let tracking = if tracks {
            Some(Arc::new(WriteTracking::open().map_err(|error| format!("userfaultfd: {error}"))?))
        } else {
            None
        };
        let resetter = Resetter { private, tracking, page: rustix::param::page_size() };
        let mut guest = template.instantiate(inert_run()).await.map_err(|error| error.to_string())?;
        resetter.test(&mut guest, image)?;
        // All of its memory was read, and the next user of its place needs little of it.
        pages::give_back_all(guest.memory_mut()).map_err(|error| error.to_string())?;
        Ok(resetter)
    }

    /// The way it goes about it.
    pub(crate) fn by(&self) -> ResetBy {
        if self.tracking.is_some() { ResetBy::WrittenPages } else { ResetBy::PrivatePages }
    }

    /// Makes `guest` what `image` is, and forgets its run.
    pub(crate) fn reset(&self, guest: &mut Guest, image: &Image) -> Result<(), NotReset> {
        guest.begin(inert_run());
        let tidy = guest.resets.is_multiple_of(TIDY_EVERY);
        guest.resets = guest.resets.wrapping_add(1);
        let (memory, tracked) = guest.memory_and_tracked();
        if memory.len() != image.memory().len() {
            return Err(NotReset::Grown);
        }
        if tidy {
            self.put_all_back(memory, tracked, image).map_err(NotReset::Unreadable)?;
        } else {
            let suspects = self.suspects(memory, tracked).map_err(NotReset::Unreadable)?;
            self.put_back(memory, image, suspects, |_| {});
        }
        guest.set_globals(&image.globals).map_err(|_| NotReset::Globals)
    }

    /// The pages that may differ from the image, all others do not.
    fn suspects(&self, memory: &[u8], tracked: &mut Option<Tracked>) -> io::Result<Vec<Range<usize>>> {
        if let Some(noted) = tracked {
            match noted.written(memory) {
                Ok(written) => return Ok(written),
                Err(error) => {
                    tracing::warn!(%error, "writes to an interpreter's memory are not noted any more");
                    *tracked = None;
                }
            }
        }
        self.private.private(memory, false)
    }

    /// Puts back whatever was ever written to `memory`, gives back what no run needed, and has writes noted from now on.
    fn put_all_back(&self, memory: &mut [u8], tracked: &mut Option<Tracked>, image: &Image) -> io::Result<()> {
        let mut same = Vec::new();
        let private = self.private.private(memory, tracked.is_some())?;
        self.put_back(memory, image, private, |page| pages::push(&mut same, page));
        pages::give_back(memory, &same)?;
        if let Some(tracking) = &self.tracking {
            let noted = tracked.take().map_or_else(|| tracking.track(memory), Ok);
            // Without it this guest's private pages are looked for.
            *tracked = noted
                .and_then(|noted| noted.protect(memory).map(|()| noted))
                .inspect_err(|error| {
                    tracing::warn!(%error, "writes to an interpreter's memory cannot be noted");
                })
                .ok();
        }
        Ok(())
    }

    /// Makes `parts` of `memory` what they are in the image, and tells `same` of pages that are it already.
    fn put_back(&self, memory: &mut [u8], image: &Image, parts: Vec<Range<usize>>, mut same: impl FnMut(Range<usize>)) {
        let image = image.memory();
        for start in parts.into_iter().flat_map(|range| range.step_by(self.page)) {
            let page = start..start + self.page;
            if memory[page.clone()] != image[page.clone()] {
                memory[page.clone()].copy_from_slice(&image[page]);
            } else {
                same(page);
            }
        }
    }

    /// Shows on a new guest that writes are seen and undone. `Err` says what was not.
    fn test(&self, guest: &mut Guest, image: &Image) -> Result<(), String> {
        let length = image.memory().len();
        if guest.memory().len() != length {
            return Err("a new guest has another size than the image".to_owned());
        }
        // Read everything first, so that pages which were only read are there to be told apart.
        if guest.memory() != image.memory() {
            return Err("a new guest differs from the image".to_owned());
        }
        let pages = length / self.page;
        let places: Vec<usize> =
            [0, 1, pages / 3, pages / 2, pages / 2 + 1, pages - 1].map(|p| p * self.page + 17).into();
        // The first round's reset looks at all private pages and protects them, the second's finds protected ones, the
        // third's such as were left unprotected, and one more that was not.
        for round in 0..3 {
            let written = &places[usize::from(round == 1)..];
            for place in written {
                guest.memory_mut()[*place] ^= 0x5a;
            }
            let (memory, tracked) = guest.memory_and_tracked();
            let seen = self.suspects(memory, tracked).map_err(|error| error.to_string())?;
            if round > 0 && tracked.is_some() != self.tracking.is_some() {
                return Err("writes to a guest's memory cannot be noted".to_owned());
            }
            if let Some(place) = written.iter().find(|place| !seen.iter().any(|range| range.contains(place))) {
                return Err(format!("a written page was not reported (round {round}, byte {place})"));
            }
            let suspected: usize = seen.iter().map(ExactSizeIterator::len).sum();
            if suspected == length {
                return Err("every page is reported as written".to_owned());
            }
            self.reset(guest, image).map_err(|error| error.to_string())?;
            if guest.memory() != image.memory() {
                return Err(format!("memory differed from the image after a reset (round {round})"));
            }
        }
        guest.memory_mut()[places[1]] ^= 0x5a;
        let page = places[1] / self.page * self.page..(places[1] / self.page + 1) * self.page;
        pages::give_back(guest.memory_mut(), &[page]).map_err(|error| error.to_string())?;
        if guest.memory() != image.memory() {
            return Err("a page that was given back is not the image's".to_owned());
        }
        Ok(())
    }
}
