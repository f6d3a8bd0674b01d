//! `revere export FOLDER`: each monitor of a server as a file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueHint;

use super::{
    Exit, Global,
    apply::{faults_in_words, has_tag},
    progress::counted,
    remote_server::RemoteServer,
    startup::Begun,
    terminal,
};
use crate::monitor_files::{MonitorFile, RemoteMonitor, StoredFile, free_path, read_folder};

pub(super) const EXAMPLES: &str = "\
Examples:
  revere export monitors                Each becomes monitors/its-name.py
  revere export monitors --tag shop     Those with a tag
  revere export monitors --prune        And files whose monitors are gone go
  REVERE_TOKEN=... revere export monitors --server https://revere.example.com/

A file has the monitor's settings in its head and the script below; `revere apply` makes a server what the files say. A \
file that is there already keeps its place, whatever it is called: its monitor is the one that it names.";

#[derive(clap::Args, Debug)]
pub(super) struct Export {
    /// Where the files go; made if it is not there
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// Only monitors with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Delete files whose monitors are not on the server (with --tag: those that have it)
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    server: RemoteServer,
}

impl Export {
    pub(super) fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let begun = Begun::new(global)?;
        let remote = self.server.open(&begun.secrets)?;
        let monitors = begun.runtime.block_on(remote.monitors(self.tag.as_deref()))?;
        refuse_twins(&monitors)?;
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let folder = read_folder(&self.folder)?;
        if !folder.faults.is_empty() {
            anyhow::bail!("{}\nNothing was written; mend the files or take them away", faults_in_words(folder.faults));
        }
        let mut places: BTreeMap<String, PathBuf> =
            folder.files.iter().map(|file| (file.monitor.name().to_owned(), file.path.clone())).collect();
        // With a tag, the files of others are none of this export's business.
        let is_ours = |file: &StoredFile| self.tag.as_ref().is_none_or(|tag| has_tag(&file.monitor.settings, tag));
        let ours: BTreeSet<PathBuf> =
            folder.files.iter().filter(|file| is_ours(file)).map(|file| file.path.clone()).collect();
        let mut taken: BTreeSet<PathBuf> =
            folder.files.into_iter().map(|file| file.path).chain(folder.others).collect();
        let (mut written, mut same) = (0, 0);
        for monitor in in_order(&monitors) {
            let path = match places.remove(monitor.name()) {
                Some(path) => path,
                None => free_path(&self.folder, monitor.name(), &mut taken),
            };
            if write(&path, &MonitorFile::text(&monitor.fields))? {
                written += 1;
            } else {
                same += 1;
            }
        }
        places.retain(|_, path| ours.contains(path));
        let mut said = format!(
            "{} in {}: {written} written, {same} as they were.\n",
            counted(monitors.len() as u64, "monitor", "monitors"),
            self.folder.display()
        );
        if self.prune {
            for path in places.values() {
                fs::remove_file(path).with_context(|| format!("cannot delete {}", path.display()))?;
                said.push_str(&format!("Deleted {}\n", path.display()));
            }
        } else if !places.is_empty() {
            said.push_str("Files whose monitors are not there (--prune deletes them):\n");
            places.values().for_each(|path| said.push_str(&format!("  {}\n", path.display())));
        }
        terminal::print(&said);
        Ok(Exit::Success)
    }
}

/// By name, so that names of files depend on nothing else.
fn in_order(monitors: &[RemoteMonitor]) -> Vec<&RemoteMonitor> {
    let mut monitors: Vec<&RemoteMonitor> = monitors.iter().collect();
    monitors.sort_by(|one, other| one.name().cmp(other.name()).then(one.id.cmp(&other.id)));
    monitors
}

/// A file knows its monitor by the name, so that two of one name cannot be told apart.
fn refuse_twins(monitors: &[RemoteMonitor]) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    let twins: BTreeSet<&str> = monitors.iter().map(RemoteMonitor::name).filter(|name| !seen.insert(*name)).collect();
    if twins.is_empty() {
        return Ok(());
    }
    let with_ids = |name: &&str| {
        let ids = monitors.iter().filter(|monitor| monitor.name() == *name).map(|monitor| monitor.id.to_string());
        format!("'{name}' ({})", ids.collect::<Vec<_>>().join(", "))
    };
    let names: Vec<String> = twins.iter().map(with_ids).collect();
    anyhow::bail!(
        "several monitors are named {}; a file knows its monitor by the name, so rename all but one of each. Nothing was written",
        names.join(", ")
    );
}

/// Whether the file was another before. A file is there whole or as it was.
fn write(path: &Path, text: &str) -> anyhow::Result<bool> {
    // Where the path is a link, what it leads to.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::read(path).is_ok_and(|before| before == text.as_bytes()) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let beside = folder.join(format!(".revere-export-{}", std::process::id()));
    fs::write(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .inspect_err(|_| drop(fs::remove_file(&beside)))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}
