//! The clocks. Both are the run's one: the wall clock shows its instant, the monotonic one the time since it began.

use std::time::Duration;

use wasmtime::{Caller, Error, Linker};

use crate::{
    guest_import::GuestImport,
    host::{Host, bridge, pollables::Ready},
};

pub(super) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let (module, name) = (import.module, import.name);
    match (import.interface(), import.function()) {
        ("wasi:clocks/monotonic-clock", "now") => linker.func_wrap(module, name, |mut caller: Caller<'_, Host>| {
            u64::try_from(caller.data_mut().run.clock.read().as_nanos()).unwrap_or(u64::MAX)
        })?,
        ("wasi:clocks/monotonic-clock", "resolution") => linker.func_wrap(module, name, || 1u64)?,
        ("wasi:clocks/monotonic-clock", "subscribe-duration") => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, nanos: u64| {
                let run = &mut caller.data_mut().run;
                let at = run.clock.elapsed().saturating_add(Duration::from_nanos(nanos));
                Ok(run.pollables.add(Ready::At(at))?)
            })?
        }
        ("wasi:clocks/monotonic-clock", "subscribe-instant") => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, nanos: u64| {
                Ok(caller.data_mut().run.pollables.add(Ready::At(Duration::from_nanos(nanos)))?)
            })?
        }
        ("wasi:clocks/wall-clock", "now") => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, result: u32| {
                let now = caller.data_mut().run.clock.read_instant();
                write_datetime(&mut caller, result, now.as_second(), now.subsec_nanosecond())
            })?
        }
        ("wasi:clocks/wall-clock", "resolution") => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, result: u32| {
                write_datetime(&mut caller, result, 0, 1)
            })?
        }
        _ => return Ok(()),
    };
    Ok(())
}

/// WASI has no time before 1970; a clock set there shows its beginning.
fn write_datetime(caller: &mut Caller<'_, Host>, result: u32, second: i64, nanosecond: i32) -> Result<(), Error> {
    let (second, nanosecond) = if second < 0 { (0, 0) } else { (second as u64, nanosecond.max(0) as u32) };
    let mut record = [0; 12];
    record[..8].copy_from_slice(&second.to_le_bytes());
    record[8..].copy_from_slice(&nanosecond.to_le_bytes());
    bridge::write(caller, result, &record)
}
