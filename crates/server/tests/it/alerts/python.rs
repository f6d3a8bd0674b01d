//! Alert classes as they were written for the original program.

use std::{fs, path::Path, time::Duration};

use revere::alerts::{Retry, SendError};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{channel_in, faults, hostile, sample, send};

/// A class in the manner of the original's own, which writes what it was told into a file.
const CLASSIC: &str = r"
from revere.alerts.base import BaseRevereAlert
import json

class FileAlert(BaseRevereAlert):
    name = 'File'

    def __init__(self, description, config, enabled_in_config=True):
        super(FileAlert, self).__init__(description, config, enabled_in_config)
        if not config.get('path'):
            raise Exception('File Alert Improperly Configured: missing parameter: path')
        self.config = config

    def trigger(self, monitor, old_state, new_state, message, return_value):
        print('a class may print')
        told = [monitor.id, monitor.name, monitor.url, old_state, new_state, message, return_value, self.description]
        with open(self.config['path'], 'w') as out:
            json.dump(told, out)
";

async fn trigger(folder: &Path, body: &str) -> SendError {
    let body = body.replace('\n', "\n        ");
    let class = format!(
        "class Alert:\n    def trigger(self, monitor, old_state, new_state, message, return_value):\n        {body}\n"
    );
    fs::write(folder.join("mine.py"), class).unwrap();
    send(&channel_in(folder, "mine.Alert", json!({})).unwrap(), &sample()).await.unwrap_err()
}

#[tokio::test]
async fn a_class_of_the_original_program_is_told() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("company")).unwrap();
    fs::write(folder.path().join("company/alerts.py"), CLASSIC).unwrap();
    let alert = channel_in(folder.path(), "company.alerts.FileAlert", json!({"path": "told.json"})).unwrap();
    for (notification, value) in [(sample(), json!(67)), (hostile(), json!("'\"`$(touch pwned); line\nbreak"))] {
        assert_eq!(send(&alert, &notification).await.unwrap().reply, "trigger returned");
        let told: Value = serde_json::from_slice(&fs::read(folder.path().join("told.json")).unwrap()).unwrap();
        let (old, new) = (notification.old_state.as_str(), notification.new_state.as_str());
        assert_eq!(
            told,
            json!([
                17,
                notification.monitor.name,
                notification.monitor.url,
                old,
                new,
                notification.message,
                value,
                "Operations"
            ])
        );
    }
    let misconfigured = channel_in(folder.path(), "company.alerts.FileAlert", json!({})).unwrap();
    let error = send(&misconfigured, &sample()).await.unwrap_err();
    assert!(error.message.contains("Exception: File Alert Improperly Configured: missing parameter: path"), "{error}");
}

#[tokio::test]
async fn every_way_of_being_constructed() {
    let folder = TempDir::new().unwrap();
    for init in [
        "def __init__(self, config): self.c = config",
        "def __init__(self, settings): self.c = settings",
        "def __init__(self, words, settings): assert words == 'Operations'; self.c = settings",
        "def __init__(self, description=None, config={}): self.c = config",
        "def __init__(self, **anything): self.c = anything['config']",
        "c = {'a': 1}",
    ] {
        let class = format!(
            "class Alert(object):\n    {init}\n    def trigger(self, monitor, old_state, new_state, message, return_value):\n        assert self.c == {{'a': 1}}, self.c\n"
        );
        fs::write(folder.path().join("mine.py"), class).unwrap();
        let sent = send(&channel_in(folder.path(), "mine.Alert", json!({"a": 1})).unwrap(), &sample()).await;
        assert!(sent.is_ok(), "{init}: {sent:?}");
    }
}

#[tokio::test]
async fn what_it_raises_is_tried_again_and_says_where() {
    let folder = TempDir::new().unwrap();
    let error = trigger(folder.path(), "import socket\nraise socket.timeout('the pager is\\noff')").await;
    assert!(error.message.starts_with("mine.Alert: ") && error.message.contains("the pager is off ("), "{error}");
    assert!(error.message.ends_with("mine.py, line 4)"), "{error}");
    assert_eq!(error.retry, Retry::Later);
    let error = trigger(folder.path(), "raise SystemExit(0)").await;
    assert_eq!((error.message.contains("SystemExit: 0"), error.retry), (true, Retry::Later), "{error}");
    let error = trigger(folder.path(), "import os\nprint('so long')\nos._exit(0)").await;
    assert_eq!(error.message, "mine.Alert: exit status 0 before trigger returned: so long");
}

#[tokio::test]
async fn a_class_that_is_not_there_is_not_tried_again() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("mine.py"), "import urllib2\n").unwrap();
    for (class, said) in [
        ("mine.Alert", "No module named 'urllib2'"),
        ("nowhere.Alert", "No module named 'nowhere'"),
        ("json.Alert", "module 'json' has no attribute 'Alert'"),
        ("json.JSONDecoder", "json.JSONDecoder has no trigger method"),
    ] {
        let error = send(&channel_in(folder.path(), class, json!({})).unwrap(), &sample()).await.unwrap_err();
        assert!(error.message.contains(said), "{error}");
        assert_eq!(error.retry, Retry::Never, "{class}");
    }
    assert!(faults("mine.Alert", json!("x"))[0].contains("['config']: expected a dict"));
}

#[tokio::test]
async fn it_can_neither_hang_nor_tell_its_secrets() {
    let folder = TempDir::new().unwrap();
    let class = "class Alert:\n    def __init__(self, config): self.config = config\n    def trigger(self, *told):\n        raise ValueError(self.config)\n";
    fs::write(folder.path().join("mine.py"), class).unwrap();
    let config = json!({"api_token": "t0ken-of-mine", "nested": [{"db_password": "pw-of-mine"}], "room": "lobby"});
    let error = send(&channel_in(folder.path(), "mine.Alert", config).unwrap(), &sample()).await.unwrap_err();
    assert!(error.message.contains("lobby") && !error.message.contains("of-mine"), "{error}");
    fs::write(
        folder.path().join("mine.py"),
        class.replace("raise ValueError(self.config)", "import time; time.sleep(1000)"),
    )
    .unwrap();
    let alert = channel_in(folder.path(), "mine.Alert", json!({})).unwrap();
    let error = alert.send(&sample(), Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.message, "mine.Alert: killed after 1 s before trigger returned: it said nothing");
}
