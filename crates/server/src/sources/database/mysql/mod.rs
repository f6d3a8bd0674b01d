//! MySQL and MariaDB.
//!
//! Each call has a connection of its own. What a statement leaves in a session (variables, `get_lock`, settings, temporary
//! tables) would otherwise reach the next call, which may be another monitor's, and the client library cannot ask the
//! server for a session as new. One costs a thread of the server and a few exchanges; PostgreSQL's, which cost a process and
//! a slow proof of the password (22 ms where `discard all` takes 0.06 ms), are kept.

mod decode;
mod encode;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection},
};

use super::{
    Engine, Job, Rows, Rules, Value,
    connections::Places,
    fault, is_broken,
    params::{self, Part},
    sql_text::Dialect,
};
use crate::sources::SourceFault;

/// How long saying goodbye may take. The answer is there by then; a server that does not hear it will notice.
const GOODBYE: Duration = Duration::from_millis(500);

pub(super) struct MySql {
    options: MySqlConnectOptions,
    rules: Rules,
    places: Places,
}

impl MySql {
    pub(super) fn new(options: MySqlConnectOptions, rules: Rules) -> Self {
        // The zone goes into the session when it opens; sqlx writes it into the statement as it is, and it was checked.
        let options = options.timezone(rules.time_zone.clone());
        MySql { options, places: Places::new(rules.pool_size), rules }
    }

    /// A connection in a transaction.
    async fn open(&self, job: &Job) -> Result<MySqlConnection, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        let time = job.server_time();
        let (seconds, millis) = (time.as_secs_f64(), time.as_millis());
        let kind = if self.rules.read_only { "read only" } else { "read write" };
        // sqlx asks for IGNORE_SPACE, under which some names of columns are no names. Of the two comments MariaDB executes
        // the first alone and MySQL the second.
        let opening = format!(
            "set session sql_mode = @@global.sql_mode /*M! , max_statement_time = {seconds:.3} */ \
             /*!50708 , max_execution_time = {millis} */; start transaction {kind}"
        );
        connection.execute(sqlx::raw_sql(AssertSqlSafe(opening))).await?;
        Ok(connection)
    }
}

#[async_trait]
impl Engine for MySql {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        let _place = self.places.place(job.deadline).await?;
        let mut sql = String::new();
        let mut arguments = MySqlArguments::default();
        for part in params::place(&job.sql, job.params.clone(), Dialect::MySql).map_err(SourceFault::BadArguments)? {
            match part {
                Part::Sql(text) => sql.push_str(&text),
                Part::Value(value) => encode::bind(value, &mut sql, &mut arguments)?,
            }
        }
        let mut connection = self.open(&job).await.map_err(fault)?;
        let answer = fetch(&mut connection, sql, arguments, job.rows(&self.rules)).await;
        // Closed in the middle of an answer or of a transaction, a connection takes back what the statement did.
        let ended = match answer.is_ok() && !self.rules.read_only {
            true => connection.execute(sqlx::raw_sql("commit")).await.map(drop),
            false => Ok(()),
        };
        if matches!(answer, Ok(_) | Err(Stopped::ByDatabase(_))) && ended.is_ok() {
            let _ = tokio::time::timeout(GOODBYE, connection.close()).await;
        }
        match (answer, ended) {
            (Ok(_), Err(error)) => Err(fault(error)),
            (Ok(rows), Ok(())) => Ok(rows),
            (Err(Stopped::ByDatabase(error) | Stopped::Broken(error)), _) => Err(worded(error)),
            (Err(Stopped::Here(fault)), _) => Err(fault),
        }
    }
}

enum Stopped {
    ByDatabase(sqlx::Error),
    Broken(sqlx::Error),
    Here(SourceFault),
}

async fn fetch(
    connection: &mut MySqlConnection,
    sql: String,
    arguments: MySqlArguments,
    mut rows: Rows,
) -> Result<Rows, Stopped> {
    let mut stream = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false).fetch(connection);
    loop {
        match stream.try_next().await {
            Ok(None) => return Ok(rows),
            Ok(Some(row)) => {
                if rows.is_empty() {
                    rows.name(row.columns().iter().map(|column| column.name()));
                }
                let values = (0..row.len()).map(|index| decode::value(&row, index)).collect::<Result<Vec<Value>, _>>();
                values.and_then(|values| rows.push(values)).map_err(Stopped::Here)?;
            }
            Err(error @ sqlx::Error::Database(_)) if !is_broken(&error) => return Err(Stopped::ByDatabase(error)),
            Err(error) => return Err(Stopped::Broken(error)),
        }
    }
}

fn worded(error: sqlx::Error) -> SourceFault {
    let number = match &error {
        sqlx::Error::Database(inner) => {
            inner.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|inner| inner.number())
        }
        _ => None,
    };
    match (number, fault(error)) {
        // MariaDB's and MySQL's ways of saying that the statement's time was over.
        (Some(1969 | 3024), SourceFault::Failed(text)) => {
            SourceFault::Failed(format!("the statement was stopped by the database, its time was over: {text}"))
        }
        (_, fault) => fault,
    }
}
