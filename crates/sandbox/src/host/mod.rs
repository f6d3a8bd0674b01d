//! What the host holds for one guest: its memory budget, and everything of the run it is in.

pub(crate) mod bridge;
pub(crate) mod clock;
mod memory_budget;
pub(crate) mod pollables;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rand_chacha::ChaCha20Rng;
use wasmtime::{Memory, UpdateDeadline};

use self::{
    clock::{RunClock, TimeLimit},
    memory_budget::MemoryBudget,
    pollables::Pollables,
};
use crate::{
    Broker, CallRecord, HelperModule, Limits, SourceDescription,
    cpu_meter::CpuMeter,
    cpu_queue::{self, Turn},
    stop::Stop,
};

/// The data of a guest's store.
pub(crate) struct Host {
    /// The guest's linear memory, known once it is instantiated.
    pub(crate) memory: Option<Memory>,
    pub(crate) memory_budget: MemoryBudget,
    pub(crate) run: RunState,
}

impl Host {
    pub(crate) fn new(run: RunState) -> Host {
        Host { memory: None, memory_budget: MemoryBudget::new(run.limits.memory_bytes), run }
    }

    /// Forgets the last run and begins another: no field outlives a run.
    pub(crate) fn begin(&mut self, run: RunState) {
        self.memory_budget = MemoryBudget::new(run.limits.memory_bytes);
        self.run = run;
    }
}

/// Everything of one run; replaced as a whole, so nothing of one run can be seen by the next.
pub(crate) struct RunState {
    pub(crate) limits: Limits,
    /// What the script reads as the time; its limits are kept by `began` and `cpu`.
    pub(crate) clock: RunClock,
    /// All randomness of the run: the same seed gives the same stream.
    pub(crate) rng: ChaCha20Rng,
    pub(crate) random_bytes: usize,
    pub(crate) began: Instant,
    pub(crate) cpu: Arc<CpuMeter>,
    /// Its place among those that compute long; none while an interpreter is made ready.
    pub(crate) turn: Option<Turn>,
    pub(crate) capabilities: Capabilities,
    pub(crate) output: Vec<u8>,
    /// Whether more was printed than is kept.
    pub(crate) output_is_cut: bool,
    pub(crate) pollables: Pollables,
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) helper_requests: u32,
    /// The helper modules that were read, where somebody wants to know.
    pub(crate) helpers_read: Option<TapedHelpers>,
}

/// Whom a run may ask: nobody, while an interpreter is made ready.
#[derive(Clone)]
pub(crate) struct Capabilities {
    pub(crate) sources: Arc<BTreeMap<String, SourceDescription>>,
    pub(crate) broker: Option<Arc<dyn Broker>>,
    pub(crate) helpers: Helpers,
}

/// Helper modules by name, each as it was read, or why it could not be.
pub(crate) type TapedHelpers = BTreeMap<String, Result<HelperModule, String>>;

/// Where helper modules come from.
#[derive(Clone)]
pub(crate) enum Helpers {
    /// `.py` files of these folders.
    Folders(Arc<[PathBuf]>),
    /// A tape; it has what the recorded run read.
    Taped(Arc<TapedHelpers>),
}

impl Capabilities {
    pub(crate) fn none() -> Capabilities {
        Capabilities { sources: Arc::default(), broker: None, helpers: Helpers::Folders(Arc::default()) }
    }
}

impl RunState {
    pub(crate) fn new(limits: Limits, clock: RunClock, rng: ChaCha20Rng, capabilities: Capabilities) -> RunState {
        RunState {
            limits,
            clock,
            rng,
            random_bytes: 0,
            began: Instant::now(),
            cpu: Arc::default(),
            turn: None,
            capabilities,
            output: Vec::new(),
            output_is_cut: false,
            pollables: Pollables::default(),
            calls: Vec::new(),
            helper_requests: 0,
            helpers_read: None,
        }
    }

    /// When the run's wall-clock time is over.
    pub(crate) fn deadline(&self) -> Instant {
        // A limit beyond a year means "none that matters here", and must not overflow.
        self.began + self.limits.wall_time.min(Duration::from_secs(365 * 86_400))
    }

    /// What a guest that computes does at a tick: stop if a time limit is over, else let others run.
    pub(crate) fn tick(&self) -> Result<UpdateDeadline, Stop> {
        if self.began.elapsed().saturating_add(self.clock.skipped()) >= self.limits.wall_time {
            return Err(self.out_of(TimeLimit::WallTime));
        }
        let spent = self.cpu.spent_in_poll();
        if spent >= self.limits.cpu_time {
            return Err(self.out_of(TimeLimit::CpuTime));
        }
        Ok(match &self.turn {
            Some(turn) if spent >= cpu_queue::BRIEF => UpdateDeadline::YieldCustom(1, Box::pin(turn.clone().next())),
            _ => UpdateDeadline::Yield(1),
        })
    }

    /// Begins a wait, which is counted.
    pub(crate) fn begin_wait(&mut self) -> Result<(), Stop> {
        self.clock.begin_wait().map_err(|limit| self.out_of(limit))
    }

    /// Ends a wait that took so long on the run's clock. A run whose time was over meanwhile ends here, and not an instant
    /// later somewhere after it.
    pub(crate) fn end_wait(&mut self, took: Duration) -> Result<(), Stop> {
        if Instant::now() >= self.deadline() {
            return Err(self.out_of(TimeLimit::WallTime));
        }
        self.clock.end_wait(took).map_err(|limit| self.out_of(limit))
    }

    /// When a wait until `at` of the run's clock is really over; `None` if nobody has to wait for it.
    pub(crate) fn wake_at(&self, at: Duration) -> Option<Instant> {
        if self.clock.is_replay() {
            return None;
        }
        let latest = self.deadline() + Duration::from_secs(1);
        let until = Instant::now().checked_add(at.saturating_sub(self.clock.elapsed()));
        Some(until.map_or(latest, |until| until.min(latest)))
    }

    fn out_of(&self, limit: TimeLimit) -> Stop {
        match limit {
            TimeLimit::WallTime => Stop::WallTime(self.limits.wall_time),
            TimeLimit::CpuTime => Stop::CpuTime(self.limits.cpu_time),
        }
    }

    /// Called before the run waits for something: others may have its turn.
    pub(crate) fn end_turn(&self) {
        if let Some(turn) = &self.turn {
            turn.end();
        }
    }
}
