//! PostgreSQL, and what speaks its protocol.
//!
//! The protocol is spoken here and not by a library, because only so can each column come as it is best read: in binary
//! what has a Python word, as PostgreSQL writes it what has none, whatever types a database has of its own.

mod connection;
mod decode;
mod literal;
mod message;
mod scram;
mod text_array;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use connection::Connection;
use decode::Kind;
use message::Column;

use super::{
    Engine, Job, Rows, Rules, Value,
    connections::{Connections, Kept},
    faults::{Stopped, undecodable},
    params::{self, Part},
    server::Server,
    sql_text::Dialect,
};
use crate::sources::SourceFault;

/// How long a connection may take to become as new. The answer is there by then.
const RENEWAL: Duration = Duration::from_secs(1);

/// Of so many types a connection remembers what they are.
const REMEMBERED: usize = 1000;

pub(super) struct Postgres {
    server: Server,
    rules: Rules,
    connections: Connections<Connection>,
    /// Whether something is installed in this database that keeps things in a session whatever it is told.
    remembers: AtomicBool,
}

/// Asks for what `discard all` does not end: functions in Perl, Python and the like have variables that live as long as the
/// session, `dblink` has connections of its own, and these extensions have variables, too.
const REMEMBERING: &str = "select 1 from pg_catalog.pg_language where lanname not in ('internal', 'c', 'sql', 'plpgsql') \
     union all select 1 from pg_catalog.pg_extension \
     where extname in ('dblink', 'orafce', 'pg_variables', 'session_variable')";

impl Postgres {
    pub(super) fn new(server: Server, rules: Rules) -> Self {
        let connections = Connections::new(rules.pool_size, rules.pool_recycle);
        Postgres { server, rules, connections, remembers: AtomicBool::new(false) }
    }

    /// A connection in a transaction of its own in which `sql` has been read, and the columns it will answer. A connection
    /// that has died since its last call is replaced: nothing of this call had been executed yet.
    async fn begin(&self, job: &Job, sql: &str) -> Result<Begun, Stopped> {
        if let Some(mut kept) = self.connections.take() {
            let opening = self.opening(job);
            match kept.connection.prepare(&opening, sql).await {
                Err(stopped) if stopped.is_broken() => {}
                columns => return Ok(Begun { kept, opening, columns }),
            }
        }
        let opened = job.connecting(Connection::open(&self.server)).await;
        let mut kept = Kept::new(opened.map_err(Stopped::before_any_statement)?);
        // The time that connecting took is not the statement's.
        let opening = self.opening(job);
        let columns = kept.connection.prepare(&opening, sql).await;
        Ok(Begun { kept, opening, columns })
    }

    fn opening(&self, job: &Job) -> String {
        let kind = if self.rules.read_only { "read only" } else { "read write" };
        let zone = self.rules.time_zone.as_deref().unwrap_or("UTC");
        // What the log-in asked for is not what `discard all` returns to where a pooler such as PgBouncer is in between.
        format!(
            "begin {kind}; set local statement_timeout = {}; set local time zone '{zone}'; \
             set local datestyle = 'ISO, MDY'; set local client_encoding = 'UTF8'",
            job.server_time().as_millis()
        )
    }

    async fn answer(&self, job: &Job, sql: &str) -> Result<Rows, Stopped> {
        let Begun { mut kept, opening, columns } = self.begin(job, sql).await?;
        let answer = match columns {
            Ok(columns) => fetch(&mut kept.connection, &opening, sql, &columns, job, &self.rules).await,
            Err(stopped) => Err(stopped),
        };
        // Left in the middle of an answer, the connection is of no more use; an error of the statement leaves it in order.
        if !kept.connection.is_in_order() {
            return answer;
        }
        if answer.is_ok() && !self.rules.read_only {
            kept.connection.run(&["commit"]).await?;
            self.keep(kept, &["discard all"], job.clean_up_time(RENEWAL)).await;
        } else {
            self.keep(kept, &["rollback", "discard all"], job.clean_up_time(RENEWAL)).await;
        }
        answer
    }

    /// Keeps a connection for the next call, which may be another monitor's: settings, roles, locks, temporary tables and
    /// prepared statements end here. One that cannot be made as new in time is closed, which ends them as well.
    async fn keep(&self, mut kept: Kept<Connection>, last: &[&str], time: Duration) {
        let renewal = async move {
            match kept.connection.run(last).await {
                Ok(()) if self.is_forgetful(&mut kept.connection).await => self.connections.put_back(kept),
                Ok(()) | Err(Stopped::Refused(_)) => kept.connection.close().await,
                Err(_) => {}
            }
        };
        // The answer is there, whatever becomes of the connection.
        let _ = tokio::time::timeout(time, renewal).await;
    }

    /// Whether this session is as new after `discard all`. Asked once for each connection.
    async fn is_forgetful(&self, connection: &mut Connection) -> bool {
        if self.remembers.load(Ordering::Relaxed) {
            return false;
        }
        if !connection.is_forgetful {
            connection.is_forgetful = match connection.rows(REMEMBERING).await {
                Ok(found) => {
                    self.remembers.fetch_or(!found.is_empty(), Ordering::Relaxed);
                    found.is_empty()
                }
                // What speaks the protocol without having these catalogues has nothing of the kind.
                Err(Stopped::Refused(_)) => true,
                Err(_) => false,
            };
        }
        connection.is_forgetful
    }
}

