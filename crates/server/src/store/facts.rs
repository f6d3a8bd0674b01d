//! What is known of the database itself, for whoever looks after it.

use jiff::SignedDuration;

use crate::store::{
    Store, StoreError,
    database::{self as db, Engine},
    postgres, sqlite,
};

/// What is known of the database.
#[derive(Clone, PartialEq, Debug)]
pub struct DatabaseFacts {
    /// Whose it is.
    pub engine: &'static str,
    /// Its version.
    pub version: String,
    /// The number of the schema.
    pub schema: i64,
    /// How much room it takes on its disk.
    pub bytes: u64,
    /// For how long the longest transaction goes on that this user may see: rows that are dead since then stay. Where several may
    /// have it.
    pub oldest_transaction: Option<SignedDuration>,
    /// Dead versions of the rows that every run writes to. Where several may have it.
    pub dead_rows: Option<u64>,
}

/// For how many days some monitors keep their history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptFor {
    /// `None` is for ever.
    pub days: Option<u32>,
    /// How many monitors.
    pub monitors: u64,
}

impl Store {
    /// What is known of the database itself.
    pub async fn facts(&self) -> Result<DatabaseFacts, StoreError> {
        let mut connection = self.readers().acquire().await?;
        match connection.engine() {
            Engine::Sqlite(connection) => sqlite::facts::facts(connection, self.place().file()).await,
            Engine::Postgres(connection) => postgres::facts::facts(connection).await,
        }
    }

    /// For how long monitors keep their history, the shortest time first.
    pub async fn kept_for(&self) -> Result<Vec<KeptFor>, StoreError> {
        let rows: Vec<(Option<i64>, i64)> = db::query_as(
            "select retain_days, count(*) from monitors where deleted_at is null group by retain_days
             order by retain_days is null, retain_days",
        )
        .fetch_all(self.readers())
        .await?;
        let kept = |(days, monitors): (Option<i64>, i64)| KeptFor {
            days: days.map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
            monitors: monitors.unsigned_abs(),
        };
        Ok(rows.into_iter().map(kept).collect())
    }
}
