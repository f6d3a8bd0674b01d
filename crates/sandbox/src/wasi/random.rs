//! Randomness from the run's seed: the same run draws the same bytes, and no other run can guess them from its own.

use rand_core::Rng;
use wasmtime::{Caller, Error, Linker};

use crate::{
    guest_import::GuestImport,
    host::{Host, bridge},
    stop::Stop,
};

/// What a run may draw in all: enough for any key or simulation's seed, too little to fill a memory with.
const MOST_BYTES: usize = 16 << 20;

pub(super) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    if import.function() != "get-random-bytes" {
        return Ok(());
    }
    let realloc = import.realloc()?;
    linker.func_wrap_async(
        import.module,
        import.name,
        move |mut caller: Caller<'_, Host>, (length, result): (u64, u32)| {
            let realloc = realloc.clone();
            Box::new(async move {
                let bytes = draw(&mut caller, length)?;
                bridge::give_list(&mut caller, &realloc, result, 1, &bytes).await
            })
        },
    )?;
    Ok(())
}

fn draw(caller: &mut Caller<'_, Host>, length: u64) -> Result<Vec<u8>, Error> {
    let run = &mut caller.data_mut().run;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    run.random_bytes = run.random_bytes.saturating_add(length);
    if run.random_bytes > MOST_BYTES {
        return Err(Stop::Refused("it drew more than 16 MiB of randomness").into());
    }
    let mut bytes = vec![0; length];
    run.rng.fill_bytes(&mut bytes);
    Ok(bytes)
}
