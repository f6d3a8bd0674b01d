//! What became of a transaction whose commit was not answered.
//!
//! A broken connection does not say whether what was asked for last was done. So each transaction that writes leaves a token of
//! its own in the row of its writer: what is there afterwards says whether it was committed. Its number alone would not: after a
//! crash it may be given to another one.

use sqlx::{AssertSqlSafe, PgConnection, Row};

/// What a transaction is known by.
#[derive(Clone, Debug)]
pub(in crate::store) struct Transaction {
    /// The row of its writer.
    writer: String,
    token: String,
    /// Its number, while the database lives.
    number: String,
}

/// Begins a transaction of a writer, whose name is a UUID.
pub(in crate::store) async fn begin(connection: &mut PgConnection, writer: &str) -> Result<Transaction, sqlx::Error> {
    let token = uuid::Uuid::new_v4().simple().to_string();
    // All in one message, which takes no parameters.
    let sql = format!(
        "begin; insert into commits (writer, token, at)
             values ('{writer}', '{token}', cast(extract(epoch from clock_timestamp()) * 1000000 as bigint))
             on conflict (writer) do update set token = excluded.token, at = excluded.at
             returning pg_current_xact_id()::text"
    );
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await?;
    Ok(Transaction { writer: writer.to_owned(), token, number: row.try_get(0)? })
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

/// Nothing final can be learnt here.
#[derive(Debug, thiserror::Error)]
#[error("a standby that has not taken over")]
pub(super) struct NotTakenOver;

/// How a transaction ended.
pub(in crate::store) async fn ended(
    connection: &mut PgConnection,
    transaction: &Transaction,
) -> Result<Ended, sqlx::Error> {
    let status: Result<Option<String>, sqlx::Error> = sqlx::query_scalar(
        "select case when pg_is_in_recovery() then 'standby' else pg_xact_status(cast($1 as xid8)) end",
    )
    .bind(&transaction.number)
    .fetch_one(&mut *connection)
    .await;
    match status {
        Ok(Some(status)) if status == "in progress" => return Ok(Ended::Not),
        // It may have received the commit and not come to it: what it says once it has taken over is an answer, or what whoever
        // the address leads to then does.
        Ok(Some(status)) if status == "standby" => return Err(sqlx::Error::Configuration(Box::new(NotTakenOver))),
        Ok(_) => {}
        // Invalid_parameter_value: a number that this database has not given out yet. It lost some, or is another one, which took
        // over without it.
        Err(error) if error.as_database_error().and_then(|error| error.code()).as_deref() == Some("22023") => {}
        Err(error) => return Err(error),
    }
    // It is over: asked after that, so that its token is seen if it was committed.
    let token: Option<String> = sqlx::query_scalar("select token from commits where writer = $1")
        .bind(&transaction.writer)
        .fetch_optional(connection)
        .await?;
    Ok(if token.is_some_and(|token| token == transaction.token) { Ended::Committed } else { Ended::Aborted })
}

/// Forgets writers that have written nothing for a week.
pub(in crate::store) async fn forget(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "delete from commits where writer in (select writer from commits
             where at < cast(extract(epoch from clock_timestamp() - interval '7 days') * 1000000 as bigint)
             for update skip locked)",
    )
    .execute(connection)
    .await?;
    Ok(())
}
