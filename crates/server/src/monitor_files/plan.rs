//! What has to be done so that a server has the monitors that a folder has.

use std::{collections::BTreeMap, path::PathBuf};

use revere_model::{MONITOR_FIELDS, unified_difference, zone_name};
use serde_json::{Map, Value};

use super::{FileFault, StoredFile, format, remote::RemoteMonitor};

/// What is left as the server has it, or decides it, where a file says nothing: its zone, how long runs are kept, a pause.
const LEFT_TO_THE_SERVER: [&str; 3] = ["timezone", "retain_days", "active"];

/// What has to be done; nothing of it is done yet.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// Monitors that are not there.
    pub create: Vec<(StoredFile, Map<String, Value>)>,
    /// Monitors that are otherwise.
    pub change: Vec<Change>,
    /// How many are as their files have them.
    pub same: usize,
    /// Monitors that no file has.
    pub extra: Vec<RemoteMonitor>,
    /// Files whose monitor the server has several times, so that it cannot be known by its name.
    pub faults: Vec<(PathBuf, FileFault)>,
}

/// What has to change of a monitor.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// Its file.
    pub file: StoredFile,
    /// As the server has it.
    pub monitor: RemoteMonitor,
    /// The fields that differ, as they should be.
    pub fields: Map<String, Value>,
}

impl Plan {
    /// Compares.
    pub fn of(files: Vec<StoredFile>, monitors: Vec<RemoteMonitor>) -> Plan {
        let mut known: BTreeMap<String, RemoteMonitor> = BTreeMap::new();
        let mut twins: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut plan = Plan::default();
        for monitor in monitors {
            twins.entry(monitor.name().to_owned()).or_default().push(monitor.id);
            if let Some(twin) = known.insert(monitor.name().to_owned(), monitor) {
                plan.extra.push(twin);
            }
        }
        let defaults = format::defaults();
        for file in files {
            let name = file.monitor.name();
            if let Some(ids) = twins.get(name).filter(|ids| ids.len() > 1) {
                let message = format!(
                    "the server has {} monitors named '{name}', {}; rename them, but one: a file knows its monitor by the name",
                    ids.len(),
                    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" and ")
                );
                plan.faults.push((file.path.clone(), FileFault { line: file.monitor.line_of("name", None), message }));
            }
            let wanted = wanted(&file, &defaults);
            let Some(monitor) = known.remove(file.monitor.name()) else {
                plan.create.push((file, wanted));
                continue;
            };
            let fields: Map<String, Value> =
                wanted.into_iter().filter(|(name, value)| !is_same(monitor.fields.get(name), value)).collect();
            if fields.is_empty() {
                plan.same += 1;
            } else {
                plan.change.push(Change { file, monitor, fields });
            }
        }
        plan.extra.extend(known.into_values());
        plan.extra.sort_by_key(|monitor| monitor.id);
        plan
    }
}

impl Change {
    /// What changes, in lines for people.
    pub fn words(&self) -> String {
        let mut words = String::new();
        for (name, new) in &self.fields {
            let old = self.monitor.fields.get(name).unwrap_or(&Value::Null);
            match (old, new) {
                (Value::String(old), Value::String(new)) if old.contains('\n') || new.contains('\n') => {
                    words.push_str(&format!("    {name}:\n"));
                    for line in unified_difference(old, new).lines() {
                        words.push_str(&format!("      {line}\n"));
                    }
                }
                _ => words.push_str(&format!("    {name}: {old} -> {new}\n")),
            }
        }
        words
    }
}

/// What a file says its monitor should be, as a body of the API.
fn wanted(file: &StoredFile, defaults: &Map<String, Value>) -> Map<String, Value> {
    let mut wanted = Map::new();
    for field in MONITOR_FIELDS {
        let value = match file.monitor.settings.get(field.name) {
            _ if field.name == "script" => Some(Value::String(file.monitor.script.clone())),
            Some(Value::String(zone)) if field.name == "timezone" => {
                Some(Value::String(zone_name(zone).unwrap_or_else(|_| zone.clone())))
            }
            Some(value) => Some(value.clone()),
            None if LEFT_TO_THE_SERVER.contains(&field.name) => None,
            // What must be there and is not is the server's to say, or ours before.
            None if field.name == "schedule" => None,
            None => defaults.get(field.name).cloned(),
        };
        if let Some(value) = value {
            wanted.insert(field.name.to_owned(), value);
        }
    }
    wanted
}

fn is_same(one: Option<&Value>, other: &Value) -> bool {
    match (one, other) {
        (Some(Value::Number(one)), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == Some(other),
    }
}
