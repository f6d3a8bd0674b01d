//! Bytes across the border. Every pointer and length comes from the guest and is checked against its memory.

use wasmtime::{AsContext, Caller, Error, Memory};

use super::Host;
use crate::stop::Stop;

const OUTSIDE: Stop = Stop::Refused("a pointer outside its memory");

fn memory(host: &Host) -> Result<Memory, Error> {
    host.memory.ok_or_else(|| Stop::Refused("called before it was ready").into())
}

/// The guest's bytes at `pointer`.
pub(crate) fn read<'a>(caller: &'a Caller<'_, Host>, pointer: u32, length: u32) -> Result<&'a [u8], Error> {
    let data = memory(caller.data())?.data(caller.as_context());
    slice(data, pointer, length)
}

/// The part of a memory at `pointer`.
pub(crate) fn slice(data: &[u8], pointer: u32, length: u32) -> Result<&[u8], Error> {
    let start = pointer as usize;
    let part = start.checked_add(length as usize).and_then(|end| data.get(start..end));
    part.ok_or_else(|| OUTSIDE.into())
}

/// Puts `bytes` into the guest's memory at `pointer`.
pub(crate) fn write(caller: &mut Caller<'_, Host>, pointer: u32, bytes: &[u8]) -> Result<(), Error> {
    let memory = memory(caller.data())?;
    memory.write(caller, pointer as usize, bytes).map_err(|_| OUTSIDE.into())
}

/// Answers a `list`: asks the guest for room, fills it, and puts pointer and count at `result`.
pub(crate) async fn give_list(
    caller: &mut Caller<'_, Host>,
    realloc: &str,
    result: u32,
    element_bytes: u32,
    bytes: &[u8],
) -> Result<(), Error> {
    let length = u32::try_from(bytes.len()).map_err(|_| OUTSIDE)?;
    // An empty list may point anywhere that is aligned.
    let mut pointer = element_bytes;
    if length > 0 {
        let function = caller.get_export(realloc).and_then(wasmtime::Extern::into_func);
        let function = function.ok_or(Stop::Refused("no allocator"))?.typed::<(u32, u32, u32, u32), u32>(&caller)?;
        pointer = function.call_async(&mut *caller, (0, 0, element_bytes, length)).await?;
        write(caller, pointer, bytes)?;
    }
    let mut pair = [0; 8];
    pair[..4].copy_from_slice(&pointer.to_le_bytes());
    pair[4..].copy_from_slice(&(length / element_bytes).to_le_bytes());
    write(caller, result, &pair)
}
