//! What Revere counts about itself, for `/metrics`.
//!
//! The engine, the sources and the store call plain methods; only this folder knows the library behind them. Counting
//! never fails and never waits for anything but a short lock. Values that others keep (the sandbox's counters, monitors
//! by state) are set when somebody asks for the page.

mod per_monitor;
mod process;
mod registry;
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
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
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

impl Metrics {
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

    /// A heartbeat is configured: none was due yet.
    pub fn heartbeat_configured(&self) {
        for result in HeartbeatResult::ALL {
            drop(self.heartbeats.get_or_create(&[("result", result.as_str())]));
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

    /// A heartbeat was due.
    pub fn heartbeat(&self, result: HeartbeatResult) {
        self.heartbeats.get_or_create(&[("result", result.as_str())]).inc();
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
    fn heartbeats_are_zero_where_one_is_configured_and_nowhere_else() {
        let metrics = metrics();
        assert!(!metrics.render(Format::Plain, &[]).contains("revere_heartbeats_total{"));
        metrics.heartbeat_configured();
        metrics.heartbeat(HeartbeatResult::Failed);
        let page = metrics.render(Format::Plain, &[]);
        for line in ["{result=\"sent\"} 0", "{result=\"failed\"} 1", "{result=\"withheld\"} 0"] {
            let line = format!("revere_heartbeats_total{line}");
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
