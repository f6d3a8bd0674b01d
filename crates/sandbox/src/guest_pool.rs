//! Interpreters for all runs, and one run from slot to end: an instance, its limits, and what became of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle};
use wasmtime::Trap;

use crate::{
    CallRecord, ResetBy, SandboxError, Stats,
    cpu_meter::{self, CpuMeter},
    cpu_queue::CpuQueue,
    guest::{Guest, Template},
    host::{
        RunState, TapedHelpers,
        clock::{TimeLimit, TimeOut},
    },
    image::{Image, MOST_ANSWER_BYTES, inert_run},
    reset::{NotReset, Resetter},
    stats::Counters,
    stop::Stop,
};

/// What all runs share.
pub(crate) struct GuestPool {
    pub(crate) template: Template,
    pub(crate) image: Image,
    /// One permit per run in flight; first come, first served.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) cpu_queue: CpuQueue,
    /// `None` where every run gets a new instance.
    pub(crate) resetter: Option<Resetter>,
    /// Pristine guests that wait for a run.
    pub(crate) idle: Mutex<Vec<Guest>>,
    /// More than these are not kept.
    pub(crate) most_idle: usize,
    pub(crate) counters: Counters,
}

/// Something to ask an interpreter.
pub(crate) struct Job {
    pub(crate) question: Vec<u8>,
    /// Makes the run's state; called when the run begins, because its clocks begin there.
    pub(crate) begin: Box<dyn FnOnce() -> RunState + Send>,
    /// Whether the instance may be used again.
    pub(crate) keep: bool,
}

/// What a run left.
pub(crate) struct Ended {
    pub(crate) end: End,
    pub(crate) output: Vec<u8>,
    pub(crate) output_is_cut: bool,
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) duration: Duration,
    pub(crate) cpu_time: Duration,
    pub(crate) memory_bytes: usize,
    /// The memory limit was in the way.
    pub(crate) memory_refused: bool,
    /// What its clock showed first.
    pub(crate) instant: Timestamp,
    /// Where it was when its time was over, if that was its end.
    pub(crate) time_out: Option<TimeOut>,
    /// The helper modules that it read, where they were noted.
    pub(crate) helpers_read: TapedHelpers,
}

/// How it ended.
pub(crate) enum End {
    /// With an answer: bytes from the guest, which may be anything.
    Answered(Vec<u8>),
    /// The host ended it.
    Stopped(Stop),
    /// It ran out of native stack.
    StackOverflow,
    /// It crashed in any other way.
    Crashed(String),
}

