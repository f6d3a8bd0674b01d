//! `revere alert`: who would be told, and a test, beside a running server.

use serde_json::{Value, json};

use super::Shell;
use crate::{alerts::stub::Stub, support::push_browser::PushBrowser};

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
        "Notified of ALARM (warning):\n  \
           yes  ops   it notifies of this\n  \
           no   bad   other alerts are chosen for the monitor\n  \
           no   good  other alerts are chosen for the monitor\n  \
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
async fn a_monitor_is_named_by_number_name_or_how_its_name_begins() {
    let shell = Shell::new();
    shell.write("config.py", CONFIG);
    let server = shell.serve(&[]);
    for name in ["Disk", "Disk of the cellar", "100%_done", "Mail queue", "mail sent", "twin", "twin", "1"] {
        let monitor = json!({"name": name, "script": "pass", "schedule": "@daily", "alerts": ["ops"]});
        assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    }
    for name in ["Disk", "disk of", "100%_", "100%_done", "Mail q", "mail sent", "1", "4"] {
        let said = shell.revere().args(["alert", "who", name]).output().unwrap();
        assert_eq!(said.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&said.stderr));
        assert!(String::from_utf8_lossy(&said.stdout).contains("yes  ops"), "{name}");
    }
    for (name, words) in [
        ("dis", "several monitors fit 'dis'; say which by its number:\n  1  Disk\n  2  Disk of the cellar\n"),
        ("MAIL", "several monitors fit 'MAIL'; say which by its number:\n  4  Mail queue\n  5  mail sent\n"),
        ("twin", "several monitors fit 'twin'; say which by its number:\n  6  twin\n  7  twin\n"),
        ("queue", "no monitor's name is or begins with 'queue'; give its name, or its number"),
        ("0%", "no monitor's name is or begins with '0%'"),
        ("99", "there is no monitor 99; its number is in the address of its page"),
    ] {
        let said = shell.run(&format!("alert who {name}")).exits(1);
        assert!(said.stderr.contains(words), "{name}: {}", said.stderr);
    }
    server.delete("/api/v1/monitors/2").await;
    shell.run("alert who dis").exits(0);
    server.stop();
}

#[tokio::test]
async fn an_alert_that_is_failing_or_has_a_queue_says_so_where_one_asks_who_would_be_told() {
    let shell = Shell::new();
    shell.write("config.py", CONFIG);
    let server = shell.serve(&[]);
    let script = "raise MonitorFailure('x')";
    let monitor = json!({"name": "Disk", "script": script, "schedule": "@daily", "alerts": ["ops", "bad"]});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    server.post("/api/v1/monitors/1/run", &json!({})).await;
    let one = |answer: &Value, alert: &str| {
        answer["alerts"].as_array().unwrap().iter().find(|one| one["alert"] == alert).unwrap().clone()
    };
    let is_failing = |answer: &Value| {
        let told = one(answer, "ops")["queued"] == 0;
        (told && one(answer, "bad")["failing"] == true).then(|| answer.clone())
    };
    let answer = server.wait_for("/api/v1/monitors/1/who?state=ERROR", is_failing).await;
    let (bad, ops) = (one(&answer, "bad"), one(&answer, "ops"));
    assert_eq!((&bad["told"], &bad["queued"]), (&json!(true), &json!(1)), "{answer}");
    assert_eq!((&ops["failing"], &ops["queued"]), (&json!(false), &json!(0)), "{answer}");
    let said = shell.run("alert who disk --state ERROR").exits(0);
    assert!(said.stdout.contains("yes  bad   it notifies of this; it is failing, 1 queued\n"), "{}", said.stdout);
    let page = server.get("/monitor/1/who?state=ERROR").await.1;
    assert!(page.contains("<span class=\"word bad\">it is failing, 1 queued</span>"), "{page}");
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

/// Beside the server that runs, by the browsers that it knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_reaches_the_browsers_of_an_alert() {
    let (shell, stub) = (Shell::new(), Stub::start().await);
    stub.answer(201, &[], Some(""));
    let config = "REVERE_ALERTS = {
        'browsers': {'type': 'web_push', 'config': {'services': ['127.0.0.1']}},
        'rota': {'type': 'on_call', 'config': {'people': {'ada': 'browsers'}, 'layers': [
            {'name': 'all', 'people': ['ada'], 'from': '2026-01-05', 'rotation': 'weekly'}]}},
    }";
    shell.write("config.py", config);
    for alert in ["browsers", "rota"] {
        let said = shell.run(&format!("alert test {alert}")).exits(1);
        assert!(said.stderr.contains("no browser has asked to be notified"), "{}", said.stderr);
    }
    assert!(!shell.path("revere.db").exists(), "a test makes no database");
    let server = shell.serve(&[]);
    let ada = PushBrowser::at(format!("{}/ada-s3cret", stub.url));
    let place = "/api/v1/alerts/browsers/browsers";
    assert_eq!(server.post(place, &ada.body("Ada")).await.0, 201);
    let said = shell.run("alert test browsers").exits(0);
    assert_eq!(said.stdout, "The test was taken: 1 browser\n");
    assert_eq!(ada.open(&stub.one()).payload["title"], "Test: ALARM Test of an alert");
    assert_ne!(server.json(place).await["items"][0]["told_at"], Value::Null);
    let said = shell.run("alert test rota").exits(0);
    assert!(said.stdout.contains("ada by browsers: 1 browser"), "{}", said.stdout);
    assert_eq!(ada.open(&stub.one()).payload["title"], "Test: ALARM Test of an alert");
    // One that takes no more is gone.
    stub.answer(410, &[], Some("unsubscribed"));
    let said = shell.run("alert test browsers").exits(1);
    assert!(said.stderr.contains("Ada: asked for no more") && !said.stderr.contains("s3cret"), "{}", said.stderr);
    assert_eq!(server.json(place).await["items"], json!([]));
    server.stop();
}

