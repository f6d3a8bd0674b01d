//! `revere alert`: who would be told of a monitor, and whether an alert reaches anybody.

mod preview;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;
use revere_model::{
    Asked, Clock, Monitor, MonitorId, RunId, Severity, State, SystemClock, Verdict,
    calendar::instant_of_text,
    on_call::{Changes, Rota},
};
use serde_json::{Value, json};

use super::{
    Exit, Global,
    startup::{Begun, Project},
    terminal::{self, Paint, inert, inert_line},
};
use crate::{
    alerts::{self, Receipt, SendError},
    config::Config,
    engine::{browsers_of, note_tested_browsers},
    on_call,
    operations::{
        alerts::note_test,
        preview::{Draft, Told},
        who::{self, AlertAnswer, Answer, Arrivals, Supposed},
    },
    redact::Secrets,
    settings::unknown_name,
    store::{OpenError, Store, StoreError, StoreOptions},
    web_push::{Round, ServerKey},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere alert test ops                  Sends a test, and prints the answer
  revere alert preview ops 17            What it would say of its last run
  revere alert preview ops 17 --state OK --text new.txt
  revere alert who 17                    Who would be notified of an ALARM
  revere alert who 'Orders today' --state OK
  revere alert who 17 --at 2026-12-24T22:00:00Z
  revere alert who 17 --json | jq -r '.alerts[] | select(.told) | .alert'

The server may be running.

Exit codes:
  0 the test was taken; somebody would be notified; this would be said
  1 it was not, and why; nobody would be; a template fails";

/// So many monitors are listed where a name fits several.
const MOST_NAMED: u32 = 20;

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
    /// Say what an alert would say of a monitor, and send nothing
    Preview {
        /// The alert, by its name in the configuration
        #[arg(value_name = "ALERT")]
        key: String,
        /// The monitor, by its number, its name, or how only its name begins
        #[arg(value_name = "MONITOR")]
        monitor: String,
        /// The state it would be in [default: what its last run found]
        #[arg(long)]
        state: Option<State>,
        /// How severe that would be [default: what the run found, or the monitor says]
        #[arg(long)]
        severity: Option<Severity>,
        /// The run it is about, by its number [default: the newest]
        #[arg(long)]
        run: Option<RunId>,
        /// A template for the text, to try instead of the configuration's
        #[arg(long, value_name = "FILE")]
        text: Option<PathBuf>,
        /// A template for one line, to try
        #[arg(long, value_name = "FILE")]
        subject: Option<PathBuf>,
        /// A template for one text message, to try
        #[arg(long, value_name = "FILE")]
        short: Option<PathBuf>,
        /// Print one JSON object: run_id, old_state, new_state, severity, is_example, parts, cuts, failed
        #[arg(long)]
        json: bool,
    },
    /// Say who would be notified of a monitor, and who would not, and why
    Who {
        /// The monitor, by its number, its name, or how only its name begins
        #[arg(value_name = "MONITOR")]
        monitor: String,
        /// The state it would be in
        #[arg(long, default_value = "ALARM")]
        state: State,
        /// How severe that would be [default: what the monitor says]
        #[arg(long)]
        severity: Option<Severity>,
        /// When it would be, as in 2026-12-24T22:00:00Z [default: now]
        #[arg(long, value_name = "TIME", value_parser = time)]
        at: Option<Timestamp>,
        /// Print one JSON object: state, severity, and alerts with alert, told, verdict, words, failing, queued, on_call
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
            Act::Preview { key, monitor, state, severity, run, text, subject, short, json } => {
                let read = |file: Option<PathBuf>| file.map(|file| template_in(&file)).transpose();
                let draft = Draft { text: read(text)?, subject: read(subject)?, short: read(short)? };
                let project = Project::open(global)?;
                let told = Told { monitor: MonitorId(0), state, severity, run };
                let (notification, is_example, message) =
                    project.runtime.block_on(preview::preview(&project, &key, &monitor, told, draft))?;
                match json {
                    true => terminal::print_json(&preview::as_json(&notification, is_example, &message)),
                    false => terminal::print_as_it_is(&preview::for_a_person(
                        &notification,
                        is_example,
                        &message,
                        Paint::stdout(),
                    )),
                }
                Ok(if message.failed.is_empty() { Exit::Success } else { Exit::Failure })
            }
            Act::Who { monitor, state, severity, at, json } => {
                let begun = Begun::new(global)?;
                let config = begun.configuration(global)?;
                let supposed = Supposed { at, state, severity };
                let answer = begun.runtime.block_on(ask(&config, &begun.secrets, &monitor, supposed))?;
                match json {
                    true => terminal::print_json(&as_json(&answer)),
                    false => terminal::print_as_it_is(&for_a_person(&answer, Paint::stdout())),
                }
                let told = answer.alerts.iter().any(|alert| alert.verdict == Verdict::Owed);
                Ok(if told { Exit::Success } else { Exit::Failure })
            }
        }
    }
}

