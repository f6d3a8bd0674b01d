//! `revere demo`: alive at once, and nothing left behind.

use std::collections::BTreeMap;

use super::{Shell, server::Server};
use crate::support::until;

impl Shell {
    #[track_caller]
    fn demo(&self) -> Server {
        let mut command = self.revere();
        // Its folder is made where temporary files go.
        command.args(["demo", "--port", "0"]).env("TMPDIR", self.folder.path());
        Server::start(&mut command, |server| server.stdout.wait_for("The demo is running on"))
    }

    fn leftovers(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[tokio::test]
async fn monitors_change_state_and_alerts_print_within_a_minute() {
    let shell = Shell::new();
    let server = shell.demo();
    let monitors = server.json("/api/v1/monitors?limit=100").await;
    let states: BTreeMap<&str, &str> = monitors["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|monitor| (monitor["name"].as_str().unwrap(), monitor["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states.len(), 13, "{states:?}");
    assert_eq!((states["Cellar temperature"], states["Warehouse stock"]), ("INACTIVE", "ERROR"));

    let printed = server.stdout.wait_for("State Change: OK -> ALARM");
    assert_eq!(printed, "State Change: OK -> ALARM");
    server.stdout.wait_for("State Change: ALARM -> OK");
    server
        .wait_for("/api/v1/deliveries?alert=on-call&status=queued", |owed| {
            let owed = owed["items"].as_array().unwrap();
            owed.iter().any(|delivery| delivery["attempts"].as_u64() >= Some(2)).then_some(())
        })
        .await;
    assert_eq!(shell.leftovers().len(), 1);
    server.stop();
    assert_eq!(shell.leftovers(), [""; 0]);
}

#[tokio::test]
async fn right_after_the_start_alerts_have_told_and_one_fails() {
    let shell = Shell::new();
    let server = shell.demo();
    let deliveries = async |query: &str| {
        let answer = server.json(&format!("/api/v1/deliveries?limit=100&{query}")).await;
        answer["items"].as_array().unwrap().clone()
    };
    let sent = deliveries("alert=terminal&status=delivered").await;
    assert!(sent.len() > 20, "{} sent", sent.len());
    assert!(sent.iter().all(|one| one["reply"] == "logged" && one["attempts"] == 1), "{sent:?}");
    let failed = deliveries("alert=on-call&status=failed").await;
    assert!(failed.iter().any(|one| one["last_error"].as_str().unwrap().contains("503")), "{failed:?}");
    assert!(!deliveries("alert=on-call&status=delivered").await.is_empty(), "once it worked");
    let (_, page) = server.get("/alerts").await;
    assert!(!page.contains("nothing yet"), "{page}");
    assert!(page.contains("given up") && page.contains("no healthy upstream"), "{page}");
    let monitors = server.json("/api/v1/monitors?limit=100").await;
    let monitors = monitors["items"].as_array().unwrap();
    let warehouse = &monitors.iter().find(|monitor| monitor["name"] == "Warehouse stock").unwrap()["id"];
    let (_, page) = server.get(&format!("/alerts?monitor={warehouse}")).await;
    assert!(page.contains("instead of one that failed"), "{page}");
    let (_, page) = server.get(&format!("/monitor/{warehouse}")).await;
    assert!(page.contains("Last notifications"), "{page}");
    server.stop();
}

#[tokio::test]
async fn two_demos_run_side_by_side() {
    let shell = Shell::new();
    let (first, second) = (shell.demo(), shell.demo());
    assert_ne!(first.address, second.address);
    for demo in [&first, &second] {
        assert_eq!(demo.json("/healthz").await["status"], "ok");
    }
    first.stop();
    second.stop();
}

#[tokio::test]
async fn a_second_signal_leaves_nothing_behind_either() {
    let shell = Shell::new();
    let mut server = shell.demo();
    let held = server.half_a_request();
    server.signal("TERM");
    // It lets nobody in any more, and waits for the one who is there.
    let address = server.address.trim_start_matches("http://").to_owned();
    until("it lets nobody in", async || std::net::TcpStream::connect(&address).is_err()).await;
    server.signal("TERM");
    assert_eq!(server.exit_code(), 1, "{}", server.stderr.whole());
    drop(held);
    assert!(server.stderr.whole().contains("stopped at once"), "{}", server.stderr.whole());
    assert_eq!(shell.leftovers(), [""; 0]);
}
