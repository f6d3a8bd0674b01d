//! `revere backup`: a copy that can be run, made while the server works.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::Shell;

#[tokio::test]
async fn a_copy_made_under_a_running_server_runs_with_the_same_monitors_and_history() {
    let shell = Shell::new();
    let server = shell.serve(&[]);
    std::fs::set_permissions(shell.path("revere.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut paths = Vec::new();
    for number in 0..5 {
        let monitor = json!({"name": format!("m{number}"), "script": "return_value = 67", "schedule": "* * * * * *"});
        let (status, created) = server.post("/api/v1/monitors", &monitor).await;
        assert_eq!(status, 201, "{created:#}");
        paths.push(format!("/api/v1/monitors/{}", created["id"]));
    }
    for path in &paths {
        server.wait_for(path, |monitor| (monitor["state"] == "OK").then_some(())).await;
    }
    let said = shell.run("backup kept/../copy.db").exits(1);
    assert!(said.stderr.contains("cannot write kept/../copy.db"), "{}", said.stderr);
    let said = shell.run("backup copy.db").exits(0);
    assert_eq!(said.stderr, "");
    let sizes = said.stdout.matches(" MB)").count();
    assert!(
        said.stdout.starts_with("Copied ") && said.stdout.contains("to copy.db (") && sizes == 2,
        "{}",
        said.stdout
    );
    let mode = std::fs::metadata(shell.path("copy.db")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "its owner alone, whoever may read the database");
    assert!(!shell.path("copy.db.partial").exists());
    // The server noticed nothing.
    assert_eq!(server.json("/healthz").await["status"], "ok");
    let runs = format!("{}/runs?limit=1", paths[0]);
    let before = server.json(&runs).await["items"][0]["id"].clone();
    server.wait_for(&runs, |runs| (runs["items"][0]["id"] != before).then_some(())).await;

    let said = shell.run("backup copy.db").exits(1);
    assert!(said.stderr.contains("copy.db exists already and was left as it is"), "{}", said.stderr);

    // Beside the first one, which goes on.
    shell.write("copy.py", "DATABASE_PATH = 'copy.db'");
    let copy = shell.serve(&["-c", "copy.py"]);
    for (number, path) in paths.iter().enumerate() {
        let monitor = copy.json(path).await;
        assert_eq!((&monitor["name"], &monitor["state"]), (&json!(format!("m{number}")), &json!("OK")));
        assert!(!copy.json(&format!("{path}/runs?limit=9")).await["items"].as_array().unwrap().is_empty());
    }
    copy.stop();
    server.stop();
}

#[test]
fn what_cannot_be_copied_is_named_and_nothing_is_made() {
    let shell = Shell::new();
    let said = shell.run("backup copy.db").exits(1);
    assert!(said.stderr.contains("there is no database") && said.stderr.contains("DATABASE_PATH"), "{}", said.stderr);
    shell.write("foreign.db", "not a database, though its name says so, at some length");
    let said = shell.run("backup --database foreign.db copy.db").exits(1);
    assert!(said.stderr.contains("foreign.db"), "{}", said.stderr);
    assert!(!shell.path("copy.db").exists() && !shell.path("revere.db").exists());
    shell.run("backup").exits(2);
}

#[test]
fn a_database_named_on_the_command_line_needs_no_configuration() {
    let shell = Shell::new();
    shell.serve(&[]).stop();
    shell.write("config.py", "this is not even Python");
    shell.run("backup copy.db").exits(1);
    shell.run("backup --database revere.db copy.db").exits(0);
    assert!(shell.path("copy.db").exists());
}

#[tokio::test]
async fn the_database_is_its_owners_alone_from_the_beginning_and_one_that_is_open_is_warned_of() {
    let shell = Shell::new();
    std::fs::set_permissions(shell.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mode = |name: &str| std::fs::metadata(shell.path(name)).unwrap().permissions().mode() & 0o777;
    // Whatever the umask leaves.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(env!("CARGO_BIN_EXE_revere"));
    command.args(["run", "-p", "0"]).current_dir(shell.path(""));
    command.env("REVERE_CACHE_DIR", crate::support::cache_dir()).stdin(std::process::Stdio::null());
    let server = super::server::Server::start(&mut command, |server| server.stderr.wait_for("listening on"));
    for name in ["revere.db", "revere.db-wal", "revere.db-shm", "revere.db.lock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert!(!server.stderr.so_far().contains("DATABASE_PATH"), "{}", server.stderr.so_far());
    server.stop();

    for (given, warned) in [(0o644, true), (0o640, true), (0o606, true), (0o600, false)] {
        std::fs::set_permissions(shell.path("revere.db"), std::fs::Permissions::from_mode(given)).unwrap();
        let said = shell.run("check").exits(0).stderr;
        let words = "DATABASE_PATH: others on this machine can read the database";
        assert_eq!(said.contains(words), warned, "{given:o}: {said}");
        assert_eq!(said.contains("chmod 600 '") && said.contains("revere.db'"), warned, "{given:o}: {said}");
    }
    // Nobody gets through a folder that is closed.
    std::fs::set_permissions(shell.path("revere.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(shell.path(""), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(!shell.run("check").exits(0).stderr.contains("DATABASE_PATH"));
}
