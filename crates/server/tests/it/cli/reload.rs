//! `revere reload` and SIGHUP: another configuration while the server runs.

use serde_json::json;

use super::Shell;
use crate::support::until;

fn names(list: &serde_json::Value, key: &str) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_changed_configuration_is_taken_up_and_what_runs_goes_on_with_the_one_before() {
    let shell = Shell::new();
    let (server, path) = super::run::busy(&shell).await;
    // The source that the run under way asks is gone in the new one.
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'shop': {'type': 'demo'}}\nREVERE_ALERTS = {'ops': {'type': 'log'}}\nTIMEZONE = 'Europe/Berlin'\n",
    );
    let said = shell.run("reload").exits(0);
    assert!(said.stdout.starts_with("The configuration is right. The server (process "), "{}", said.stdout);
    server.stderr.wait_for("the configuration was taken up; changed: REVERE_ALERTS, REVERE_SOURCES, TIMEZONE");
    assert_eq!(names(&server.json("/api/v1/sources").await, "name"), ["shop"]);
    assert_eq!(names(&server.json("/api/v1/alerts").await, "key"), ["ops"]);
    let (status, answer) = server.post("/api/v1/alerts/ops/test", &json!({})).await;
    assert_eq!(status, 200, "a new alert can be sent through: {answer}");
    let made =
        json!({"name": "new", "script": "return_value = list(sources['shop'].names())[0]", "schedule": "@yearly"});
    let (_, made) = server.post("/api/v1/monitors", &made).await;
    assert_eq!(made["timezone"], "Europe/Berlin");
    let (_, run) = server.post(&format!("/api/v1/monitors/{}/run", made["id"]), &json!({})).await;
    assert_eq!(run["outcome"], "OK", "{run}");
    // What was under way gets its answer.
    shell.write("open", "");
    server.wait_for(&path, |monitor| (monitor["last_value"] == "through").then_some(())).await;
    assert!(!server.stderr.so_far().contains("handed back"), "{}", server.stderr.so_far());
}

#[tokio::test]
async fn a_faulty_configuration_changes_nothing_and_says_why() {
    let shell = Shell::new();
    shell.write("config.py", "REVERE_SOURCES = {'shop': {'type': 'demo'}}\n");
    let server = shell.serve(&[]);
    shell.write(
        "config.py",
        "REVERE_SOURCES = {'other': {'type': 'demo'}, 'wrong': {'type': 'demoo'}}\nTIMEZONE = 'Mars'\n",
    );
    let said = shell.run("reload").exits(1);
    assert!(said.stderr.contains("demoo") && said.stderr.contains("TIMEZONE"), "every fault at once: {}", said.stderr);
    assert!(!server.stderr.so_far().contains("reading the configuration again"), "the server was not asked");
    server.signal("HUP");
    server.stderr.wait_for("The server goes on with the configuration it has");
    assert_eq!(names(&server.json("/api/v1/sources").await, "name"), ["shop"]);
    assert_eq!(server.json("/healthz").await["status"], "ok");
    // Mended, it counts.
    shell.write("config.py", "REVERE_SOURCES = {'other': {'type': 'demo'}}\n");
    server.signal("HUP");
    server.stderr.wait_for("was taken up; changed: REVERE_SOURCES");
    assert_eq!(names(&server.json("/api/v1/sources").await, "name"), ["other"]);
}

#[tokio::test]
async fn what_counts_from_the_next_start_only_is_said() {
    let shell = Shell::new();
    shell.write("config.py", "");
    let server = shell.serve(&[]);
    server.signal("HUP");
    server.stderr.wait_for("the configuration says the same as before");
    shell.write("config.py", "AUDIT_DAYS = 7\nRUN_TIMEOUT = 2\nMETRICS_PER_MONITOR = True\n");
    shell.run("reload").exits(0);
    server.stderr.wait_for("these settings count from the next start: AUDIT_DAYS");
    server.stderr.wait_for("was taken up; changed: METRICS_PER_MONITOR, RUN_TIMEOUT");
    let slow = json!({"script": "import time\ntime.sleep(60)"});
    let (_, outcome) = server.post("/api/v1/eval", &slow).await;
    assert!(outcome["message"].as_str().unwrap().contains("2 s"), "{outcome}");
}

