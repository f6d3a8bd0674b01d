//! The rows of outages.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{MonitorId, OutageId, State};

use super::super::told_monitors::IS_TOLD_OF;

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow},
};

/// A stretch of time in which a source was down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Its row.
    pub id: OutageId,
    /// The source, by its name in the configuration.
    pub source: String,
    /// When it was first known.
    pub began_at: Timestamp,
    /// What was said then.
    pub reason: String,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Why, if not by an answer.
    pub ended_by: Option<String>,
    /// When it was told first; `None` if it was not.
    pub told_at: Option<Timestamp>,
}

impl Store {
    /// The outages that go on, by their sources.
    pub async fn open_outages(&self) -> Result<Vec<Outage>, StoreError> {
        let rows = db::query("select * from source_outages where ended_at is null order by source")
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(outage).collect()
    }

    /// The monitors that wait for the end of an outage, by id, at most `limit`, and how many there are in all.
    pub async fn waiting_for(
        &self,
        outage: OutageId,
        limit: u32,
    ) -> Result<(Vec<(MonitorId, String)>, u64), StoreError> {
        let rows: Vec<(i64, String)> =
            db::query_as(db::AssertSqlSafe(format!("select m.id, m.name from {WAITING} order by m.id limit $2")))
                .bind(outage.0)
                .bind(i64::from(limit))
                .fetch_all(self.readers())
                .await?;
        let mut connection = self.readers().acquire().await?;
        let all = waiting(&mut connection, outage).await?;
        Ok((rows.into_iter().map(|(id, name)| (MonitorId(id), name)).collect(), all))
    }

    /// Ends the outages of sources that the configuration does not have; where it has no outages (`None`), those of all.
    pub async fn sync_outages(&self, sources: Option<&[String]>, now: Timestamp) -> Result<(), StoreError> {
        let open = self.open_outages().await?;
        let has = |source: &String| sources.is_some_and(|sources| sources.contains(source));
        let gone: Vec<OutageId> =
            open.into_iter().filter(|outage| !has(&outage.source)).map(|outage| outage.id).collect();
        let why = match sources {
            Some(_) => "it is not in the configuration any more",
            None => "SOURCE_OUTAGES is switched off",
        };
        if gone.is_empty() {
            return Ok(());
        }
        self.write(move |connection| {
            Box::pin(async move {
                for id in gone {
                    end(connection, id, now, Some(why)).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// The state of a monitor, or of what stands for a source.
    pub async fn state_told_of(&self, id: MonitorId) -> Result<State, StoreError> {
        let sql = format!(
            "select s.state from states s join monitors m on m.id = s.monitor_id where m.id = $1 and {IS_TOLD_OF}"
        );
        db::query(db::AssertSqlSafe(sql)).bind(id.0).fetch_one(self.readers()).await?.state("state")
    }

    /// What stands for each of the sources that people were told of: their outages are acknowledged as the problem of that.
    pub async fn sources_told(&self) -> Result<HashMap<String, MonitorId>, StoreError> {
        let rows: Vec<(String, i64)> =
            db::query_as("select source, id from monitors where source is not null").fetch_all(self.readers()).await?;
        Ok(rows.into_iter().map(|(source, id)| (source, MonitorId(id))).collect())
    }

    /// The source that a row among the monitors stands for; `None` if it is a monitor.
    pub async fn source_behind(&self, id: MonitorId) -> Result<Option<String>, StoreError> {
        Ok(db::query_scalar("select source from monitors where id = $1 and source is not null")
            .bind(id.0)
            .fetch_optional(self.readers())
            .await?)
    }
}

/// The monitors that wait for the outage `$1`.
const WAITING: &str = "states s join monitors m on m.id = s.monitor_id
     where s.outage_id = $1 and s.waits <> 'no_longer' and m.active and m.deleted_at is null";

/// Whether any monitor waits for its end.
pub(super) async fn is_waited_for(connection: &mut DbConnection, outage: OutageId) -> Result<bool, StoreError> {
    let any: i64 = db::query_scalar(db::AssertSqlSafe(format!(
        "select count(*) from (select 1 as one from {WAITING} limit 1) waiting"
    )))
    .bind(outage.0)
    .fetch_one(connection)
    .await?;
    Ok(any > 0)
}

/// How many monitors wait for its end.
async fn waiting(connection: &mut DbConnection, outage: OutageId) -> Result<u64, StoreError> {
    let all: i64 = db::query_scalar(db::AssertSqlSafe(format!("select count(*) from {WAITING}")))
        .bind(outage.0)
        .fetch_one(connection)
        .await?;
    Ok(all.unsigned_abs())
}

/// A row of `source_outages`.
pub(super) fn outage(row: &DbRow) -> Result<Outage, StoreError> {
    Ok(Outage {
        id: OutageId(row.int("id")?),
        source: row.text("source")?,
        began_at: row.at("began_at")?,
        reason: row.text("reason")?,
        ended_at: row.at_or_none("ended_at")?,
        ended_by: row.text_or_none("ended_by")?,
        told_at: row.at_or_none("told_at")?,
    })
}

/// It is over, unless it was before.
pub(super) async fn end(
    connection: &mut DbConnection,
    outage: OutageId,
    at: Timestamp,
    why: Option<&str>,
) -> Result<(), StoreError> {
    let ended: Option<String> = db::query_scalar(
        "update source_outages set ended_at = $1, ended_by = $2, going_on = null where id = $3 and ended_at is null
         returning source",
    )
    .bind(micros(at))
    .bind(why)
    .bind(outage.0)
    .fetch_optional(connection)
    .await?;
    if let Some(source) = ended {
        tracing::info!(source, why = why.unwrap_or("it answers"), "the outage of a source is over");
    }
    Ok(())
}
