//! No network: making a socket and looking up a name are refused, which Python raises as `PermissionError`.

use wasmtime::{Caller, Error, Linker};

use crate::{
    guest_import::GuestImport,
    host::{Host, bridge},
};

/// `result::err(error-code::access-denied)`.
const DENIED: [u8; 5] = [1, 0, 0, 0, 1];

pub(super) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let (module, name) = (import.module, import.name);
    match import.function() {
        "instance-network" => linker.func_wrap(module, name, || 1u32)?,
        "[resource-drop]network" => linker.func_wrap(module, name, |_: u32| {})?,
        "create-tcp-socket" | "create-udp-socket" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, _: u32, result: u32| {
                bridge::write(&mut caller, result, &DENIED)
            })?
        }
        "resolve-addresses" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, _: u32, _: u32, _: u32, result: u32| {
                bridge::write(&mut caller, result, &DENIED)
            })?
        }
        // Methods of sockets trap: there is no socket to call them on.
        _ => return Ok(()),
    };
    Ok(())
}
