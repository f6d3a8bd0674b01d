//! All that is counted, at its beginning: under which name it is on the page, what it means there, and in which steps.

use std::sync::Mutex;

use jiff::Timestamp;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use revere_model::{RunKind, State};

use super::{
    Metrics, process,
    results::{SandboxCounts, StoreFault},
    run_labels,
};

/// From half a millisecond (a script without sources) to beyond the default time limit.
const RUN_SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From "on time" to "down for an hour".
const LATE_SECONDS: [f64; 13] = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0];
/// One commit to disk takes from a tenth of a millisecond to the busy time-out.
const COMMIT_SECONDS: [f64; 13] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
/// How many writes shared one commit.
const BATCH_ROWS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

impl Metrics {
    /// Empty counters of a process that began at `started_at`.
    pub fn new(started_at: Timestamp) -> Metrics {
        let mut registry = Registry::default();
        registry.register(
            "revere_build",
            "The running program",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        let metrics = Metrics {
            runs: Family::default(),
            run_duration: Family::new_with_constructor(|| Histogram::new(RUN_SECONDS)),
            lateness: Histogram::new(LATE_SECONDS),
            runs_superseded: Counter::default(),
            ticks_missed: Counter::default(),
            ticks_overlapped: Counter::default(),
            in_flight: Gauge::default(),
            waiting: Gauge::default(),
            monitors: Family::default(),
            delivery_attempts: Family::default(),
            deliveries: Family::default(),
            owed: Gauge::default(),
            source_calls: Family::default(),
            source_duration: Family::new_with_constructor(|| Histogram::new(RUN_SECONDS)),
            sandbox_runs: Family::default(),
            sandbox_discarded: Counter::default(),
            sandbox_reset: Family::default(),
            commit_duration: Histogram::new(COMMIT_SECONDS),
            batch_rows: Histogram::new(BATCH_ROWS),
            store_queue: Gauge::default(),
            store_errors: Family::default(),
            http_requests: Family::default(),
            http_duration: Histogram::new(RUN_SECONDS),
            listeners: Gauge::default(),
            heartbeats: Family::default(),
            certificate_end: Family::default(),
            task_failures: Family::default(),
            tasks_failing: Family::default(),
            on_call_gaps: Family::default(),
            rotas: Mutex::default(),
            registry,
        };
        metrics.registered(started_at)
    }

    fn registered(mut self, started_at: Timestamp) -> Self {
        let r = &mut self.registry;
        r.register("revere_runs", "Finished runs by what the script did and why it ran", self.runs.clone());
        r.register(
            "revere_run_duration_seconds",
            "How long runs took, by what the script did",
            self.run_duration.clone(),
        );
        r.register("revere_run_lateness_seconds", "From a tick to the start of its run", self.lateness.clone());
        r.register(
            "revere_runs_superseded",
            "Results that came after their claim had ended, and were not taken",
            self.runs_superseded.clone(),
        );
        r.register("revere_ticks_missed", "Ticks without a run: down, or too busy", self.ticks_missed.clone());
        r.register(
            "revere_ticks_overlapped",
            "Ticks that found the run before still going",
            self.ticks_overlapped.clone(),
        );
        r.register("revere_runs_in_flight", "Runs going on now", self.in_flight.clone());
        r.register("revere_runs_waiting", "Due runs waiting for a place", self.waiting.clone());
        r.register("revere_monitors", "Monitors by state", self.monitors.clone());
        r.register(
            "revere_delivery_attempts",
            "Attempts to deliver, by alert and result",
            self.delivery_attempts.clone(),
        );
        r.register(
            "revere_deliveries",
            "Deprecated: revere_delivery_attempts in its former words",
            self.deliveries.clone(),
        );
        r.register("revere_deliveries_queued", "Deliveries not yet taken by their receiver", self.owed.clone());
        r.register("revere_source_calls", "Source calls by source and result", self.source_calls.clone());
        r.register("revere_source_call_duration_seconds", "How long source calls took", self.source_duration.clone());
        r.register("revere_sandbox_runs", "Runs by the instance they had", self.sandbox_runs.clone());
        r.register("revere_sandbox_instances_discarded", "Instances thrown away", self.sandbox_discarded.clone());
        r.register(
            "revere_sandbox_reset",
            "How interpreters become pristine between runs: 1 for the way in use",
            self.sandbox_reset.clone(),
        );
        r.register("revere_store_commit_duration_seconds", "How long one commit took", self.commit_duration.clone());
        r.register("revere_store_batch_rows", "How many writes shared one commit", self.batch_rows.clone());
        r.register("revere_store_queue", "Writes waiting for a commit", self.store_queue.clone());
        r.register("revere_store_errors", "Failed reads and writes, by kind", self.store_errors.clone());
        r.register("revere_http_requests", "Answered requests by method, route and status", self.http_requests.clone());
        r.register("revere_http_request_duration_seconds", "How long answers took", self.http_duration.clone());
        r.register("revere_events_listeners", "Open streams of events", self.listeners.clone());
        r.register(
            "revere_heartbeats",
            "Heartbeats by what became of them: sent, failed, or withheld while the server was not well",
            self.heartbeats.clone(),
        );
        r.register(
            "revere_tls_certificate_end_seconds",
            "When the certificate that the server shows ends, in seconds since 1970",
            self.certificate_end.clone(),
        );
        r.register(
            "revere_task_failures",
            "Pieces of background work that failed, by task",
            self.task_failures.clone(),
        );
        r.register(
            "revere_task_failing",
            "Whether a background task does not do its work, as /healthz judges it",
            self.tasks_failing.clone(),
        );
        r.register("revere_on_call_gap", "1 while nobody of a rota is on call", self.on_call_gaps.clone());
        r.register_collector(Box::new(process::Process { started_at }));
        self.show_zeros();
        self
    }

    /// A counter that is missing cannot be told from one that is zero, and a rate over it has no first value.
    fn show_zeros(&self) {
        for outcome in [State::Ok, State::Alarm, State::Error] {
            for kind in [RunKind::Scheduled, RunKind::CatchUp, RunKind::Manual] {
                drop(self.runs.get_or_create(&run_labels(outcome, kind)));
            }
            drop(self.run_duration.get_or_create(&[("state", outcome.as_str())]));
        }
        for state in State::ALL {
            self.set_monitors(state, 0);
        }
        for fault in [StoreFault::Busy, StoreFault::Disk, StoreFault::Other] {
            drop(self.store_errors.get_or_create(&[("kind", fault.as_str())]));
        }
        self.set_sandbox(SandboxCounts::default());
    }
}
