//! How bad a problem is: said by the script or by the monitor, shown, filtered by, and told.

use serde_json::json;

use super::{Monitor, heard, without_the_broken_one};
use crate::{api::server::Server, pages::browser::Browser};

#[tokio::test]
async fn a_warning_is_an_alarm_that_says_so_wherever_it_is_shown() {
    let server = Server::start().await;
    without_the_broken_one(&server).await;
    let disk = Monitor::create(&server, json!({})).await;
    disk.passes().await;
    disk.fails("warning").await;
    let now = disk.get().await;
    assert_eq!(
        (&now["state"], &now["severity"], &now["default_severity"]),
        (&json!("ALARM"), &json!("warning"), &json!("critical"))
    );
    let flips = server.get(&format!("{}/flips", disk.path)).await.json(200);
    let flip = &flips["items"][0];
    assert_eq!((&flip["severity"], &flip["old_severity"]), (&json!("warning"), &json!(null)));
    assert_eq!(heard(&server, 1).await, ["[Revere Alarm] ALARM (warning) Disk"]);
    let told = server.get("/api/v1/deliveries?alert=ops").await.json(200);
    assert_eq!(told["items"][0]["severity"], "warning");

    let count = async |path: &str| server.get(path).await.json(200)["items"].as_array().unwrap().len();
    assert_eq!(count("/api/v1/monitors?severity=warning").await, 1);
    assert_eq!(count("/api/v1/monitors?severity=critical").await, 0);
    assert_eq!(count(&format!("{}/runs?severity=warning", disk.path)).await, 1);
    assert_eq!(count(&format!("{}/runs?severity=critical", disk.path)).await, 0);
    let faults = server.get("/api/v1/monitors?severity=fatal").await.faults();
    assert!(faults[0].contains("critical or warning"), "{faults:?}");

    let browser = Browser::of(&server);
    let mark = "<span class=\"tag severity\">warning</span>";
    assert!(browser.page("/?severity=warning").await.contains(mark));
    assert!(browser.page("/?severity=critical").await.contains("No monitor fits"));
    let page = browser.page("/monitor/1").await;
    assert!(page.matches(mark).count() >= 3, "head, story and runs: {page}");
    assert!(browser.page("/monitor/1/history?severity=warning").await.contains(mark));
    assert!(browser.page("/monitor/1/history?severity=critical").await.contains("No run fits"));
    assert!(browser.page("/monitor/1/history.csv").await.lines().nth(1).unwrap().ends_with(",warning"));
}

#[tokio::test]
async fn what_becomes_worse_is_told_once_more_and_what_becomes_better_is_not() {
    let server = Server::start().await;
    without_the_broken_one(&server).await;
    let disk = Monitor::create(&server, json!({})).await;
    disk.passes().await;
    for severity in ["warning", "warning", "critical", "critical", "warning", "critical"] {
        disk.fails(severity).await;
    }
    let since = disk.get().await["state_since"].clone();
    let story = server.get(&format!("{}/flips", disk.path)).await.json(200);
    let kept: Vec<_> = story["items"].as_array().unwrap().iter().map(|flip| flip["severity"].clone()).collect();
    assert_eq!(kept, [json!("critical"), json!("warning"), json!("critical"), json!("warning"), json!(null)]);
    assert_eq!(story["items"][3]["at"], since, "it is an alarm since it was a warning");
    disk.passes().await;
    assert_eq!(
        heard(&server, 3).await,
        ["[Revere Alarm] ALARM (warning) Disk", "[Revere Alarm] ALARM (critical) Disk", "[Revere Alarm] OK Disk",]
    );
    let rise = &server.mailbox.all()[1];
    assert!(rise.text().contains("State Change: ALARM (warning) -> ALARM (critical)"), "{}", rise.text());
    let silent = server.get("/api/v1/not-told?alert=ops").await.json(200);
    let reasons: Vec<_> = silent["items"].as_array().unwrap().iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(reasons, ["told_before", "less_severe"]);
}

#[tokio::test]
async fn a_monitor_says_how_bad_its_problems_are_where_its_script_does_not() {
    let server = Server::start().await;
    without_the_broken_one(&server).await;
    let faults = server
        .send(
            "POST",
            "/api/v1/monitors",
            &json!({"name": "a", "script": "pass", "schedule": "@daily", "default_severity": "fatal"}),
        )
        .await
        .faults();
    assert_eq!(faults, ["default_severity: \"fatal\" is not a severity; the severities are critical and warning"]);
    let backup = Monitor::create(&server, json!({"name": "Backup", "default_severity": "warning"})).await;
    let broken = backup.does("1 / 0").await;
    assert_eq!((&broken["outcome"], &broken["severity"]), (&json!("ERROR"), &json!("warning")));
    let failed = backup.does("raise MonitorFailure('x')").await;
    assert_eq!((&failed["outcome"], &failed["severity"]), (&json!("ALARM"), &json!("warning")));
    backup.fails("critical").await;
    let unknown = backup.does("raise MonitorFailure('x', severity='fatal')").await;
    assert_eq!(unknown["outcome"], "ERROR");
    assert_eq!(
        unknown["message"],
        "ValueError: 'fatal' is not a severity; the severities are critical and warning (line 1)"
    );
    let tried =
        server.send("POST", "/api/v1/eval", &json!({"script": "raise MonitorFailure('x', severity='warning')"})).await;
    assert_eq!(tried.json(200)["severity"], "warning");

    let browser = Browser::of(&server);
    let form = browser.page("/monitor/1/edit").await;
    assert!(form.contains("<option value=\"warning\" selected>"), "{form}");
    assert!(browser.page("/monitor/1").await.contains("<dt>Severity</dt><dd>warning</dd>"));
}
