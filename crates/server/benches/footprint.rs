//! What the program costs while it does little: memory idle, with 10,000 monitors, and with 500 runs waiting on a slow
//! source; time from its start to the first 200 of `/healthz`. `cargo bench -p revere --bench footprint`; `-- quick` for
//! fewer monitors and starts.
//!
//! Beside each stands a peer, measured in the same run: Debian's Prometheus for a server at rest and for its start, and
//! Python for waiting runs: a process for each (20 are started, and the sum is scaled to all) and a thread for each.
//! Memory is given twice: as `ps` shows it, where a page of a file counts each time it is mapped, and with every page that
//! is mapped often counted once. The first is compared for servers at rest; for runs that wait the second, because each
//! maps the same Python.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its reader and stops at a fault")]

#[path = "../../sandbox/benches/python/mod.rs"]
mod python;
mod support;

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use python::Python;
use support::{Client, Process, Server, healthy, quick, wait};

const PROMETHEUS: &str = "/usr/bin/prometheus";
const WAITING: usize = 500;
const PROCESSES: usize = 20;

fn main() {
    println!("{}", support::machine());
    let peer = Python::fastest();
    println!("Python: {}", peer.words());
    start(&peer);
    idle();
    many_monitors(if quick() { 1000 } else { 10_000 });
    waiting(&peer);
}

/// Whether Prometheus is there to be compared with.
fn prometheus() -> bool {
    Path::new(PROMETHEUS).exists()
}

