//! The monitors that people are told of: which rows those are, and what is read of them for it.

use std::collections::HashMap;

use revere_model::MonitorId;

use crate::{
    notification::MonitorSummary,
    store::{
        StoreError,
        columns::{Columns, alerts_from, tags_to_tell_by},
        database::{self as db, DbConnection, sql_pieces},
    },
};

/// Where a row of `monitors m` is one that people are told of: a monitor that is not deleted, or what stands for a source.
pub(in crate::store) const IS_TOLD_OF: &str = "(m.deleted_at is null or m.source is not null)";

/// The change that made the problem of a monitor what it is, as a part of a statement: the last one but those by which it
/// only became less severe. An acknowledgement is of that one, and outlives those.
pub(in crate::store) fn last_change_of(monitor: &str) -> String {
    format!(
        "(select max(c.id) from flips c where c.monitor_id = {monitor}
             and (c.old_state <> c.new_state or coalesce(c.severity, 'critical') = 'critical'))"
    )
}

/// Keeps the row of a monitor until the end of the transaction, as whoever changes its state does: what is owed for it is
/// written one after the other, and goes out in that order.
pub(in crate::store) async fn hold(connection: &mut DbConnection, monitor: MonitorId) -> Result<(), StoreError> {
    db::query("update states set failing_streak = failing_streak where monitor_id = $1")
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The alerts that those of these monitors chose that are not told by all.
pub(in crate::store) async fn chosen_alerts(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, Vec<String>>, StoreError> {
    let sql = format!("select id, alerts from monitors where alerts is not null and id {}", sql_pieces::among("$1"));
    let rows: Vec<(i64, Option<String>)> = db::query_as(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().filter_map(|(id, alerts)| Some((MonitorId(id), alerts_from(id, alerts)?))).collect())
}

/// The monitors as a receiver sees them, without their address, which is the sender's to add.
pub(in crate::store) async fn summaries(
    connection: &mut DbConnection,
    ids: &str,
) -> Result<HashMap<MonitorId, MonitorSummary>, StoreError> {
    let sql = format!(
        "select id, name, tags, description, timezone, unit, decimals, source from monitors where id {}",
        sql_pieces::among("$1")
    );
    let rows = db::query(db::AssertSqlSafe(sql)).bind(ids).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let id = row.int("id")?;
            let summary = MonitorSummary {
                id: MonitorId(id),
                name: row.text("name")?,
                // What stands for a source has no page of its own.
                url: row.text_or_none("source")?.map(|_| "/sources".to_owned()).unwrap_or_default(),
                tags: tags_to_tell_by(id, &row.text("tags")?),
                description: row.text("description")?,
                timezone: row.text("timezone")?,
                unit: row.text("unit")?,
                decimals: row.int_or_none("decimals")?.and_then(|decimals| u32::try_from(decimals).ok()),
            };
            Ok((summary.id, summary))
        })
        .collect()
}
