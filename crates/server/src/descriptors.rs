//! File descriptors: as many as this process may have, and whose fault it is when none is left.
//!
//! Every connection, open file and program takes some. Where there is none left, nobody was asked anything: that is a
//! fault of this server, and says nothing about what it watches.

use std::{error::Error, io};

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use crate::error_words;

/// More than any server here needs, and few enough that programs which close every descriptor they might have inherited
/// start quickly.
const ENOUGH: u64 = 65_536;

/// Lets this process have as many as its hard limit allows. The soft limit, often 1024, is there for programs that use
/// `select`.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => tracing::debug!(from = current, to = wanted, "the limit of open files is raised"),
        Err(error) => tracing::warn!(%error, limit = current, "the limit of open files cannot be raised"),
    }
}

/// How many this process may have; `None` for as many as it likes.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// What to say of `error` if its cause is that no descriptor was left.
pub fn shortage(error: &(dyn Error + 'static)) -> Option<String> {
    for io in error_words::causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()) {
        if let Some(words) = io.raw_os_error().and_then(|number| words(Errno::from_raw_os_error(number))) {
            return Some(words);
        }
        // The resolver, for one, keeps its reason to itself.
        if io.raw_os_error().is_none() && io.get_ref().is_none() {
            return shortage_now();
        }
    }
    None
}

/// The same for an error that does not tell its cause: whether none is left at this moment.
pub fn shortage_now() -> Option<String> {
    words(Errno::from_io_error(&std::fs::File::open("/dev/null").err()?)?)
}

fn words(errno: Errno) -> Option<String> {
    match errno {
        Errno::MFILE => {
            let limit = limit().map_or("unlimited".to_owned(), |limit| limit.to_string());
            Some(format!(
                "Revere has no file descriptor left: it may have {limit} open; raise that limit (LimitNOFILE= of a \
                 systemd service, ulimit -Hn of a shell) and start it again"
            ))
        }
        Errno::NFILE => Some(
            "this machine has no file descriptor left for anybody; raise fs.file-max with sysctl, or find who holds them"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_found_wherever_it_stands_among_the_causes() {
        let bare: io::Error = Errno::MFILE.into();
        let wrapped = io::Error::other(io::Error::from(Errno::MFILE));
        let deep = sqlx::Error::Io(io::Error::other(wrapped));
        for error in [&bare as &(dyn Error + 'static), &deep] {
            let words = shortage(error).unwrap_or_else(|| panic!("{error:?}"));
            assert!(words.contains("it may have ") && words.contains("LimitNOFILE="), "{words}");
        }
        assert!(shortage(&io::Error::from(Errno::NFILE)).unwrap().contains("fs.file-max"));
        for other in [io::Error::from(Errno::CONNREFUSED), io::Error::other("too many open files")] {
            assert_eq!(shortage(&other), None);
        }
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert!(current.is_none_or(|current| current >= maximum.unwrap_or(ENOUGH).min(ENOUGH)), "{current:?}");
        assert_eq!(shortage_now(), None);
    }
}
