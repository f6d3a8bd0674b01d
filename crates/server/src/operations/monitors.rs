//! Making, editing and deleting monitors.
//!
//! What is checked before anything is stored: every field by the model's rules, and the script by compiling it. A field
//! that an edit leaves as it was is not held against the edit, so a monitor that was imported broken can still be
//! renamed, paused or mended piece by piece.

use revere_model::{MAX_SCRIPT_BYTES, Monitor, MonitorId, MonitorSpec, Operation, note_fault, zone_name};

pub use super::monitor_input::MonitorInput;
use super::{
    Context, Defaults, Failure, FieldFault, Refusal, alerts, deleted_monitors, failure::of, monitor_input::differ,
    script,
};
use crate::{
    settings::unknown_name,
    store::{MonitorFilter, StoreError},
};

/// Monitors that are named where several fit.
const MOST_NAMED: u32 = 10;
/// How often an edit that names no version is tried anew when someone else saves at the same moment.
const TRIES: usize = 5;

/// One monitor.
pub async fn get(context: &Context, id: MonitorId) -> Result<Monitor, Failure> {
    match context.may(Operation::SeeMonitors)?.store.monitor(id).await {
        Err(StoreError::NotFound) => Err(missing(context, id).await),
        found => found.map_err(of("monitor", id)),
    }
}

/// Why there is no such monitor.
async fn missing(context: &Context, id: MonitorId) -> Failure {
    let deleted = deleted_monitors::of_these(context, &[id]).await.unwrap_or_default();
    let key = match deleted.first() {
        Some(deleted) => {
            let zone = revere_model::zone(&context.defaults().timezone).unwrap_or(jiff::tz::TimeZone::UTC);
            let until = revere_model::far_day(deleted.kept_until, &zone);
            format!("{id}: it was deleted, and can be brought back from the deleted monitors until {until}")
        }
        None => id.to_string(),
    };
    Failure::NotFound { what: "monitor", key }
}

/// The monitor by its number, its name, or how only its name begins.
pub async fn named(context: &Context, words: &str) -> Result<MonitorId, Failure> {
    let services = context.may(Operation::SeeMonitors)?;
    let numbered = match words.parse::<MonitorId>() {
        Ok(id) => Some(get(context, id).await.map(|_| id)),
        Err(_) => None,
    };
    if let Some(Ok(id)) = numbered {
        return Ok(id);
    }
    let found = services.store.monitors_named(words, MOST_NAMED + 1).await.map_err(Failure::Store)?;
    let shown: String = words.chars().take(100).collect();
    match found.as_slice() {
        [(id, _)] => Ok(*id),
        [] => numbered.unwrap_or_else(|| {
            Err(Failure::NotPossible(format!(
                "no monitor's name is or begins with '{shown}'; give its name or its number"
            )))
        }),
        several => {
            let names = several.iter().take(MOST_NAMED as usize).map(|(id, name)| format!("{id} {name}"));
            let more = if several.len() > MOST_NAMED as usize { ", ..." } else { "" };
            let names = names.collect::<Vec<_>>().join(", ");
            Err(Failure::NotPossible(format!("several monitors fit '{shown}'; say which by its number: {names}{more}")))
        }
    }
}

/// A page of monitors by id, and whether there are more. It ends before its texts have more than `bytes` bytes.
pub async fn list(context: &Context, filter: &MonitorFilter, bytes: usize) -> Result<(Vec<Monitor>, bool), Failure> {
    context.may(Operation::SeeMonitors)?.store.monitors_page(filter, bytes).await.map_err(Failure::Store)
}

/// Stores a new monitor. It runs from its next tick on.
pub async fn create(context: &Context, input: MonitorInput) -> Result<Monitor, Failure> {
    let spec = checked(context, &blank(context), &input, true).await?;
    let services = context.may_with(Operation::CreateMonitor, None, &spec.tags)?;
    let asked = context.asked().because(input.note.trim());
    let monitor = services.store.create_monitor(&spec, &asked).await.map_err(Failure::Store)?;
    services.engine.wake();
    Ok(monitor)
}