struct Begun {
    kept: Kept<Connection>,
    /// What the transaction was opened by.
    opening: String,
    columns: Result<Vec<Column>, Stopped>,
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
        self.answer(&job, &sql).await.map_err(SourceFault::from)
    }
}

async fn fetch(
    connection: &mut Connection,
    opening: &str,
    sql: &str,
    columns: &[Column],
    job: &Job,
    rules: &Rules,
) -> Result<Rows, Stopped> {
    let asked = learn(connection, opening, columns).await?;
    let kind = |column: &Column| {
        Kind::of(column.kind).or_else(|| connection.kinds.get(&column.kind).cloned()).unwrap_or(Kind::Text)
    };
    let kinds: Vec<Kind> = columns.iter().map(kind).collect();
    connection.execute(asked.then_some(sql), kinds.iter().map(Kind::is_binary)).await?;
    let mut rows = job.rows(rules);
    while let Some(row) = connection.next_row(job.max_bytes).await? {
        if rows.is_empty() {
            rows.name(columns.iter().map(|column| column.name.as_str()));
        }
        let values = message::values(&row).filter(|values| values.len() == kinds.len());
        let values = values.ok_or_else(|| Stopped::Protocol("a row does not have the columns announced".to_owned()))?;
        let mut room = rows.room();
        let value =
            |(index, bytes): (usize, Option<&[u8]>)| match bytes.map(|bytes| kinds[index].read(bytes, &mut room)) {
                None => Ok(Value::Null),
                Some(Some(value)) => Ok(value),
                Some(None) => Err(room.fault().unwrap_or_else(|| {
                    let kind = format!("number {} of pg_type", columns[index].kind);
                    undecodable(index, &columns[index].name, &kind, "of which this value cannot be read")
                })),
            };
        let values = values.into_iter().enumerate().map(value).collect::<Result<Vec<Value>, _>>()?;
        rows.push(values)?;
    }
    Ok(rows)
}

/// Asks what those types are that are this database's own: of arrays, whose elements may be enums or domains, each element
/// has a value of its own. Answers whether it had to ask, after which the server has forgotten the statement.
async fn learn(connection: &mut Connection, opening: &str, columns: &[Column]) -> Result<bool, Stopped> {
    let unknown = |column: &&Column| Kind::of(column.kind).is_none() && !connection.kinds.contains_key(&column.kind);
    let mut numbers: Vec<u32> = columns.iter().filter(unknown).map(|column| column.kind).collect();
    if numbers.is_empty() {
        return Ok(false);
    }
    numbers.sort_unstable();
    numbers.dedup();
    if connection.kinds.len() + numbers.len() > REMEMBERED {
        // All but those of this very answer.
        connection.kinds.retain(|number, _| columns.iter().any(|column| column.kind == *number));
    }
    let list = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let question = format!(
        "with recursive element(array_oid, oid, typtype, typbasetype) as (\
         select a.oid, e.oid, e.typtype, e.typbasetype from pg_catalog.pg_type a \
         join pg_catalog.pg_type e on e.oid = a.typelem \
         where a.oid in ({list}) and a.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc \
         union all select b.array_oid, e.oid, e.typtype, e.typbasetype from element b \
         join pg_catalog.pg_type e on e.oid = b.typbasetype where b.typtype = 'd') \
         select array_oid, oid, typtype from element where typtype <> 'd'"
    );
    let found = match connection.rows(&question).await {
        Ok(found) => found,
        // What speaks the protocol without having this catalogue: all is as it writes it.
        Err(Stopped::Refused(_)) => {
            connection.run(&["rollback", opening]).await?;
            Vec::new()
        }
        Err(stopped) => return Err(stopped),
    };
    for number in numbers {
        let row = found.iter().find(|row| row.first().and_then(Option::as_deref) == Some(number.to_string().as_str()));
        let kind = row.map_or(Kind::Text, |row| {
            let text = |index: usize| row.get(index).and_then(Option::as_deref);
            element_kind(text(1), text(2))
        });
        connection.kinds.insert(number, kind);
    }
    Ok(true)
}

/// How arrays are read whose elements have this number and this kind of type.
fn element_kind(number: Option<&str>, kind: Option<&str>) -> Kind {
    let element = number.and_then(|number| number.parse().ok()).and_then(Kind::of);
    match (element, kind) {
        (_, Some("e")) => Kind::TextArray,
        (Some(Kind::Array(_) | Kind::TextArray), _) | (None, _) => Kind::Text,
        (Some(Kind::Text), _) => match number {
            // name, text, char(n), varchar: as the arrays of these themselves.
            Some("19" | "25" | "1042" | "1043") => Kind::TextArray,
            _ => Kind::Text,
        },
        (Some(element), _) => Kind::Array(Box::new(element)),
    }
}
