//! MySQL and MariaDB.
//!
//! Each call has a connection of its own. What a statement leaves in a session (the current database, variables,
//! `get_lock`, settings, temporary tables) would otherwise reach the next call, which may be another monitor's, and not
//! every server can be asked for a session as new. One costs a thread of the server and a few exchanges; PostgreSQL's,
//! which cost a process and a slow proof of the password (22 ms where `discard all` takes 0.06 ms), are kept.

mod connection;
mod decode;
mod encode;
mod log_in;
mod packet;

use std::time::Duration;

use async_trait::async_trait;
use connection::Connection;
use encode::Statement;

use super::{
    Engine, Job, Rows, Rules,
    connections::Places,
    faults::{Refusal, Stopped},
    params::{self, Part},
    read_only,
    server::Server,
    sql_text::Dialect,
};
use crate::sources::SourceFault;

/// How long saying goodbye may take. The answer is there by then; a server that does not hear it will notice.
const GOODBYE: Duration = Duration::from_millis(500);

/// MySQL's number for a statement that it cannot read.
const SYNTAX: u16 = 1064;

pub(super) struct MySql {
    server: Server,
    rules: Rules,
    places: Places,
}

impl MySql {
    pub(super) fn new(server: Server, rules: Rules) -> Self {
        MySql { server, places: Places::new(rules.pool_size), rules }
    }

    /// A connection in a transaction.
    async fn open(&self, job: &Job) -> Result<Connection, Stopped> {
        let mut connection = Connection::open(&self.server).await?;
        let mut settings = "set names utf8mb4".to_owned();
        if let Some(collation) = &self.server.collation {
            settings.push_str(&format!(" collate {collation}"));
        }
        if let Some(zone) = &self.rules.time_zone {
            settings.push_str(&format!(", time_zone = '{zone}'"));
        }
        // Of the two comments MariaDB executes the first alone and MySQL the second.
        let time = job.server_time();
        let (seconds, millis) = (time.as_secs_f64(), time.as_millis());
        settings.push_str(&format!(
            " /*M! , max_statement_time = {seconds:.3} */ /*!50708 , max_execution_time = {millis} */"
        ));
        connection.run(&settings).await?;
        let kind = if self.rules.read_only { "read only" } else { "read write" };
        connection.run(&format!("start transaction {kind}")).await?;
        Ok(connection)
    }
}

#[async_trait]
impl Engine for MySql {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        let _place = self.places.place(job.deadline).await?;
        let mut statement = Statement::new();
        for part in params::place(&job.sql, job.params.clone(), Dialect::MySql).map_err(SourceFault::BadArguments)? {
            match part {
                Part::Sql(text) => statement.push_text(&text),
                Part::Value(value) => statement.push_value(value)?,
            }
        }
        let mut connection = job.connecting(self.open(&job)).await.map_err(Stopped::before_any_statement)?;
        // What is text and what is code depends on the session: it was looked at as most servers read it.
        if self.rules.read_only && !connection.backslash_escapes() {
            read_only::only_reads(&job.sql, Dialect::MySqlPlain)?;
        }
        let mut answer = fetch(&mut connection, &statement, &job, &self.rules).await;
        // Closed in the middle of an answer or of a transaction, a connection takes back what the statement did.
        if answer.is_ok() && !self.rules.read_only {
            answer = connection.run("commit").await.and(answer);
        }
        if matches!(answer, Ok(_) | Err(Stopped::Refused(_))) {
            let _ = tokio::time::timeout(job.clean_up_time(GOODBYE), connection.close()).await;
        }
        answer.map_err(worded)
    }
}

/// Executes the statement. A procedure may answer several times: the first answer with rows counts, and what follows it is
/// read to its end.
async fn fetch(connection: &mut Connection, statement: &Statement, job: &Job, rules: &Rules) -> Result<Rows, Stopped> {
    let mut parameters = statement.parameters.as_slice();
    let prepared = match connection.prepare(&statement.with_placeholders()).await {
        // Some statements take no parameters: `show status like ?`.
        Err(Stopped::Refused(refusal)) if refusal.number == SYNTAX && !parameters.is_empty() => {
            parameters = &[];
            connection.prepare(&statement.with_literals(connection.backslash_escapes())).await?
        }
        prepared => prepared?,
    };
    if usize::from(prepared.parameters) != parameters.len() {
        return Err(Stopped::Here(SourceFault::Failed(format!(
            "placeholders in the statement: {}; parameters given: {}",
            prepared.parameters,
            parameters.len()
        ))));
    }
    connection.execute(&prepared, parameters).await?;
    let mut rows = job.rows(rules);
    let mut answered = false;
    loop {
        if let Some(columns) = connection.columns().await? {
            while let Some(row) = connection.next_row(job.max_bytes).await? {
                if answered {
                    continue;
                }
                if rows.is_empty() {
                    rows.name(columns.iter().map(|column| column.name.as_str()));
                }
                let values = decode::row(&columns, row, &mut rows.room());
                rows.push(values?)?;
            }
            answered = true;
        }
        if !connection.has_more() {
            return Ok(rows);
        }
    }
}

/// The fault, in which it is clear whose time was over.
fn worded(stopped: Stopped) -> SourceFault {
    match stopped {
        // MariaDB's and MySQL's numbers for it.
        Stopped::Refused(refusal @ Refusal { number: 1969 | 3024, .. }) => match Stopped::Refused(refusal).into() {
            SourceFault::Failed(text) => {
                SourceFault::Failed(format!("the statement was stopped by the database, its time was over: {text}"))
            }
            other => other,
        },
        stopped => stopped.into(),
    }
}
