//! One instance of the interpreter, and the three things it can do: load a module, run a request, be put back.

use wasmtime::{
    AsContextMut, Error, ExternType, Global, InstancePre, Linker, Memory, Module, Mutability, Store, TypedFunc, Val,
};

use crate::{
    guest_import::GuestImport,
    host::{Host, RunState, bridge},
    host_call,
    pages::Tracked,
    stop::Stop,
    wasi,
};

/// What every instance is made from: the compiled module with its imports resolved, and the names to reach it by.
#[derive(Clone)]
pub(crate) struct Template {
    pre: InstancePre<Host>,
    realloc: String,
    globals: Vec<String>,
}

/// An instance in its own store. Dropping it gives memory and stack back to the pool.
pub(crate) struct Guest {
    /// Its memory's writes, where they are noted. Stands before the store: it ends before the memory is another's.
    tracked: Option<Tracked>,
    pub(crate) store: Store<Host>,
    /// How often it was put back.
    pub(crate) resets: u32,
    memory: Memory,
    globals: Vec<Global>,
    load: TypedFunc<(u32, u32, u32, u32), u32>,
    after_load: TypedFunc<u32, ()>,
    run: TypedFunc<(u32, u32), u32>,
    after_run: TypedFunc<u32, ()>,
    realloc: TypedFunc<(u32, u32, u32, u32), u32>,
}

impl Template {
    pub(crate) fn new(module: &Module) -> Result<Template, Error> {
        let mut linker = Linker::new(module.engine());
        link(&mut linker, module)?;
        let call = module.imports().map(|import| GuestImport::of(&import)).find(|i| i.function() == "host-call");
        let mutable =
            |ty: ExternType| matches!(ty, ExternType::Global(global) if global.mutability() == Mutability::Var);
        Ok(Template {
            pre: linker.instantiate_pre(module)?,
            realloc: call.ok_or(Stop::Refused("no host-call among its imports"))?.realloc()?,
            globals: module.exports().filter(|e| mutable(e.ty())).map(|e| e.name().to_owned()).collect(),
        })
    }

    /// What the instances execute.
    pub(crate) fn module(&self) -> &Module {
        self.pre.module()
    }

    /// A new instance as its module begins.
    pub(crate) async fn instantiate(&self, run: RunState) -> Result<Guest, Error> {
        let mut store = Store::new(self.pre.module().engine(), Host::new(run));
        store.limiter(|host| &mut host.memory_budget);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| Ok(context.data().run.tick()?));
        let instance = self.pre.instantiate_async(&mut store).await?;
        let absent = || Error::from(Stop::Refused("the artefact lacks an export"));
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(absent)?;
        store.data_mut().memory = Some(memory);
        let globals = self.globals.iter().map(|name| instance.get_global(&mut store, name).ok_or_else(absent));
        Ok(Guest {
            tracked: None,
            resets: 0,
            memory,
            globals: globals.collect::<Result<_, _>>()?,
            load: instance.get_typed_func(&mut store, "load")?,
            after_load: instance.get_typed_func(&mut store, "cabi_post_load")?,
            run: instance.get_typed_func(&mut store, "run")?,
            after_run: instance.get_typed_func(&mut store, "cabi_post_run")?,
            realloc: instance.get_typed_func(&mut store, &self.realloc)?,
            store,
        })
    }
}

/// Defines every import of `module`; one that is not known traps.
fn link(linker: &mut Linker<Host>, module: &Module) -> Result<(), Error> {
    for import in module.imports() {
        let import = GuestImport::of(&import);
        match import.interface() {
            "$root" if import.function() == "host-call" => host_call::link(linker, &import)?,
            _ => wasi::link(linker, &import)?,
        }
    }
    linker.define_unknown_imports_as_traps(module)
}

impl Guest {
    /// Ends what the instance knew of its last run and gives it a new one.
    pub(crate) fn begin(&mut self, run: RunState) {
        self.store.data_mut().begin(run);
        self.store.set_epoch_deadline(1);
    }

    /// Loads Python source as a module; answers the traceback if it fails.
    pub(crate) async fn load(&mut self, name: &str, source: &str) -> Result<Result<(), String>, Error> {
        let (name_at, name_length) = self.give(name.as_bytes()).await?;
        let (source_at, source_length) = self.give(source.as_bytes()).await?;
        let result = self.load.call_async(&mut self.store, (name_at, name_length, source_at, source_length)).await?;
        let text = String::from_utf8_lossy(&self.take(result, 1 << 20)?).into_owned();
        self.after_load.call_async(&mut self.store, result).await?;
        Ok(if text.is_empty() { Ok(()) } else { Err(text) })
    }

    /// Hands `request` to the prelude and answers its answer, at most `most` bytes of it. The guest's C stack is left
    /// where the answer lies, not at a multiple of what the compiler relies on: put the guest back before it runs again.
    pub(crate) async fn run(&mut self, request: &[u8], most: usize) -> Result<Vec<u8>, Error> {
        let result = self.answered(request).await?;
        self.take(result, most)
    }

    /// [`Guest::run`] for a guest that goes on as it is: gives the answer's memory and stack back.
    pub(crate) async fn run_and_go_on(&mut self, request: &[u8], most: usize) -> Result<Vec<u8>, Error> {
        let result = self.answered(request).await?;
        let answer = self.take(result, most)?;
        self.after_run.call_async(&mut self.store, result).await?;
        Ok(answer)
    }

    async fn answered(&mut self, request: &[u8]) -> Result<u32, Error> {
        let (at, length) = self.give(request).await?;
        self.run.call_async(&mut self.store, (at, length)).await
    }

    pub(crate) fn memory(&self) -> &[u8] {
        self.memory.data(&self.store)
    }

    pub(crate) fn memory_mut(&mut self) -> &mut [u8] {
        self.memory.data_mut(&mut self.store)
    }

    /// Its memory, and what notes the writes to it.
    pub(crate) fn memory_and_tracked(&mut self) -> (&mut [u8], &mut Option<Tracked>) {
        (self.memory.data_mut(&mut self.store), &mut self.tracked)
    }

    pub(crate) fn globals(&mut self) -> Vec<Val> {
        self.globals.iter().map(|global| global.get(self.store.as_context_mut())).collect()
    }

    pub(crate) fn set_globals(&mut self, values: &[Val]) -> Result<(), Error> {
        self.globals.iter().zip(values).try_for_each(|(global, value)| global.set(self.store.as_context_mut(), *value))
    }

    /// Copies bytes into memory that the guest allocates for them.
    async fn give(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {
        let length = u32::try_from(bytes.len()).map_err(|_| Stop::Refused("a request beyond its memory"))?;
        let at = self.realloc.call_async(&mut self.store, (0, 0, 1, length)).await?;
        self.memory.write(&mut self.store, at as usize, bytes)?;
        Ok((at, length))
    }

    /// The list that an export's result points at. Copied out: the guest has no hand on it any more.
    fn take(&self, result: u32, most: usize) -> Result<Vec<u8>, Error> {
        let data = self.memory();
        let word = |at: u32| -> Result<u32, Error> {
            let bytes = bridge::slice(data, at, 4)?;
            Ok(u32::from_le_bytes(bytes.try_into()?))
        };
        let (at, length) = (word(result)?, word(result.wrapping_add(4))?);
        if length as usize > most {
            return Err(Stop::Refused("its answer is too large").into());
        }
        Ok(bridge::slice(data, at, length)?.to_vec())
    }
}