fn prometheus_command(folder: &Path, port: u16) -> Command {
    std::fs::write(folder.join("prometheus.yml"), "").unwrap();
    let mut command = Command::new(PROMETHEUS);
    command.arg("--config.file=prometheus.yml").arg("--storage.tsdb.path=data");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn start(peer: &Python) {
    let times = if quick() { 5 } else { 40 };
    let folder = tempfile::tempdir().unwrap();
    // The first start makes the database and, the very first, compiles the embedded Python.
    drop(Server::start(folder.path()));
    let ours = starts(times, "/healthz", |port| support::command(folder.path(), port).stderr(Stdio::null()).spawn());
    println!("start to healthy: {} (target 500 ms)", ours.words());
    if prometheus() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = starts(times, "/-/ready", |port| prometheus_command(folder.path(), port).spawn());
        println!("  Prometheus, start to ready: {}; ratio {:.2}", theirs.words(), ours.median / theirs.median);
    }
    let mut python: Vec<f64> = (0..times)
        .map(|_| {
            let began = Instant::now();
            assert!(peer.command("import http.server, sqlite3").status().unwrap().success());
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    python.sort_by(f64::total_cmp);
    let python = support::at(&python, 0.5);
    println!(
        "  python3 that imports its HTTP server and SQLite, start to end: {python:.0} ms; ratio {:.2}",
        ours.median / python
    );
}

/// Milliseconds.
struct Starts {
    median: f64,
    slowest: f64,
    times: usize,
}

impl Starts {
    fn words(&self) -> String {
        format!("median {:.0} ms, slowest {:.0} ms of {}", self.median, self.slowest, self.times)
    }
}

fn starts(times: usize, path: &str, spawn: impl Fn(u16) -> std::io::Result<std::process::Child>) -> Starts {
    let mut took: Vec<f64> = (0..times)
        .map(|_| {
            let port = support::free_port();
            let began = Instant::now();
            let _process = Process(spawn(port).unwrap());
            while !healthy(port, path) {
                assert!(began.elapsed() < Duration::from_secs(60), "it does not become healthy");
                support::pause(Duration::from_millis(1));
            }
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    Starts { median: support::at(&took, 0.5), slowest: support::at(&took, 1.0), times }
}

fn idle() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let ours = server.process.settled();
    println!("idle, an empty database: {ours} (target 150 MiB)");
    if prometheus() {
        let folder = tempfile::tempdir().unwrap();
        let port = support::free_port();
        let process = Process::spawn(&mut prometheus_command(folder.path(), port));
        wait(Duration::from_secs(60), "Prometheus", || healthy(port, "/-/ready"));
        let theirs = process.settled();
        println!("  Prometheus, nothing to scrape: {theirs}; ratio {:.2}", ours.resident / theirs.resident);
    }
}

fn many_monitors(monitors: usize) {
    let folder = support::root().join(format!("target/bench-history/{monitors}"));
    let what = ["--monitors", &monitors.to_string(), "--rows", &(10 * monitors).to_string(), "--days", "1"];
    support::history(&folder, None, &what.map(str::to_owned));
    let server = Server::start(&folder);
    // All that were due while nobody ran it come at once; then it is as quiet as it gets.
    let due = || {
        let text = Client::connect(server.port).text("/metrics");
        let value = |name: &str| {
            let line =
                text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in /metrics"));
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        value("revere_runs_in_flight") + value("revere_runs_waiting")
    };
    wait(Duration::from_secs(180), "the runs that were due", || due() == 0.0);
    let ours = server.process.settled();
    let mut client = Client::connect(server.port);
    for _ in 0..50 {
        client.page("/");
    }
    let looked_at = server.process.settled();
    println!("with {monitors} monitors: {ours}; after their list was looked at 50 times {looked_at}");
}

fn waiting(peer: &Python) {
    let stub = Stub::start();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "REVERE_SOURCES = {{'slow': {{'type': 'http', 'config': {{'base_url': 'http://127.0.0.1:{}', 'timeout': 120}}}}}}\n\
         RUN_TIMEOUT = 120\n",
        stub.port
    );
    std::fs::write(folder.path().join("config.py"), config).unwrap();
    let server = Server::start(folder.path());
    let before = server.process.settled().share;
    let mut client = Client::connect(server.port);
    for n in 0..WAITING {
        let spec = format!(
            r#"{{"name": "Waits {n}", "script": "return_value = sources['slow'].get('/').status", "schedule": "*/5 * * * * *"}}"#
        );
        let head = format!("host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}", spec.len());
        let answer = client.exchange(&format!("POST /api/v1/monitors HTTP/1.1\r\n{head}\r\n\r\n{spec}")).unwrap();
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    wait(Duration::from_secs(60), "all runs to wait", || stub.waiting() >= WAITING);
    support::pause(Duration::from_secs(2));
    let ours = server.process.memory();
    println!(
        "with {WAITING} runs that wait on a slow source: {ours}; {:.2} MiB a run",
        (ours.share - before) / WAITING as f64
    );
    drop(server);
    let port = stub.port;
    let ask = format!("urllib.request.urlopen('http://127.0.0.1:{port}/').read()");
    let heard = stub.waiting();
    let processes: Vec<Process> = (0..PROCESSES)
        .map(|_| Process::spawn(peer.command(&format!("import urllib.request; {ask}")).stderr(Stdio::null())))
        .collect();
    wait(Duration::from_secs(60), "Python to wait", || stub.waiting() >= heard + PROCESSES);
    let each = processes.iter().map(|process| process.memory().share).sum::<f64>() / PROCESSES as f64;
    drop(processes);
    let all = each * WAITING as f64;
    println!(
        "  a python3 process for each: {each:.1} MiB a process, {all:.0} MiB for {WAITING} (measured on {PROCESSES}, scaled); ratio {:.2}",
        ours.share / all
    );
    let heard = stub.waiting();
    let threads = format!(
        "import threading, urllib.request\nfor _ in range({WAITING}): threading.Thread(target=lambda: {ask}, daemon=True).start()\n\
         import time; time.sleep(300)"
    );
    let process = Process::spawn(peer.command(&threads).stderr(Stdio::null()));
    wait(Duration::from_secs(60), "Python's threads to wait", || stub.waiting() >= heard + WAITING);
    let threads = process.memory();
    println!(
        "  {WAITING} threads in one python3, nothing kept apart: {threads}; ratio {:.2}",
        ours.share / threads.share
    );
}

/// A server that takes every question and answers none.
struct Stub {
    port: u16,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Stub {
    fn start() -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(Mutex::new(Vec::new()));
        let hold = held.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                hold.lock().unwrap().push(stream);
            }
        });
        Stub { port, held }
    }

    fn waiting(&self) -> usize {
        self.held.lock().unwrap().len()
    }
}