/// Makes a monitor, unless the form with this number has made one already: it is sent twice by a second click, a
/// reload, a retry on a slow line, and where several servers stand behind one address, to another one. Answers which,
/// and whether it is new.
pub async fn create_once(
    context: &Context,
    form: &str,
    input: MonitorInput,
) -> Result<(MonitorId, Option<Monitor>), Failure> {
    let spec = checked(context, &blank(context), &input, true).await?;
    let services = context.may_with(Operation::CreateMonitor, None, &spec.tags)?;
    let asked = context.asked().because(input.note.trim());
    let (id, is_new) = services.store.create_monitor_once(form, &spec, &asked).await.map_err(Failure::Store)?;
    if !is_new {
        return Ok((id, None));
    }
    services.engine.wake();
    Ok((id, Some(services.store.monitor(id).await.map_err(Failure::Store)?)))
}

/// Makes the whole of a monitor what `input` says; what it leaves out gets its default, but a monitor stays as active as
/// it is: a pause ends only when someone says so. With `version`, only if that is still the stored one.
pub async fn replace(
    context: &Context,
    id: MonitorId,
    version: Option<i64>,
    input: &MonitorInput,
) -> Result<Monitor, Failure> {
    save(context, id, version, input, Edit::Whole).await
}

/// Changes what `input` names and nothing else. With `version`, only if that is still the stored one.
pub async fn update(
    context: &Context,
    id: MonitorId,
    version: Option<i64>,
    input: &MonitorInput,
) -> Result<Monitor, Failure> {
    save(context, id, version, input, Edit::Fields).await
}

/// Whether [`update`] would take this of a monitor as it is now: for what is done to many, all or none.
pub async fn would_update(context: &Context, current: &Monitor, input: &MonitorInput) -> Result<(), Failure> {
    context.may_with(Operation::EditMonitor, Some(current.id), &current.spec.tags)?;
    becomes(context, current, input, Edit::Fields).await.map(drop)
}

/// Deletes a monitor; what is owed to people is still sent. For a time it can be brought back with its history. With
/// `version`, only if that is still the stored one.
pub async fn delete(context: &Context, id: MonitorId, version: Option<i64>) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        let current = get(context, id).await?;
        // What is deleted has the tags that were looked at, whoever edits it meanwhile.
        let services = context.may_with(Operation::DeleteMonitor, Some(id), &current.spec.tags)?;
        let at = version.unwrap_or(current.version);
        match services.store.delete_monitor_at(id, at, &context.asked()).await {
            Err(StoreError::Conflict(_)) if version.is_none() && tries < TRIES => tries += 1,
            Err(error) => return Err(of("monitor", id)(error)),
            Ok(()) => {
                services.engine.changed(id);
                return Ok(());
            }
        }
    }
}

/// How an input is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edit {
    /// As the whole: what it leaves out gets its default.
    Whole,
    /// As what changes.
    Fields,
    /// As this version, once more.
    Restore(i64),
}

impl Edit {
    fn operation(self) -> Operation {
        match self {
            Edit::Whole | Edit::Fields => Operation::EditMonitor,
            Edit::Restore(_) => Operation::RestoreVersion,
        }
    }
}

/// Saves a monitor, if it differs from what is stored.
pub(super) async fn save(
    context: &Context,
    id: MonitorId,
    version: Option<i64>,
    input: &MonitorInput,
    edit: Edit,
) -> Result<Monitor, Failure> {
    let mut tries = 0;
    loop {
        let current = get(context, id).await?;
        let services = context.may_with(edit.operation(), Some(id), &current.spec.tags)?;
        // Before judging the input: what is wrong with an edit of an old version matters to nobody.
        if version.is_some_and(|version| version != current.version) {
            return Err(Failure::Conflict(current.version));
        }
        let spec = becomes(context, &current, input, edit).await?;
        if spec == current.spec {
            return Ok(current);
        }
        let asked = context.asked().because(input.note.trim());
        let saved = match edit {
            Edit::Whole | Edit::Fields => services.store.update_monitor(id, current.version, &spec, &asked).await,
            Edit::Restore(old) => services.store.restore_version(id, current.version, &spec, old, &asked).await,
        };
        match saved {
            Err(StoreError::Conflict(_)) if version.is_none() && tries < TRIES => tries += 1,
            Err(error) => return Err(of("monitor", id)(error)),
            Ok(monitor) => {
                services.engine.changed(id);
                return Ok(monitor);
            }
        }
    }
}

