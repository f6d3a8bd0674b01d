//! The kinds: all registered, all named, all found, and what is said of those that are not.

use std::collections::BTreeSet;

use revere::alerts::KINDS;
use serde_json::json;

use super::{channel, faults, sample, send};

#[test]
fn every_file_of_a_kind_is_registered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/alerts/channels");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".rs").or((!name.contains('.')).then_some(&*name)).map(str::to_owned))
        // The front page, and the one kind that has no name of its own.
        .filter(|name| name != "mod" && name != "python")
        .collect();
    let file = |kind| if kind == "jira_service_management" { "opsgenie" } else { kind };
    let kinds: BTreeSet<String> = KINDS.iter().map(|kind| file(kind.names[0]).to_owned()).collect();
    assert_eq!(files, kinds);
}

#[test]
fn every_field_is_described_and_named_once() {
    let mut names = BTreeSet::new();
    for kind in KINDS {
        assert!(kind.doc.ends_with('.'), "{}", kind.names[0]);
        assert!(kind.names.iter().all(|name| names.insert(*name)), "{:?}", kind.names);
        let mut fields = BTreeSet::new();
        for field in kind.fields {
            assert!(fields.insert(field.name) && field.doc.ends_with('.'), "{} {}", kind.names[0], field.name);
        }
    }
}

#[test]
fn an_unknown_type_gets_the_nearest_known_one() {
    let place = "REVERE_ALERTS['ops']['type']";
    assert_eq!(faults("emial", json!({})), [format!("{place}: unknown alert type 'emial'; did you mean 'email'?")]);
    assert_eq!(
        faults("revere.alerts.sns.SnsAlerts", json!({})),
        [format!(
            "{place}: unknown alert type 'revere.alerts.sns.SnsAlerts'; did you mean 'revere.alerts.sns.SNSAlert'?"
        )]
    );
    assert!(faults("revere.alerts.hipchat.HipChatAlert", json!({}))[0].contains("shut down in 2019"));
    assert!(faults("my package.Alert", json!({}))[0].contains("expected an alert type or a Python class"));
}

#[tokio::test]
async fn the_log_takes_everything() {
    assert_eq!(send(&channel("log", json!({})), &sample()).await.unwrap().reply, "logged");
}
