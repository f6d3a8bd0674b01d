//! What mutes and overrides have in common: somebody asked for them, and somebody may end them before their time.

use jiff::Timestamp;
use revere_model::Asked;

use crate::store::{
    Author, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow},
    monitors::versions::author,
};

/// Whoever asked for the row.
pub(super) fn owner(row: &DbRow) -> Result<Author, StoreError> {
    let owner = author(row, ["who", "who_id", "who_name"])?;
    owner.ok_or_else(|| StoreError::internal("a stored mute or override: nobody asked for it"))
}

/// When somebody ended it before its time, and who.
pub(super) fn ended(row: &DbRow) -> Result<Option<(Timestamp, Author)>, StoreError> {
    Ok(row.at_or_none("ended_at")?.zip(author(row, ["ended_by", "ended_by_id", "ended_by_name"])?))
}

/// Ends a row of `table` now; false where somebody has ended it already.
pub(super) async fn end(
    connection: &mut DbConnection,
    table: &'static str,
    id: i64,
    asked: &Asked,
) -> Result<bool, StoreError> {
    let who = Author::of(&asked.by.who);
    let sql = format!(
        "update {table} set ended_at = $1, ended_by = $2, ended_by_id = $3, ended_by_name = $4
         where id = $5 and ended_at is null"
    );
    let ended = db::query(db::AssertSqlSafe(sql))
        .bind(micros(asked.at))
        .bind(who.kind)
        .bind(who.id)
        .bind(who.name)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(ended.rows_affected() > 0)
}
