//! PostgreSQL, and what speaks its protocol.
//!
//! Statements go out by the protocol that takes one at a time, and answers come back in binary. Types that have no Python
//! word here are asked for as text: the statement is wrapped in a `select` that casts those columns.

mod decode;
mod literal;

use std::{collections::HashMap, sync::Mutex, time::Duration};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row,
    postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow},
};

use super::{
    Engine, Job, Rows, Rules, Value,
    connections::{Connections, Kept},
    fault, is_broken,
    params::{self, Part},
    sql_text::{self, Dialect},
    undecodable,
};
use crate::sources::SourceFault;

/// Of so many statements it is remembered that they need casts; then all is forgotten, and learned again.
const REMEMBERED: usize = 1000;

/// Longer statements are not remembered: scripts make them, and each may be another.
const LONGEST_REMEMBERED: usize = 16 << 10;

/// How long a connection may take to become as new. The answer is there by then.
const RENEWAL: Duration = Duration::from_secs(1);

pub(super) struct Postgres {
    options: PgConnectOptions,
    rules: Rules,
    connections: Connections<PgConnection>,
    /// The columns of statements that need casts, by the statement as its author wrote it.
    as_text: Mutex<HashMap<String, Casts>>,
}

/// The columns of an answer: their names, and whether each must be asked for as text.
type Casts = Vec<(String, bool)>;

impl Postgres {
    pub(super) fn new(options: PgConnectOptions, rules: Rules) -> Self {
        let connections = Connections::new(rules.pool_size, rules.pool_recycle);
        Postgres { options, rules, connections, as_text: Mutex::default() }
    }

