//! Alerts, each against what it really speaks to: HTTP servers, a mail server, an SNS with signature checks, programs.

mod afterwards;
mod apprise;
pub(crate) mod charts;
mod command;
mod docs;
pub(crate) mod email;
mod every_kind;
mod http;
mod judging;
mod matrix;
mod on_call_docs;
mod own_words;
mod pasted_addresses;
mod preview;
mod python;
mod receivers;
mod registry;
pub(crate) mod sns;
pub(crate) mod stub;
mod threads;
mod web_push;

use std::{path::Path, sync::Arc, time::Duration};

use revere::{
    alerts::{Channel, Incident, MonitorSummary, Notification, Receipt, SendError, build_all},
    building::{self, BuildContext},
    outbound::Outbound,
    redact::Secrets,
    settings::ConfigFault,
};
use revere_model::{FlipId, MonitorId, ReturnValue, Severity, State};
use serde_json::{Value, json};

/// Long enough for a busy machine; nothing waits for it in a passing test.
const TIMEOUT: Duration = crate::support::PATIENCE;

/// The alert `ops` of this kind and config, in a configuration folder of its own.
fn channel_in(folder: &Path, kind: &str, config: Value) -> Result<Arc<dyn Channel>, Vec<String>> {
    built(folder, kind, config, &Secrets::default())
}

fn built(folder: &Path, kind: &str, config: Value, secrets: &Secrets) -> Result<Arc<dyn Channel>, Vec<String>> {
    let context =
        BuildContext { folder: folder.to_owned(), outbound: Outbound::new(secrets.clone()), secrets: secrets.clone() };
    let given = json!({"ops": {"type": kind, "description": "Operations", "config": config}});
    let (entries, faults) = building::read_entries("REVERE_ALERTS", &given);
    assert_eq!(faults, []);
    let (mut channels, faults) = build_all(&entries, &context);
    channels.remove("ops").ok_or_else(|| faults.iter().map(ConfigFault::to_string).collect())
}

pub(crate) fn channel(kind: &str, config: Value) -> Arc<dyn Channel> {
    channel_in(Path::new("."), kind, config).expect("a config without faults")
}

/// The same, with the secrets it was found to have.
fn channel_learning(kind: &str, config: Value, secrets: &Secrets) -> Arc<dyn Channel> {
    built(Path::new("."), kind, config, secrets).expect("a config without faults")
}

fn faults(kind: &str, config: Value) -> Vec<String> {
    channel_in(Path::new("."), kind, config).err().expect("a config with faults")
}

async fn send(channel: &Arc<dyn Channel>, notification: &Notification) -> Result<Receipt, SendError> {
    channel.send(notification, TIMEOUT).await
}

/// The notification that the example text of docs/ALERTS.md is about.
pub(crate) fn sample() -> Notification {
    let monitor = MonitorSummary {
        url: "https://revere.example.com/monitor/17".to_owned(),
        tags: vec!["mail".to_owned(), "team-a".to_owned()],
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

const TEXT: &str = "[Revere Alarm]\nMonitor: Mail Queue Length\nState Change: ALARM -> OK\nMessage: Monitor Passed\nReturn Value: 67\nLasted: 32 min";

/// A script's author who wishes the readers ill.
fn hostile() -> Notification {
    let mut notification = sample();
    notification.monitor.name = "<b>&</b>\r\nBcc: eve@example.com\r\n\r\n\u{202e}exe\u{1f525}".to_owned();
    notification.message =
        format!("</td><script>alert(1)</script> @channel <!channel>\n.\nQUIT\n\0\x1b[2J {}", "w".repeat(8192));
    notification.return_value = Some(ReturnValue::Text("'\"`$(touch pwned); line\nbreak".to_owned()));
    notification.new_state = State::Alarm;
    notification.old_state = State::Ok;
    notification
}

/// Where a service of `scripts/services` is, from the environment or the file it writes.
pub(crate) fn service(name: &str) -> String {
    if let Ok(value) = std::env::var(name) {
        return value;
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/test-services/env");
    let told = std::fs::read_to_string(file).unwrap_or_default();
    let value = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("{name} is not set: run scripts/services up")).to_owned()
}