impl GuestPool {
    /// Waits for a slot, and runs `job` on `handle`'s threads.
    pub(crate) async fn run(self: Arc<Self>, handle: &Handle, job: Job) -> Result<Ended, SandboxError> {
        let permit = {
            let _waiting = self.counters.waiting.during();
            self.slots.clone().acquire_owned().await.map_err(|_| SandboxError::ShutDown)?
        };
        let task = handle.spawn(async move {
            let ended = self.run_job(job).await;
            drop(permit);
            ended
        });
        match AbortOnDrop(task).finished().await {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => Err(SandboxError::Panicked),
            Err(_) => Err(SandboxError::ShutDown),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let counters = &self.counters;
        Stats {
            in_flight: counters.in_flight.get() as usize,
            waiting: counters.waiting.get() as usize,
            runs_fresh: counters.runs_fresh.get(),
            runs_kept: counters.runs_kept.get(),
            discarded_stopped: counters.discarded_stopped.get(),
            discarded_grown: counters.discarded_grown.get(),
            discarded_unresettable: counters.discarded_unresettable.get(),
            discarded_surplus: counters.discarded_surplus.get(),
            reset_by: self.resetter.as_ref().map_or(ResetBy::NewInstances, Resetter::by),
            compiled_from_cache: false,
        }
    }

    async fn run_job(&self, job: Job) -> Result<Ended, SandboxError> {
        let _in_flight = self.counters.in_flight.during();
        let turn = self.cpu_queue.begin().await;
        let mut guest = self.pristine().await.map_err(|error| SandboxError::Instance(format!("{error:#}")))?;
        let mut run = (job.begin)();
        run.turn = Some(turn.clone());
        let (began, deadline, wall_time, meter) = (run.began, run.deadline(), run.limits.wall_time, run.cpu.clone());
        guest.begin(run);
        let end = end_of(&mut guest, &job.question, deadline, wall_time, meter.clone()).await;
        let duration = began.elapsed();
        let memory_bytes = guest.memory().len();
        let host = guest.store.data_mut();
        let run = &mut host.run;
        let ended = Ended {
            time_out: match end {
                End::Stopped(Stop::WallTime(_)) => Some(run.clock.time_out(TimeLimit::WallTime)),
                End::Stopped(Stop::CpuTime(_)) => Some(run.clock.time_out(TimeLimit::CpuTime)),
                _ => None,
            },
            end,
            instant: run.clock.instant(),
            helpers_read: run.helpers_read.take().unwrap_or_default(),
            output: std::mem::take(&mut run.output),
            output_is_cut: run.output_is_cut,
            calls: std::mem::take(&mut run.calls),
            duration,
            cpu_time: meter.spent(),
            memory_bytes,
            memory_refused: host.memory_budget.refused,
        };
        self.put_back(guest, job.keep && matches!(ended.end, End::Answered(_)));
        // Only now: whoever begins next finds the guest that was just put back.
        drop(turn);
        match ended.end {
            End::Stopped(Stop::Ours(text)) => Err(SandboxError::Server(text)),
            _ => Ok(ended),
        }
    }

    /// A guest in the pristine state: one that was put back, or a new one.
    pub(crate) async fn pristine(&self) -> Result<Guest, wasmtime::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(guest) = idle {
            self.counters.runs_kept.add_one();
            return Ok(guest);
        }
        self.counters.runs_fresh.add_one();
        self.template.instantiate(inert_run()).await
    }

    /// Resets a guest for the next run, or throws it away. `whole` is false for one that trapped or was cut off.
    fn put_back(&self, mut guest: Guest, whole: bool) {
        let Some(resetter) = &self.resetter else { return };
        if !whole {
            return self.counters.discarded_stopped.add_one();
        }
        match resetter.reset(&mut guest, &self.image) {
            Ok(()) => {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < self.most_idle {
                    return idle.push(guest);
                }
                drop(idle);
                self.counters.discarded_surplus.add_one();
            }
            Err(NotReset::Grown) => self.counters.discarded_grown.add_one(),
            Err(error) => {
                tracing::warn!(%error, "an interpreter could not be put back and was thrown away");
                self.counters.discarded_unresettable.add_one();
            }
        }
    }
}

/// Polls the guest until it answers, traps or runs out of time.
async fn end_of(
    guest: &mut Guest,
    question: &[u8],
    deadline: Instant,
    wall_time: Duration,
    meter: Arc<CpuMeter>,
) -> End {
    let run = cpu_meter::measured(meter, guest.run(question, MOST_ANSWER_BYTES));
    // A guest that computes is interrupted by ticks; this ends one that waits.
    match tokio::time::timeout_at(deadline.into(), run).await {
        Err(_) => End::Stopped(Stop::WallTime(wall_time)),
        Ok(Ok(answer)) => End::Answered(answer),
        Ok(Err(error)) => match (error.downcast_ref::<Stop>(), error.downcast_ref::<Trap>()) {
            (Some(stop), _) => End::Stopped(stop.clone()),
            (None, Some(Trap::StackOverflow)) => End::StackOverflow,
            (None, Some(trap)) => End::Crashed(trap.to_string()),
            (None, None) => End::Crashed(format!("{error:#}")),
        },
    }
}

/// Ends the task when dropped: nobody waits for its run any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn finished(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
