//! What Revere counts about itself, for `/metrics`.
//!
//! The engine, the sources and the store call plain methods; only this folder knows the library behind them. Counting
//! never fails and never waits for anything but a short lock. Values that others keep (the sandbox's counters, monitors
//! by state) are set when somebody asks for the page.

mod per_monitor;
mod process;
mod results;
mod text;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};
use revere_model::{RunKind, State};

pub use per_monitor::MonitorSample;
pub use results::{CallResult, DeliveryResult, HeartbeatResult, SandboxCounts, StoreFault};
pub use text::Format;

/// Everything counted. One per process; share it in an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    runs: Family<[(&'static str, &'static str); 2], Counter>,
    run_duration: Family<Label, Histogram>,
    lateness: Histogram,
    runs_superseded: Counter,
    ticks_missed: Counter,
    ticks_overlapped: Counter,
    in_flight: Gauge,
    waiting: Gauge,
    monitors: Family<Label, Gauge>,
    delivery_attempts: Family<[(&'static str, String); 2], Counter>,
    /// The same under the name and the words that it had first. It goes once dashboards had the time to change.
    deliveries: Family<[(&'static str, String); 2], Counter>,
    owed: Gauge,
    source_calls: Family<[(&'static str, String); 2], Counter>,
    source_duration: Family<[(&'static str, String); 1], Histogram>,
    sandbox_runs: Family<Label, Counter>,
    sandbox_discarded: Counter,
    sandbox_reset: Family<Label, Gauge>,
    commit_duration: Histogram,
    batch_rows: Histogram,
    store_queue: Gauge,
    store_errors: Family<Label, Counter>,
    http_requests: Family<[(&'static str, String); 3], Counter>,
    http_duration: Histogram,
    listeners: Gauge,
    /// A series only where there is a heartbeat.
    heartbeats: Family<Label, Counter>,
    /// A series only where the server shows a certificate.
    certificate_end: Family<[(&'static str, &'static str); 0], Gauge>,
    task_failures: Family<[(&'static str, String); 1], Counter>,
    tasks_failing: Family<[(&'static str, String); 1], Gauge>,
    /// A series for each rota that is switched on.
    on_call_gaps: Family<[(&'static str, String); 1], Gauge>,
    rotas: Mutex<Vec<String>>,
}

type Label = [(&'static str, &'static str); 1];

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

    /// There is a source of this name: nothing was asked of it yet.
    pub fn source(&self, source: &str) {
        for result in CallResult::ALL {
            drop(self.source_calls.get_or_create(&call_labels(source, result)));
        }
        drop(self.source_duration.get_or_create(&[("source", source.to_owned())]));
    }

    /// There is an alert of this key: nothing was delivered through it yet.
    pub fn alert(&self, alert: &str) {
        for result in DeliveryResult::ALL {
            drop(self.delivery_attempts.get_or_create(&delivery_labels(alert, result.as_str())));
            drop(self.deliveries.get_or_create(&delivery_labels(alert, result.former())));
        }
    }

    /// There is a background task of this name: it has not failed yet.
    pub fn task(&self, task: &str) {
        drop(self.task_failures.get_or_create(&[("task", task.to_owned())]));
        self.set_task_failing(task, false);
    }

    /// A run is over: what the script did, why it ran, how long it took, and how long after its tick it began.
    pub fn observe_run(&self, outcome: State, kind: RunKind, duration: Duration, lateness: Duration) {
        self.runs.get_or_create(&run_labels(outcome, kind)).inc();
        self.run_duration.get_or_create(&[("state", outcome.as_str())]).observe(duration.as_secs_f64());
        if kind == RunKind::Scheduled {
            self.lateness.observe(lateness.as_secs_f64());
        }
    }

    /// A result came after its claim had ended: another run accounts for its tick.
    pub fn run_superseded(&self) {
        self.runs_superseded.inc();
    }

    /// `count` more ticks were missed.
    pub fn ticks_missed(&self, count: u64) {
        self.ticks_missed.inc_by(count);
    }

    /// `count` more ticks found the run before still going.
    pub fn ticks_overlapped(&self, count: u64) {
        self.ticks_overlapped.inc_by(count);
    }

    /// So many runs are going on, and so many due ones wait.
    pub fn set_runs(&self, in_flight: usize, waiting: usize) {
        self.in_flight.set(in_flight as i64);
        self.waiting.set(waiting as i64);
    }

    /// So many monitors are in `state`.
    pub fn set_monitors(&self, state: State, count: u64) {
        self.monitors.get_or_create(&[("state", state.as_str())]).set(count as i64);
    }

    /// An attempt to deliver through `alert` is over.
    pub fn observe_delivery(&self, alert: &str, result: DeliveryResult) {
        self.delivery_attempts.get_or_create(&delivery_labels(alert, result.as_str())).inc();
        self.deliveries.get_or_create(&delivery_labels(alert, result.former())).inc();
    }

    /// So many deliveries are owed.
    pub fn set_deliveries_owed(&self, count: u64) {
        self.owed.set(count as i64);
    }

    /// A call of `source` (a configured name) is over.
    pub fn observe_source_call(&self, source: &str, result: CallResult, duration: Duration) {
        self.source_calls.get_or_create(&call_labels(source, result)).inc();
        self.source_duration.get_or_create(&[("source", source.to_owned())]).observe(duration.as_secs_f64());
    }

    /// The sandbox's own counters, as they stand.
    pub fn set_sandbox(&self, counts: SandboxCounts) {
        set(&self.sandbox_runs.get_or_create(&[("instance", "fresh")]), counts.fresh);
        set(&self.sandbox_runs.get_or_create(&[("instance", "kept")]), counts.kept);
        set(&self.sandbox_discarded, counts.discarded);
    }

    /// Whether interpreters become pristine in this way.
    pub fn set_sandbox_reset(&self, way: &'static str, in_use: bool) {
        self.sandbox_reset.get_or_create(&[("way", way)]).set(in_use.into());
    }

    /// One commit is durable: how long it took, and how many writes shared it.
    pub fn observe_commit(&self, duration: Duration, rows: usize) {
        self.commit_duration.observe(duration.as_secs_f64());
        self.batch_rows.observe(rows as f64);
    }

    /// So many writes wait for a commit.
    pub fn set_store_queue(&self, waiting: usize) {
        self.store_queue.set(waiting as i64);
    }

    /// The store could not do something.
    pub fn store_error(&self, fault: StoreFault) {
        self.store_errors.get_or_create(&[("kind", fault.as_str())]).inc();
    }

    /// One more piece of the work of `task` failed.
    pub fn task_failed(&self, task: &str) {
        self.task_failures.get_or_create(&[("task", task.to_owned())]).inc();
    }

    /// Whether `task` does not do its work.
    pub fn set_task_failing(&self, task: &str, failing: bool) {
        self.tasks_failing.get_or_create(&[("task", task.to_owned())]).set(failing.into());
    }

    /// Whether somebody is on call, by rota; others are no rotas any more.
    pub fn set_on_call_gaps(&self, gaps: &[(String, bool)]) {
        let mut rotas = self.rotas.lock().expect("no code panics while it holds this lock");
        for gone in rotas.iter().filter(|rota| !gaps.iter().any(|(known, _)| known == *rota)) {
            self.on_call_gaps.remove(&[("rota", gone.clone())]);
        }
        for (rota, is_gap) in gaps {
            self.on_call_gaps.get_or_create(&[("rota", rota.clone())]).set((*is_gap).into());
        }
        *rotas = gaps.iter().map(|(rota, _)| rota.clone()).collect();
    }

    /// A request is answered. `route` is the table's entry, never the address asked for.
    pub fn observe_http(&self, method: &str, route: &str, status: u16, duration: Duration) {
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        self.http_requests.get_or_create(&labels).inc();
        self.http_duration.observe(duration.as_secs_f64());
    }

    /// A heartbeat was due. The first of them makes all its series.
    pub fn heartbeat(&self, result: HeartbeatResult) {
        let word = |result| match result {
            HeartbeatResult::Sent => "sent",
            HeartbeatResult::Failed => "failed",
            HeartbeatResult::Withheld => "withheld",
        };
        for known in [HeartbeatResult::Sent, HeartbeatResult::Failed, HeartbeatResult::Withheld] {
            let series = self.heartbeats.get_or_create(&[("result", word(known))]);
            if known == result {
                series.inc();
            }
        }
    }

    /// The certificate that the server shows ends then.
    pub fn set_certificate_end(&self, end: Timestamp) {
        self.certificate_end.get_or_create(&[]).set(end.as_second());
    }

    /// Somebody listens to events for as long as the answer is kept.
    pub fn listening(&self) -> impl Drop + Send + use<> {
        self.listeners.inc();
        Listening(self.listeners.clone())
    }

    /// The page, with the series of these monitors.
    pub fn render(&self, format: Format, monitors: &[MonitorSample]) -> String {
        let monitors = if monitors.is_empty() { String::new() } else { per_monitor::families(monitors) };
        text::render(&self.registry, format, &monitors)
    }
}

struct Listening(Gauge);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn run_labels(outcome: State, kind: RunKind) -> [(&'static str, &'static str); 2] {
    let kind = match kind {
        RunKind::Scheduled => "scheduled",
        RunKind::CatchUp => "catch_up",
        RunKind::Manual => "manual",
        RunKind::Imported => "imported",
    };
    [("state", outcome.as_str()), ("kind", kind)]
}

fn delivery_labels(alert: &str, result: &str) -> [(&'static str, String); 2] {
    [("alert", alert.to_owned()), ("result", result.to_owned())]
}

fn call_labels(source: &str, result: CallResult) -> [(&'static str, String); 2] {
    [("source", source.to_owned()), ("result", result.as_str().to_owned())]
}

fn set(counter: &Counter<u64, AtomicU64>, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new("2026-07-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_was_counted_is_on_the_page() {
        let metrics = metrics();
        metrics.observe_run(State::Alarm, RunKind::Scheduled, Duration::from_millis(3), Duration::from_millis(40));
        metrics.observe_run(State::Ok, RunKind::Manual, Duration::from_millis(3), Duration::ZERO);
        metrics.observe_delivery("ops", DeliveryResult::Failed);
        metrics.observe_source_call("graphite", CallResult::Failed, Duration::from_secs(2));
        metrics.set_sandbox(SandboxCounts { fresh: 2, kept: 40, discarded: 1 });
        metrics.set_sandbox(SandboxCounts { fresh: 2, kept: 41, discarded: 1 });
        let page = metrics.render(Format::Plain, &[]);
        for line in [
            "revere_runs_total{state=\"ALARM\",kind=\"scheduled\"} 1",
            "revere_runs_total{state=\"OK\",kind=\"manual\"} 1",
            "revere_runs_total{state=\"ERROR\",kind=\"scheduled\"} 0",
            "revere_run_lateness_seconds_count 1",
            "revere_run_lateness_seconds_bucket{le=\"0.05\"} 1",
            "revere_delivery_attempts_total{alert=\"ops\",result=\"failed\"} 1",
            "revere_deliveries_total{alert=\"ops\",result=\"given_up\"} 1",
            "revere_source_calls_total{source=\"graphite\",result=\"failed\"} 1",
            "revere_sandbox_runs_total{instance=\"kept\"} 41",
            "revere_sandbox_instances_discarded_total 1",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line} is missing from\n{page}");
        }
    }

    #[test]
    fn a_rota_that_is_gone_has_no_gap_any_more() {
        let metrics = metrics();
        metrics.set_on_call_gaps(&[("night".to_owned(), true), ("day".to_owned(), false)]);
        assert!(metrics.render(Format::Plain, &[]).contains("revere_on_call_gap{rota=\"night\"} 1"));
        metrics.set_on_call_gaps(&[("day".to_owned(), true)]);
        let page = metrics.render(Format::Plain, &[]);
        assert!(page.contains("revere_on_call_gap{rota=\"day\"} 1") && !page.contains("night"), "{page}");
    }

    #[test]
    fn every_metric_is_in_the_documentation_and_no_other() {
        // Those with labels are on the page once there is something to count.
        let metrics = metrics();
        metrics.observe_run(State::Ok, RunKind::Scheduled, Duration::ZERO, Duration::ZERO);
        metrics.set_monitors(State::Ok, 1);
        metrics.observe_delivery("ops", DeliveryResult::Delivered);
        metrics.observe_source_call("graphite", CallResult::NotMade, Duration::ZERO);
        metrics.observe_http("GET", "/", 200, Duration::ZERO);
        metrics.task("evaluate");
        metrics.set_sandbox_reset("written_pages", true);
        metrics.set_certificate_end(Timestamp::UNIX_EPOCH);
        metrics.heartbeat(HeartbeatResult::Sent);
        metrics.set_on_call_gaps(&[("night".to_owned(), true)]);
        let each = MonitorSample {
            id: revere_model::MonitorId(1),
            name: "m".to_owned(),
            state: State::Ok,
            value: None,
            last_run_at: None,
        };
        let page = metrics.render(Format::Plain, &[each]);
        let document = include_str!("../../../../docs/OPERATIONS.md");
        let counted: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE revere_")?.split(' ').next()).collect();
        let documented: Vec<&str> = document
            .lines()
            .filter_map(|line| line.strip_prefix("| `revere_")?.split('`').next())
            .filter(|name| !name.starts_with("db"))
            .collect();
        assert!(counted.len() > 20, "{page}");
        for name in &counted {
            assert!(documented.contains(name), "docs/OPERATIONS.md does not name revere_{name}");
        }
        for name in &documented {
            assert!(counted.contains(name), "there is no revere_{name}");
        }
    }

    #[test]
    fn a_listener_counts_while_it_is_kept() {
        let metrics = metrics();
        let listener = metrics.listening();
        assert!(metrics.render(Format::Plain, &[]).contains("revere_events_listeners 1"));
        drop(listener);
        assert!(metrics.render(Format::Plain, &[]).contains("revere_events_listeners 0"));
    }
}