    /// A connection in a transaction of its own. One that has died since its last call is replaced: nothing of this call
    /// had reached the server yet.
    async fn begin(&self, job: &Job) -> Result<Kept<PgConnection>, sqlx::Error> {
        if let Some(mut kept) = self.connections.take() {
            match kept.connection.execute(self.opening(job)).await {
                Ok(_) => return Ok(kept),
                Err(error) if is_broken(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut kept = Kept::new(self.options.connect().await?);
        kept.connection.execute(self.opening(job)).await?;
        Ok(kept)
    }

    fn opening(&self, job: &Job) -> sqlx::RawSql {
        let kind = if self.rules.read_only { "read only" } else { "read write" };
        let mut sql = format!("begin {kind}; set local statement_timeout = {}", job.server_time().as_millis());
        if let Some(zone) = &self.rules.time_zone {
            sql.push_str(&format!("; set local time zone '{zone}'"));
        }
        sqlx::raw_sql(AssertSqlSafe(sql))
    }

    async fn attempt(&self, job: &Job, sql: &str, casts: Option<&Casts>) -> Result<Rows, Stopped> {
        let wrapped = casts.map(|casts| wrapped(sql, casts));
        let sql = wrapped.as_deref().unwrap_or(sql);
        let mut kept = self.begin(job).await.map_err(Stopped::Broken)?;
        let mut answer = fetch(&mut kept.connection, sql, job.rows(&self.rules)).await;
        if answer.as_ref().is_err_and(Stopped::by_lookup) {
            kept.connection.execute(sqlx::raw_sql("rollback")).await.map_err(Stopped::Broken)?;
            kept.connection.execute(self.opening(job)).await.map_err(Stopped::Broken)?;
            answer = fetch(&mut kept.connection, sql, job.rows(&self.rules)).await;
        }
        // Left in the middle of an answer, the connection is of no more use; an error of the statement leaves it in order.
        if matches!(answer, Ok(_) | Err(Stopped::ByDatabase(_))) {
            let end = if answer.is_ok() && !self.rules.read_only { "commit" } else { "rollback" };
            match kept.connection.execute(sqlx::raw_sql(end)).await {
                Ok(_) => self.keep(kept).await,
                Err(error) if answer.is_ok() && !self.rules.read_only => return Err(Stopped::Broken(error)),
                Err(_) => {}
            }
        }
        answer
    }

    /// Keeps a connection for the next call, which may be another monitor's: settings, roles, locks, temporary tables and
    /// prepared statements end here. One that cannot be made as new in time is closed, which ends them as well.
    async fn keep(&self, mut kept: Kept<PgConnection>) {
        let as_new = async {
            // Those that sqlx remembers would be gone without its knowing.
            kept.connection.clear_cached_statements().await?;
            kept.connection.execute(sqlx::raw_sql("discard all")).await
        };
        if let Ok(Ok(_)) = tokio::time::timeout(RENEWAL, as_new).await {
            self.connections.put_back(kept);
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Casts>> {
        self.as_text.lock().expect("no code panics while it holds this lock")
    }

    fn remember(&self, sql: String, casts: Casts) {
        if sql.len() > LONGEST_REMEMBERED {
            return;
        }
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(sql, casts);
    }
}

#[async_trait]
impl Engine for Postgres {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        let _place = self.connections.place(job.deadline).await?;
        let mut sql = String::new();
        for part in params::place(&job.sql, job.params.clone(), Dialect::Postgres).map_err(SourceFault::BadArguments)? {
            match part {
                Part::Sql(text) => sql.push_str(&text),
                Part::Value(value) => literal::write(&value, &mut sql)?,
            }
        }
        let known = self.known().get(&job.sql).cloned();
        let mut answer = self.attempt(&job, &sql, known.as_ref()).await;
        match &answer {
            Err(Stopped::Undecodable { casts, .. }) if known.is_none() && is_query(&sql) => {
                let casts = casts.clone();
                answer = self.attempt(&job, &sql, Some(&casts)).await;
                if answer.is_ok() {
                    self.remember(job.sql, casts);
                }
            }
            // A table may have changed since; the next call looks again.
            Err(Stopped::ByDatabase(_) | Stopped::Undecodable { .. }) if known.is_some() => {
                self.known().remove(&job.sql);
            }
            _ => {}
        }
        match answer {
            Ok(rows) => Ok(rows),
            Err(Stopped::ByDatabase(error) | Stopped::Broken(error)) => Err(fault(error)),
            Err(Stopped::Here(fault) | Stopped::Undecodable { fault, .. }) => Err(fault),
        }
    }
}

enum Stopped {
    ByDatabase(sqlx::Error),
    Broken(sqlx::Error),
    Here(SourceFault),
    /// Some columns have types without a Python word: which, and the fault if nothing can be done about it.
    Undecodable {
        casts: Casts,
        fault: SourceFault,
    },
}

impl Stopped {
    /// Whether sqlx, looking up a type it met for the first time on this connection, put its own question in the place of
    /// ours. It knows the type now, so the same again will do; ours was not executed.
    fn by_lookup(&self) -> bool {
        matches!(self, Stopped::ByDatabase(sqlx::Error::Database(error)) if error.code().as_deref() == Some("26000"))
    }
}

async fn fetch(connection: &mut PgConnection, sql: &str, mut rows: Rows) -> Result<Rows, Stopped> {
    let mut stream = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch(connection);
    loop {
        match stream.try_next().await {
            Ok(None) => return Ok(rows),
            Ok(Some(row)) => {
                if rows.is_empty() {
                    rows.name(row.columns().iter().map(|column| column.name()));
                    readable(&row)?;
                }
                let values = (0..row.len()).map(|index| decode::value(&row, index)).collect::<Result<Vec<Value>, _>>();
                values.and_then(|values| rows.push(values)).map_err(Stopped::Here)?;
            }
            Err(error @ sqlx::Error::Database(_)) if !is_broken(&error) => return Err(Stopped::ByDatabase(error)),
            Err(error) => return Err(Stopped::Broken(error)),
        }
    }
}

fn readable(row: &PgRow) -> Result<(), Stopped> {
    let casts: Casts =
        row.columns().iter().map(|column| (column.name().to_owned(), !decode::knows(column.type_info()))).collect();
    match casts.iter().position(|(_, cast)| *cast) {
        None => Ok(()),
        Some(index) => {
            let column = row.column(index);
            let fault = undecodable(
                index,
                column.name(),
                &column.type_info().to_string(),
                "for which there is no Python value",
            );
            Err(Stopped::Undecodable { casts, fault })
        }
    }
}

/// Whether a statement can stand in the `from` of another.
fn is_query(sql: &str) -> bool {
    matches!(sql_text::keyword(sql, Dialect::Postgres).as_str(), "select" | "with" | "values" | "table")
}

/// The same rows, in which some columns are text. Inside, columns are named by their place, since names may repeat.
fn wrapped(sql: &str, casts: &Casts) -> String {
    let inner: Vec<String> = (1..=casts.len()).map(|place| format!("c{place}")).collect();
    let outer = inner.iter().zip(casts).map(|(inner, (name, cast))| {
        let cast = if *cast { "::text" } else { "" };
        format!("{inner}{cast} as \"{}\"", name.replace('"', "\"\""))
    });
    // A line break, since the statement may end in a comment.
    format!("select {} from (\n{sql}\n) as answer({})", outer.collect::<Vec<_>>().join(", "), inner.join(", "))
}

/// What PostgreSQL adds to a message: a detail, a hint, where in the statement.
pub(super) fn details(error: &dyn sqlx::error::DatabaseError) -> String {
    let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else { return String::new() };
    let mut more = String::new();
    for (word, text) in [("detail", error.detail()), ("hint", error.hint())] {
        if let Some(text) = text {
            more.push_str(&format!("; {word}: {text}"));
        }
    }
    if let Some(sqlx::postgres::PgErrorPosition::Original(place)) = error.position() {
        more.push_str(&format!("; at character {place} of the statement"));
    }
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_short_statements_are_remembered() {
        let rules = Rules {
            read_only: true,
            timeout: Duration::from_secs(1),
            max_rows: 1,
            pool_size: 1,
            pool_recycle: Duration::from_secs(1),
            time_zone: None,
        };
        let postgres = Postgres::new(PgConnectOptions::new(), rules);
        postgres.remember("x".repeat(LONGEST_REMEMBERED + 1), Casts::new());
        assert_eq!(postgres.known().len(), 0);
        postgres.remember("x".repeat(LONGEST_REMEMBERED), Casts::new());
        assert_eq!(postgres.known().len(), 1);
        for number in 0..REMEMBERED * 2 {
            postgres.remember(number.to_string(), Casts::new());
        }
        assert!(postgres.known().len() <= REMEMBERED);
    }
}
