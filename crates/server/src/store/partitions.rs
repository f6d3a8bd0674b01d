//! Partitions of runs, where the database has them: made ahead, and taken away when all in them is older than any
//! monitor keeps it. A file has none: what goes there leaves room for what comes.

use std::sync::{Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};

use super::{
    Store, StoreError,
    columns::{instant, micros},
    database::{
        self as db, DbConnection, Engine,
        faults::{DbFault, fault},
    },
    postgres::partitions::{self, Standing},
};

/// When there are partitions for less than this, the next one is missing.
const MISSING: SignedDuration = SignedDuration::from_hours(48);

/// What was seen when they were looked after last.
#[derive(Default)]
pub(super) struct Partitions(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Until when there are partitions.
    until: Option<i64>,
    /// What began before goes with its partition soon.
    left_until: Option<i64>,
    /// Why no more could be made.
    fault: Option<String>,
}

impl Partitions {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}

impl Store {
    /// Makes partitions of runs ahead, and takes away those whose time is over. On a connection of its own: where
    /// somebody else has hold of the table, no result waits for this.
    pub async fn keep_partitions(&self, now: Timestamp) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        let mut connection = self.0.connect.connect().await?;
        let kept = async {
            let standing = look(&mut connection, micros(now)).await?;
            // It is known also where no more can be made.
            self.0.partitions.seen().until = Some(standing.until);
            keep(&mut connection, micros(now), standing).await
        };
        let kept = kept.await;
        let closed = connection.close().await;
        tracing::trace!(?closed, "partitions were looked after");
        let mut seen = self.0.partitions.seen();
        match kept {
            Ok(standing) => {
                if seen.fault.take().is_some() {
                    tracing::info!("partitions of runs can be made again");
                }
                seen.until = Some(standing.until);
                seen.left_until = Some(standing.left_until);
                Ok(())
            }
            Err(error) => {
                // One by one, then.
                seen.left_until = None;
                match fault(&error) {
                    // Somebody reads or writes, or another server does it: next time.
                    Some(DbFault::Locked) => Ok(()),
                    // What stands in the way is no trouble of the connection, and stops nothing else.
                    Some(_) => {
                        let words = StoreError::from(error).to_string();
                        if seen.fault.is_none() {
                            tracing::warn!(error = words, "partitions of runs cannot be looked after");
                        }
                        seen.fault = Some(words);
                        Ok(())
                    }
                    None => Err(error.into()),
                }
            }
        }
    }

    /// Whether the next partition of runs is there; `None` where runs are in none. Asks nothing: says what was seen last.
    pub fn partitions(&self, now: Timestamp) -> Option<Result<(), String>> {
        if !self.is_shared() {
            return None;
        }
        let seen = self.0.partitions.seen();
        let why = seen.fault.as_deref().unwrap_or("none was made");
        Some(match seen.until {
            Some(until) if until < micros(now.saturating_add(MISSING).unwrap_or(now)) => {
                let until = instant(until).map_or_else(|_| until.to_string(), |until| until.to_string());
                Err(format!("runs have partitions until {until} only: {why}"))
            }
            // None was seen yet.
            None if seen.fault.is_some() => Err(format!("partitions of runs cannot be looked after: {why}")),
            _ => Ok(()),
        })
    }

    /// What began before this goes with its partition within days: nobody need delete it.
    pub(super) fn left_to_partitions(&self) -> i64 {
        self.0.partitions.seen().left_until.unwrap_or(i64::MIN)
    }
}

async fn keep(connection: &mut DbConnection, now: i64, mut standing: Standing) -> Result<Standing, sqlx::Error> {
    if standing.lacks {
        connection.begin().await?;
        if let Engine::Postgres(connection) = connection.engine() {
            partitions::make_ahead(connection, now).await?;
        }
        db::query("commit").execute(&mut *connection).await?;
        standing = look(connection, now).await?;
    }
    if let Some(over) = standing.over.take() {
        connection.begin().await?;
        let gone = match connection.engine() {
            Engine::Postgres(connection) => partitions::take_away(connection, &over).await,
            Engine::Sqlite(_) => Ok(0),
        };
        match gone {
            Ok(gone) => {
                db::query("commit").execute(&mut *connection).await?;
                if gone > 0 {
                    tracing::info!(partitions = gone, "runs went that are older than any monitor keeps them");
                }
            }
            // It does no harm that they are there.
            Err(error) if fault(&error) == Some(DbFault::Locked) => {
                tracing::debug!(%error, "partitions of runs are taken away another time");
                db::query("rollback").execute(&mut *connection).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(standing)
}

async fn look(connection: &mut DbConnection, now: i64) -> Result<Standing, sqlx::Error> {
    match connection.engine() {
        Engine::Postgres(connection) => partitions::look(connection, now).await,
        Engine::Sqlite(_) => Ok(Standing { until: i64::MAX, lacks: false, over: None, left_until: i64::MIN }),
    }
}
