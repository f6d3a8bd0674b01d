//! Streams and waiting: output goes into the run's bounded buffer, input is at its end, and a wait holds no thread.

use wasmtime::{Caller, Error, Linker};

use crate::{
    guest_import::GuestImport,
    host::{
        Host, bridge,
        pollables::{MOST_POLLABLES, Ready, TOO_MANY},
    },
    stop::Stop,
};

pub(super) const STDIN: u32 = 1;
pub(super) const STDOUT: u32 = 2;
pub(super) const STDERR: u32 = 3;

/// `result::err(stream-error::closed)`, and `result::ok`.
const CLOSED: [u8; 5] = [1, 0, 0, 0, 1];
const DONE: [u8; 1] = [0];

pub(super) fn link(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let (module, name) = (import.module, import.name);
    match import.function() {
        "[resource-drop]pollable" => linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, handle: u32| {
            Ok(caller.data_mut().run.pollables.remove(handle)?)
        })?,
        // Streams live as long as the run; an error handle is never handed out.
        "[resource-drop]input-stream" | "[resource-drop]output-stream" | "[resource-drop]error" => {
            linker.func_wrap(module, name, |_: u32| {})?
        }
        "[method]pollable.block" => {
            linker.func_wrap_async(module, name, |mut caller: Caller<'_, Host>, (handle,): (u32,)| {
                Box::new(async move {
                    let ready = caller.data().run.pollables.get(handle)?;
                    wait(&mut caller, &[ready]).await
                })
            })?
        }
        "poll" => return link_poll(linker, import),
        "[method]input-stream.subscribe" | "[method]output-stream.subscribe" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, _: u32| {
                Ok(caller.data_mut().run.pollables.add(Ready::Now)?)
            })?
        }
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, _: u32, _: u64, result: u32| {
                bridge::write(&mut caller, result, &CLOSED)
            })?
        }
        "[method]output-stream.check-write" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, _: u32, result: u32| {
                // Python's standard output is unbuffered: what a write would not take at once, it drops in silence.
                let mut record = [0; 16];
                record[8..].copy_from_slice(&u64::from(u32::MAX).to_le_bytes());
                bridge::write(&mut caller, result, &record)
            })?
        }
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => linker.func_wrap(
            module,
            name,
            |mut caller: Caller<'_, Host>, handle: u32, pointer: u32, length: u32, result: u32| {
                print(&mut caller, handle, pointer, length)?;
                bridge::write(&mut caller, result, &DONE)
            },
        )?,
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            linker.func_wrap(module, name, |mut caller: Caller<'_, Host>, _: u32, result: u32| {
                bridge::write(&mut caller, result, &DONE)
            })?
        }
        _ => return Ok(()),
    };
    Ok(())
}

fn link_poll(linker: &mut Linker<Host>, import: &GuestImport<'_>) -> Result<(), Error> {
    let realloc = import.realloc()?;
    linker.func_wrap_async(
        import.module,
        import.name,
        move |mut caller: Caller<'_, Host>, (pointer, count, result): (u32, u32, u32)| {
            let realloc = realloc.clone();
            Box::new(async move {
                let ready = poll(&mut caller, pointer, count).await?;
                bridge::give_list(&mut caller, &realloc, result, 4, &ready).await
            })
        },
    )?;
    Ok(())
}

/// Waits until one of the handles is ready, and answers the indices of those that are.
async fn poll(caller: &mut Caller<'_, Host>, pointer: u32, count: u32) -> Result<Vec<u8>, Error> {
    if count as usize > MOST_POLLABLES {
        return Err(TOO_MANY.into());
    }
    let run = &caller.data().run;
    let handles = bridge::read(caller, pointer, count * 4)?.as_chunks::<4>().0;
    let waits: Vec<Ready> =
        handles.iter().map(|handle| run.pollables.get(u32::from_le_bytes(*handle))).collect::<Result<_, _>>()?;
    wait(caller, &waits).await?;
    let now = caller.data().run.clock.elapsed();
    let indices = waits.iter().zip(0u32..).filter(|(wait, _)| wait.at() <= now).map(|(_, index)| index);
    Ok(indices.flat_map(u32::to_le_bytes).collect())
}

/// Waits for the first of `waits`, on the run's clock. The run's time limit ends it from outside.
async fn wait(caller: &mut Caller<'_, Host>, waits: &[Ready]) -> Result<(), Error> {
    let run = &mut caller.data_mut().run;
    let Some(first) = waits.iter().map(|wait| wait.at()).min() else { return Ok(()) };
    let length = first.saturating_sub(run.clock.elapsed());
    if length.is_zero() {
        return Ok(());
    }
    run.begin_wait()?;
    if let Some(until) = run.wake_at(first) {
        run.end_turn();
        tokio::time::sleep_until(until.into()).await;
    }
    Ok(caller.data_mut().run.end_wait(length)?)
}

/// Keeps what still fits, and notes that there was more: what a script prints says nothing of what it watches, so that it is no
/// reason to end the run.
fn print(caller: &mut Caller<'_, Host>, handle: u32, pointer: u32, length: u32) -> Result<(), Error> {
    if !matches!(handle, STDOUT | STDERR) {
        return Err(Stop::Refused("a handle it does not hold").into());
    }
    let run = &caller.data().run;
    let (most, kept) = (run.limits.output_bytes, run.output.len());
    let fits = (length as usize).min(most.saturating_sub(kept));
    let text = bridge::read(caller, pointer, length)?[..fits].to_vec();
    let run = &mut caller.data_mut().run;
    run.output.extend(text);
    run.output_is_cut |= fits < length as usize;
    Ok(())
}
