//! SQLite files.
//!
//! A file is opened anew for each call, which costs little and follows a file that was replaced. A database in memory is
//! one connection that stays.
//!
//! SQLite works in a thread of this process, and some of its steps are long ones that nothing interrupts. So a file's
//! place among `pool_size` is given back when its connection is really gone, not when its caller has given up.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Row, TypeInfo, ValueRef,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow},
};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::{
    Engine, Job, Rows, Rules, Value,
    faults::{no_parameter, undecodable},
    params::{self, Part},
    pragma,
    sql_text::Dialect,
    url::SqlitePlace,
};
use crate::{descriptors, sources::SourceFault};

/// Between two looks at the clock, in SQLite's own small steps: well below a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

pub(super) struct Sqlite {
    place: SqlitePlace,
    rules: Rules,
    places: Arc<Semaphore>,
    memory: Mutex<Option<SqliteConnection>>,
}

impl Sqlite {
    pub(super) fn new(place: SqlitePlace, rules: Rules) -> Self {
        let places = Arc::new(Semaphore::new(rules.pool_size));
        Sqlite { place, rules, places, memory: Mutex::new(None) }
    }

    /// The right to have the file open; waits while all are taken, and gives up a little before `deadline`.
    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, SourceFault> {
        let patience = deadline.checked_sub(Duration::from_millis(20)).unwrap_or(deadline);
        match tokio::time::timeout_at(patience.into(), self.places.clone().acquire_owned()).await {
            Ok(place) => Ok(place.expect("the semaphore is never closed")),
            Err(_) => Err(SourceFault::Failed(format!(
                "this source is still busy with earlier queries, {} of them ('pool_size')",
                self.rules.pool_size
            ))),
        }
    }

    async fn open(&self, patience: Duration) -> Result<SqliteConnection, SourceFault> {
        let only_read = self.rules.read_only || self.place.read_only;
        let busy = self.place.busy_timeout.map_or(patience, Duration::from_secs_f64).min(patience);
        let options = SqliteConnectOptions::new().busy_timeout(busy).disable_statement_logging();
        let options = match &self.place.file {
            Some(file) => {
                // SQLite itself would only say that it is unable to open it.
                if let Err(error) = tokio::fs::metadata(file).await {
                    return Err(SourceFault::Failed(format!("the file cannot be opened: {error}")));
                }
                options.filename(file).read_only(only_read).immutable(self.place.immutable).create_if_missing(false)
            }
            None => options.in_memory(true),
        };
        let options = if only_read { options.pragma("query_only", "1") } else { options };
        options.connect().await.map_err(fault)
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        refuse_other_files(&job.sql)?;
        pragma::refuse_others(&job.sql)?;
        if self.place.file.is_some() {
            let place = self.place(job.deadline).await?;
            let mut connection = self.open(job.server_time()).await?;
            let answer = run(&mut connection, job, &self.rules, Some(place)).await;
            // All is read, so this takes no time, and the place is free for the next call. Any other ends by itself.
            if answer.is_ok() {
                let _ = connection.close().await;
            }
            return answer;
        }
        let mut memory = self.memory.lock().await;
        if memory.is_none() {
            *memory = Some(self.open(job.server_time()).await?);
        }
        let connection = memory.as_mut().expect("it was just put there");
        run(connection, job, &self.rules, None).await
    }
}

/// Executes one statement. The connection keeps `place` as long as it exists.
async fn run(
    connection: &mut SqliteConnection,
    job: Job,
    rules: &Rules,
    place: Option<OwnedSemaphorePermit>,
) -> Result<Rows, SourceFault> {
    let mut rows = job.rows(rules);
    let end = Instant::now() + job.server_time();
    let mut lock = connection.lock_handle().await.map_err(fault)?;
    lock.set_progress_handler(STEPS_BETWEEN_LOOKS, move || {
        let _held = &place;
        Instant::now() < end
    });
    drop(lock);
    let mut sql = String::new();
    let mut arguments = SqliteArguments::default();
    for part in params::place(&job.sql, job.params, Dialect::Sqlite).map_err(SourceFault::BadArguments)? {
        match part {
            Part::Sql(text) => sql.push_str(&text),
            Part::Value(value) => bind(value, &mut sql, &mut arguments)?,
        }
    }
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
    let mut stream = query.fetch(&mut *connection);
    loop {
        let row = stream.try_next().await.map_err(|error| match &error {
            sqlx::Error::Database(inner) if inner.code().as_deref() == Some("9") => {
                SourceFault::Failed("the statement was stopped: its time was over".to_owned())
            }
            _ => fault(error),
        })?;
        let Some(row) = row else { break };
        if rows.is_empty() {
            rows.name(row.columns().iter().map(|column| column.name()));
        }
        rows.push(values(&row)?)?;
    }
    Ok(rows)
}

