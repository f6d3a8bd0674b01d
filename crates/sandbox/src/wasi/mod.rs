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

use wasmtime::{Error, Linker, Module};

pub(crate) use self::io::Pollables;
use crate::{
    guest::Import,
    host::{Host, calls},
};

/// Defines every import of `module`.
pub(crate) fn link(linker: &mut Linker<Host>, module: &Module) -> Result<(), Error> {
    for import in module.imports() {
        let import = Import::of(&import);
        match import.interface() {
            "$root" if import.function() == "host-call" => calls::link(linker, &import)?,
            "wasi:cli/environment" | "wasi:filesystem/preopens" => cli::link_nothing(linker, &import)?,
            interface if interface.starts_with("wasi:cli/") => cli::link(linker, &import)?,
            interface if interface.starts_with("wasi:clocks/") => clocks::link(linker, &import)?,
            interface if interface.starts_with("wasi:io/") => io::link(linker, &import)?,
            "wasi:random/random" => random::link(linker, &import)?,
            interface if interface.starts_with("wasi:sockets/") => sockets::link(linker, &import)?,
            _ => {}
        }
    }
    linker.define_unknown_imports_as_traps(module)
}
