//! The module that runs: the artefact with our Python loaded and warm, frozen into its memory and globals.
//!
//! Made once per machine, before compiling. The artefact is compiled quickly, our Python is loaded into an instance of
//! it, and what its memory and globals then hold becomes the data of a new module. So an instance of the new module
//! begins as every run must, and the pages it does not write stay those of the file.

use std::{ops::Range, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt};

use wasm_encoder::{
    ConstExpr, DataSection, GlobalSection, MemorySection, Module, RawSection,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{ExternalKind, Parser, Payload};
use wasmtime::Val;

use crate::{
    Broker, OpenError, SourceCall, SourceFault, Value, artefact,
    codec::marshal,
    engine::{self, Optimization},
    guest::{Guest, Template},
    host::RunState,
    image::{MOST_ANSWER_BYTES, PAGE, inert_run},
    prelude,
};

/// Everything the module is made of.
pub(crate) fn checksum() -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(artefact::checksum().as_bytes()).update(prelude::checksum().as_bytes());
    hasher.finalize()
}

/// Makes the module.
pub(crate) async fn module() -> Result<Vec<u8>, OpenError> {
    let cold = artefact::unpack().map_err(OpenError::Artefact)?;
    let engine = engine::engine(1, Optimization::Little).map_err(OpenError::engine)?;
    let compiled = wasmtime::Module::new(&engine, &cold).map_err(OpenError::engine)?;
    let template = Template::new(&compiled).map_err(OpenError::engine)?;
    let mut guest = template.instantiate(inert_run()).await.map_err(OpenError::engine)?;
    load(&mut guest).await?;
    let globals = guest.globals();
    // Compiled C takes a stack pointer that is a multiple of 16 for granted; all mutable globals are addresses or small.
    if globals.first().and_then(Val::i32).is_none_or(|stack| stack % 16 != 0) {
        return Err(OpenError::Prelude("the interpreter's stack is not where it began".to_owned()));
    }
    let mut memory = guest.memory().to_vec();
    let objects = objects(&mut guest).await?;
    make_immortal(&mut memory, guest.memory(), &objects);
    with_state(&cold, &memory, &globals)
        .ok_or_else(|| OpenError::Prelude("the artefact is not laid out as it should be".to_owned()))
}

/// Loads our Python and lets it run a while.
async fn load(guest: &mut Guest) -> Result<(), OpenError> {
    for (name, source) in prelude::MODULES {
        let loaded = guest.load(name, source).await.map_err(OpenError::engine)?;
        loaded.map_err(|traceback| OpenError::Prelude(format!("{name}: {traceback}")))?;
    }
    for (request, expected) in prelude::warm_up().map_err(|error| OpenError::Prelude(error.to_string()))? {
        guest.begin(warm_up_run());
        let answer = guest.run_and_go_on(&request, MOST_ANSWER_BYTES).await.map_err(OpenError::engine)?;
        let state = marshal::read(&answer).ok().and_then(|v| v.get("state")?.as_text().map(str::to_owned));
        if state.as_deref() != Some(expected) {
            return Err(OpenError::Prelude(String::from_utf8_lossy(&answer).into_owned()));
        }
    }
    let run = &guest.store.data().run;
    if !run.output.is_empty() || run.random_bytes > 0 {
        return Err(OpenError::Prelude("the warm-up printed or drew randomness".to_owned()));
    }
    Ok(())
}

/// A run whose one source always answers the same: what the guest then holds is the same on every machine.
fn warm_up_run() -> RunState {
    let mut run = inert_run();
    run.capabilities.sources = Arc::new(prelude::warm_up_sources());
    run.capabilities.broker = Some(Arc::new(SameAnswer));
    run
}

struct SameAnswer;

impl Broker for SameAnswer {
    fn call(&self, _: SourceCall) -> BoxFuture<'static, Result<Value, SourceFault>> {
        async { Ok(Value::Float(1.5)) }.boxed()
    }
}

/// The addresses of all Python objects. The guest is not what it was afterwards.
async fn objects(guest: &mut Guest) -> Result<Vec<usize>, OpenError> {
    let request = prelude::objects().map_err(|error| OpenError::Prelude(error.to_string()))?;
    guest.begin(inert_run());
    let answer = guest.run_and_go_on(&request, MOST_ANSWER_BYTES).await.map_err(OpenError::engine)?;
    let Some(Value::List(objects)) = marshal::read(&answer).ok().and_then(|v| v.get("objects").cloned()) else {
        return Err(OpenError::Prelude(String::from_utf8_lossy(&answer).into_owned()));
    };
    Ok(objects.iter().filter_map(|v| if let Value::Int(at) = v { usize::try_from(*at).ok() } else { None }).collect())
}

