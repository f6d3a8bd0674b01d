//! `AUDIT_LOG`: every row is written there once at least, whatever is rotated, full or killed meanwhile; and an act and its
//! row are both in the database or neither is.

use std::collections::{BTreeMap, BTreeSet};

use revere::store::{DatabasePlace, Store, StoreOptions};
use revere_model::MonitorId;
use serde_json::{Value, json};

use super::whole;
use crate::{
    cli::{Shell, server::Server},
    support::{SmallDisk, TestDatabase, client, eventually, on_postgresql, until},
};

fn started(shell: &Shell) -> Server {
    Server::start(shell.revere().args(["run", "-p", "0"]), |server| server.stderr.wait_for("listening on"))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"))).collect()
}

async fn create(server: &Server, name: &str) -> u16 {
    let monitor = json!({"name": name, "script": "pass", "schedule": "0 0 1 1 *"});
    server.post("/api/v1/monitors", &monitor).await.0
}

/// Waits until the file tells of so many monitors, and answers their names.
async fn names(path: &std::path::Path, count: usize) -> Vec<String> {
    eventually("lines in the file", async || {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // The last line may be on its way.
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let name = |line: &Value| line["target"]["name"].as_str().unwrap_or_default().to_owned();
        let names: Vec<String> = lines.map_err(|_| text.clone())?.iter().map(name).collect();
        if names.len() >= count { Ok(names) } else { Err(text) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_added_to_a_file_that_may_be_rotated_and_to_what_a_shell_does() {
    let shell = Shell::new();
    shell.write("config.py", "AUDIT_LOG = 'audit.log'\n");
    let server = started(&shell);
    let path = shell.path("audit.log");
    assert_eq!(create(&server, "one").await, 201);
    assert_eq!(names(&path, 1).await, ["one"]);
    std::fs::rename(&path, shell.path("audit.log.1")).unwrap();
    assert_eq!(create(&server, "two").await, 201);
    assert_eq!(names(&path, 1).await, ["two"]);
    shell.run("user add bob").exits(0);
    assert_eq!(create(&server, "three").await, 201);
    assert_eq!(names(&path, 3).await, ["two", "bob", "three"], "each once");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let line = &lines(&std::fs::read_to_string(&path).unwrap())[2];
    assert_eq!(
        (&line["act"], &line["door"], &line["address"]),
        (&json!("monitor_created"), &json!("api"), &json!("127.0.0.1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_output_has_them_alone() {
    let shell = Shell::new();
    shell.write("config.py", "AUDIT_LOG = 'stdout'\n");
    let server = started(&shell);
    assert_eq!(create(&server, "one").await, 201);
    server.stdout.wait_for("monitor_created");
    let lines = lines(&server.stdout.so_far());
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_nothing_and_loses_no_line() {
    let disk = SmallDisk::mount(1);
    let shell = Shell::new();
    let path = disk.path().join("audit.log");
    shell.write("config.py", &format!("AUDIT_LOG = {:?}\n", path.display().to_string()));
    let server = started(&shell);
    assert_eq!(create(&server, "before").await, 201);
    names(&path, 1).await;
    disk.fill();
    let mut expected = vec!["before".to_owned()];
    for number in 0..40 {
        let name = format!("while {number}");
        assert_eq!(create(&server, &name).await, 201);
        expected.push(name);
    }
    server.stderr.wait_for_all(&["a task cannot do its work", "cannot write the audit's log to"]);
    disk.empty();
    assert_eq!(names(&path, expected.len()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_act_and_row_are_both_there_or_neither_and_every_row_is_logged() {
    let (shell, database) = (Shell::new(), TestDatabase::new().await);
    let place = match database.place() {
        DatabasePlace::File(_) => DatabasePlace::File(shell.path("revere.db")),
        server => server,
    };
    let line = if on_postgresql() { format!("DATABASE_URL = '{}'\n", database.url()) } else { String::new() };
    shell.write("config.py", &format!("{line}AUDIT_LOG = 'audit.log'\n"));
    let client = client();
    for round in 0..3_u64 {
        let server = started(&shell);
        create(&server, &format!("m{round}")).await;
        let wanted = 10 + 17 * round as usize;
        let answered = std::sync::atomic::AtomicUsize::new(0);
        let edits = async {
            for number in 0_u64.. {
                let id = number % (round + 1) + 1;
                let body = json!({"description": format!("{round} {number}")});
                let address = format!("{}/api/v1/monitors/{id}", server.address);
                if client.patch(address).json(&body).send().await.is_err() {
                    return;
                }
                answered.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        };
        let killed = async {
            until("some edits", async || answered.load(std::sync::atomic::Ordering::SeqCst) >= wanted).await;
            server.signal("KILL");
        };
        tokio::join!(edits, killed);
    }
    let store = Store::open(StoreOptions::new(place)).await.unwrap();
    let rows = whole(&store).await;
    let mut by_monitor: BTreeMap<i64, i64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.target.is_some()) {
        *by_monitor.entry(row.target.as_ref().unwrap().id.parse().unwrap()).or_default() += 1;
    }
    assert!(by_monitor.len() == 3 && rows.len() > 80, "{by_monitor:?}");
    for (id, acts) in by_monitor {
        assert_eq!(store.monitor(MonitorId(id)).await.unwrap().version, acts, "monitor {id}");
    }
    store.close().await;
    let server = started(&shell);
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    eventually("every row in the file", async || {
        let text = std::fs::read_to_string(shell.path("audit.log")).unwrap();
        let logged: BTreeSet<i64> = lines(&text).iter().map(|line| line["id"].as_i64().unwrap()).collect();
        if logged == ids { Ok(()) } else { Err(format!("{} of {}", logged.len(), ids.len())) }
    })
    .await;
    drop(server);
}
