//! Keys by which receivers drop what they have seen, or find again what they opened.

use jiff::Timestamp;
use revere_model::{FlipId, MonitorId};
use sha2::{Digest, Sha256};

use crate::{
    hexadecimal::hex,
    store::{
        StoreError,
        columns::micros,
        database::{self as db, DbConnection},
    },
};

/// The name of this database, by which its keys are nobody else's.
pub(in crate::store) async fn instance(connection: &mut DbConnection) -> Result<String, StoreError> {
    Ok(db::query_scalar("select value from meta where key = 'instance'").fetch_one(connection).await?)
}

/// The same for every attempt at telling this flip through this alert, and never the same for anything else, even in a
/// database that was put back from a backup: the flip's time is part of it.
pub(in crate::store) fn delivery(
    instance: &str,
    monitor: MonitorId,
    flip: FlipId,
    at: Timestamp,
    alert_key: &str,
) -> String {
    hashed(&format!("{instance}\n{monitor}\n{flip}\n{}\n{alert_key}", micros(at)))
}

/// The same for every attempt at this reminder of a flip, the first since the alert told at `told_at`, and never the same for
/// anything else.
pub(in crate::store) fn reminder(
    instance: &str,
    monitor: MonitorId,
    flip: FlipId,
    at: Timestamp,
    alert_key: &str,
    told_at: Timestamp,
) -> String {
    hashed(&format!("{instance}\n{monitor}\n{flip}\n{}\n{alert_key}\n{}", micros(at), micros(told_at)))
}

/// The same for every attempt at telling one of a rota's people what its delivery of that key says.
pub(in crate::store) fn on_call(key: &str, alert_key: &str) -> String {
    hashed(&format!("{key}\n{alert_key}"))
}

/// The same for every attempt at telling anew what was cancelled under that key.
pub(in crate::store) fn after_cancelled(key: &str) -> String {
    hashed(&format!("{key}\nanew"))
}

/// The same for all that is told of an incident, by whatever alert, and never the same for another one.
pub(in crate::store) fn incident(instance: &str, monitor: MonitorId, opened_by: FlipId, at: Timestamp) -> String {
    hashed(&format!("{instance}\n{monitor}\n{opened_by}\n{}", micros(at)))
}

fn hashed(whole: &str) -> String {
    let mut key = hex(&Sha256::digest(whole));
    key.truncate(32);
    key
}