/// The reference count of an object that is never freed, on 32 bits: CPython 3.14, Include/refcount.h,
/// `_Py_IMMORTAL_INITIAL_REFCNT`. Such a count is not written any more.
const IMMORTAL: u32 = 5 << 28;
/// Nobody has more references; the first word of a block that is free is null or an address beyond this.
const MOST_REFERENCES: u32 = 1 << 16;

/// Makes the objects immortal that `memory` holds: else a run writes to their pages only to count references, and every
/// page that is written costs a copy. `later` is the memory in which the addresses were found; what came or went in
/// between is left alone.
fn make_immortal(memory: &mut [u8], later: &[u8], objects: &[usize]) {
    let word = |memory: &[u8], at: usize| {
        memory.get(at..at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    for &at in objects {
        let counted = word(memory, at).is_some_and(|count| (1..MOST_REFERENCES).contains(&count));
        if counted && word(memory, at + 4) == word(later, at + 4) {
            memory[at..at + 4].copy_from_slice(&IMMORTAL.to_le_bytes());
        }
    }
}

/// `module` beginning with this memory and these values of its exported mutable globals. `None` where it has parts that
/// the artefact never has.
fn with_state(module: &[u8], memory: &[u8], globals: &[Val]) -> Option<Vec<u8>> {
    let mut values = values_by_index(module, globals)?;
    let mut out = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::Version { .. } | Payload::End(_) | Payload::CodeSectionEntry(_) => {}
            Payload::MemorySection(section) => {
                let mut memories = MemorySection::new();
                for ty in section {
                    let mut ty = RoundtripReencoder.memory_type(ty.ok()?).ok()?;
                    ty.minimum = memory.len() as u64 >> 16;
                    memories.memory(ty);
                }
                out.section(&memories);
            }
            Payload::GlobalSection(section) => {
                let mut all = GlobalSection::new();
                for (index, global) in section.into_iter().enumerate() {
                    let global = global.ok()?;
                    let begins = match values.remove(&(index as u32)) {
                        Some(value) => constant(value)?,
                        None if global.ty.mutable => return None,
                        None => RoundtripReencoder.const_expr(global.init_expr).ok()?,
                    };
                    all.global(RoundtripReencoder.global_type(global.ty).ok()?, &begins);
                }
                out.section(&all);
            }
            Payload::DataSection(_) => {
                let mut data = DataSection::new();
                for range in written(memory) {
                    let at = ConstExpr::i32_const(u32::try_from(range.start).ok()?.cast_signed());
                    data.active(0, &at, memory[range].iter().copied());
                }
                out.section(&data);
            }
            // It would have to agree with the data, and is there for code that uses data segments: the artefact has none
            // (`guest/flatten` checks it), and with some the module would not compile.
            Payload::DataCountSection { .. } => {}
            payload => {
                let (id, range) = payload.as_section()?;
                out.section(&RawSection { id, data: &module[range] });
            }
        }
    }
    values.is_empty().then(|| out.finish())
}

/// The values by the index of their global. [`Template`] lists them in the order of the exports.
fn values_by_index(module: &[u8], globals: &[Val]) -> Option<std::collections::BTreeMap<u32, Val>> {
    let (mut mutable, mut exported) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::GlobalSection(section) => {
                for global in section {
                    mutable.push(global.ok()?.ty.mutable);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    if export.kind == ExternalKind::Global && *mutable.get(export.index as usize)? {
                        exported.push(export.index);
                    }
                }
            }
            _ => {}
        }
    }
    (exported.len() == globals.len()).then(|| exported.into_iter().zip(globals.iter().copied()).collect())
}

fn constant(value: Val) -> Option<ConstExpr> {
    match value {
        Val::I32(value) => Some(ConstExpr::i32_const(value)),
        Val::I64(value) => Some(ConstExpr::i64_const(value)),
        _ => None,
    }
}

/// The parts of `memory` that are not zero, as runs of pages.
fn written(memory: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (index, page) in memory.chunks(PAGE).enumerate() {
        let start = index * PAGE;
        match ranges.last_mut() {
            _ if page.iter().all(|byte| *byte == 0) => {}
            Some(last) if last.end == start => last.end += page.len(),
            _ => ranges.push(start..start + page.len()),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_not_zero_are_kept() {
        let mut memory = vec![0; 5 * PAGE];
        (memory[PAGE], memory[3 * PAGE - 1], memory[5 * PAGE - 1]) = (1, 1, 1);
        assert_eq!(written(&memory), [PAGE..3 * PAGE, 4 * PAGE..5 * PAGE]);
    }
}
