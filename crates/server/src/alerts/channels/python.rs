//! Alert classes written in Python for the original program: `type: 'mypackage.mymodule.MyAlert'`.
//!
//! The class runs in a process of the machine's own `python3`, one for each notification: what it leaves behind, leaks or
//! breaks ends with it, and no notification waits for another. The process starts in the folder of the configuration, so
//! modules beside `config.py` are found. `trigger` that returns has told; one that raises is tried again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::super::{Built, Channel, Notification, PreviewPart, Receipt, SendError, plain_text, preview, process};
use crate::{
    building::{BuildContext, ConfiguredEntry},
    settings::ConfigFault,
};

/// Finds the class, makes one, triggers it.
const HOST: &str = include_str!("python_host.py");

/// The interpreter, looked up on `PATH`.
const PYTHON: &str = "python3";

/// The longest one class may take; the original knew no limit, and hung for it.
const TIMEOUT: Duration = Duration::from_secs(60);

struct PythonClass {
    class: String,
    description: String,
    config: Value,
    context: BuildContext,
}

pub(crate) fn build(entry: &ConfiguredEntry, context: &BuildContext) -> Built {
    let is_name = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
    };
    if !entry.kind.split('.').all(is_name) {
        let message = format!(
            "expected an alert type or a Python class such as mypackage.mymodule.MyAlert, not '{}'",
            entry.kind
        );
        return Err(vec![ConfigFault::new(format!("{}['type']", entry.place), message)]);
    }
    if !matches!(entry.config, Value::Object(_) | Value::Null) {
        return Err(vec![ConfigFault::new(format!("{}['config']", entry.place), "expected a dict")]);
    }
    context.secrets.learn_setting("config", &entry.config);
    let config = if entry.config.is_null() { json!({}) } else { entry.config.clone() };
    Ok(Arc::new(PythonClass {
        class: entry.kind.clone(),
        description: entry.description.clone(),
        config,
        context: context.clone(),
    }))
}

#[async_trait]
impl Channel for PythonClass {
    async fn send(&self, notification: &Notification, timeout: Duration) -> Result<Receipt, SendError> {
        let timeout = timeout.min(TIMEOUT);
        let mut command = Command::new(PYTHON);
        command.args(["-X", "utf8", "-c", HOST]).current_dir(&self.context.folder);
        let ended = process::run(command, self.order(notification), timeout).await;
        let ended = ended.map_err(|error| self.error(&format!("{PYTHON} cannot be started: {error}"), false))?;
        match serde_json::from_str::<Answer>(&ended.stdout) {
            Ok(Answer { error: None, .. }) => Ok(Receipt::saying("trigger returned")),
            Ok(Answer { error: Some(error), found }) => Err(self.error(&error, found)),
            Err(_) => {
                let last = ended.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
                Err(self.error(&format!("{} before trigger returned: {last}", ended.words(timeout)), true))
            }
        }
    }

    /// What the class is given; what it makes of that is its own affair.
    fn preview(&self, notification: &Notification) -> Result<Vec<PreviewPart>, String> {
        Ok(preview::of_json(&notification.json()))
    }
}

/// What the host says in the end.
#[derive(Deserialize)]
struct Answer {
    /// What was raised, with its place.
    error: Option<String>,
    /// Whether the class exists at all.
    found: bool,
}

impl PythonClass {
    fn order(&self, notification: &Notification) -> String {
        json!({
            "class": self.class,
            "description": self.description,
            "config": self.config,
            "notification": notification.json(),
        })
        .to_string()
    }

    /// A class that is not there will not come by itself; what it raises may pass.
    fn error(&self, what: &str, found: bool) -> SendError {
        let what = plain_text::one_line(what);
        let what = self.context.secrets.redact(&what);
        let message = format!("{}: {}", self.class, plain_text::cut(&what, 1000));
        if found { SendError::later(message) } else { SendError::never(message) }
    }
}
