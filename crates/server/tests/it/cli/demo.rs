//! `revere demo`: alive at once, and nothing left behind.

use std::collections::BTreeMap;

use super::{Shell, server::Server};

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
        .wait_for("/api/v1/deliveries?alert=on-call&status=owed", |owed| {
            let owed = owed["items"].as_array().unwrap();
            owed.iter().any(|delivery| delivery["attempts"].as_u64() >= Some(2)).then_some(())
        })
        .await;
    assert_eq!(shell.leftovers().len(), 1);
    server.stop();
    assert_eq!(shell.leftovers(), [""; 0]);
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

#[test]
fn a_second_signal_leaves_nothing_behind_either() {
    let shell = Shell::new();
    let mut server = shell.demo();
    let held = server.half_a_request();
    server.signal("TERM");
    // It lets nobody in any more, and waits for the one who is there.
    while std::net::TcpStream::connect(server.address.trim_start_matches("http://")).is_ok() {
        std::thread::yield_now();
    }
    server.signal("TERM");
    assert_eq!(server.exit_code(), 1, "{}", server.stderr.whole());
    drop(held);
    assert!(server.stderr.whole().contains("stopped at once"), "{}", server.stderr.whole());
    assert_eq!(shell.leftovers(), [""; 0]);
}
