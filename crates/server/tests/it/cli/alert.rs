//! `revere alert`: who would be told, and a test, beside a running server.

use serde_json::{Value, json};

use super::Shell;

const CONFIG: &str = "
REVERE_ALERTS = {
    'ops': {'type': 'log'},
    'good': {'type': 'command', 'config': {'command': ['echo', 'rang the bell']}},
    'bad': {'type': 'command', 'config': {'command': ['sh', '-c', 'echo the bell is gone; exit 69']}},
    'off': {'type': 'log', 'enabled': False},
}
";

#[tokio::test]
async fn who_would_be_told_is_said_with_reasons_while_the_server_runs() {
    let shell = Shell::new();
    shell.write("config.py", CONFIG);
    let said = shell.run("alert who 1").exits(1);
    assert!(said.stderr.contains("there is no database"), "{}", said.stderr);
    let server = shell.serve(&[]);
    let monitor = json!({"name": "Disk", "script": "pass", "schedule": "@daily", "alerts": ["ops", "off"]});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    let said = shell.run("alert who 1 --severity warning").exits(0);
    assert_eq!(
        said.stdout,
        "ALARM (warning) would be told by\n  \
           yes  ops   it tells this\n  \
           no   bad   the monitor is told by other alerts\n  \
           no   good  the monitor is told by other alerts\n  \
           no   off   the alert is switched off in the configuration\n"
    );
    let said = shell.run("alert who 1 --state OK --json").exits(1);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&answer["state"], &answer["severity"]), (&json!("OK"), &json!(null)));
    assert_eq!(answer, server.json("/api/v1/monitors/1/who?state=OK").await);
    let said = shell.run("alert who 7").exits(1);
    assert!(said.stderr.contains("there is no monitor 7"), "{}", said.stderr);
    let said = shell.run("alert who 1 --state SAD").exits(2);
    assert!(said.stderr.contains("the states are OK, ALARM, ERROR and INACTIVE"), "{}", said.stderr);
    server.stop();
}

#[tokio::test]
async fn a_test_says_what_the_receiver_said_and_ends_accordingly() {
    let shell = Shell::new();
    shell.write("config.py", CONFIG);
    let said = shell.run("alert test good").exits(0);
    assert!(
        said.stdout.starts_with("The test was taken: ") && said.stdout.contains("rang the bell"),
        "{}",
        said.stdout
    );
    assert!(!shell.path("revere.db").exists(), "a test makes no database");
    let said = shell.run("alert test bad").exits(1);
    assert!(
        said.stderr.contains("the test was not taken") && said.stderr.contains("the bell is gone"),
        "{}",
        said.stderr
    );
    let said = shell.run("alert test off").exits(1);
    assert!(said.stderr.contains("switched off in the configuration"), "{}", said.stderr);
    let said = shell.run("alert test goood").exits(1);
    assert!(said.stderr.contains("did you mean 'good'?"), "{}", said.stderr);

    let server = shell.serve(&[]);
    shell.run("alert test good").exits(0);
    let audit = server.json("/api/v1/audit?act=alert_tested").await;
    assert_eq!(audit["items"][0]["target"]["id"], "good", "{audit}");
    server.stop();
}
