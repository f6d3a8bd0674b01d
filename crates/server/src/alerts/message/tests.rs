//! The texts of a notification in every form, also of one whose author wishes its readers ill.

use proptest::prelude::*;
use revere_model::{FlipId, MonitorId, ReturnValue, RunId};
use serde_json::{Value, json};

use super::*;
use crate::alerts::{Incident, MonitorSummary};

/// The notification the example text of docs/ALERTS.md is about.
pub(crate) fn sample() -> Notification {
    let monitor = MonitorSummary {
        url: "https://revere.example.com/monitor/17".to_owned(),
        tags: vec!["mail".to_owned(), "team-a".to_owned()],
        description: "Mails that wait. Look at https://wiki.example.com/mail first.".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        ..MonitorSummary::named(MonitorId(17), "Mail Queue Length".to_owned())
    };
    Notification {
        old_state: State::Alarm,
        old_severity: Some(Severity::Critical),
        new_state: State::Ok,
        severity: None,
        message: "Monitor Passed".to_owned(),
        return_value: Some(ReturnValue::Int(67)),
        tick_at: Some("2026-03-01T03:12:00Z".parse().unwrap()),
        started_at: Some("2026-03-01T03:12:00.25Z".parse().unwrap()),
        incident: Some(Incident {
            id: FlipId(203),
            opened_at: "2026-03-01T02:40:00Z".parse().unwrap(),
            key: "a3f1c09b5d7e4826a3f1c09b5d7e4826".to_owned(),
        }),
        ..Notification::about(monitor, "17-204-ops".to_owned())
    }
}

/// A script's author who wishes the readers ill.
pub(crate) fn hostile() -> Notification {
    let mut notification = sample();
    notification.monitor.name = "<img src=x onerror=alert(1)>\r\nBcc: eve@example.com \u{202e}txt.exe".to_owned();
    notification.monitor.url = "https://revere.example.com/monitor/17?a=\"><script>".to_owned();
    notification.monitor.description = "a\u{202e}\nReturn Value: 0\r\nMonitor: Other".to_owned();
    notification.message = format!(
        "@channel <!channel> </td><script>alert('1')</script> \x1b[31m\u{1f469}\u{200d}\u{1f692}\nState Change: ALARM -> OK\n{}",
        "w".repeat(8192)
    );
    notification.return_value = Some(ReturnValue::Text("\"quoted\"\nMonitor: Other & co".to_owned()));
    notification.new_state = State::Alarm;
    notification.old_state = State::Ok;
    notification
}

