//! How the newest deliveries stand, so that what another server did with them is seen.

use revere_model::{DeliveryId, MonitorId};

use super::DeliveryStatus;
use crate::store::{
    Store, StoreError,
    columns::Columns,
    database::{self as db, DbRow, sql_pieces},
};

/// How a delivery stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryStanding {
    /// Which.
    pub id: DeliveryId,
    /// Its alert.
    pub alert_key: String,
    /// Its monitor.
    pub monitor_id: MonitorId,
    /// What became of it.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u64,
}

impl Store {
    /// How the newest deliveries stand, and those that are owed for the longest time, at most `limit` of each; and these.
    pub async fn delivery_standings(
        &self,
        and: &[DeliveryId],
        limit: u32,
    ) -> Result<Vec<DeliveryStanding>, StoreError> {
        let ids: Vec<i64> = and.iter().map(|id| id.0).collect();
        let ids = serde_json::to_string(&ids).expect("a list of numbers always has a JSON form");
        let sql = format!(
            "select id, alert_key, monitor_id, status, attempts from deliveries where id in
                 (select id from (select id from deliveries order by id desc limit $1) newest
                  union select id from (select id from deliveries where status = 'owed' order by id limit $1) owed
                  union select value from {} these)",
            sql_pieces::ids_of("$2")
        );
        let rows =
            db::query(db::AssertSqlSafe(sql)).bind(i64::from(limit)).bind(ids).fetch_all(self.engine_readers()).await?;
        let standing = |row: &DbRow| {
            Ok(DeliveryStanding {
                id: DeliveryId(row.int("id")?),
                alert_key: row.text("alert_key")?,
                monitor_id: MonitorId(row.int("monitor_id")?),
                status: row.text("status")?.parse().map_err(|_| StoreError::internal("a status is none"))?,
                attempts: row.int("attempts")?.unsigned_abs(),
            })
        };
        rows.iter().map(standing).collect()
    }
}