fn template_in(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// The same as the test of the alerts' page.
async fn test(project: &Project, key: &str) -> anyhow::Result<Exit> {
    let rota = on_call::rotas(&project.config.alerts).remove(key);
    if rota.is_none() && !project.channels.contains_key(key) {
        return Err(no_channel(project, key));
    }
    // Where no server has ever run there is nothing to write to.
    let store = match open(&project.config, &project.secrets).await {
        Err(OpenError::Missing { .. }) => None,
        opened => Some(opened?),
    };
    let sent = tested(project, key, rota.as_ref(), store.as_ref()).await;
    if let Some(store) = store {
        store.close().await;
    }
    let sent = sent?;
    let shown = |text: &str| project.secrets.redact(text).into_owned();
    match sent {
        Ok(receipt) => {
            terminal::print(&format!("The test was taken: {}\n", shown(&receipt.reply)));
            Ok(Exit::Success)
        }
        Err(error) => anyhow::bail!("the test was not taken: {}", shown(&error.message)),
    }
}

/// Sends it. What cannot be written down is not done.
async fn tested(
    project: &Project,
    key: &str,
    rota: Option<&Rota>,
    store: Option<&Store>,
) -> anyhow::Result<Result<Receipt, SendError>> {
    let changes = match store {
        Some(store) => note(store, key, rota).await?,
        None => Changes::default(),
    };
    let now = SystemClock.now();
    let people = rota.map(|rota| alerts::reached(rota, &changes, now));
    let number = uuid::Uuid::new_v4().as_u64_pair().0;
    let address = project.config.base_url.clone().unwrap_or_default();
    let mut notification = alerts::test_notification(key, address.clone(), now, number);
    let sends: Vec<&str> = match &people {
        None => vec![key],
        Some(people) => people.iter().flat_map(|(_, alerts)| alerts).map(String::as_str).collect(),
    };
    let mut rounds = Vec::new();
    for (alert, channel) in sends.into_iter().filter_map(|alert| Some((alert, project.channels.get(alert)?))) {
        let round = match store {
            Some(store) => browsers_of(store, &address, alert, &**channel).await?,
            None => channel.web_push().map(|_| Round::new(ServerKey::new(), &address, Vec::new())),
        };
        if let Some(round) = round {
            notification.sending.browsers.insert(alert.to_owned(), round.clone());
            rounds.push(round);
        }
    }
    let sent = match (people, project.channels.get(key)) {
        (None, Some(channel)) => alerts::send_once(&**channel, &notification, alerts::TEST_LIMIT).await,
        (people, _) => {
            let people = people.unwrap_or_default();
            alerts::test_on_call(people, &project.channels, &notification, alerts::TEST_LIMIT).await
        }
    };
    if let Some(store) = store {
        for round in rounds {
            note_tested_browsers(store, &round, now).await?;
        }
    }
    Ok(sent)
}

/// Why nothing can be said by an alert of that name.
pub(super) fn no_channel(project: &Project, key: &str) -> anyhow::Error {
    let entries = &project.config.alerts;
    if entries.iter().any(|entry| entry.name == key) {
        return anyhow::anyhow!("the alert '{key}' is switched off in the configuration; switch it on there");
    }
    anyhow::anyhow!("{}", unknown_name("alert", key, entries.iter().map(|entry| entry.name.as_str())))
}

/// Writes down that it is tested. Answers what changes it, where it is a rota.
async fn note(store: &Store, key: &str, rota: Option<&Rota>) -> Result<Changes, StoreError> {
    let asked = Asked::at_a_shell(SystemClock.now());
    note_test(store, key, &asked).await?;
    match rota {
        Some(rota) => store.on_call_changes(key, rota, asked.at, asked.at).await,
        None => Ok(Changes::default()),
    }
}

async fn ask(config: &Config, secrets: &Secrets, monitor: &str, supposed: Supposed) -> anyhow::Result<Answer> {
    let store = opened(config, secrets).await?;
    let answer = async {
        let found = found(&store, monitor).await?;
        let now = SystemClock.now();
        let mutes = store.mutes_not_over(now).await?;
        let mut rotas = who::Rotas::new();
        for (key, rota) in on_call::rotas(&config.alerts) {
            let at = supposed.at.unwrap_or(now);
            let changes = store.on_call_changes(&key, &rota, at, at).await?;
            rotas.insert(key, (rota, changes));
        }
        let told = store.told(found.id).await?;
        let arrivals = Arrivals::read(&store).await?;
        let flaps = who::would_flap(&store, &found, supposed, now).await?;
        let surroundings = who::Surroundings { mutes: &mutes, rotas: &rotas, arrivals: &arrivals, flaps, now };
        Ok(who::answer(&found, store.alerts().await?, told, surroundings, supposed))
    }
    .await;
    store.close().await;
    answer
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    instant_of_text(text).ok_or("expected a time such as 2026-12-24T22:00:00Z")
}

/// The database, which must be there.
pub(super) async fn opened(config: &Config, secrets: &Secrets) -> anyhow::Result<Store> {
    Ok(open(config, secrets).await?)
}

/// A monitor by its number, its name, or how only its name begins.
pub(super) async fn found(store: &Store, words: &str) -> anyhow::Result<Monitor> {
    if let Ok(id) = words.parse::<MonitorId>() {
        match store.monitor(id).await {
            Err(StoreError::NotFound) => {}
            found => return Ok(found?),
        }
    }
    let shown = inert_line(words);
    let named = store.monitors_named(words, MOST_NAMED + 1).await?;
    match named.as_slice() {
        [(id, _)] => Ok(store.monitor(*id).await?),
        [] if words.parse::<MonitorId>().is_ok() => {
            anyhow::bail!("there is no monitor {shown}; its number is in the address of its page")
        }
        [] => anyhow::bail!(
            "no monitor's name is or begins with '{shown}'; give its name, or its number from the address of its page"
        ),
        several => {
            let names = several.iter().take(MOST_NAMED as usize);
            let mut names: Vec<String> = names.map(|(id, name)| format!("\n  {id}  {}", inert_line(name))).collect();
            if several.len() > names.len() {
                names.push("\n  ...".to_owned());
            }
            anyhow::bail!("several monitors fit '{shown}'; say which by its number:{}", names.concat())
        }
    }
}

async fn open(config: &Config, secrets: &Secrets) -> Result<Store, OpenError> {
    let mut options = StoreOptions::new(config.database.clone());
    options.beside_a_server = true;
    options.must_exist = true;
    options.alone = false;
    options.secrets = secrets.clone();
    options.audit_is_logged = config.audit_log.is_some();
    Store::open(options).await
}

fn as_json(answer: &Answer) -> Value {
    let alerts: Vec<_> = answer
        .alerts
        .iter()
        .map(|alert| {
            let (told, verdict) = (alert.verdict == Verdict::Owed, alert.verdict);
            let on_call = alert.on_call.as_ref().map(|on_call| {
                let people = on_call.people.iter().map(|(person, alerts)| json!({"person": person, "alerts": alerts}));
                let people: Vec<_> = people.collect();
                json!({"people": people, "then": on_call.then, "words": on_call.words()})
            });
            let key = &alert.row.key;
            let (failing, owed) = alert.trouble.map_or((false, 0), |trouble| (trouble.failing, trouble.owed));
            json!({
                "alert": key, "told": told, "verdict": verdict.as_str(), "words": verdict.words(),
                "failing": failing, "queued": owed, "on_call": on_call,
            })
        })
        .collect();
    json!({"state": answer.state, "severity": answer.severity, "alerts": alerts})
}

fn for_a_person(answer: &Answer, paint: Paint) -> String {
    let severity = answer.severity.map(|severity| format!(" ({severity})")).unwrap_or_default();
    let state = paint.state(answer.state);
    let mut text = match answer.alerts.iter().any(|alert| alert.verdict == Verdict::Owed) {
        true => format!("Notified of {state}{severity}:\n"),
        false => format!("Nobody would be notified of {state}{severity}:\n"),
    };
    if answer.alerts.is_empty() {
        text.push_str("  no alert is configured\n");
    }
    let key = |alert: &AlertAnswer| inert_line(&alert.row.key);
    let width = answer.alerts.iter().map(|alert| key(alert).chars().count()).max().unwrap_or(0);
    for alert in &answer.alerts {
        let yes = alert.verdict == Verdict::Owed;
        let word = if yes { paint.green("yes") } else { paint.dim("no ") };
        let trouble = alert.trouble.map(|trouble| format!("; {}", paint.red(trouble.words()))).unwrap_or_default();
        text.push_str(&format!("  {word}  {:<width$}  {}{trouble}\n", key(alert), alert.verdict.words()));
        if let Some(on_call) = &alert.on_call {
            text.push_str(&format!("       {:<width$}  on call: {}\n", "", inert(on_call.words())));
        }
    }
    text
}
