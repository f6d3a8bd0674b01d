//! `revere apply FOLDER`: makes a server's monitors what the files say.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueHint;
use serde_json::{Map, Value};

use super::{
    Exit, Global,
    progress::{Progress, counted},
    project::Begun,
    remote_server::RemoteServer,
    terminal::{self, Paint},
};
use crate::{
    monitor_files::{FileFault, Plan, Remote, RemoteError, StoredFile, read_folder},
    operations::FieldFault,
    web::api::monitors::body_faults,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere apply monitors --dry-run               What would change, as differences
  revere apply monitors
  revere apply monitors --prune --tag shop      And monitors with the tag that are in no file go
  revere apply monitors --note \"$(git log -1 --format=%h)\" --server https://revere.example.com/

A file knows its monitor by the name in its head. Everything is looked at before anything is changed. What a file does not
say is at its default; the time zone, how long runs are kept, and whether it is paused stay as the server has them.";

/// So many names are listed before the rest is counted.
const MOST_LISTED: usize = 20;

#[derive(clap::Args, Debug)]
pub(super) struct Apply {
    /// Where the files are; folders in it are read, too
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete monitors that are in no file; they can be brought back for a time
    #[arg(long)]
    prune: bool,
    /// Look only at monitors with this tag: all files must have it
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Why, in one line: kept with the versions
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    server: RemoteServer,
}

impl Apply {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let remote = self.server.open(&begun.secrets)?;
        let folder = read_folder(&self.folder)?;
        for other in &folder.others {
            terminal::note(format!("left out {}: it does not begin with '# /// revere'", other.display()));
        }
        let mut faults = folder.faults;
        faults.extend(folder.files.iter().flat_map(|file| self.faults_of(file)));
        if !faults.is_empty() {
            bail!("{}\nNothing was changed", faults_in_words(&faults));
        }
        if folder.files.is_empty() {
            bail!("{} has no monitors; `revere export` writes them", self.folder.display());
        }
        begun.runtime.block_on(async {
            let monitors = remote.monitors(self.tag.as_deref()).await?;
            let plan = Plan::of(folder.files, monitors).map_err(anyhow::Error::msg)?;
            let faults = scripts_that_do_not_compile(&remote, &plan).await?;
            if !faults.is_empty() {
                bail!("{}\nNothing was changed", faults_in_words(&faults));
            }
            if self.dry_run {
                terminal::print(&self.shown(&plan, Paint::stdout()));
                return Ok(Exit::Success);
            }
            self.carry_out(&remote, &plan).await
        })
    }

    fn faults_of(&self, file: &StoredFile) -> Vec<(PathBuf, FileFault)> {
        let mut body = file.monitor.settings.clone();
        body.insert("script".to_owned(), file.monitor.script.clone().into());
        let mut faults = body_faults(Value::Object(body));
        let has_tag = |tag: &str| {
            let tags = file.monitor.settings.get("tags").and_then(Value::as_array);
            tags.into_iter().flatten().filter_map(Value::as_str).any(|one| one.to_lowercase() == tag.to_lowercase())
        };
        if let Some(tag) = self.tag.as_deref().filter(|tag| !has_tag(tag)) {
            faults.push(FieldFault::new("tags", format!("the tag '{tag}' is missing, which --tag names")));
        }
        faults.into_iter().map(|fault| placed(file, &fault.field, fault.line, fault.message)).collect()
    }

    async fn carry_out(&self, remote: &Remote, plan: &Plan) -> anyhow::Result<Exit> {
        let mut progress = Progress::new();
        let mut done = (0, 0, 0);
        let total = plan.create.len() + plan.change.len();
        let halted = |file: &StoredFile, error: RemoteError, done: (u64, u64, u64)| {
            let faults = match &error {
                RemoteError::Refused { faults, .. } if !faults.is_empty() => {
                    let placed = faults.iter().map(|(field, line, words)| placed(file, field, *line, words.clone()));
                    faults_in_words(&placed.collect::<Vec<_>>())
                }
                _ => format!("{}: {error}", file.path.display()),
            };
            anyhow::anyhow!("{faults}\nBefore that, {}; mend it and apply again", counts(done))
        };
        for (file, fields) in &plan.create {
            progress.say(format_args!("{} of {total}", done.0 + done.1));
            remote.create(fields, &self.note).await.map_err(|error| halted(file, error, done))?;
            done.0 += 1;
        }
        for change in &plan.change {
            progress.say(format_args!("{} of {total}", done.0 + done.1));
            let changed = remote.change(&change.monitor, &change.fields, &self.note).await;
            changed.map_err(|error| halted(&change.file, error, done))?;
            done.1 += 1;
        }
        if self.prune {
            for monitor in &plan.extra {
                remote.delete(monitor).await.map_err(|error| {
                    anyhow::anyhow!("'{}' was not deleted: {error}\nBefore that, {}", monitor.name(), counts(done))
                })?;
                done.2 += 1;
            }
        }
        drop(progress);
        let extra = if self.prune { String::new() } else { extra_words(plan) };
        terminal::print(&format!("{}; {} as the files have them.\n{extra}", counts(done), plan.same));
        Ok(Exit::Success)
    }

    fn shown(&self, plan: &Plan, paint: Paint) -> String {
        let mut text = String::new();
        for (file, _) in &plan.create {
            text.push_str(&format!("{} {}  ({})\n", paint.green("+"), file.monitor.name(), shown_path(&file.path)));
        }
        for change in &plan.change {
            let name = change.file.monitor.name();
            text.push_str(&format!(
                "{} {name}  ({})\n{}",
                paint.yellow("~"),
                shown_path(&change.file.path),
                change.words()
            ));
        }
        if self.prune {
            for monitor in &plan.extra {
                text.push_str(&format!("{} {}  (monitor {})\n", paint.red("-"), monitor.name(), monitor.id));
            }
        }
        let pruned = if self.prune { plan.extra.len() } else { 0 };
        let extra = if self.prune { String::new() } else { extra_words(plan) };
        text.push_str(&format!(
            "Would create {}, change {}, delete {pruned}; {} as the files have them.\n{extra}Nothing was changed: this was a dry run.\n",
            plan.create.len(),
            plan.change.len(),
            plan.same
        ));
        text
    }
}

