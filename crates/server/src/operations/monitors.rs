//! Making, editing and deleting monitors.
//!
//! What is checked before anything is stored: every field by the model's rules, and the script by compiling it. A field
//! that an edit leaves as it was is not held against the edit, so a monitor that was imported broken can still be
//! renamed, paused or mended piece by piece.

use revere_model::{MAX_SCRIPT_BYTES, Monitor, MonitorId, MonitorSpec, zone_name};

use super::{Context, Failure, FieldFault, Refusal, failure::of, script};
use crate::store::{MonitorFilter, StoreError};

/// What someone wants a monitor to be: `None` leaves a field as it is, or at its default.
#[derive(Clone, Debug, Default)]
pub struct MonitorInput {
    /// See [`MonitorSpec::name`], and so on.
    pub name: Option<String>,
    /// What it watches, what to do.
    pub description: Option<String>,
    /// Python.
    pub script: Option<String>,
    /// Crontab syntax.
    pub schedule: Option<String>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Whether it runs on its schedule.
    pub active: Option<bool>,
    /// Days that runs are kept; `Some(None)` keeps them for ever.
    pub retain_days: Option<Option<u32>>,
    /// Seconds one run may take; `Some(None)` is the server's limit.
    pub timeout_s: Option<Option<f64>>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
    /// Failing runs in a row that make a flip.
    pub alarm_after: Option<u32>,
    /// Passing runs in a row that end a problem.
    pub recover_after: Option<u32>,
    /// What reading the input already found wrong: told together with all else.
    pub faults: Vec<FieldFault>,
}

/// How often an edit that names no version is tried anew when someone else saves at the same moment.
const TRIES: usize = 5;

/// One monitor.
pub async fn get(context: &Context, id: MonitorId) -> Result<Monitor, Failure> {
    context.services.store.monitor(id).await.map_err(of("monitor", id))
}

/// A page of monitors by id, and whether there are more. It ends before its texts have more than `bytes` bytes.
pub async fn list(context: &Context, filter: &MonitorFilter, bytes: usize) -> Result<(Vec<Monitor>, bool), Failure> {
    context.services.store.monitors_page(filter, bytes).await.map_err(Failure::Store)
}

/// Stores a new monitor. It runs from its next tick on.
pub async fn create(context: &Context, input: MonitorInput) -> Result<Monitor, Failure> {
    let spec = checked(context, &blank(context), &input, true).await?;
    let monitor = context.services.store.create_monitor(&spec, context.now()).await.map_err(Failure::Store)?;
    context.services.engine.wake();
    context.log("monitor created", monitor.id);
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
    let now = context.now();
    let deleted = match version {
        Some(version) => context.services.store.delete_monitor_at(id, version, now).await,
        None => context.services.store.delete_monitor(id, now).await,
    };
    deleted.map_err(of("monitor", id))?;
    context.services.engine.wake();
    context.log("monitor deleted", id);
    Ok(())
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
        // Before judging the input: what is wrong with an edit of an old version matters to nobody.
        if version.is_some_and(|version| version != current.version) {
            return Err(Failure::Conflict(current.version));
        }
        let spec = checked(context, &current.spec, input, whole).await?;
        if spec == current.spec {
            return Ok(current);
        }
        match context.services.store.update_monitor(id, current.version, &spec, context.now()).await {
            Err(StoreError::Conflict(_)) if version.is_none() && tries < TRIES => tries += 1,
            Err(error) => return Err(of("monitor", id)(error)),
            Ok(monitor) => {
                context.services.engine.wake();
                context.log("monitor changed", id);
                return Ok(monitor);
            }
        }
    }
}

/// What a monitor is before its author says anything.
fn blank(context: &Context) -> MonitorSpec {
    MonitorSpec {
        name: String::new(),
        description: String::new(),
        script: String::new(),
        schedule: String::new(),
        timezone: context.services.defaults.timezone.clone(),
        active: true,
        retain_days: context.services.defaults.retain_days,
        timeout_s: None,
        tags: Vec::new(),
        alarm_after: 1,
        recover_after: 1,
    }
}

/// `input` over `stored` (or over a blank one, for the whole), if nothing is wrong with what that changes.
async fn checked(
    context: &Context,
    stored: &MonitorSpec,
    input: &MonitorInput,
    whole: bool,
) -> Result<MonitorSpec, Failure> {
    let base = if whole { MonitorSpec { active: stored.active, ..blank(context) } } else { stored.clone() };
    let spec = MonitorSpec {
        name: input.name.clone().unwrap_or(base.name),
        description: input.description.clone().unwrap_or(base.description),
        script: input.script.clone().unwrap_or(base.script),
        schedule: input.schedule.clone().unwrap_or(base.schedule),
        timezone: input.timezone.clone().map_or(base.timezone, |typed| zone_name(&typed).unwrap_or(typed)),
        active: input.active.unwrap_or(base.active),
        retain_days: input.retain_days.unwrap_or(base.retain_days),
        timeout_s: input.timeout_s.unwrap_or(base.timeout_s),
        tags: input.tags.clone().unwrap_or(base.tags),
        alarm_after: input.alarm_after.unwrap_or(base.alarm_after),
        recover_after: input.recover_after.unwrap_or(base.recover_after),
    };
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

fn changes(stored: &MonitorSpec, spec: &MonitorSpec, field: &str) -> bool {
    match field {
        "name" => stored.name != spec.name || spec.name.is_empty(),
        "description" => stored.description != spec.description,
        "script" => stored.script != spec.script || spec.script.is_empty(),
        "schedule" => stored.schedule != spec.schedule || spec.schedule.is_empty(),
        "timezone" => stored.timezone != spec.timezone,
        "retain_days" => stored.retain_days != spec.retain_days,
        "timeout_s" => stored.timeout_s != spec.timeout_s,
        "tags" => stored.tags != spec.tags,
        "alarm_after" => stored.alarm_after != spec.alarm_after,
        "recover_after" => stored.recover_after != spec.recover_after,
        _ => true,
    }
}