#[tokio::test]
async fn a_preview_says_what_would_be_said_and_tries_other_words() {
    let shell = Shell::new();
    shell.write(
        "config.py",
        &CONFIG.replace("'ops': {'type': 'log'}", "'ops': {'type': 'log', 'config': {'print': True}}"),
    );
    let said = shell.run("alert preview ops 1").exits(1);
    assert!(said.stderr.contains("there is no database"), "{}", said.stderr);
    let server = shell.serve(&[]);
    let monitor =
        json!({"name": "Disk", "script": "return_value = 7\nraise MonitorFailure('full')", "schedule": "@daily"});
    assert_eq!(server.post("/api/v1/monitors", &monitor).await.0, 201);
    assert_eq!(server.post("/api/v1/monitors/1/run", &json!({})).await.0, 200);
    let said = shell.run("alert preview ops 1").exits(0);
    assert_eq!(
        said.stdout,
        "INACTIVE -> ALARM (critical) of Disk, by run 1\n\nstandard output  made of text\n  [Revere Alarm]\n  Monitor: Disk\n  \
         State Change: INACTIVE -> ALARM\n  Message: full\n  Return Value: 7\n"
    );
    shell.write("new.txt", "{{ monitor.name }}: {{ message }}");
    let said = shell.run("alert preview ops 1 --text new.txt --json").exits(0);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(answer["parts"][0], json!({"name": "standard output", "text": "Disk: full", "made_of": ["text"]}));
    let (status, served) = server
        .post("/api/v1/alerts/ops/preview", &json!({"monitor_id": 1, "text": "{{ monitor.name }}: {{ message }}"}))
        .await;
    assert_eq!((status, &served["parts"], &served["run_id"]), (200, &answer["parts"], &answer["run_id"]));
    shell.write("new.txt", "a\n{{ mesage }}");
    let said = shell.run("alert preview ops 1 --text new.txt").exits(1);
    assert!(
        said.stderr.contains("text: line 2: ") && said.stderr.contains("did you mean 'message'?"),
        "{}",
        said.stderr
    );
    let said = shell.run("alert preview opps 1").exits(1);
    assert!(said.stderr.contains("did you mean 'ops'?"), "{}", said.stderr);
    let said = shell.run("alert preview ops 1 --run 9").exits(1);
    assert!(said.stderr.contains("monitor 1 has no such run"), "{}", said.stderr);
    server.stop();
}
