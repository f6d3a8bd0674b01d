//! The heartbeat: called while all is well, and what becomes of it is said.

use super::Shell;
use crate::{
    alerts::stub::{self, Stub},
    support::eventually,
};

#[tokio::test]
async fn an_address_is_called_while_all_is_well() {
    let receiver = Stub::start().await;
    let shell = Shell::new();
    shell.write("config.py", &format!("HEARTBEAT_URL = '{}/ping/0f3ab94c77e2'\n", receiver.url));
    let server = shell.serve(&[]);
    let asked = eventually("a heartbeat", async || receiver.taken().pop().ok_or_else(|| "none yet".to_owned())).await;
    assert_eq!((asked.method.as_str(), asked.uri.path()), ("GET", "/ping/0f3ab94c77e2"));
    eventually("the metrics", async || {
        let (_, page) = server.get("/metrics").await;
        if page.contains("revere_heartbeats_total{result=\"sent\"} 1") { Ok(()) } else { Err(page) }
    })
    .await;
    let health = server.json("/healthz").await;
    assert_eq!((&health["status"], &health["heartbeat"]), (&"ok".into(), &"ok".into()));
    server.stop();
}

/// Whoever is called does not answer: the first one is on its way for as long as the test takes.
#[tokio::test]
async fn all_that_can_become_of_one_is_zero_before_the_first() {
    let receiver = stub::silent();
    let shell = Shell::new();
    shell.write("config.py", &format!("HEARTBEAT_URL = '{}/ping/0f3ab94c77e2'\n", receiver.url));
    let server = shell.serve(&[]);
    let (_, page) = server.get("/metrics").await;
    for result in ["sent", "failed", "withheld"] {
        let line = format!("revere_heartbeats_total{{result=\"{result}\"}} 0");
        assert!(page.lines().any(|shown| shown == line), "{line} is missing from\n{page}");
    }
    server.stop();
}

#[tokio::test]
async fn one_that_does_not_arrive_is_said_without_its_address_and_nothing_else_is_wrong() {
    let receiver = stub::dead().await;
    let shell = Shell::new();
    shell.write("config.py", &format!("HEARTBEAT_URL = '{}/ping/0f3ab94c77e2'\n", receiver.url));
    let server = shell.serve(&[]);
    let said = eventually("it is said", async || {
        let health = server.json("/healthz").await;
        assert_eq!(health["status"], "ok");
        let said = health["heartbeat"].as_str().unwrap_or_default().to_owned();
        if said.starts_with("not heard since ") { Ok(said) } else { Err(health.to_string()) }
    })
    .await;
    assert!(!said.contains("0f3ab94c77e2"), "{said}");
    let line = server.stderr.wait_for("the heartbeat is not heard");
    assert!(!line.contains("0f3ab94c77e2"), "{line}");
    let (_, page) = server.get("/metrics").await;
    assert!(page.contains("revere_heartbeats_total{result=\"failed\"} 1"), "{page}");
    server.stop();
}

#[test]
fn an_address_that_is_none_is_refused() {
    let shell = Shell::new();
    shell.write("config.py", "HEARTBEAT_URL = 'soon'\n");
    let checked = shell.revere().arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(!checked.status.success() && said.contains("HEARTBEAT_URL"), "{said}");
}