#[test]
fn the_default_text_is_the_seeds_own() {
    insta::assert_snapshot!(sample().text(), @r"
    [Revere Alarm]
    Monitor: Mail Queue Length
    State Change: ALARM -> OK
    Message: Monitor Passed
    Return Value: 67
    Lasted: 32 min
    Description: Mails that wait. Look at https://wiki.example.com/mail first.
    ");
}

#[test]
fn a_reminder_says_that_it_is_one_and_where_to_acknowledge() {
    let reminder = Notification {
        old_state: State::Alarm,
        new_state: State::Alarm,
        message: "67 mails wait".to_owned(),
        reminder: Some(2),
        acknowledge_url: Some("https://revere.example.com/acknowledge/7.ab".to_owned()),
        ..sample()
    };
    insta::assert_snapshot!(reminder.text(), @r"
    [Revere Reminder]
    Monitor: Mail Queue Length
    State: still ALARM
    Message: 67 mails wait
    Return Value: 67
    For: 32 min
    Acknowledge: https://revere.example.com/acknowledge/7.ab
    Description: Mails that wait. Look at https://wiki.example.com/mail first.
    ");
    assert_eq!(reminder.subject(), "[Revere Reminder] ALARM Mail Queue Length");
    assert_eq!(reminder.short(), "[Revere] still ALARM Mail Queue Length: 67 mails wait (67)");
    assert!(reminder.mail_html().contains("still <strong") && reminder.mail_html().contains("acknowledge/7.ab"));
    let json = reminder.json();
    assert_eq!((&json["reminder"], json["acknowledge_url"].is_string()), (&json!(2), true));
}

#[test]
fn a_test_says_so_everywhere() {
    let test = Notification { test: true, return_value: None, ..sample() };
    insta::assert_snapshot!(test.text(), @r"
    [Revere Test]
    Monitor: Mail Queue Length
    State Change: ALARM -> OK
    Message: Monitor Passed
    Lasted: 32 min
    Description: Mails that wait. Look at https://wiki.example.com/mail first.
    This is only a test: nothing has changed.
    ");
    assert_eq!(test.subject(), "[Revere Test] OK Mail Queue Length");
    assert_eq!(test.short(), "[Revere Test] OK Mail Queue Length: Monitor Passed");
    let mail = test.mail_html();
    assert!(mail.contains("This is only a test") && !mail.contains("Return Value"), "{mail}");
    assert_eq!(test.json()["test"], true);
}

#[test]
fn one_line_texts() {
    assert_eq!(sample().subject(), "[Revere Alarm] OK Mail Queue Length");
    assert_eq!(sample().short(), "[Revere] OK Mail Queue Length: Monitor Passed (67)");
    let mut long = sample();
    long.monitor.name =
        "Größe der Warteschlange für ausgehende Nachrichten aller Mandanten im zweiten Rechenzentrum".to_owned();
    insta::assert_snapshot!(long.ascii_subject_within(99), @"[Revere Alarm] OK Groesse der Warteschlange fuer ausgehende Nachrichten aller Mandanten im zweit...");
}

#[test]
fn the_mail_in_both_its_forms() {
    insta::assert_snapshot!(sample().mail_text(), @r"
    [Revere Alarm]
    Monitor: Mail Queue Length
    State Change: ALARM -> OK
    Message: Monitor Passed
    Return Value: 67
    Lasted: 32 min
    Description: Mails that wait. Look at https://wiki.example.com/mail first.

    Time: Sun 1 Mar 2026, 04:12:00 UTC+1
    Tags: mail, team-a
    https://revere.example.com/monitor/17
    ");
    let mut bare = sample();
    (bare.tick_at, bare.started_at, bare.monitor.tags) = (None, None, Vec::new());
    bare.monitor.url = "/monitor/17".to_owned();
    assert_eq!(bare.mail_text(), bare.text());
    insta::assert_snapshot!("mail_html", sample().mail_html());
}

#[test]
fn programs_read_json() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&sample().json()).unwrap(), @r#"
    {
      "monitor": {
        "id": 17,
        "name": "Mail Queue Length",
        "url": "https://revere.example.com/monitor/17",
        "tags": [
          "mail",
          "team-a"
        ],
        "description": "Mails that wait. Look at https://wiki.example.com/mail first.",
        "timezone": "Europe/Berlin",
        "unit": "",
        "decimals": null
      },
      "old_state": "ALARM",
      "new_state": "OK",
      "severity": null,
      "message": "Monitor Passed",
      "return_value": 67,
      "tick_at": "2026-03-01T03:12:00Z",
      "started_at": "2026-03-01T03:12:00.25Z",
      "run_id": null,
      "url": "https://revere.example.com/monitor/17",
      "text": "[Revere Alarm]\nMonitor: Mail Queue Length\nState Change: ALARM -> OK\nMessage: Monitor Passed\nReturn Value: 67\nLasted: 32 min\nDescription: Mails that wait. Look at https://wiki.example.com/mail first.",
      "key": "17-204-ops",
      "incident": {
        "id": 203,
        "opened_at": "2026-03-01T02:40:00Z",
        "key": "a3f1c09b5d7e4826a3f1c09b5d7e4826"
      }
    }
    "#);
}

#[test]
fn a_warning_says_so_and_so_does_what_was_one() {
    let mut told = Notification {
        old_state: State::Ok,
        old_severity: None,
        new_state: State::Alarm,
        severity: Some(Severity::Warning),
        ..sample()
    };
    assert_eq!(told.subject(), "[Revere Alarm] ALARM (warning) Mail Queue Length");
    assert!(told.text().contains("State Change: OK -> ALARM (warning)\n"), "{}", told.text());
    assert!(told.short().starts_with("[Revere] ALARM (warning) Mail Queue Length"));
    assert!(told.mail_html().contains("ALARM (warning)"));
    assert_eq!(told.json()["severity"], "warning");
    (told.old_state, told.old_severity, told.severity) = (State::Alarm, told.severity, Some(Severity::Critical));
    assert!(told.text().contains("State Change: ALARM (warning) -> ALARM (critical)\n"), "{}", told.text());
    (told.new_state, told.severity) = (State::Ok, None);
    assert!(told.text().contains("State Change: ALARM (warning) -> OK\n"), "{}", told.text());
    assert_eq!(told.json()["severity"], Value::Null);
    // One that an older version stored says nothing of it.
    let bare = Notification { new_state: State::Alarm, severity: None, old_severity: None, ..sample() };
    assert_eq!(
        (bare.subject(), &bare.json()["severity"]),
        ("[Revere Alarm] ALARM Mail Queue Length".to_owned(), &json!("critical"))
    );
}

#[test]
fn a_notice_about_a_run_leads_to_it() {
    let of_run = Notification { run_id: Some(RunId(204)), ..sample() };
    assert_eq!(of_run.link(), "https://revere.example.com/monitor/17/run/204");
    let unknown = MonitorSummary { url: "/monitor/17".to_owned(), ..sample().monitor };
    assert_eq!(Notification { monitor: unknown, ..of_run }.link(), "");
}

/// Whoever is notified reads what the author wrote for them, of a problem and of its end; numbers in their unit, and
/// the time there.
#[test]
fn a_message_has_the_description_its_unit_and_the_monitors_own_time() {
    let mut notification = Notification { new_state: State::Alarm, old_state: State::Ok, ..sample() };
    notification.return_value = Some(ReturnValue::Float(1.5e-9));
    (notification.monitor.unit, notification.incident) = ("s".to_owned(), None);
    insta::assert_snapshot!(notification.mail_text(), @r"
    [Revere Alarm]
    Monitor: Mail Queue Length
    State Change: OK -> ALARM
    Message: Monitor Passed
    Return Value: 1.5e-9 s
    Description: Mails that wait. Look at https://wiki.example.com/mail first.

    Time: Sun 1 Mar 2026, 04:12:00 UTC+1
    Tags: mail, team-a
    https://revere.example.com/monitor/17
    ");
    let end = Notification { new_state: State::Ok, old_state: State::Alarm, ..notification.clone() };
    for told in [notification, end] {
        assert!(told.text().contains("\nDescription: Mails that wait."), "{}", told.text());
        assert!(told.mail_html().contains("Look at https://wiki.example.com/mail first."));
    }
}

#[test]
fn two_keys_stay_two_inside_a_header() {
    let key = |key: &str| Notification { key: key.to_owned(), ..sample() }.header_key();
    assert_eq!(key("17-204-ops mail"), "17-204-ops mail");
    assert_eq!(key("17-204-\u{e9}%\r\n"), "17-204-%C3%A9%25%0D%0A");
}

#[test]
fn hostile_text_is_inert() {
    let hostile = hostile();
    let text = hostile.text();
    let starts: Vec<&str> =
        text.lines().filter_map(|line| line.split(':').next()).filter(|s| !s.starts_with(' ')).collect();
    assert_eq!(
        starts,
        ["[Revere Alarm]", "Monitor", "State Change", "Message", "Return Value", "Description"],
        "no forged line"
    );
    assert!(!hostile.subject().contains(['\r', '\n', '\u{202e}']));
    assert!(hostile.short().len() <= 160, "{}", hostile.short());
    let html = hostile.mail_html();
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("?a=\">"), "{html}");
    for text in [text, html, hostile.mail_text()] {
        assert!(!text.contains(['\x1b', '\r', '\u{202e}']));
    }
}

proptest! {
    #[test]
    fn the_states_survive_any_name(name in any::<String>(), message in any::<String>(), max in 60_usize..120) {
        let mut any = sample();
        any.monitor.name = name;
        any.message = message;
        prop_assert!(any.subject().starts_with("[Revere Alarm] OK"));
        prop_assert!(any.subject().chars().count() <= 200);
        let ascii = any.ascii_subject_within(max);
        prop_assert!(ascii.is_ascii() && ascii.len() <= max, "{ascii}");
        prop_assert!(ascii.starts_with("[Revere Alarm] OK"), "{ascii}");
        prop_assert!(any.text().starts_with("[Revere Alarm]\nMonitor:"));
    }
}
