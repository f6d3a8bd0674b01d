//! What became of a transaction whose commit was not answered.
//!
//! A broken connection does not say whether what was asked for last was done. Each transaction that writes is known by its
//! number, and the database knows of each number how it ended.

use sqlx::{PgConnection, Row};

/// Begins a transaction; answers its number.
pub(in crate::store) async fn begin(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    // Both in one message.
    let row = sqlx::raw_sql("begin; select pg_current_xact_id()::text").fetch_one(connection).await?;
    row.try_get(0)
}

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Ended {
    /// All of it is durable.
    Committed,
    /// Nothing of it is there.
    Aborted,
    /// It has not ended.
    Not,
}

/// How the transaction of that number ended.
pub(in crate::store) async fn ended(connection: &mut PgConnection, number: &str) -> Result<Ended, sqlx::Error> {
    let status: Result<Option<String>, sqlx::Error> =
        sqlx::query_scalar("select pg_xact_status(cast($1 as xid8))").bind(number).fetch_one(connection).await;
    match status {
        Ok(Some(status)) => Ok(match status.as_str() {
            "committed" => Ended::Committed,
            "in progress" => Ended::Not,
            _ => Ended::Aborted,
        }),
        // So old that it is forgotten; none of ours is.
        Ok(None) => Ok(Ended::Aborted),
        // Invalid_parameter_value: a number that this database has not given out yet. It is another one, which took over
        // without it.
        Err(error) if error.as_database_error().and_then(|error| error.code()).as_deref() == Some("22023") => {
            Ok(Ended::Aborted)
        }
        Err(error) => Err(error),
    }
}
