//! The interpreter compiled to machine code, kept on disk: compiling takes seconds, loading milliseconds.
//!
//! A file's name says what it was made from and what it must contain:
//! `python-<wasmtime, its settings, this machine, the module>-<checksum of the content>.cwasm`. Content that does not match
//! its name is never executed. Files appear whole, by renaming, and are never changed, so any number of processes can
//! start at once and a running one is not disturbed by another's clean-up.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Instant,
};

use wasmtime::{Engine, Module};

use crate::{OpenError, Progress, frozen_module};

/// Compiled code of other versions is kept for so many; a fleet being updated may share one folder.
const KEPT_FILES: usize = 3;

/// The compiled module, and whether it came from the cache; `make` makes what is compiled.
pub(crate) fn load_or_compile(
    engine: &Engine,
    folder: &Path,
    progress: &(dyn Fn(Progress) + Sync),
    make: impl FnOnce() -> Result<Vec<u8>, OpenError>,
) -> Result<(Module, bool), OpenError> {
    let prefix = prefix(engine);
    let unusable = |error| progress(Progress::CacheUnusable { reason: format!("{}: {error}", folder.display()) });
    let is_usable = match load(engine, folder, &prefix) {
        Ok(Some(module)) => return Ok((module, true)),
        Ok(None) => true,
        Err(error) => {
            unusable(error);
            false
        }
    };
    progress(Progress::Compiling);
    let began = Instant::now();
    let code = engine.precompile_module(&make()?).map_err(OpenError::engine)?;
    progress(Progress::Compiled { took: began.elapsed() });
    let stored = store(folder, &prefix, &code).and_then(|path| map(engine, &path).map(Some));
    let module = match stored {
        Ok(Some(module)) => module,
        Ok(None) => return Err(OpenError::Artefact(io::ErrorKind::InvalidData.into())),
        Err(error) => {
            if is_usable {
                unusable(error);
            }
            from_memory(engine, &code)?
        }
    };
    drop(code);
    give_back_memory();
    Ok((module, false))
}

/// Gives the system what the compiler has freed: glibc keeps a quarter of a gigabyte of it for a next time, which does not
/// come.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the C library's own call, which no crate of ours wraps")]
fn give_back_memory() {
    unsafe extern "C" {
        safe fn malloc_trim(keep: usize) -> std::ffi::c_int;
    }
    malloc_trim(0);
}

/// Other C libraries give it back by themselves.
#[cfg(not(target_env = "gnu"))]
fn give_back_memory() {}

/// The same module for an engine of another size, without compiling it again: mapped from the folder, or where it could
/// not be kept there, copied from the one that is in memory.
pub(crate) fn load_again(engine: &Engine, folder: &Path, module: &Module) -> Result<Module, OpenError> {
    if let Ok(Some(kept)) = load(engine, folder, &prefix(engine)) {
        return Ok(kept);
    }
    copied(engine, module)
}

#[expect(unsafe_code, reason = "the code was compiled by this process, or came from its own cache")]
fn copied(engine: &Engine, module: &Module) -> Result<Module, OpenError> {
    let code = module.serialize().map_err(OpenError::engine)?;
    // SAFETY: `code` is what a module that this process is executing consists of.
    unsafe { Module::deserialize(engine, code) }.map_err(OpenError::engine)
}

/// Everything before the content's checksum.
fn prefix(engine: &Engine) -> String {
    // wasmtime's version, its settings and the processor's features are all in the first hash.
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let module = frozen_module::checksum().to_hex();
    format!("python-{}-{:016x}-{}-", env!("CARGO_PKG_VERSION"), hasher.finish(), &module[..16])
}

fn load(engine: &Engine, folder: &Path, prefix: &str) -> io::Result<Option<Module>> {
    match is_our_own(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let entries = fs::read_dir(folder)?;
    for entry in entries {
        let path = entry?.path();
        let fits =
            path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(prefix) && n.ends_with(".cwasm"));
        if fits {
            match map(engine, &path) {
                Ok(module) => return Ok(Some(module)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "compiled interpreter is damaged; making it anew");
                    // If it cannot be removed, the new one will have another name or replace it.
                    let _ = fs::remove_file(&path);
                }
            }
        }
    }
    Ok(None)
}

/// What lies there will be executed, so nobody else may have put it there.
fn is_our_own(folder: &Path) -> io::Result<()> {
    let facts = fs::metadata(folder)?;
    let refused = |words: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, words.to_owned()));
    if facts.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    if facts.mode() & 0o022 != 0 {
        return refused("other users can write to it; chmod go-w would do");
    }
    Ok(())
}

/// Maps a file whose content is what its name promises.
#[expect(
    unsafe_code,
    reason = "executing our own compiled code is what a cache of it is for; its checksum was compared"
)]
fn map(engine: &Engine, path: &Path) -> io::Result<Module> {
    let file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file)?;
    let promised = path.file_stem().and_then(|stem| stem.to_str()?.rsplit('-').next());
    if promised != Some(hasher.finalize().to_hex().as_str()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its content does not match its checksum"));
    }
    // SAFETY: the bytes are those that `store` got from the compiler: the blake3 checksum in the name was just compared
    // through the same open file. Files of this folder are only ever replaced whole, never written to, and the folder
    // is the server's own.
    unsafe { Module::deserialize_open_file(engine, file) }.map_err(io::Error::other)
}

#[expect(unsafe_code, reason = "the code was compiled a moment ago by this process")]
fn from_memory(engine: &Engine, code: &[u8]) -> Result<Module, OpenError> {
    // SAFETY: `code` is what `Engine::precompile_module` of this engine just returned.
    unsafe { Module::deserialize(engine, code) }.map_err(OpenError::engine)
}

fn store(folder: &Path, prefix: &str, code: &[u8]) -> io::Result<PathBuf> {
    // The folder holds code that will be executed: nobody else may write there.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    is_our_own(folder)?;
    let checksum = blake3::hash(code).to_hex();
    let path = folder.join(format!("{prefix}{checksum}.cwasm"));
    let temporary = folder.join(format!(".{prefix}{}.part", std::process::id()));
    // Left by a process of the same number that was killed.
    let _ = fs::remove_file(&temporary);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(code).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = written {
        // The first error says more than this one could.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    forget_old(folder);
    Ok(path)
}

/// Removes all but the newest few. What cannot be removed stays; it only takes room.
fn forget_old(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|n| n.starts_with("python-") && n.ends_with(".cwasm")))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    for (_, path) in files.iter().rev().skip(KEPT_FILES) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_can_write_to_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let allow = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        allow(0o700);
        is_our_own(folder.path()).unwrap();
        for mode in [0o720, 0o702, 0o777] {
            allow(mode);
            let error = is_our_own(folder.path()).unwrap_err();
            assert!(error.to_string().contains("other users can write to it"), "{error}");
        }
    }
}
