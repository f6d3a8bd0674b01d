//! Runs what is due: claims ticks, runs each, records each.
//!
//! A result is recorded before its place is given to another run, so what waits for a slow disk is bounded. A fault of
//! ours hands the tick back, to be tried again after a growing pause; the monitor's state stays as it is.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use jiff::{SignedDuration, Timestamp};
use revere_model::{MonitorId, RunKind, State};
use revere_sandbox::{OWN, Outcome};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    engine::{
        Event, RunFault, Shared,
        driver::{Failed, Next, Task},
    },
    error_words,
    runner::Script,
    store::{ClaimRequest, Claimed, Committed, HandedBack, RunResult, SourceDown, SourcesMet, StoreError},
};

/// How long the store is left alone after it could not answer.
const AFTER_FAULT: SignedDuration = SignedDuration::from_millis(250);

/// How soon to look again while all places are taken, should hardly any be given back.
const FULL: SignedDuration = SignedDuration::from_millis(20);

/// How often to look without any reason.
const GLANCE: SignedDuration = SignedDuration::from_secs(10);

/// Ticks claimed at once, so that one claim stays short.
const BATCH: u32 = 256;

/// The longest pause before a tick is tried again after faults of ours.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// The longest reason why a source is down, in bytes.
const LONGEST_REASON: usize = 300;

/// The task.
pub(in crate::engine) struct Evaluate {
    shared: Arc<Shared>,
    places: Arc<Places>,
}

/// Where runs take place.
struct Places {
    free: Arc<Semaphore>,
    all: usize,
    /// Whether due ticks wait for a place.
    wanted: AtomicBool,
}

impl Places {
    /// Whether those who wait should look again: one look for every single place would cost more than it gives.
    fn worth_a_look(&self) -> bool {
        self.free.available_permits() >= (self.all / 4).max(1) && self.wanted.swap(false, Ordering::AcqRel)
    }
}

impl Evaluate {
    pub(in crate::engine) fn new(shared: Arc<Shared>) -> Evaluate {
        let all = shared.settings.in_flight.max(1);
        let places = Places { free: Arc::new(Semaphore::new(all)), all, wanted: AtomicBool::new(false) };
        Evaluate { shared, places: Arc::new(places) }
    }

    async fn claim_and_run(&self) -> Result<Next, StoreError> {
        let shared = &self.shared;
        let free = self.places.free.available_permits();
        shared.metrics.set_runs(self.places.all - free, 0);
        let request = ClaimRequest {
            node: shared.node.clone(),
            now: shared.clock.now(),
            up_since: shared.up_since,
            run_limit: shared.in_force().configured.run_limit,
            limit: BATCH,
            places: free,
        };
        let asked = Instant::now();
        let claims = shared.store.claim_due(&request).await?;
        shared.metrics.ticks_missed(claims.missed);
        shared.metrics.ticks_overlapped(claims.overlapped);
        if shared.is_too_late(asked) && !claims.runs.is_empty() {
            let (count, now) = (claims.runs.len(), shared.clock.now());
            tracing::warn!(count, "the database answered a claim too late to run what was claimed; it is handed back");
            let back = claims.runs.into_iter().map(|claimed| {
                let (monitor_id, attempt) = (claimed.monitor_id, claimed.attempt);
                HandedBack { monitor_id, attempt, fault: None, retry_at: now }
            });
            shared.store.hand_back(back.collect()).await?;
            return Ok(Next::At(later(shared.clock.now(), shared.leaving_it_to_others())));
        }
        let in_other_hands =
            shared.store.is_shared() && (claims.runs.is_empty() && claims.missed == 0 && claims.overlapped == 0);
        let held = claims.runs.into_iter().map(|claimed| Held { shared: shared.clone(), claimed, settled: false });
        for held in held.collect::<Vec<_>>() {
            let place = self.places.free.clone().acquire_owned().await.expect("the places are never closed");
            shared.tracker.spawn(run_claimed(held, self.places.clone(), place));
        }
        if claims.more {
            if self.places.free.available_permits() > 0 {
                return Ok(match in_other_hands {
                    true => Next::At(later(shared.clock.now(), shared.leaving_it_to_others())),
                    false => Next::Now,
                });
            }
            self.places.wanted.store(true, Ordering::Release);
            // Places that were given back before the wish was made known woke nobody.
            if self.places.worth_a_look() {
                return Ok(Next::Now);
            }
            return Ok(Next::At(later(shared.clock.now(), FULL)));
        }
        // Not beyond a glance: another server may have made something due sooner.
        let glance = later(request.now, GLANCE);
        let next = shared.store.next_due(request.now).await?.map_or(glance, |due| due.min(glance));
        if in_other_hands && next <= request.now {
            return Ok(Next::At(later(shared.clock.now(), shared.leaving_it_to_others())));
        }
        Ok(Next::At(next))
    }
}

