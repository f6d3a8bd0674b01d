//! On call: the rotas of the configuration, which are alerts of the type `on_call`.
//!
//! Whom a rota tells at an instant is the model's affair, and what it owes the store's. Here they are read, and it is said which
//! alerts reach somebody of one.

mod calendar_address;
mod calendars;
mod fields;
mod gaps;
mod settings;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use revere_model::on_call::Rota;

pub use calendars::{CalendarSource, calendars};
pub use fields::{FIELDS, KIND, LAYER_FIELDS};
pub use gaps::gap_warnings;

use crate::{building::ConfiguredEntry, redact::Secrets, settings::ConfigFault, store::ConfiguredAlert};

/// So far ahead it is looked whether somebody is on call.
pub const LOOKS_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Whether an entry is a rota.
pub fn is_rota(entry: &ConfiguredEntry) -> bool {
    entry.kind == KIND
}

/// The rotas that are switched on, by name. What is wrong with one is said by [`faults`], which is asked before.
pub fn rotas(entries: &[ConfiguredEntry]) -> BTreeMap<String, Rota> {
    let on = entries.iter().filter(|entry| is_rota(entry) && entry.enabled);
    on.filter_map(|entry| Some((entry.name.clone(), settings::read(entry, entries, &Secrets::default()).ok()?)))
        .collect()
}

/// What is wrong with the rotas that are switched on, and with what other alerts say of them. The addresses of their calendars
/// are secrets, which `secrets` learns.
pub fn faults(entries: &[ConfiguredEntry], secrets: &Secrets) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    for entry in entries.iter().filter(|entry| is_rota(entry)) {
        // One that is switched off may be as unfinished as its author likes; its secrets are learned all the same.
        let found = settings::read(entry, entries, secrets).err().filter(|_| entry.enabled);
        faults.extend(found.into_iter().flatten());
    }
    for entry in entries.iter().filter(|entry| entry.enabled) {
        let rota = named_by(entries, &entry.name);
        let fault = |field: &str, message: String| ConfigFault::new(format!("{}['{field}']", entry.place), message);
        if entry.on_call_only.is_some() && rota.is_none() {
            let message = "is for an alert that reaches somebody of a rota, and no rota names this one: leave it out";
            faults.push(fault("on_call_only", message.to_owned()));
        }
        if entry.quiet_hours.is_some()
            && let Some(rota) = rota
        {
            let message = format!("it reaches somebody of the rota '{rota}': give the rota quiet hours, and not this");
            faults.push(fault("quiet_hours", message));
        }
    }
    faults
}

/// The rota, switched on, one of whose people the alert of that name reaches.
pub fn named_by<'a>(entries: &'a [ConfiguredEntry], alert: &str) -> Option<&'a str> {
    let names = |entry: &&ConfiguredEntry| {
        is_rota(entry) && entry.enabled && settings::alerts_of(entry).any(|named| named == alert)
    };
    entries.iter().find(names).map(|entry| entry.name.as_str())
}

/// The alerts as the store goes by them.
pub fn configured_alerts(entries: &[ConfiguredEntry]) -> Vec<ConfiguredAlert> {
    let alert = |entry: &ConfiguredEntry| ConfiguredAlert {
        key: entry.name.clone(),
        enabled: entry.enabled,
        on_call_only: named_by(entries, &entry.name).is_some() && entry.on_call_only.unwrap_or(true),
        quiet_hours: entry.quiet_hours.clone(),
    };
    entries.iter().map(alert).collect()
}
