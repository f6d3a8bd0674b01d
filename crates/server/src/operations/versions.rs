//! The versions of a monitor: listed, read, compared, and restored.

use std::collections::HashMap;

use revere_model::{MONITOR_FIELDS, Monitor, MonitorField, MonitorId, MonitorSpec, Operation};
use serde_json::Value;

use super::{
    Context, Failure,
    failure::of,
    monitor_input::differ,
    monitors::{self, Edit, MonitorInput},
};
use crate::store::SavedVersion;

/// A version in a list, with the fields in which it differs from the one before it; `None` for the first that is kept.
pub struct ListedVersion {
    /// The version, without its script.
    pub saved: SavedVersion,
    /// What was changed by it.
    pub changed: Option<Vec<&'static MonitorField>>,
}

/// What differs between two versions.
pub struct Difference {
    /// The one that is compared.
    pub from: SavedVersion,
    /// The one that it is compared with.
    pub to: SavedVersion,
    /// What differs, in the order of the fields; of the script that it does.
    pub changes: Vec<FieldChange>,
}

/// A field that differs.
pub struct FieldChange {
    /// Which.
    pub field: &'static MonitorField,
    /// What it was, as JSON has it.
    pub from: Value,
    /// What it is.
    pub to: Value,
}

/// The versions of a monitor before the version `before`, newest first, and whether there are more.
pub async fn list(
    context: &Context,
    id: MonitorId,
    before: Option<i64>,
    limit: u32,
) -> Result<(Vec<ListedVersion>, bool), Failure> {
    monitors::get(context, id).await?;
    let services = context.may(Operation::SeeMonitors)?;
    // One more says whether there are more, and what the last of them changed.
    let found = services.store.versions(id, before, limit + 1).await.map_err(Failure::Store)?;
    let more = found.len() > limit as usize;
    let changed: Vec<_> = found.windows(2).map(|pair| Some(changed(&pair[1], &pair[0]))).chain([None]).collect();
    let listed = found.into_iter().zip(changed).map(|(saved, changed)| ListedVersion { saved, changed });
    Ok((listed.take(limit as usize).collect(), more))
}

/// The numbers of the newest versions of a monitor.
pub async fn numbers(context: &Context, id: MonitorId, limit: u32) -> Result<Vec<i64>, Failure> {
    monitors::get(context, id).await?;
    let services = context.may(Operation::SeeMonitors)?;
    services.store.version_numbers(id, limit).await.map_err(Failure::Store)
}

/// One version of a monitor.
pub async fn get(context: &Context, id: MonitorId, version: i64) -> Result<SavedVersion, Failure> {
    monitors::get(context, id).await?;
    kept(context, id, version).await
}

/// What differs from one version of a monitor to another. Left out, `to` is the version that is stored, and `from` the one
/// before `to`, or `to` itself where none is.
pub async fn difference(
    context: &Context,
    id: MonitorId,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<Difference, Failure> {
    let monitor = monitors::get(context, id).await?;
    let to = kept(context, id, to.unwrap_or(monitor.version)).await?;
    let from = match from {
        Some(from) => kept(context, id, from).await?,
        None => {
            let services = context.may(Operation::SeeMonitors)?;
            let before = services.store.versions(id, Some(to.version), 1).await.map_err(Failure::Store)?;
            match before.first() {
                Some(before) => kept(context, id, before.version).await?,
                None => to.clone(),
            }
        }
    };
    let changes = changes(&from.spec, &to.spec);
    Ok(Difference { from, to, changes })
}

/// Makes a monitor what it was in a version, whether it is on included; that is a version of its own. With `version`, only if
/// that is still the stored one. What would be refused of an edit is refused of a version, too.
pub async fn restore(
    context: &Context,
    id: MonitorId,
    number: i64,
    version: Option<i64>,
    note: String,
) -> Result<Monitor, Failure> {
    let saved = get(context, id, number).await?;
    let input = MonitorInput { note, ..MonitorInput::of(saved.spec) };
    monitors::save(context, id, version, &input, Edit::Restore(number)).await
}

/// The version of a script as runs name it.
pub fn script_version(script: &str) -> String {
    revere_sandbox::script_version(script)
}

/// The version that had each of these scripts first, by the script's version; those that none has had are left out.
pub async fn of_scripts(context: &Context, id: MonitorId, scripts: &[&str]) -> Result<HashMap<String, i64>, Failure> {
    let services = context.may(Operation::SeeMonitors)?;
    services.store.versions_of_scripts(id, scripts).await.map_err(Failure::Store)
}

async fn kept(context: &Context, id: MonitorId, version: i64) -> Result<SavedVersion, Failure> {
    let services = context.may(Operation::SeeMonitors)?;
    services.store.version(id, version).await.map_err(of("kept version", version))
}

fn changed(from: &SavedVersion, to: &SavedVersion) -> Vec<&'static MonitorField> {
    MONITOR_FIELDS
        .iter()
        .filter(|field| match field.name {
            "script" => from.script_version != to.script_version,
            name => differ(&from.spec, &to.spec, name),
        })
        .collect()
}

fn changes(from: &MonitorSpec, to: &MonitorSpec) -> Vec<FieldChange> {
    let fields = |spec: &MonitorSpec| serde_json::to_value(spec).expect("texts, numbers and lists have a JSON form");
    let (mut one, mut other) = (fields(from), fields(to));
    MONITOR_FIELDS
        .iter()
        .filter(|field| differ(from, to, field.name))
        .map(|field| FieldChange { field, from: one[field.name].take(), to: other[field.name].take() })
        .collect()
}