impl Task for Evaluate {
    fn name(&self) -> String {
        "evaluate".to_owned()
    }

    fn run(&self) -> BoxFuture<'_, Result<Next, Failed>> {
        Box::pin(async move {
            let failed = |error: StoreError| Failed::new("cannot look at what is due", &error, AFTER_FAULT);
            self.claim_and_run().await.map_err(failed)
        })
    }
}

/// A claim of this server. Nobody else takes it back while this server lives, so one that is dropped before it was
/// settled, by a panic of its task for instance, is handed back then.
struct Held {
    shared: Arc<Shared>,
    claimed: Claimed,
    settled: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        // What is cut off is handed back with all of this server's claims.
        if self.settled || self.shared.cut.is_cancelled() {
            return;
        }
        // Without a runtime the process ends, and the next start takes it back.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (shared, claimed) = (self.shared.clone(), self.claimed.clone());
        let how = if std::thread::panicking() { "panicked" } else { "was dropped" };
        let handing_back = async move { hand_back(&shared, &claimed, format!("the task of the run {how}")).await };
        self.shared.tracker.spawn_on(handing_back, &runtime);
    }
}

async fn run_claimed(mut held: Held, places: Arc<Places>, place: OwnedSemaphorePermit) {
    let (shared, claimed) = (held.shared.clone(), &held.claimed);
    let script = Script {
        text: claimed.spec.script.clone(),
        previous: claimed.previous.clone().map(Into::into),
        timeout: claimed.spec.timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok()),
        monitor: Some(claimed.monitor_id),
        seed: Some((shared.random)()),
    };
    let outcome = tokio::select! {
        biased;
        // What is cut off is handed back with all of this server's claims.
        () = shared.cut.cancelled() => return,
        outcome = caught(&shared, script) => outcome,
    };
    match outcome {
        Ok(outcome) => record(&shared, claimed, outcome).await,
        Err(fault) => hand_back(&shared, claimed, fault.message).await,
    }
    held.settled = true;
    drop(place);
    if places.worth_a_look() {
        shared.evaluate.wake();
    }
}

/// A panic in one run is our fault, and that run's alone.
async fn caught(shared: &Shared, script: Script) -> Result<Outcome, RunFault> {
    let run = AssertUnwindSafe(async { shared.in_force().configured.runner.run(script).await }).catch_unwind();
    run.await.unwrap_or_else(|panic| {
        Err(RunFault { message: format!("the run panicked: {}", error_words::of_panic(&*panic)) })
    })
}

async fn record(shared: &Arc<Shared>, claimed: &Claimed, outcome: Outcome) {
    let finished_at = shared.clock.now();
    let lateness = Duration::try_from(outcome.inputs.instant.duration_since(claimed.tick_at)).unwrap_or_default();
    shared.metrics.observe_run(outcome.state, claimed.kind, outcome.duration, lateness);
    let attempt = Some(claimed.attempt);
    let mut result = result(claimed.monitor_id, attempt, claimed.kind, claimed.tick_at, finished_at, outcome);
    if !shared.in_force().configured.source_outages {
        result.sources = SourcesMet::default();
    }
    let answered = result.sources.answered.clone();
    match shared.store.commit_run(result).await {
        Ok(Committed::Superseded) => shared.metrics.run_superseded(),
        Ok(committed) => {
            shared.these_answered(&answered);
            announce(shared, &committed);
        }
        // The next start takes the claim back.
        Err(StoreError::Closed) => {}
        Err(error) => hand_back(shared, claimed, format!("the result could not be recorded: {error}")).await,
    }
}

