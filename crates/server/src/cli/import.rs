//! `revere import`: the original program's database, in one step or not at all.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use clap::ValueHint;
use jiff::tz::TimeZone;
use revere_model::{Asked, Clock, SystemClock};

use super::{
    Exit, Global,
    progress::{Progress, counted, grouped},
    startup::Project,
    terminal::{self, Paint, inert, inert_line},
};
use crate::{
    config::Config,
    import::{Import as Plan, ImportContext, Note, prepare},
    store::{Store, StoreOptions, Takeover},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere import --dry-run /srv/revere-old/revere.db     What needs a hand
  revere import /srv/revere-old/revere.db

The server must not be running. Monitors keep their ids and their history; schedules are translated to crontab syntax, \
and a monitor whose schedule has no exact equal is imported paused, with the original text in its description. Either \
everything is imported or nothing, and a monitor that exists already is never touched.";

#[derive(clap::Args, Debug)]
pub(super) struct Import {
    /// The database of the original program
    #[arg(value_name = "ORIGINAL.db", value_hint = ValueHint::FilePath)]
    original: PathBuf,
    /// Say what would be imported, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// The time zone of the machine the original ran on [default: TIMEZONE of the configuration, else this machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<String>,
}

impl Import {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let project = Project::open(global)?;
        let timezone = self.timezone.clone().unwrap_or_else(|| timezone_of(&project.config));
        project.runtime.block_on(async {
            let now = SystemClock.now();
            let around = ImportContext { sandbox: &project.sandbox, timezone: &timezone, now };
            let mut progress = Progress::new();
            let plan = prepare(&self.original, &around, |read, total| {
                progress.say(format_args!("Read {} of {} rows of history", grouped(read), grouped(total)))
            })
            .await
            .with_context(|| format!("cannot import {}; nothing was changed", self.original.display()))?;
            drop(progress);
            let database = project.config.database.to_string();
            let report = report(&plan, &self.original.display().to_string(), &timezone, Paint::stdout());
            if self.dry_run {
                terminal::print_as_it_is(&format!("{report}\nNothing was stored: this was a dry run.\n"));
                return Ok(Exit::Success);
            }
            let mut options = StoreOptions::new(project.config.database.clone());
            options.secrets = project.secrets.clone();
            options.audit_is_logged = project.config.audit_log.is_some();
            let store = Store::open(options).await?;
            let stored = store_all(&store, plan, now).await;
            store.close().await;
            let kept = stored.with_context(|| format!("nothing was imported into {database}"))?;
            let kept = match kept.len() {
                0 => String::new(),
                _ => format!(
                    "\nAlerts that were given other settings here already, which they keep: {}\n",
                    inert_line(kept.join(", "))
                ),
            };
            terminal::print_as_it_is(&format!(
                "{report}{kept}\nStored in {}. Next: revere check --connect, then revere run.\n",
                inert_line(&database)
            ));
            Ok(Exit::Success)
        })
    }
}

/// Answers the alerts that keep the settings they had.
async fn store_all(store: &Store, plan: Plan, now: jiff::Timestamp) -> anyhow::Result<Vec<String>> {
    let total = plan.counts.runs;
    let done = Arc::new(AtomicU64::new(0));
    let asked = Asked::at_a_shell(now);
    let storing = store.import(plan.monitors, plan.alerts, &asked, done.clone());
    tokio::pin!(storing);
    let mut progress = Progress::new();
    let mut tick = tokio::time::interval(Duration::from_millis(150));
    let taken = loop {
        tokio::select! {
            stored = &mut storing => match stored? {
                Takeover::Done { kept, .. } => return Ok(kept),
                Takeover::Taken(ids) => break ids,
            },
            _ = tick.tick() => {
                progress.say(format_args!("Stored {} of {} runs", grouped(done.load(Ordering::Relaxed)), grouped(total)));
            }
        }
    };
    let deleted = store.deleted_of(&taken, asked.at).await?.len();
    let deleted = match deleted {
        0 => String::new(),
        number => format!(" ({number} of them deleted, and still kept: KEEP_DELETED_DAYS)"),
    };
    let mut ids: Vec<String> = taken.iter().take(10).map(ToString::to_string).collect();
    if taken.len() > ids.len() {
        ids.push("...".to_owned());
    }
    anyhow::bail!(
        "monitors with these ids are there already: {}{deleted}; perhaps from an import before. To import anew, let DATABASE_PATH \
         name a file that does not exist yet, or DATABASE_URL an empty database",
        ids.join(", ")
    )
}

