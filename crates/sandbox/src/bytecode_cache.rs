//! Bytecode of scripts that run again and again, so that they are compiled once and not in every run.
//!
//! It comes from a guest that compiled the script and executed nothing, never from one that ran something: no run can
//! leave anything behind here. A script that runs once is not worth a second guest, so it is compiled from its second
//! run on, or when it was checked before. Both ways a run executes what `marshal` gives back, so that it cannot matter
//! which one it was.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes of bytecode per generation; there are two. A monitor of a page of text has 5 KB.
const GENERATION_BYTES: usize = 16 << 20;
/// Larger ones are not kept: compiling them is little beside what they do.
const MOST_BYTES: usize = 256 << 10;
/// What an entry costs beside its bytecode.
const ENTRY_BYTES: usize = 128;

/// The bytecode of a script as `marshal` writes it.
pub(crate) type Code = Arc<[u8]>;

/// What is known of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Compilation {
    /// It was never seen, or long ago.
    New,
    /// It was seen once.
    Seen,
    Compiled(Code),
    /// It does not compile, or to too much.
    Never,
}

/// BytecodeCache by their checksum, the least recently used forgotten.
#[derive(Default)]
pub(crate) struct BytecodeCache {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<blake3::Hash, Compilation>,
    old: HashMap<blake3::Hash, Compilation>,
    young_bytes: usize,
}

impl BytecodeCache {
    /// What is known of `script`; from now on it was seen.
    pub(crate) fn look(&self, script: &str) -> Compilation {
        let hash = blake3::hash(script.as_bytes());
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = generations.young.get(&hash) {
            return known.clone();
        }
        let known = generations.old.remove(&hash);
        generations.keep(hash, known.clone().unwrap_or(Compilation::Seen));
        known.unwrap_or(Compilation::New)
    }

    /// Remembers what compiling gave. `None` where it gave nothing.
    pub(crate) fn remember(&self, script: &str, code: Option<&[u8]>) {
        let known = match code {
            Some(code) if code.len() <= MOST_BYTES => Compilation::Compiled(code.into()),
            _ => Compilation::Never,
        };
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.keep(blake3::hash(script.as_bytes()), known);
    }
}

impl Generations {
    fn keep(&mut self, hash: blake3::Hash, known: Compilation) {
        self.young_bytes += ENTRY_BYTES + if let Compilation::Compiled(code) = &known { code.len() } else { 0 };
        self.young.insert(hash, known);
        if self.young_bytes > GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_compiled_the_second_time() {
        let scripts = BytecodeCache::default();
        assert_eq!(scripts.look("a"), Compilation::New);
        assert_eq!(scripts.look("a"), Compilation::Seen);
        scripts.remember("a", Some(b"code"));
        assert_eq!(scripts.look("a"), Compilation::Compiled((*b"code").into()));
        scripts.remember("b", None);
        assert_eq!(scripts.look("b"), Compilation::Never);
        assert_eq!(scripts.look("c"), Compilation::New);
    }

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let scripts = BytecodeCache::default();
        let code = vec![b'x'; MOST_BYTES];
        scripts.remember("used", Some(&code));
        scripts.remember("unused", Some(&code));
        for number in 0..3 * GENERATION_BYTES / MOST_BYTES {
            scripts.remember(&number.to_string(), Some(&code));
            assert_eq!(scripts.look("used"), Compilation::Compiled(code.as_slice().into()), "after {number} others");
        }
        assert_eq!(scripts.look("unused"), Compilation::New);
    }

    #[test]
    fn large_bytecode_is_not_kept() {
        let scripts = BytecodeCache::default();
        scripts.remember("large", Some(&vec![b'x'; MOST_BYTES + 1]));
        assert_eq!(scripts.look("large"), Compilation::Never);
    }
}