async fn hand_back(shared: &Shared, claimed: &Claimed, fault: String) {
    let monitor_id = claimed.monitor_id;
    tracing::error!(monitor = %monitor_id, tick = %claimed.tick_at, fault, "a run could not be made; it is tried again");
    let pause = SignedDuration::from_secs(1 << claimed.fault_count.min(6)).min(LONGEST_PAUSE);
    let back = HandedBack {
        monitor_id,
        attempt: claimed.attempt,
        fault: Some(fault.clone()),
        retry_at: later(shared.clock.now(), pause),
    };
    if let Err(error) = shared.store.hand_back(vec![back]).await {
        tracing::error!(monitor = %monitor_id, %error, "a claim could not be handed back; the next start takes it back");
    }
    // It may be due again before anything else is.
    shared.evaluate.wake();
    shared.tell(Event::Fault { monitor_id, fault });
}

/// Tells the watchers and the deliverers of a recorded run.
pub(in crate::engine) fn announce(shared: &Shared, committed: &Committed) {
    let Committed::Recorded { run, flip, owed } = committed else { return };
    shared.rate.note(tokio::time::Instant::now());
    let in_force = shared.in_force();
    for wake in owed.iter().filter_map(|key| in_force.deliver.get(key)) {
        wake.wake();
    }
    if shared.store.is_shared() {
        let mut announced = shared.announced.lock().expect("no code panics while it holds this lock");
        announced.insert(run.monitor_id, run.started_at);
    }
    shared.tell(Event::Run { run: Arc::new((**run).clone()), flip: flip.as_deref().cloned().map(Arc::new) });
}

/// An outcome as it is recorded.
pub(in crate::engine) fn result(
    monitor_id: MonitorId,
    attempt: Option<i64>,
    kind: RunKind,
    tick_at: Timestamp,
    finished_at: Timestamp,
    outcome: Outcome,
) -> RunResult {
    let sources = sources_met(&outcome);
    RunResult {
        sources,
        monitor_id,
        attempt,
        kind,
        tick_at,
        started_at: outcome.inputs.instant,
        finished_at,
        duration: outcome.duration,
        outcome: outcome.state,
        severity: outcome.severity,
        message: outcome.message,
        return_value: outcome.return_value,
        threshold: outcome.threshold,
        output: outcome.output,
        traceback: outcome.error.and_then(|error| error.traceback),
        seed: outcome.inputs.seed,
        script_version: outcome.inputs.script_version,
        entry: None,
    }
}

/// What a run showed of the sources that it asked. It failed by one if a call ended it that could not reach that, and none of
/// its calls did.
fn sources_met(outcome: &Outcome) -> SourcesMet {
    let calls = || outcome.source_calls.iter().filter(|call| call.source != OWN);
    let mut answered: Vec<String> =
        calls().filter(|call| call.available == Some(true)).map(|call| call.source.clone()).collect();
    answered.sort_unstable();
    answered.dedup();
    let ended_by = calls().find(|call| call.ended_run && call.available == Some(false));
    let down = ended_by.filter(|call| outcome.state == State::Error && !answered.contains(&call.source));
    let down = down.and_then(|call| {
        let reason = call.answer.as_ref().err()?.lines().next().unwrap_or_default();
        // Whom it asked for what is the monitor's affair.
        let reason =
            reason.rsplit_once(" (").filter(|(_, rest)| rest.ends_with(')')).map_or(reason, |(reason, _)| reason);
        let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON)];
        Some(SourceDown { source: call.source.clone(), reason: reason.to_owned() })
    });
    SourcesMet { answered, down }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