fn zone(text: &str) -> Result<String, String> {
    revere_model::zone_name(text).map_err(|fault| fault.to_string())
}

/// The original read its schedules in its machine's own time, which is most likely this one's.
fn timezone_of(config: &Config) -> String {
    if config.timezone_given {
        return config.timezone.clone();
    }
    let here = TimeZone::system().iana_name().map(str::to_owned);
    here.filter(|name| revere_model::zone(name).is_ok()).unwrap_or_else(|| config.timezone.clone())
}

fn report(plan: &Plan, original: &str, timezone: &str, paint: Paint) -> String {
    let counts = plan.counts;
    let mut text = format!(
        "{}: {}, {}, {} and {}. Schedules are read in {timezone}.\n",
        inert_line(original),
        counted(plan.monitors.len() as u64, "monitor", "monitors"),
        counted(counts.runs, "run", "runs"),
        counted(counts.flips, "change of state", "changes of state"),
        counted(plan.alerts.len() as u64, "setting of an alert", "settings of alerts"),
    );
    for (number, one, many) in [
        (
            counts.edits,
            "row of history that only notes that a form was saved",
            "rows of history that only note that a form was saved",
        ),
        (
            counts.stateless,
            "row of history whose new state is not one of 0 to 3",
            "rows of history whose new states are not of 0 to 3",
        ),
        (counts.timeless, "row of history without a readable time", "rows of history without a readable time"),
        (
            counts.orphans,
            "row of history of a monitor that is not there any more",
            "rows of history of monitors that are not there any more",
        ),
        (
            counts.nobodys,
            "row of history without a readable id of a monitor",
            "rows of history without a readable id of a monitor",
        ),
        (counts.keyless, "setting of an alert without a key", "settings of alerts without a key"),
        (
            counts.repeated,
            "setting of an alert whose key an earlier row has",
            "settings of alerts whose keys earlier rows have",
        ),
    ] {
        if number > 0 {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "Left out: {}", counted(number, one, many));
        }
    }

    let section = |text: &mut String, title: &str, write: &dyn Fn(&Note) -> Option<String>| {
        let items: Vec<String> = plan
            .notes
            .iter()
            .filter_map(|note| Some(format!("  {} {}\n{}", note.id, paint.bold(inert_line(&note.name)), write(note)?)))
            .collect();
        if !items.is_empty() {
            let _ = write!(text, "\n{title}\n{}", items.concat());
        }
    };
    section(&mut text, "Paused, because their schedules have no exact equal in crontab syntax:", &|note| {
        note.paused
            .as_ref()
            .map(|paused| format!("     {}\n     {}\n", inert(&paused.reason), paint.dim(inert(&paused.original))))
    });
    section(&mut text, "Scripts that are not Python 3; they will be in ERROR until someone mends them:", &|note| {
        let fault = note.script.as_ref()?;
        let line = fault.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        Some(format!("     {line}{}\n", inert(&fault.message)))
    });
    section(&mut text, "Scripts with lines that Python 3 or the sources of today may take differently:", &|note| {
        if note.hints.is_empty() {
            return None;
        }
        Some(note.hints.iter().map(|hint| format!("     line {}: {}\n", hint.line, inert(hint.message))).collect())
    });
    section(&mut text, "Also worth a look:", &|note| {
        if note.others.is_empty() {
            return None;
        }
        Some(note.others.iter().map(|other| format!("     {}\n", inert(other))).collect())
    });
    text
}