/// What a monitor becomes by an edit, if nothing is wrong with it.
async fn becomes(
    context: &Context,
    current: &Monitor,
    input: &MonitorInput,
    edit: Edit,
) -> Result<MonitorSpec, Failure> {
    let spec = checked(context, &current.spec, input, edit == Edit::Whole).await?;
    // Nobody gives a monitor away that they could not take back.
    context.may_with(edit.operation(), Some(current.id), &spec.tags)?;
    Ok(spec)
}

/// What is wrong with a new monitor, the script aside: that is for Python to say.
pub fn faults_of(input: &MonitorInput) -> Vec<FieldFault> {
    let mut faults = input.faults.clone();
    for fault in input.over(MonitorSpec::default()).faults() {
        if !faults.iter().any(|told| told.root() == fault.field) {
            faults.push(FieldFault::new(fault.field, fault.message));
        }
    }
    faults
}

/// What a monitor is before its author says anything.
pub fn blank(context: &Context) -> MonitorSpec {
    let Defaults { timezone, retain_days, .. } = context.defaults().clone();
    MonitorSpec { timezone, retain_days, ..MonitorSpec::default() }
}

/// `input` over `stored` (or over a blank one, for the whole), if nothing is wrong with what that changes.
async fn checked(
    context: &Context,
    stored: &MonitorSpec,
    input: &MonitorInput,
    whole: bool,
) -> Result<MonitorSpec, Failure> {
    let base = if whole { MonitorSpec { active: stored.active, ..blank(context) } } else { stored.clone() };
    let mut spec = input.over(base);
    if let Some(typed) = &input.timezone
        && let Ok(usual) = zone_name(typed)
    {
        spec.timezone = usual;
    }
    let told = |faults: &[FieldFault], field: &str| faults.iter().any(|fault| fault.root() == field);
    let mut faults = input.faults.clone();
    faults.extend(note_fault(input.note.trim()).map(|message| FieldFault::new("note", message)));
    for fault in spec.faults() {
        if !told(&faults, fault.field) && changes(stored, &spec, fault.field) {
            faults.push(FieldFault::new(fault.field, fault.message));
        }
    }
    if !told(&faults, "alerts") {
        faults.extend(unknown_alerts(context, stored, &spec).await?);
    }
    if spec.script.len() > MAX_SCRIPT_BYTES && spec.script != stored.script {
        // The model has said so among its faults.
        return Err(Failure::TooLarge(Refusal { faults }));
    }
    if spec.script != stored.script && !told(&faults, "script") {
        faults.extend(script::check(context, &spec.script).await?.errors);
    }
    Ok(Refusal::unless_clean(faults, spec)?)
}

/// A fault for each alert that an edit chooses and nobody knows. One that left the configuration may stay chosen: it may be
/// back tomorrow.
async fn unknown_alerts(
    context: &Context,
    stored: &MonitorSpec,
    spec: &MonitorSpec,
) -> Result<Vec<FieldFault>, Failure> {
    let before = stored.alerts.as_deref().unwrap_or_default();
    let chosen = spec.alerts.iter().flatten().enumerate().filter(|(_, key)| !before.contains(key));
    let new: Vec<(usize, &String)> = chosen.collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let known = alerts::settings(context).await?;
    let unknown = new.into_iter().filter(|(_, key)| !known.iter().any(|row| row.key == **key));
    Ok(unknown
        .map(|(index, key)| {
            let short: String = key.chars().take(100).collect();
            let message = unknown_name("alert", &short, known.iter().map(|row| row.key.as_str()));
            FieldFault::new(format!("alerts[{index}]"), message)
        })
        .collect())
}

/// Whether a field is held against an edit: it changes it, or there is no monitor without it.
fn changes(stored: &MonitorSpec, spec: &MonitorSpec, field: &str) -> bool {
    let lacking = match field {
        "name" => spec.name.is_empty(),
        "script" => spec.script.is_empty(),
        "schedule" => spec.schedule.is_empty(),
        _ => false,
    };
    // Both of these are judged by the two together.
    let with_it = field == "alarm_window" && differ(stored, spec, "alarm_after");
    lacking || with_it || differ(stored, spec, field)
}