/// Whatever else changes with them, or nothing.
#[tokio::test]
async fn outages_of_sources_and_the_room_for_answers_are_exchanged_while_it_runs() {
    const DOWN: &str = "REVERE_SOURCES = {'down': {'type': 'database', 'config': \
                        {'connection_string': 'postgresql://u@127.0.0.1:9/x'}}}\n";
    let shell = Shell::new();
    shell.write("config.py", DOWN);
    let server = shell.serve(&[]);
    let monitor = json!({"name": "m", "script": "sources['down'].execute('select 1')", "schedule": "* * * * * *"});
    let (_, made) = server.post("/api/v1/monitors", &monitor).await;
    let path = format!("/api/v1/monitors/{}", made["id"]);
    let waits = |monitor: &serde_json::Value| (monitor["waits_for"]["source"] == "down").then_some(());
    server.wait_for(&path, waits).await;
    shell.write("config.py", &format!("{DOWN}SOURCE_OUTAGES = False\n"));
    shell.run("reload").exits(0);
    server.stderr.wait_for("was taken up; changed: SOURCE_OUTAGES");
    server
        .wait_for(&path, |monitor| (monitor["waits_for"].is_null() && monitor["state"] == "ERROR").then_some(()))
        .await;
    server.wait_for("/api/v1/sources", |sources| sources["items"][0]["outage"].is_null().then_some(())).await;
    shell.write("config.py", &format!("{DOWN}ANSWERS_IN_FLIGHT_MB = 64\n"));
    shell.run("reload").exits(0);
    server.stderr.wait_for("was taken up; changed: ANSWERS_IN_FLIGHT_MB, SOURCE_OUTAGES");
    server.wait_for(&path, waits).await;
    assert!(!server.stderr.so_far().contains("count from the next start"), "{}", server.stderr.so_far());
}

#[tokio::test]
async fn an_alert_that_is_gone_sends_nothing_more_and_one_that_came_tells() {
    let shell = Shell::new();
    shell.write("config.py", "REVERE_ALERTS = {'old': {'type': 'log'}}\n");
    let server = shell.serve(&[]);
    shell.write("config.py", "REVERE_ALERTS = {'new': {'type': 'log'}}\n");
    shell.run("reload").exits(0);
    server.stderr.wait_for("was taken up; changed: REVERE_ALERTS");
    let monitor = json!({"name": "m", "script": "raise MonitorFailure('broken')", "schedule": "@yearly"});
    let (_, made) = server.post("/api/v1/monitors", &monitor).await;
    server.post(&format!("/api/v1/monitors/{}/run", made["id"]), &json!({})).await;
    until("it is told", async || {
        let sent = server.json("/api/v1/deliveries?status=delivered").await;
        names(&sent, "alert") == ["new"]
    })
    .await;
    let all = server.json("/api/v1/deliveries").await;
    assert_eq!(names(&all, "alert"), ["new"], "{all}");
}

#[tokio::test]
async fn one_that_is_gone_empties_no_server() {
    let shell = Shell::new();
    shell.write("config.py", "REVERE_SOURCES = {'shop': {'type': 'demo'}}\n");
    let server = shell.serve(&[]);
    std::fs::rename(shell.path("config.py"), shell.path("config.old")).unwrap();
    let said = shell.run("reload").exits(1);
    assert!(said.stderr.contains("there is no config.py in"), "{}", said.stderr);
    server.signal("HUP");
    server.stderr.wait_for("config.py is not there any more; put it back");
    assert_eq!(names(&server.json("/api/v1/sources").await, "name"), ["shop"]);
}

#[test]
fn without_a_server_it_says_so() {
    let shell = Shell::new();
    shell.write("config.py", "");
    let said = shell.run("reload").exits(1);
    assert!(said.stderr.contains("the configuration is right, but no server of this machine has "), "{}", said.stderr);
    assert!(said.stderr.contains("start one: revere run"), "{}", said.stderr);
}
