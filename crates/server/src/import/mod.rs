//! Brings in the database of the original program: its monitors with their ids, their whole history, and what people had
//! chosen about alerts.
//!
//! First everything is read and translated into an [`Import`], which says all there is to say about it; only then is it
//! stored, whole or not at all. Promises that nothing is left out in silence: what has no equal here is named.

mod original;
mod python2;
pub mod schedule;

use std::{collections::HashMap, path::Path, time::Duration};

use jiff::Timestamp;
use revere_model::{MonitorId, MonitorSpec, ReturnValue, RunKind, State};
use revere_sandbox::{Sandbox, SandboxError, ScriptError};

pub use original::{OldAlert, OldLog, OldMonitor, Original, OriginalError};
pub use python2::Hint;

use crate::store::{ImportedAlert, ImportedChange, ImportedMonitor, ImportedRun, Past};

/// Everything that will be stored, and everything there is to say about it.
#[derive(Default)]
pub struct Import {
    /// Monitors with their history, by id.
    pub monitors: Vec<ImportedMonitor>,
    /// Settings of alerts.
    pub alerts: Vec<ImportedAlert>,
    /// Notes on monitors, by id: only those with something to say.
    pub notes: Vec<Note>,
    /// How much of the rest is what.
    pub counts: Counts,
}

/// What someone should know about one monitor.
pub struct Note {
    /// Its id.
    pub id: MonitorId,
    /// Its name.
    pub name: String,
    /// Why it is paused, with the original schedule, if it could not be translated.
    pub paused: Option<Paused>,
    /// What Python 3 says of its script, if it does not compile.
    pub script: Option<ScriptError>,
    /// Lines that compile and will break.
    pub hints: Vec<Hint>,
    /// Anything else.
    pub others: Vec<String>,
}

/// A schedule without an equal here.
pub struct Paused {
    /// Why.
    pub reason: String,
    /// The original's eight fields.
    pub original: String,
}

/// What became of the rows that are no monitors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Recorded as runs.
    pub runs: u64,
    /// Changes of state among them and beside them.
    pub flips: u64,
    /// Written by the original when someone saved a form; nothing ran, and no state changed.
    pub edits: u64,
    /// Without a readable time.
    pub timeless: u64,
    /// Whose new state is none that the original knew: what they say of the monitor is anybody's guess.
    pub stateless: u64,
    /// Of monitors that are not there any more.
    pub orphans: u64,
    /// Without a readable id of a monitor.
    pub nobodys: u64,
    /// Settings of alerts without a key.
    pub keyless: u64,
    /// Settings of alerts whose key an earlier row has too.
    pub repeated: u64,
}

/// The import cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error(transparent)]
    Original(#[from] OriginalError),
    /// The sandbox, which was to look at the scripts.
    #[error("the sandbox could not look at the scripts")]
    Sandbox(#[from] SandboxError),
}

/// What an import should know of its context.
pub struct ImportContext<'a> {
    /// Looks at the scripts.
    pub sandbox: &'a Sandbox,
    /// The zone in which the original's machine read its schedules.
    pub timezone: &'a str,
    /// Now: when paused monitors were paused.
    pub now: Timestamp,
}

/// Reads and translates all of `path`. `progress` hears how many rows of history of how many have been read.
pub async fn prepare(
    path: &Path,
    around: &ImportContext<'_>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Import, ImportError> {
    let mut original = Original::open(path).await?;
    let mut import = Import::default();
    let mut index = HashMap::new();
    for old in original.monitors().await? {
        let (monitor, note) = monitor(&old, around).await?;
        index.insert(old.id, import.monitors.len());
        import.monitors.push(monitor);
        import.notes.extend(note);
    }
    let (alerts, without_key) = original.alerts().await?;
    import.counts.keyless = without_key;
    for OldAlert { key, enabled, states } in alerts {
        // The original took the first row of a key, too.
        if import.alerts.iter().any(|alert| alert.key == key) {
            import.counts.repeated += 1;
        } else {
            import.alerts.push(ImportedAlert { key, enabled, states });
        }
    }

    let total = original.log_count().await?;
    let mut read = 0;
    let counts = &mut import.counts;
    let monitors = &mut import.monitors;
    original
        .logs(|log| {
            read += 1;
            if read % 10_000 == 0 {
                progress(read, total);
            }
            match log.monitor_id.map(|id| index.get(&id)) {
                Some(Some(index)) => {
                    let history = &mut monitors[*index].history;
                    let before = history.last().map_or(State::Inactive, Past::new_state);
                    history.extend(past(log, before, counts));
                }
                Some(None) => counts.orphans += 1,
                None => counts.nobodys += 1,
            }
        })
        .await?;
    progress(read, total);
    original.close().await;
    for monitor in &mut import.monitors {
        pause_in_history(monitor, around.now, &mut import.counts);
    }
    Ok(import)
}

