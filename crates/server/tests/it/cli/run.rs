//! `revere run`: starting, not starting, and stopping.

use serde_json::json;

use super::{Shell, server::Server};
use crate::support::{SmallDisk, until};

impl Shell {
    /// `revere run` on a free port.
    #[track_caller]
    pub(crate) fn serve(&self, more: &[&str]) -> Server {
        Server::start(self.revere().args(["run", "-p", "0"]).args(more), |server| {
            server.stderr.wait_for("listening on")
        })
    }
}

/// A monitor that runs every second.
fn monitor(script: &str) -> serde_json::Value {
    json!({"name": "every second", "script": script, "schedule": "* * * * * *"})
}

#[tokio::test]
async fn a_monitor_runs_is_kept_and_goes_on_after_a_restart() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    assert_eq!(server.json("/healthz").await["status"], "ok");
    let (status, created) = server.post("/api/v1/monitors", &monitor("return_value = 67")).await;
    assert_eq!(status, 201, "{created:#}");
    let path = format!("/api/v1/monitors/{}", created["id"]);
    server.wait_for(&path, |monitor| (monitor["state"] == "OK").then_some(())).await;
    let log = server.stop();
    assert!(log.contains("SIGTERM: stopping") && log.trim_end().ends_with("stopped"), "{log}");
    assert!(shell.path("revere.db").exists());

    let server = shell.serve(&[]);
    let seen = server.json(&path).await;
    assert_eq!((&seen["state"], &seen["last_value"]), (&json!("OK"), &json!(67)));
    let before = seen["last_run_at"].clone();
    server.wait_for(&path, |monitor| (monitor["last_run_at"] != before).then_some(())).await;
    server.stop();
}

/// A source that answers only when the test lets it, so that a run is under way for as long as the test wants.
const GATE: &str = "\
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    answer = {'jsonrpc': '2.0', 'id': asked['id']}
    if asked['method'] == 'call':
        open('begun', 'w').close()
        while not os.path.exists('open'):
            time.sleep(0.01)
        answer['result'] = 'through'
    else:
        answer['result'] = {'methods': [{'name': 'wait', 'signature': '()', 'doc': ''}]}
    print(json.dumps(answer), flush=True)
";

/// A server with one monitor whose run is under way.
pub(super) async fn busy(shell: &Shell) -> (Server, String) {
    shell.write("gate.py", GATE);
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'gate': {'type': 'command', 'config': {'command': ['python3', 'gate.py'], 'timeout': 60}}}",
    );
    let server = shell.serve(&[]);
    let (status, created) = server.post("/api/v1/monitors", &monitor("return_value = sources['gate'].wait()")).await;
    assert_eq!(status, 201, "{created:#}");
    until("the run has begun", async || shell.path("begun").exists()).await;
    (server, format!("/api/v1/monitors/{}", created["id"]))
}

#[tokio::test]
async fn what_is_going_on_may_finish_before_it_stops() {
    let shell = Shell::new();
    let (mut server, path) = busy(&shell).await;
    server.signal("TERM");
    server.stderr.wait_for("stopping");
    shell.write("open", "");
    assert_eq!(server.exit_code(), 0, "{}", server.stderr.whole());

    // Nothing comes through now, so what is there was there.
    std::fs::remove_file(shell.path("open")).unwrap();
    let server = shell.serve(&[]);
    assert_eq!(server.json(&path).await["last_value"], "through");
}

#[tokio::test]
async fn a_second_signal_means_now_and_the_next_start_takes_up_what_was_going_on() {
    let shell = Shell::new();
    let (mut server, path) = busy(&shell).await;
    server.signal("TERM");
    server.stderr.wait_for("stopping");
    server.signal("TERM");
    assert_eq!(server.exit_code(), 1);
    assert!(server.stderr.whole().contains("stopped at once"), "{}", server.stderr.whole());

    shell.write("open", "");
    let server = shell.serve(&[]);
    server.wait_for(&path, |monitor| (monitor["last_value"] == "through").then_some(())).await;
    server.stop();
}

#[tokio::test]
async fn sigint_stops_it_too() {
    let shell = Shell::new();
    let mut server = shell.serve(&[]);
    server.signal("INT");
    assert_eq!(server.exit_code(), 0, "{}", server.stderr.whole());
}

#[test]
fn a_taken_port_is_said_before_anything_else() {
    let shell = Shell::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    shell.write("config.py", "this is not even Python");
    let said = shell.run(&format!("run -p {port}")).exits(1);
    assert!(
        said.stderr.contains(&format!("cannot listen on 127.0.0.1:{port}: another program does already")),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("--port"), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1, "one paragraph: {}", said.stderr);
    assert!(!shell.path("revere.db").exists());
}

#[test]
fn a_host_that_is_not_here_is_named() {
    let shell = Shell::new();
    let said = shell.run("run -p 0 --host 192.0.2.1").exits(1);
    assert!(said.stderr.contains("cannot listen on 192.0.2.1:0") && said.stderr.contains("--host"), "{}", said.stderr);
}

