//! `revere run --look`: a copy of a database, looked into.

use serde_json::json;

use super::Shell;

#[tokio::test]
async fn a_copy_is_looked_into_and_nothing_runs_is_told_or_changed() {
    let shell = Shell::new();
    shell.write("config.py", "REVERE_ALERTS = {'ops': {'type': 'log'}}\nMETRICS_PER_MONITOR = True\n");
    let server = shell.serve(&[]);
    let monitor = json!({"name": "every second", "script": "raise MonitorFailure('x')", "schedule": "* * * * * *"});
    let (_, made) = server.post("/api/v1/monitors", &monitor).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    server.wait_for(&path, |monitor| (monitor["state"] == "ALARM").then_some(())).await;
    shell.run("backup copy.db").exits(0);
    server.stop();
    let before = std::fs::read(shell.path("revere.db")).unwrap();
    // Other alerts than the copy knows, which it is told nothing of.
    shell.write("config.py", "REVERE_ALERTS = {'other': {'type': 'log'}}\nMETRICS_PER_MONITOR = True\n");

    let look = shell.serve(&["--look", "copy.db"]);
    assert!(look.stderr.so_far().contains("copy.db is only looked into"), "{}", look.stderr.so_far());
    let kept = look.json(&path).await;
    assert_eq!((&kept["state"], &kept["name"]), (&json!("ALARM"), &json!("every second")));
    let page = look.get("/monitor/1").await.1;
    assert!(page.contains("This is a copy that is only looked into."), "{page}");
    assert!(!page.contains("Run now</button>") || page.contains("disabled"), "{page}");
    assert!(!look.get("/").await.1.contains("name=\"do\" value=\"pause\""));
    for (way, body) in [("run", json!({})), ("versions/1/restore", json!({}))] {
        let (status, answer) = look.post(&format!("{path}/{way}"), &body).await;
        assert_eq!(status, 403, "{way}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains("only looks into a copy of a database"), "{answer}");
    }
    assert_eq!(look.post("/api/v1/monitors", &monitor).await.0, 403);
    assert_eq!(look.post("/api/v1/eval", &json!({"script": "pass"})).await.0, 403);
    assert_eq!(look.delete(&path).await, 403);
    // There is no task that could run or send anything.
    let metrics = look.get("/metrics").await.1;
    assert!(metrics.contains("revere_monitor_state{id=\"1\",name=\"every second\",state=\"ALARM\"} 1"), "{metrics}");
    for task in ["evaluate", "deliver", "housekeeping", "remind"] {
        assert!(!metrics.contains(&format!("task=\"{task}")), "{task}: {metrics}");
    }
    assert_eq!(look.json("/healthz").await["status"], "ok");
    assert_eq!(look.json(&path).await["last_run_at"], kept["last_run_at"]);
    // What is written of a log-in goes into the copy, which says so.
    assert!(look.stderr.so_far().contains("Log-ins, with what the audit says of them, are written into it"));
    look.stop();
    assert_eq!(
        std::fs::read(shell.path("revere.db")).unwrap(),
        before,
        "the database of the configuration is left alone"
    );
}

#[test]
fn a_copy_that_is_not_there_is_not_made() {
    let shell = Shell::new();
    let said = shell.run("run -p 0 --look copy.db").exits(1);
    assert!(said.stderr.contains("--look: copy.db is no file; `revere backup COPY` makes a copy"), "{}", said.stderr);
    assert!(!shell.path("copy.db").exists());
}

#[tokio::test]
async fn whoever_looks_logs_in_and_only_the_copy_knows_of_it() {
    let shell = Shell::new();
    shell.write("config.py", "LOCAL_USERS = True\n");
    let mut add = shell.revere();
    add.args(["user", "add", "ada", "--role", "administrator", "--password-stdin"]).stdin(std::process::Stdio::piped());
    let mut add = add.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut add.stdin.take().unwrap(), b"a quiet mountain lake\n").unwrap();
    assert!(add.wait().unwrap().success());
    shell.run("backup copy.db").exits(0);
    let original = |name: &str| std::fs::read(shell.path(name)).ok();
    let before = ["revere.db", "revere.db-wal", "revere.db-shm", "revere.db.lock"].map(original);
    let copy = original("copy.db");

    let look = shell.serve(&["--look", "copy.db"]);
    let client = crate::support::client();
    let page = client.get(format!("{}/login", look.address)).send().await.unwrap();
    let cookie = page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let form = [("token", cookie.split_once('=').unwrap().1), ("name", "ada"), ("password", "a quiet mountain lake")];
    let came =
        client.post(format!("{}/login", look.address)).header("cookie", &cookie).form(&form).send().await.unwrap();
    assert!(!came.url().path().contains("login"), "{}", came.text().await.unwrap());
    look.stop();
    let after = ["revere.db", "revere.db-wal", "revere.db-shm", "revere.db.lock"].map(original);
    assert!(before == after, "the original is as it was, to the byte");
    assert!(original("copy.db") != copy, "the session is in the copy");

    std::os::unix::fs::symlink("revere.db", shell.path("link.db")).unwrap();
    for same in ["revere.db", "link.db"] {
        let said = shell.run(&format!("run -p 0 --look {same}")).exits(1);
        assert!(said.stderr.contains("is the database of the configuration itself, and no copy"), "{}", said.stderr);
    }
}