async fn monitor(
    old: &OldMonitor,
    around: &ImportContext<'_>,
) -> Result<(ImportedMonitor, Option<Note>), SandboxError> {
    let id = MonitorId(old.id);
    let mut others = old.guessed.clone();
    let name = name(old);
    // Blanks that are fewer now change no name.
    if name.split_whitespace().ne(old.name.split_whitespace()) {
        others.push(format!("name: {:?} cannot be a name here; it is {name:?} now", shortened(&old.name)));
    }
    let mut description = String::new();
    let (schedule, paused) = match old.schedule.to_crontab() {
        Ok(schedule) => (schedule, None),
        Err(reason) => {
            let original = old.schedule.to_string();
            description = format!(
                "Imported paused: {reason}.\nOriginal schedule: {original}\nGive it a schedule of its own, then switch it on."
            );
            // Only stands here so that there is one; it is off.
            ("0 0 * * *".to_owned(), Some(Paused { reason, original }))
        }
    };
    let script = old.task.replace('\0', "\u{fffd}").replace("\r\n", "\n");
    let fault = around.sandbox.check(&script).await?.err();
    let hints = python2::hints(&script);
    let retain_days = old.retain_days.map(|days| days.clamp(1, i64::from(revere_model::MAX_RETAIN_DAYS)) as u32);
    if let (Some(old), Some(new)) = (old.retain_days, retain_days)
        && old != i64::from(new)
    {
        others.push(format!("retain_days: {old} is {new} now; older history goes at the next start"));
    }
    let spec = MonitorSpec {
        name: name.clone(),
        description,
        script,
        schedule,
        timezone: around.timezone.to_owned(),
        active: old.active && paused.is_none(),
        retain_days,
        ..MonitorSpec::default()
    };
    others.extend(spec.faults().into_iter().map(|fault| format!("{}: {}", fault.field, fault.message)));
    let silent = paused.is_none() && fault.is_none() && hints.is_empty() && others.is_empty();
    let note = (!silent).then_some(Note { id, name, paused, script: fault, hints, others });
    Ok((ImportedMonitor { id: Some(id), spec, state: old.state, heard: old.state, history: Vec::new() }, note))
}

fn shortened(name: &str) -> String {
    const SHOWN: usize = 60;
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

/// One line, not empty, not too long: what a name is here.
fn name(old: &OldMonitor) -> String {
    let words: Vec<&str> =
        old.name.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let name: String = words.join(" ").chars().take(revere_model::MAX_NAME).collect();
    if name.is_empty() { format!("Monitor {}", old.id) } else { name }
}

/// What a row of history is here. One that went to INACTIVE was no run: the original wrote it when a form was saved.
/// Where it does not say what the monitor was in before, that is what the row before it left.
fn past(log: OldLog, before: State, counts: &mut Counts) -> Option<Past> {
    let Some(at) = log.at else {
        counts.timeless += 1;
        return None;
    };
    let Some(new_state) = log.new_state else {
        counts.stateless += 1;
        return None;
    };
    let old_state = log.old_state.unwrap_or(before);
    let flips = old_state != new_state;
    counts.flips += u64::from(flips);
    let message = log.message.replace('\0', "\u{fffd}");
    let return_value = log.return_value.map(value);
    if new_state == State::Inactive {
        if !flips {
            counts.edits += 1;
            return None;
        }
        return Some(Past::Change(ImportedChange { at, old_state, new_state, message }));
    }
    counts.runs += 1;
    Some(Past::Run(ImportedRun {
        kind: RunKind::Imported,
        at,
        duration: Duration::ZERO,
        outcome: new_state,
        old_state,
        new_state,
        message,
        return_value,
        output: String::new(),
        traceback: None,
    }))
}

/// The original kept every value as text; what is a number to Python is a number again, so that it can be charted.
fn value(text: String) -> ReturnValue {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let is_plain = digits.len() == 1 || !digits.starts_with('0') || digits.starts_with("0.");
    if is_number && is_plain {
        if let Ok(int) = text.parse::<i64>() {
            return ReturnValue::Int(int);
        }
        if let Some(float) =
            text.parse::<f64>().ok().filter(|float| float.is_finite() && text.contains(['.', 'e', 'E']))
        {
            return ReturnValue::Float(float);
        }
    }
    ReturnValue::Text(text.replace('\0', "\u{fffd}"))
}

/// A monitor that is off here is INACTIVE; where the original had it in another state, that is a change, made now.
fn pause_in_history(monitor: &mut ImportedMonitor, now: Timestamp, counts: &mut Counts) {
    if monitor.spec.active || monitor.state == State::Inactive {
        return;
    }
    let message = "Paused by the import".to_owned();
    let change = ImportedChange { at: now, old_state: monitor.state, new_state: State::Inactive, message };
    monitor.history.push(Past::Change(change));
    monitor.state = State::Inactive;
    counts.flips += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_a_number_is_a_number_again() {
        for (text, expected) in [
            ("67", ReturnValue::Int(67)),
            ("-3", ReturnValue::Int(-3)),
            ("0", ReturnValue::Int(0)),
            ("0.005", ReturnValue::Float(0.005)),
            ("1e-05", ReturnValue::Float(1e-5)),
            ("1.0", ReturnValue::Float(1.0)),
            ("9223372036854775808", ReturnValue::Text("9223372036854775808".into())),
            ("007", ReturnValue::Text("007".into())),
            ("1.2.3", ReturnValue::Text("1.2.3".into())),
            ("nan", ReturnValue::Text("nan".into())),
            ("v2", ReturnValue::Text("v2".into())),
            ("", ReturnValue::Text(String::new())),
            ("Invalid return_value", ReturnValue::Text("Invalid return_value".into())),
        ] {
            assert_eq!(value(text.to_owned()), expected, "{text}");
        }
    }
}