#[tokio::test]
async fn a_second_server_on_the_same_database_is_refused() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let said = shell.run("run -p 0").exits(1);
    assert!(said.stderr.contains("revere.db is in use by another Revere"), "{}", said.stderr);
    assert!(said.stderr.contains("DATABASE_PATH"), "{}", said.stderr);
    // The first one never noticed.
    assert_eq!(server.json("/healthz").await["status"], "ok");
    server.stop();
}

#[test]
fn a_database_that_cannot_be_is_an_error_with_a_way_out() {
    let shell = Shell::new();
    shell.write("config.py", "DATABASE_PATH = 'no/such/folder/revere.db'");
    let said = shell.run("run -p 0").exits(1);
    assert!(said.stderr.contains("no/such/folder") && said.stderr.contains("must exist"), "{}", said.stderr);

    shell.write("config.py", "DATABASE_PATH = 'text.db'");
    shell.write("text.db", "not a database, though its name says so, at some length");
    let said = shell.run("run -p 0").exits(1);
    assert!(said.stderr.contains("text.db"), "{}", said.stderr);
    for words in ["panicked", "backtrace", "stack"] {
        assert!(!said.stderr.contains(words), "{}", said.stderr);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_revere_is_left_alone() {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
    let shell = Shell::new();
    shell.serve(&[]).stop();
    let path = shell.path("revere.db");
    let mut database = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("pragma user_version = 1000").execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    let said = shell.run("run -p 0").exits(1);
    assert!(said.stderr.contains("schema 1000") && said.stderr.contains("newer Revere"), "{}", said.stderr);
}

#[tokio::test]
async fn a_faulty_configuration_starts_nothing() {
    let shell = Shell::new();
    shell.write("config.py", "TIMEZONE = 'Mars'\nRUN_TIMEOUT = 0");
    let said = shell.run("run -p 0").exits(1);
    assert!(said.stderr.contains("TIMEZONE") && said.stderr.contains("RUN_TIMEOUT"), "{}", said.stderr);
    assert!(!shell.path("revere.db").exists());
}

#[tokio::test]
async fn a_source_that_is_down_does_not_stop_the_start() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'down': {'type': 'database', 'config': {'connection_string': 'postgresql://u:top-secret-1@127.0.0.1:9/x'}}}\n\
         REVERE_ALERTS = {'nobody': {'type': 'webhook', 'config': {'url': 'http://u:top-secret-2@127.0.0.1:9/'}}}\n\
         SECRET_KEY = 'top-secret-3'\nSOURCE_OUTAGES = False",
    );
    let server = shell.serve(&["--log-level", "debug"]);
    let (_, created) = server.post("/api/v1/monitors", &monitor("sources['down'].execute('select 1')")).await;
    let path = format!("/api/v1/monitors/{}", created["id"]);
    let message =
        server.wait_for(&path, |monitor| (monitor["state"] == "ERROR").then(|| monitor["last_message"].clone())).await;
    assert!(message.as_str().unwrap().contains("down"), "{message}");
    server.stderr.wait_for("nobody");
    let (_, sources) = server.get("/api/v1/sources").await;
    let log = server.stop();
    for text in [&log, &sources, &message.to_string()] {
        assert!(!text.contains("top-secret"), "{text}");
    }
}

#[tokio::test]
async fn monitors_wait_for_a_source_that_is_down_unless_that_is_switched_off() {
    for (more, source) in [("", json!("down")), ("SOURCE_OUTAGES = False\n", json!(null))] {
        let shell = Shell::new();
        let down = "{'type': 'database', 'config': {'connection_string': 'postgresql://u@127.0.0.1:9/x'}}";
        shell.write("config.py", &format!("{more}REVERE_SOURCES = {{'down': {down}}}"));
        let server = shell.serve(&[]);
        let (_, created) = server.post("/api/v1/monitors", &monitor("sources['down'].execute('select 1')")).await;
        let path = format!("/api/v1/monitors/{}", created["id"]);
        let failed = |monitor: &serde_json::Value| (monitor["state"] == "ERROR").then(|| monitor["waits_for"].clone());
        let waits_for = server.wait_for(&path, failed).await;
        assert_eq!(waits_for["source"], source, "{more}");
        server.stop();
    }
}

#[tokio::test]
async fn json_logs_are_one_object_a_line() {
    let shell = Shell::new();
    // Also what the configuration is warned of, which other logs show without a time.
    shell.write("config.py", "DEBUG = True\n");
    let server = Server::start(shell.revere().args(["run", "-p", "0", "--log-format", "json"]), |server| {
        server.stderr.wait_for("listening on")
    });
    let log = server.stop();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2, "{log}");
    for line in &lines {
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(line["message"].is_string(), "{line}");
    }
    let warning = lines.iter().find(|line| line["level"] == "WARN").expect("DEBUG is warned of");
    assert!(warning["message"].as_str().unwrap().contains("DEBUG"), "{warning}");
}