/// Other files of the machine are not this source's to open, not even for reading.
fn refuse_other_files(sql: &str) -> Result<(), SourceFault> {
    let words = super::sql_text::words(sql, Dialect::Sqlite);
    let first = words.first().map(String::as_str).unwrap_or_default();
    if matches!(first, "attach" | "detach") || (first == "vacuum" && words.iter().any(|word| word == "into")) {
        return Err(SourceFault::Failed(format!("{} is refused: this source is one file", first.to_uppercase())));
    }
    Ok(())
}

fn values(row: &SqliteRow) -> Result<Vec<Value>, SourceFault> {
    let value = |index: usize| {
        let raw = row.try_get_raw(index).map_err(fault)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        // The storage class of this value; what the column was declared as says nothing certain in SQLite.
        let kind = raw.type_info().name().to_owned();
        let read = match kind.as_str() {
            "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(index).map(Value::Int),
            "REAL" => row.try_get_unchecked::<f64, _>(index).map(Value::Float),
            "BLOB" => row.try_get_unchecked::<Vec<u8>, _>(index).map(Value::Bytes),
            _ => row.try_get_unchecked::<Vec<u8>, _>(index).and_then(|bytes| match String::from_utf8(bytes) {
                Ok(text) => Ok(Value::Text(text)),
                Err(error) => Err(sqlx::Error::Decode(Box::new(error))),
            }),
        };
        read.map_err(|error| {
            undecodable(index, row.column(index).name(), &kind, &format!("and cannot be read ({error})"))
        })
    };
    (0..row.len()).map(value).collect()
}

/// Dates and kin become the texts that Python's own driver writes.
fn bind(value: Value, sql: &mut String, arguments: &mut SqliteArguments) -> Result<(), SourceFault> {
    use sqlx::Arguments;
    let added = match value {
        Value::List(items) | Value::Tuple(items) => {
            for (index, item) in super::items(items)?.into_iter().enumerate() {
                sql.push_str(if index == 0 { "(" } else { ", " });
                bind(item, sql, arguments)?;
            }
            sql.push(')');
            return Ok(());
        }
        Value::Null => arguments.add(None::<i64>),
        Value::Bool(flag) => arguments.add(i64::from(flag)),
        Value::Int(int) => arguments.add(int),
        Value::Float(float) => arguments.add(float),
        Value::Bytes(bytes) => arguments.add(bytes),
        Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::Uuid(text) => arguments.add(text),
        Value::DateTime(text) => arguments.add(text.replacen('T', " ", 1)),
        // SQLite has no exact decimals: a number is stored, and compared, as one.
        Value::Decimal(text) => match text.parse::<i64>() {
            Ok(int) => arguments.add(int),
            Err(_) => match text.parse::<f64>() {
                Ok(float) => arguments.add(float),
                Err(_) => return Err(no_parameter("SQLite", &Value::Decimal(text))),
            },
        },
        other @ (Value::BigInt(_) | Value::Duration(_) | Value::Dict(_)) => {
            return Err(no_parameter("SQLite", &other));
        }
    };
    added.map_err(|error| SourceFault::BadArguments(error.to_string()))?;
    sql.push('?');
    Ok(())
}

/// What SQLite says, as a fault.
fn fault(error: sqlx::Error) -> SourceFault {
    // "Unable to open", whatever the reason was.
    let unopened = matches!(&error, sqlx::Error::Database(inner) if inner.code().as_deref() == Some("14"));
    if let Some(words) = unopened.then(descriptors::shortage_now).flatten() {
        return SourceFault::Ours(words);
    }
    SourceFault::Failed(match error {
        sqlx::Error::Database(error) => {
            let code = error.code().map(|code| format!(" ({code})")).unwrap_or_default();
            format!("{}{code}", error.message())
        }
        sqlx::Error::Configuration(error) => format!("the connection string does not fit: {error}"),
        other => other.to_string(),
    })
}
