//! `revere apply FOLDER`: makes a server's monitors what the files say.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueHint;
use revere_model::{Denial, Operation};
use serde_json::{Map, Value};

use super::{
    Exit, Global,
    progress::{Progress, counted},
    remote_server::RemoteServer,
    startup::Begun,
    terminal::{self, Paint, inert, inert_line},
};
use crate::{
    monitor_files::{FileFault, Plan, Remote, RemoteError, StoredFile, file_stem, read_folder},
    operations::FieldFault,
    web::api::monitors::body_faults,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere apply monitors --dry-run             What would change, as differences
  revere apply monitors
  revere apply monitors --prune --tag shop    Those of the tag in no file go
  revere apply monitors --note \"$(git log -1 --format=%h)\"
  revere apply monitors --server https://revere.example.com/

A file knows its monitor by the name in its head. Everything is looked at before anything is changed. What a file does not \
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
        if folder.files.is_empty() && folder.faults.is_empty() {
            bail!("{} has no monitors; `revere export` writes them", self.folder.display());
        }
        let mut faults = folder.faults;
        for file in &folder.files {
            faults.extend(self.faults_of(file).into_iter().map(|fault| placed_fault(file, fault)));
        }
        for file in &folder.partly {
            // What is left out for its own fault is not missing.
            let is_there = |fault: &FieldFault| {
                let name = fault.field.split('[').next().unwrap_or_default();
                file.monitor.settings.contains_key(name)
            };
            faults.extend(self.faults_of(file).into_iter().filter(is_there).map(|fault| placed_fault(file, fault)));
        }
        begun.runtime.block_on(async {
            let plan = match self.looked_at(&remote, folder.files, &folder.partly).await {
                Ok((plan, more)) => {
                    faults.extend(more);
                    plan
                }
                Err(error) if !faults.is_empty() => {
                    bail!("{}\nNothing was changed, nor was the server asked: {error:#}", faults_in_words(faults));
                }
                Err(error) => return Err(error),
            };
            if self.prune {
                faults.extend(without_a_head(&folder.others, &plan));
            }
            if !faults.is_empty() {
                bail!("{}\nNothing was changed", faults_in_words(faults));
            }
            let denied = self.denied(&remote, &plan).await?;
            if !denied.is_empty() {
                bail!("{}\nNothing was changed", shortened(denied));
            }
            if self.dry_run {
                terminal::print_as_it_is(&self.shown(&plan, Paint::stdout()));
                return Ok(Exit::Success);
            }
            self.carry_out(&remote, &plan).await
        })
    }

    /// What has to be done, and what only the server knows to be wrong.
    async fn looked_at(
        &self,
        remote: &Remote,
        files: Vec<StoredFile>,
        partly: &[StoredFile],
    ) -> anyhow::Result<(Plan, Vec<(PathBuf, FileFault)>)> {
        // All of them, whatever --tag says: a monitor that gets the tag now is there already.
        let mut plan = Plan::of(files, remote.monitors(None).await?);
        if let Some(tag) = &self.tag {
            plan.extra.retain(|monitor| has_tag(&monitor.fields, tag));
        }
        let mut faults = std::mem::take(&mut plan.faults);
        faults.extend(alerts_that_are_not_there(remote, &plan, partly).await?);
        faults.extend(scripts_that_do_not_compile(remote, &plan, partly).await?);
        Ok((plan, faults))
    }

    /// What whoever asks may not do of it, a line each: known before anything is changed.
    async fn denied(&self, remote: &Remote, plan: &Plan) -> anyhow::Result<Vec<String>> {
        let Some((rights, only_looks)) = remote.rights().await? else { return Ok(Vec::new()) };
        let extra = if self.prune { plan.extra.as_slice() } else { &[] };
        if only_looks && !(plan.create.is_empty() && plan.change.is_empty() && extra.is_empty()) {
            return Ok(vec![Denial::OnlyLooks(Operation::EditMonitor).to_string()]);
        }
        let mut denied = Vec::new();
        for (file, fields) in &plan.create {
            let judged = rights.may_with(Operation::CreateMonitor, &tags_of(fields));
            denied.extend(judged.err().map(|why| format!("{}: {why}", shown_path(&file.path))));
        }
        for change in &plan.change {
            let now = tags_of(&change.monitor.fields);
            // Nobody gives a monitor away that they could not take back.
            let then = if change.fields.contains_key("tags") { tags_of(&change.fields) } else { now.clone() };
            let judged = rights.may_with(Operation::EditMonitor, &now);
            let judged = judged.and_then(|()| rights.may_with(Operation::EditMonitor, &then));
            denied.extend(judged.err().map(|why| format!("{}: {why}", shown_path(&change.file.path))));
        }
        for monitor in extra {
            let judged = rights.may_with(Operation::DeleteMonitor, &tags_of(&monitor.fields));
            let name = inert_line(monitor.name());
            denied.extend(judged.err().map(|why| format!("monitor {} ('{name}'): {why}", monitor.id)));
        }
        Ok(denied)
    }

    fn faults_of(&self, file: &StoredFile) -> Vec<FieldFault> {
        let mut body = file.monitor.settings.clone();
        body.insert("script".to_owned(), file.monitor.script.clone().into());
        let mut faults = body_faults(Value::Object(body));
        if let Some(tag) = self.tag.as_deref().filter(|tag| !has_tag(&file.monitor.settings, tag)) {
            faults.push(FieldFault::new("tags", format!("the tag '{tag}' is missing, which --tag names")));
        }
        faults
    }

    async fn carry_out(&self, remote: &Remote, plan: &Plan) -> anyhow::Result<Exit> {
        let mut progress = Progress::new();
        let mut done = (0, 0, 0);
        let total = plan.create.len() + plan.change.len();
        let halted = |file: &StoredFile, error: RemoteError, done: (u64, u64, u64)| {
            let faults = match &error {
                RemoteError::Refused { faults, .. } if !faults.is_empty() => {
                    let placed = faults.iter().map(|(field, line, words)| placed(file, field, *line, words.clone()));
                    faults_in_words(placed.collect())
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
            text.push_str(&format!(
                "{} {}  ({})\n",
                paint.green("+"),
                inert_line(file.monitor.name()),
                shown_path(&file.path)
            ));
        }
        for change in &plan.change {
            let name = inert_line(change.file.monitor.name());
            text.push_str(&format!(
                "{} {name}  ({})\n{}",
                paint.yellow("~"),
                shown_path(&change.file.path),
                inert(change.words())
            ));
        }
        if self.prune {
            for monitor in &plan.extra {
                text.push_str(&format!(
                    "{} {}  (monitor {})\n",
                    paint.red("-"),
                    inert_line(monitor.name()),
                    monitor.id
                ));
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

/// Files that are called as the file of a monitor is that would be deleted, and have no head: they lost it.
fn without_a_head(others: &[PathBuf], plan: &Plan) -> Vec<(PathBuf, FileFault)> {
    let lost = |path: &PathBuf| {
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        // Of several of that name the later ones have a number.
        let plain = stem.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('-').unwrap_or(&stem);
        let monitor =
            plan.extra.iter().find(|monitor| [stem.as_str(), plain].contains(&file_stem(monitor.name()).as_str()))?;
        let message = format!(
            "has no head, and --prune would delete the monitor '{}', whose file is called so; mend it, or take it away",
            monitor.name()
        );
        Some((path.clone(), FileFault { line: 1, message }))
    };
    others.iter().filter_map(lost).collect()
}

/// Whether a monitor has a tag, in the same letters, as the server compares them.
pub(super) fn has_tag(fields: &Map<String, Value>, tag: &str) -> bool {
    let tags = fields.get("tags").and_then(Value::as_array);
    tags.into_iter().flatten().any(|one| one.as_str() == Some(tag))
}

fn tags_of(fields: &Map<String, Value>) -> Vec<String> {
    let tags = fields.get("tags").and_then(Value::as_array);
    tags.into_iter().flatten().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
}

/// The first lines, and how many more there are.
fn shortened(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(MOST_LISTED);
    lines.truncate(MOST_LISTED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// What is new or changed of each file.
fn news(plan: &Plan) -> impl Iterator<Item = (&StoredFile, &Map<String, Value>)> {
    let new = plan.create.iter().map(|(file, fields)| (file, fields));
    new.chain(plan.change.iter().map(|change| (&change.file, &change.fields)))
}

/// Which alerts there are only the server knows.
async fn alerts_that_are_not_there(
    remote: &Remote,
    plan: &Plan,
    partly: &[StoredFile],
) -> anyhow::Result<Vec<(PathBuf, FileFault)>> {
    let settings = partly.iter().map(|file| (file, &file.monitor.settings));
    let chosen: Vec<(&StoredFile, &str)> = news(plan)
        .chain(settings)
        .flat_map(|(file, fields)| {
            let alerts = fields.get("alerts").and_then(Value::as_array);
            alerts.into_iter().flatten().filter_map(Value::as_str).map(move |key| (file, key))
        })
        .collect();
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let known = remote.alerts().await?;
    let missing = chosen.into_iter().filter(|(_, key)| !known.iter().any(|one| one == key));
    let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let words = |key: &str| format!("unknown alert '{key}'; known: {all}");
    Ok(missing.map(|(file, key)| placed(file, "alerts", None, words(key))).collect())
}

async fn scripts_that_do_not_compile(
    remote: &Remote,
    plan: &Plan,
    partly: &[StoredFile],
) -> anyhow::Result<Vec<(PathBuf, FileFault)>> {
    let mut faults = Vec::new();
    let scripts = partly.iter().map(|file| (file, file.monitor.script.as_str()));
    for (file, script) in
        news(plan).filter_map(|(file, fields)| Some((file, fields.get("script")?.as_str()?))).chain(scripts)
    {
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

fn placed_fault(file: &StoredFile, fault: FieldFault) -> (PathBuf, FileFault) {
    placed(file, &fault.field, fault.line, fault.message)
}

/// Faults, each with its file and line, as compilers say them, file by file.
pub(super) fn faults_in_words(mut faults: Vec<(PathBuf, FileFault)>) -> String {
    faults.sort_by(|(one, left), (other, right)| (one, left.line).cmp(&(other, right.line)));
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
        words.push_str(&format!("  {}\n", inert_line(monitor.name())));
    }
    if plan.extra.len() > MOST_LISTED {
        words.push_str("  ...\n");
    }
    words
}

fn shown_path(path: &Path) -> String {
    inert_line(path.display())
}
