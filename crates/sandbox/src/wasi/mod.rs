//! The operating system that the guest sees: what of WASI 0.2 CPython needs, and nothing behind it.
//!
//! Deny by default: there is no environment, no argument, no folder, no socket, and standard input is at its end. What is
//! not defined here traps. Clock and randomness come from the run, output is collected within the run's limit, and
//! every wait is an async wait that the run's time limit ends.

mod cli;
mod clocks;
mod io;
mod random;
mod sockets;

use wasmtime::{Error, Linker};

use crate::{guest_import::GuestImport, host::Host};

/// Defines one import, if CPython needs it.
pub(crate) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    match import.interface() {
        "wasi:cli/environment" | "wasi:filesystem/preopens" => cli::link_nothing(linker, import),
        interface if interface.starts_with("wasi:cli/") => cli::link(linker, import),
        interface if interface.starts_with("wasi:clocks/") => clocks::link(linker, import),
        interface if interface.starts_with("wasi:io/") => io::link(linker, import),
        "wasi:random/random" => random::link(linker, import),
        interface if interface.starts_with("wasi:sockets/") => sockets::link(linker, import),
        _ => Ok(()),
    }
}
