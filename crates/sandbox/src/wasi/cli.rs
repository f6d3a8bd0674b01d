//! The standard streams as handles, an empty environment, and the exit that ends the run.

use wasmtime::{Caller, Error, Linker};

use super::io::{STDERR, STDIN, STDOUT};
use crate::{
    guest_import::GuestImport,
    host::{Host, bridge},
    stop::Stop,
};

pub(super) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let (module, name) = (import.module, import.name);
    match import.function() {
        "get-stdin" => linker.func_wrap(module, name, || STDIN)?,
        "get-stdout" => linker.func_wrap(module, name, || STDOUT)?,
        "get-stderr" => linker.func_wrap(module, name, || STDERR)?,
        // No stream is a terminal: `none`.
        "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, result: u32| {
                bridge::write(&mut caller, result, &[0])
            })?
        }
        "exit" => linker.func_wrap(module, name, |_: u32| -> Result<(), Error> { Err(Stop::Exited.into()) })?,
        _ => return Ok(()),
    };
    Ok(())
}

/// Arguments, environment and preopened folders: an empty list each.
pub(super) fn link_nothing(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let function = import.function();
    if matches!(function, "get-arguments" | "get-environment" | "get-directories") {
        linker.func_wrap(import.module, import.name, |mut caller: Caller<'_, Host>, result: u32| {
            bridge::write(&mut caller, result, &[4, 0, 0, 0, 0, 0, 0, 0])
        })?;
    }
    Ok(())
}
