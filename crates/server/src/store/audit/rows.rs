//! Rows of the audit in the database.

use std::net::IpAddr;

use revere_model::{Target, TargetKind, Who};

use super::AuditEntry;
use crate::store::{
    StoreError,
    columns::micros,
    database::{self as db, DbConnection},
};

/// The longest details, in bytes. A change of everything about a monitor is cut before it comes here.
const MOST_DETAILS: usize = 96 * 1024;

/// Writes a row, and notes that it is still to be said elsewhere, if it is.
pub(in crate::store) async fn insert(connection: &mut DbConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    let AuditEntry { asked, act, target, details, is_logged } = entry;
    let owner = match &asked.by.who {
        Who::Token { owner, .. } => Some(owner.0),
        _ => None,
    };
    let mut text = serde_json::to_string(details).expect("JSON always has a text");
    if text.len() > MOST_DETAILS {
        text = serde_json::json!({ "left_out": format!("{} bytes of details", text.len()) }).to_string();
    }
    let id: i64 = db::query_scalar(
        "insert into audit (at, act, who_kind, who_id, who_name, owner_id, door, address, request_id, target_kind, target_id,
             target_name, details) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning id",
    )
    .bind(micros(asked.at))
    .bind(act.as_str())
    .bind(asked.by.who.kind())
    .bind(asked.by.who.id())
    .bind(asked.by.who.to_string())
    .bind(owner)
    .bind(asked.by.door.as_str())
    .bind(address_text(asked.by.address))
    .bind(&asked.by.request_id)
    .bind(target.as_ref().map(|target| TargetKind::as_str(target.kind)))
    .bind(target.as_ref().map(|Target { id, .. }| id))
    .bind(target.as_ref().map(|Target { name, .. }| name))
    .bind(text)
    .fetch_one(&mut *connection)
    .await?;
    if *is_logged {
        db::query("insert into audit_unlogged (audit_id) values ($1)").bind(id).execute(connection).await?;
    }
    Ok(())
}

/// An address as it is kept; empty where none is known.
pub fn address_text(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_canonical().to_string()).unwrap_or_default()
}
