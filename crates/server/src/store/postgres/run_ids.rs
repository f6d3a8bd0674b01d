//! Ids out of PostgreSQL's sequences: another transaction may take some in between, so they need not be neighbours.

use sqlx::PgConnection;

use crate::store::StoreError;

/// So many ids that no run has, in order.
pub(in crate::store) async fn reserve(connection: &mut PgConnection, count: usize) -> Result<Vec<i64>, StoreError> {
    let mut ids: Vec<i64> = sqlx::query_scalar("select nextval('runs_id_seq') from generate_series(1, $1)")
        .bind(count as i64)
        .fetch_all(connection)
        .await?;
    ids.sort_unstable();
    Ok(ids)
}

/// Notes that a monitor was stored under an id of its own: the sequence goes on after it.
pub(in crate::store) async fn monitor_has(connection: &mut PgConnection, id: i64) -> Result<(), StoreError> {
    sqlx::query("select setval('monitors_id_seq', greatest($1, (select last_value from monitors_id_seq)))")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