#[tokio::test]
async fn what_is_logged_can_be_chosen_by_the_environment() {
    let shell = Shell::new();
    let logged = |words: &str| {
        let mut command = shell.revere();
        command.env("RUST_LOG", words).args(["run", "-p", "0"]);
        Server::start(&mut command, |server| server.stderr.wait_for("listening on")).stop()
    };
    let quiet = logged("off,revere::cli=info");
    assert!(quiet.lines().all(|line| line.contains(" INFO ")), "{quiet}");
    let wrong = logged("revere=loud");
    assert!(wrong.contains("RUST_LOG is not understood"), "{wrong}");
}

#[tokio::test]
async fn the_log_says_who_did_what() {
    let shell = Shell::new();
    let server = Server::start(shell.revere().args(["run", "-p", "0", "--log-format", "json"]), |server| {
        server.stderr.wait_for("listening on")
    });
    let rare = json!({"name": "m", "schedule": "0 0 1 1 *", "script": "return_value = 1"});
    let (_, made) = server.post("/api/v1/monitors", &rare).await;
    let id = made["id"].to_string();
    let path = format!("/api/v1/monitors/{id}");
    assert_eq!(server.post(&format!("{path}/run"), &json!({})).await.0, 200);
    assert_eq!(server.delete(&path).await, 204);
    assert_eq!(server.delete(&path).await, 404);
    let log = server.stop();
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let acts: Vec<_> = lines.filter(|line| line["by"] == "api" && line["key"] == id.as_str()).collect();
    let words: Vec<_> = acts.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(words, ["monitor created", "monitor run at someone's word", "monitor deleted"], "{log}");
    assert!(acts.iter().all(|line| line["request_id"].as_str().unwrap().len() == 32), "{log}");
}

#[tokio::test]
async fn the_stores_work_is_counted_and_missing_configuration_is_said() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let monitor = serde_json::json!({"name": "m", "schedule": "0 0 1 1 *", "script": "return_value = 1"});
    let (status, made) = server.post("/api/v1/monitors", &monitor).await;
    assert_eq!(status, 201, "{made}");
    let (_, metrics) = server.get("/metrics").await;
    let commits = metrics.lines().find_map(|line| line.strip_prefix("revere_store_commit_duration_seconds_count "));
    assert!(commits.is_some_and(|count| count.parse::<f64>().unwrap() > 0.0), "{metrics}");
    let log = server.stop();
    assert!(log.contains("there is no config.py in "), "{log}");
}

#[tokio::test]
async fn a_trouble_of_the_scheduler_is_logged_once_and_so_is_its_end() {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
    let shell = Shell::new();
    let server = shell.serve(&[]);
    let (status, created) = server.post("/api/v1/monitors", &monitor("return_value = 1")).await;
    assert_eq!(status, 201, "{created:#}");
    let mut outside = SqliteConnectOptions::new().filename(shell.path("revere.db")).connect().await.unwrap();
    sqlx::query("alter table dues rename to elsewhere").execute(&mut outside).await.unwrap();
    server.stderr.wait_for_all(&["a task cannot do its work", "evaluate"]);
    let failures = async || {
        let (_, metrics) = server.get("/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix("revere_task_failures_total{task=\"evaluate\"} "));
        line.unwrap().parse::<u64>().unwrap()
    };
    until("four failures", async || failures().await >= 4).await;
    sqlx::query("alter table elsewhere rename to dues").execute(&mut outside).await.unwrap();
    outside.close().await.unwrap();
    server.stderr.wait_for_all(&["a task does its work again", "evaluate"]);
    let log = server.stop();
    let of_it = |words: &str| log.lines().filter(|line| line.contains(words) && line.contains("evaluate")).count();
    assert_eq!((of_it("a task cannot do its work"), of_it("a task does its work again")), (1, 1), "{log}");
    assert!(log.contains("no such table: dues"), "{log}");
}

/// Whether the process waits for SIGTERM itself.
fn waits_for_sigterm(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << (15 - 1) != 0
}

#[tokio::test]
async fn a_server_that_is_stopped_while_it_reads_its_configuration_stops_at_once_and_well() {
    let shell = Shell::new();
    shell.write("config.py", "while True:\n    pass\n");
    let mut child = shell.revere().args(["run", "-p", "0"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("it waits for SIGTERM", async || waits_for_sigterm(child.id())).await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(status.success(), "{status}: {said}");
    // The configuration itself would have had ten seconds, and then have been refused.
    assert!(said.contains("SIGTERM: stopped before it had started"), "{said}");
    assert!(!shell.path("revere.db").exists());
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_so_and_goes_on_when_there_is_room() {
    let disk = SmallDisk::mount(3);
    let shell = Shell::new();
    shell.write("config.py", &format!("DATABASE_PATH = '{}/revere.db'\n", disk.path().display()));
    shell.serve(&[]).stop();
    disk.fill();
    let server = Server::start(shell.revere().args(["run", "-p", "0"]), |server| {
        server.stderr.wait_for("waiting for room");
        disk.empty();
        server.stderr.wait_for("listening on")
    });
    assert_eq!(server.json("/healthz").await["status"], "ok");
    let log = server.stop();
    assert_eq!(log.lines().filter(|line| line.contains("waiting for room")).count(), 1, "said once: {log}");
}