async fn scripts_that_do_not_compile(remote: &Remote, plan: &Plan) -> anyhow::Result<Vec<(PathBuf, FileFault)>> {
    let mut faults = Vec::new();
    let new = plan.create.iter().map(|(file, fields)| (file, fields));
    let changed = plan.change.iter().map(|change| (&change.file, &change.fields));
    let scripts = new
        .chain(changed)
        .filter_map(|(file, fields): (&StoredFile, &Map<String, Value>)| Some((file, fields.get("script")?.as_str()?)));
    for (file, script) in scripts {
        for (line, message) in remote.check(script).await? {
            faults.push(placed(file, "script", line, message));
        }
    }
    Ok(faults)
}

/// A fault in the line of the file that it is about.
fn placed(file: &StoredFile, field: &str, line: Option<u32>, message: String) -> (PathBuf, FileFault) {
    let own = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let message = message.strip_prefix(&own).map_or_else(|| message.clone(), str::to_owned);
    let message = if field.is_empty() || field == "script" { message } else { format!("{field}: {message}") };
    (file.path.clone(), FileFault { line: file.monitor.line_of(field, line), message })
}

/// Faults, each with its file and line, as compilers say them.
pub(super) fn faults_in_words(faults: &[(PathBuf, FileFault)]) -> String {
    let lines: Vec<String> =
        faults.iter().map(|(path, fault)| format!("{}:{}: {}", path.display(), fault.line, fault.message)).collect();
    lines.join("\n")
}

fn counts((created, changed, deleted): (u64, u64, u64)) -> String {
    format!("{created} created, {changed} changed, {deleted} deleted")
}

fn extra_words(plan: &Plan) -> String {
    if plan.extra.is_empty() {
        return String::new();
    }
    let mut words =
        format!("In no file (--prune deletes them): {}\n", counted(plan.extra.len() as u64, "monitor", "monitors"));
    for monitor in plan.extra.iter().take(MOST_LISTED) {
        words.push_str(&format!("  {}\n", monitor.name()));
    }
    if plan.extra.len() > MOST_LISTED {
        words.push_str("  ...\n");
    }
    words
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}
