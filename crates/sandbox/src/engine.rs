//! The wasmtime engine: what the guest may use of WebAssembly, how its memory is laid out, and the clock of its time slices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// How often a running guest is interrupted to look at its limits and to let others run.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Native stack of one guest, and how much of it WebAssembly may use: the rest is for host functions it calls.
const STACK_BYTES: usize = 4 << 20;
const WASM_STACK_BYTES: usize = 2 << 20;

/// How much effort goes into machine code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Optimization {
    /// As much as there is: it will run for months.
    Full,
    /// Little: it runs once.
    Little,
}

/// An engine for at most `instances` guests at once.
pub(crate) fn engine(instances: u32, optimization: Optimization) -> Result<Engine, wasmtime::Error> {
    let mut config = Config::new();
    // What CPython's build does not need stays off: less to go wrong in the compiler.
    config.wasm_simd(false).wasm_relaxed_simd(false).wasm_tail_call(false).wasm_threads(false);
    config.wasm_multi_memory(false).wasm_memory64(false).wasm_gc(false).wasm_function_references(false);
    config.wasm_exceptions(false).wasm_extended_const(false).wasm_wide_arithmetic(false).wasm_stack_switching(false);
    config.wasm_custom_page_sizes(false).shared_memory(false);

    match optimization {
        Optimization::Full => config.cranelift_opt_level(OptLevel::Speed),
        Optimization::Little => config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(wasmtime::RegallocAlgorithm::SinglePass),
    };
    // The same bits of a NaN on every processor: a script can see them.
    config.cranelift_nan_canonicalization(true);
    config.epoch_interruption(true);
    config.max_wasm_stack(WASM_STACK_BYTES).async_stack_size(STACK_BYTES);
    // Guest frames in an error are of no use to anyone who reads it.
    config.wasm_backtrace_max_frames(None);

    let mut pool = PoolingAllocationConfig::new();
    // A host call that allocates in the guest takes a second stack while it does.
    pool.total_core_instances(instances).total_memories(instances).total_tables(instances).total_stacks(2 * instances);
    pool.total_gc_heaps(0).total_component_instances(0);
    pool.max_memories_per_module(1).max_tables_per_module(1).table_elements(40_000);
    // The real limit is each run's own; see `limits::Budget`. This one only has to be no smaller.
    pool.max_memory_size(1 << 32);
    // Where the kernel tells which pages were written, a new instance takes the place of an old one without giving its
    // pages back and faulting them in again.
    pool.pagemap_scan(Enabled::Auto).linear_memory_keep_resident(1 << 20).table_keep_resident(1 << 20);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// Advances the engine's epoch until dropped. A thread of its own, so no load on the guests' threads can hold it up.
pub(crate) struct Ticker {
    stopped: Arc<AtomicBool>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (engine, flag) = (engine.weak(), stopped.clone());
        thread::Builder::new().name("revere-ticks".into()).spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                thread::park_timeout(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
        Ok(Ticker { stopped })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}
