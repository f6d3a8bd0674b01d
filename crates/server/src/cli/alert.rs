//! `revere alert`: who would be told of a monitor, and whether an alert reaches anybody.

use std::path::Path;

use anyhow::Context as _;
use clap::Subcommand;
use revere_model::{
    Act as Audited, Asked, Clock, MonitorId, Severity, State, SystemClock, Target, TargetKind, Verdict,
};
use serde_json::json;

use super::{
    Exit, Global,
    project::{Begun, Project},
    terminal::{self, Paint},
};
use crate::{
    alerts,
    config::Config,
    operations::who::{self, Answer, Supposed},
    redact::Secrets,
    settings::unknown_name,
    store::{AuditEntry, DatabasePlace, Store, StoreError, StoreOptions},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere alert test ops                              Sends a test, and prints what the receiver said
  revere alert who 17                                Who would be told if monitor 17 now were in ALARM, and why
  revere alert who 17 --state OK
  revere alert who 17 --severity warning --json | jq -r '.alerts[] | select(.told) | .alert'

The server may be running.

Exit codes:
  0 the test was taken; somebody would be told
  1 it was not, and why; nobody would be";

#[derive(clap::Args, Debug)]
pub(super) struct AlertCommand {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// Send one notification that says it is a test
    Test {
        /// The alert, by its name in the configuration
        #[arg(value_name = "ALERT")]
        key: String,
    },
    /// Say who would be told of a monitor, and who would not, and why
    Who {
        /// The monitor, by its number
        #[arg(value_name = "MONITOR")]
        monitor: MonitorId,
        /// The state it would be in
        #[arg(long, default_value = "ALARM")]
        state: State,
        /// How severe that would be [default: what the monitor says]
        #[arg(long)]
        severity: Option<Severity>,
        /// Print one JSON object: state, severity, and alerts with alert, told, verdict, words
        #[arg(long)]
        json: bool,
    },
}

impl AlertCommand {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self.act {
            Act::Test { key } => {
                let project = Project::open(global)?;
                project.runtime.block_on(test(&project, &key))
            }
            Act::Who { monitor, state, severity, json } => {
                let begun = Begun::new(global)?;
                let config = begun.configuration(global)?;
                let supposed = Supposed { state, severity };
                let answer = begun.runtime.block_on(ask(&config, &begun.secrets, monitor, supposed))?;
                terminal::print(&if json { as_json(&answer) } else { for_a_person(&answer, Paint::stdout()) });
                let told = answer.alerts.iter().any(|alert| alert.verdict == Verdict::Owed);
                Ok(if told { Exit::Success } else { Exit::Failure })
            }
        }
    }
}

/// The same as the test of the alerts' page.
async fn test(project: &Project, key: &str) -> anyhow::Result<Exit> {
    let Some(channel) = project.channels.get(key) else {
        let entries = &project.config.alerts;
        if entries.iter().any(|entry| entry.name == key) {
            anyhow::bail!("the alert '{key}' is switched off in the configuration; switch it on there to test it");
        }
        anyhow::bail!("{}", unknown_name("alert", key, entries.iter().map(|entry| entry.name.as_str())));
    };
    note(project, key).await?;
    let number = uuid::Uuid::new_v4().as_u64_pair().0;
    let address = project.config.base_url.clone().unwrap_or_default();
    let notification = alerts::test_notification(key, address, SystemClock.now(), number);
    let sent = alerts::send_once(&**channel, &notification, alerts::TEST_LIMIT).await;
    let shown = |text: &str| project.secrets.redact(text).into_owned();
    match sent {
        Ok(receipt) => {
            terminal::print(&format!("The test was taken: {}\n", shown(&receipt.reply)));
            Ok(Exit::Success)
        }
        Err(error) => anyhow::bail!("the test was not taken: {}", shown(&error.message)),
    }
}

/// Before anything is sent: what cannot be written down is not done. Where no server has ever run there is nothing to write
/// to.
async fn note(project: &Project, key: &str) -> anyhow::Result<()> {
    if no_database(&project.config).is_some() {
        return Ok(());
    }
    let store = open(&project.config, &project.secrets).await?;
    let asked = Asked::at_a_shell(SystemClock.now());
    let entry = AuditEntry::new(Audited::AlertTested, &asked).about(Target::new(TargetKind::Alert, key, ""));
    let noted = store.note(entry).await;
    store.close().await;
    Ok(noted?)
}

async fn ask(config: &Config, secrets: &Secrets, monitor: MonitorId, supposed: Supposed) -> anyhow::Result<Answer> {
    if let Some(path) = no_database(config) {
        anyhow::bail!("there is no database at {} yet; `revere run` makes one", path.display());
    }
    let store = open(config, secrets).await?;
    let answer = async {
        let found = match store.monitor(monitor).await {
            Err(StoreError::NotFound) => {
                anyhow::bail!("there is no monitor {monitor}; its number is in the address of its page")
            }
            found => found?,
        };
        let now = SystemClock.now();
        let mutes = store.mutes_not_over(now).await?;
        Ok(who::answer(&found, store.alerts().await?, store.told(monitor).await?, (&mutes, now), supposed))
    }
    .await;
    store.close().await;
    answer
}

/// The file that is to be the database, if there is none yet.
fn no_database(config: &Config) -> Option<&Path> {
    match &config.database {
        DatabasePlace::File(path) if !path.exists() => Some(path),
        _ => None,
    }
}

async fn open(config: &Config, secrets: &Secrets) -> anyhow::Result<Store> {
    let mut options = StoreOptions::new(config.database.clone());
    options.beside_a_server = true;
    options.alone = false;
    options.secrets = secrets.clone();
    options.audit_is_logged = config.audit_log.is_some();
    Store::open(options).await.context("cannot open the database")
}

fn as_json(answer: &Answer) -> String {
    let alerts: Vec<_> = answer
        .alerts
        .iter()
        .map(|alert| {
            let (told, verdict) = (alert.verdict == Verdict::Owed, alert.verdict);
            json!({"alert": alert.row.key, "told": told, "verdict": verdict.as_str(), "words": verdict.words()})
        })
        .collect();
    format!("{:#}\n", json!({"state": answer.state, "severity": answer.severity, "alerts": alerts}))
}

fn for_a_person(answer: &Answer, paint: Paint) -> String {
    let severity = answer.severity.map(|severity| format!(" ({severity})")).unwrap_or_default();
    let mut text = format!("{}{severity} would be told by\n", paint.state(answer.state));
    if answer.alerts.is_empty() {
        text.push_str("  nobody: no alert is configured\n");
    }
    let width = answer.alerts.iter().map(|alert| alert.row.key.chars().count()).max().unwrap_or(0);
    for alert in &answer.alerts {
        let yes = alert.verdict == Verdict::Owed;
        let word = if yes { paint.green("yes") } else { paint.dim("no ") };
        text.push_str(&format!("  {word}  {:<width$}  {}\n", alert.row.key, alert.verdict.words()));
    }
    text
}
