//! File descriptors: as many as the machine gives, and a shortage is never the fault of what is watched.

use std::process::Command;

use axum::{Router, http::header};
use serde_json::json;

use super::{Shell, server::Server};

impl Shell {
    /// `revere run` by a shell that sets limits first.
    #[track_caller]
    pub(super) fn serve_with(&self, limits: &str) -> Server {
        let revere = self.revere();
        let mut command = Command::new("sh");
        let script = format!("{limits}; exec \"$0\" run -p 0");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_revere")]).current_dir(self.folder.path());
        for (name, value) in revere.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Server::start(&mut command, |server| server.stderr.wait_for("listening on"))
    }
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let shell = Shell::new();
    let server = shell.serve_with("ulimit -Sn 100; ulimit -Hn 3000");
    let limits = server.proc("limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["3000", "3000"], "{limits}");
    server.stop();
}

#[tokio::test]
async fn a_shortage_is_our_fault_and_no_state_changes() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = listener.local_addr().unwrap();
    // Each call needs a connection of its own.
    let router = Router::new().fallback(async || ([(header::CONNECTION, "close")], "well"));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let shell = Shell::new();
    shell.write(
        "config.py",
        &format!("REVERE_SOURCES = {{'web': {{'type': 'http', 'config': {{'base_url': 'http://{web}/'}}}}}}"),
    );
    let server = shell.serve_with("ulimit -n 150");
    // One that also does without an answer would hide the shortage; it must not get that far.
    let script = "try:\n    return_value = sources['web'].get('/').status\nexcept Exception:\n    return_value = 0";
    let monitor = json!({"name": "web", "schedule": "* * * * * *", "script": script});
    let (status, created) = server.post("/api/v1/monitors", &monitor).await;
    assert_eq!(status, 201, "{created:#}");
    let path = format!("/api/v1/monitors/{}", created["id"]);
    server.wait_for(&path, |monitor| (monitor["last_value"] == 200).then_some(())).await;

    // Visitors alone cannot take them all: as many as there are are taken away.
    server.may_open(10, 150);
    let fault = server.wait_for(&path, |monitor| monitor["fault"].as_str().map(str::to_owned)).await;
    assert!(fault.contains("Revere has no file descriptor left: it may have 10 open"), "{fault}");
    let line = server.stderr.wait_for("no file descriptor left");
    assert!(line.contains("a run could not be made") && line.contains("LimitNOFILE="), "{line}");

    server.may_open(150, 150);
    server.wait_for(&path, |monitor| monitor["fault"].is_null().then_some(())).await;
    let runs = server.json(&format!("{path}/runs?limit=100")).await;
    let values: Vec<_> = runs["items"].as_array().unwrap().iter().map(|run| &run["return_value"]).collect();
    assert!(values.iter().all(|value| **value == json!(200)), "{values:?}");
    let (_, metrics) = server.get("/metrics").await;
    assert!(metrics.contains("revere_source_calls_total{source=\"web\",result=\"not_made\"}"), "{metrics}");
    server.stop();
}
