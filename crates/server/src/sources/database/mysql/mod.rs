//! MySQL and MariaDB.

mod decode;
mod encode;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Executor, Row,
    mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection},
};

use super::{
    Engine, Job, Rows, Rules, Value,
    connections::{Connections, Kept},
    fault, is_broken,
    params::{self, Part},
    scan::Dialect,
};
use crate::sources::SourceFault;

pub(super) struct MySql {
    options: MySqlConnectOptions,
    rules: Rules,
    connections: Connections<Session>,
}

/// A connection, and whose variable for the time of a statement it has.
struct Session {
    connection: MySqlConnection,
    mariadb: bool,
}

impl MySql {
    pub(super) fn new(options: MySqlConnectOptions, rules: Rules) -> Self {
        // The zone goes into the session when it opens; sqlx writes it into the statement as it is, and it was checked.
        let options = options.timezone(rules.time_zone.clone());
        let connections = Connections::new(rules.pool_size, rules.pool_recycle);
        MySql { options, rules, connections }
    }

    async fn open(&self) -> Result<Kept<Session>, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        // sqlx asks for IGNORE_SPACE, under which some names of columns are no names.
        connection.execute("set session sql_mode = @@global.sql_mode").await?;
        let version: Vec<u8> =
            sqlx::query("select version()").persistent(false).fetch_one(&mut connection).await?.try_get_unchecked(0)?;
        let mariadb = String::from_utf8_lossy(&version).to_ascii_lowercase().contains("mariadb");
        Ok(Kept::new(Session { connection, mariadb }))
    }

    /// A connection in a transaction of its own. One that has died since its last call is replaced: nothing of this call
    /// had reached the server yet.
    async fn begin(&self, job: &Job) -> Result<Kept<Session>, sqlx::Error> {
        if let Some(mut kept) = self.connections.take() {
            match kept.connection.begin(job, self.rules.read_only).await {
                Ok(()) => return Ok(kept),
                Err(error) if is_broken(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut kept = self.open().await?;
        kept.connection.begin(job, self.rules.read_only).await?;
        Ok(kept)
    }
}

impl Session {
    async fn begin(&mut self, job: &Job, read_only: bool) -> Result<(), sqlx::Error> {
        let time = job.server_time();
        let limit = match self.mariadb {
            true => format!("set session max_statement_time = {:.3}", time.as_secs_f64()),
            false => format!("set session max_execution_time = {}", time.as_millis()),
        };
        let kind = if read_only { "read only" } else { "read write" };
        self.connection
            .execute(sqlx::raw_sql(AssertSqlSafe(format!("{limit}; start transaction {kind}"))))
            .await
            .map(drop)
    }
}

#[async_trait]
impl Engine for MySql {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        let _place = self.connections.place(job.deadline).await?;
        let mut sql = String::new();
        let mut arguments = MySqlArguments::default();
        for part in params::place(&job.sql, job.params.clone(), Dialect::MySql).map_err(SourceFault::BadArguments)? {
            match part {
                Part::Sql(text) => sql.push_str(&text),
                Part::Value(value) => encode::bind(value, &mut sql, &mut arguments)?,
            }
        }
        let mut kept = self.begin(&job).await.map_err(fault)?;
        let connection = &mut kept.connection.connection;
        let answer = fetch(connection, sql, arguments, job.rows(&self.rules)).await;
        // Left in the middle of an answer, the connection is of no more use; an error of the statement leaves it in order.
        let in_order = matches!(answer, Ok(_) | Err(Stopped::ByDatabase(_)));
        let end = if answer.is_ok() && !self.rules.read_only { "commit" } else { "rollback" };
        let ended = if in_order { connection.execute(sqlx::raw_sql(end)).await.map(drop) } else { Ok(()) };
        if in_order && ended.is_ok() {
            self.connections.put_back(kept);
        }
        match (answer, ended) {
            (Ok(_), Err(error)) if !self.rules.read_only => Err(fault(error)),
            (Ok(rows), _) => Ok(rows),
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
