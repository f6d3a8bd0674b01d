//! Making, editing and deleting monitors.
//!
//! What is checked before anything is stored: every field by the model's rules, and the script by compiling it. A field
//! that an edit leaves as it was is not held against the edit, so a monitor that was imported broken can still be
//! renamed, paused or mended piece by piece.

use revere_model::{MAX_SCRIPT_BYTES, Monitor, MonitorId, MonitorSpec, Operation, zone_name};

pub use super::monitor_input::MonitorInput;
use super::{Context, Defaults, Failure, FieldFault, Refusal, failure::of, monitor_input::differ, script};
use crate::store::{MonitorFilter, StoreError};

/// How often an edit that names no version is tried anew when someone else saves at the same moment.
const TRIES: usize = 5;

/// One monitor.
pub async fn get(context: &Context, id: MonitorId) -> Result<Monitor, Failure> {
    context.may(Operation::SeeMonitors)?.store.monitor(id).await.map_err(of("monitor", id))
}

/// A page of monitors by id, and whether there are more. It ends before its texts have more than `bytes` bytes.
pub async fn list(context: &Context, filter: &MonitorFilter, bytes: usize) -> Result<(Vec<Monitor>, bool), Failure> {
    context.may(Operation::SeeMonitors)?.store.monitors_page(filter, bytes).await.map_err(Failure::Store)
}

/// Stores a new monitor. It runs from its next tick on.
pub async fn create(context: &Context, input: MonitorInput) -> Result<Monitor, Failure> {
    let spec = checked(context, &blank(context), &input, true).await?;
    let services = context.may_with(Operation::CreateMonitor, None, &spec.tags)?;
    let monitor = services.store.create_monitor(&spec, &context.asked()).await.map_err(Failure::Store)?;
    services.engine.wake();
    Ok(monitor)
}

/// Makes the whole of a monitor what `input` says; what it leaves out gets its default, but a monitor stays as active as
/// it is: a pause ends only when someone says so. With `version`, only if that is still the stored one.
pub async fn replace(
    context: &Context,
    id: MonitorId,
    version: Option<i64>,
    input: &MonitorInput,
) -> Result<Monitor, Failure> {
    save(context, id, version, input, true).await
}

/// Changes what `input` names and nothing else. With `version`, only if that is still the stored one.
pub async fn update(
    context: &Context,
    id: MonitorId,
    version: Option<i64>,
    input: &MonitorInput,
) -> Result<Monitor, Failure> {
    save(context, id, version, input, false).await
}

/// Deletes a monitor with its history; what is owed to people is still sent. With `version`, only if that is still the
/// stored one.
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
                services.engine.wake();
                return Ok(());
            }
        }
    }
}

async fn save(
    context: &Context,
    id: MonitorId,
    version: Option<i64>,
    input: &MonitorInput,
    whole: bool,
) -> Result<Monitor, Failure> {
    let mut tries = 0;
    loop {
        let current = get(context, id).await?;
        let services = context.may_with(Operation::EditMonitor, Some(id), &current.spec.tags)?;
        // Before judging the input: what is wrong with an edit of an old version matters to nobody.
        if version.is_some_and(|version| version != current.version) {
            return Err(Failure::Conflict(current.version));
        }
        let spec = checked(context, &current.spec, input, whole).await?;
        if spec == current.spec {
            return Ok(current);
        }
        // Nobody gives a monitor away that they could not take back.
        context.may_with(Operation::EditMonitor, Some(id), &spec.tags)?;
        match services.store.update_monitor(id, current.version, &spec, &context.asked()).await {
            Err(StoreError::Conflict(_)) if version.is_none() && tries < TRIES => tries += 1,
            Err(error) => return Err(of("monitor", id)(error)),
            Ok(monitor) => {
                services.engine.wake();
                return Ok(monitor);
            }
        }
    }
}

/// What a monitor is before its author says anything.
fn blank(context: &Context) -> MonitorSpec {
    let Defaults { timezone, retain_days } = context.defaults().clone();
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
    for fault in spec.faults() {
        if !told(&faults, fault.field) && changes(stored, &spec, fault.field) {
            faults.push(FieldFault::new(fault.field, fault.message));
        }
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

/// Whether a field is held against an edit: it changes it, or there is no monitor without it.
fn changes(stored: &MonitorSpec, spec: &MonitorSpec, field: &str) -> bool {
    let lacking = match field {
        "name" => spec.name.is_empty(),
        "script" => spec.script.is_empty(),
        "schedule" => spec.schedule.is_empty(),
        _ => false,
    };
    lacking || differ(stored, spec, field)
}
