//! SQL databases: SQLite, MySQL and MariaDB, PostgreSQL, and through the machine's own SQLAlchemy any other.
//!
//! Nothing connects before the first call, so a database that is down never stops the start. Unless the configuration says
//! otherwise the database itself refuses to write. Each call is one statement in a session as new and a transaction of its
//! own, ends on the server when its time is over, and answers all rows or a fault.

mod mysql;
mod postgres;
mod sqlalchemy;
mod sqlite;

mod answer_room;
mod calendar;
mod catalogue;
mod connections;
mod faults;
mod params;
mod pragma;
mod read_only;
mod rows;
mod server;
mod sql_text;
mod tls;
mod url;
mod url_parts;
mod wire;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rows::Rows;
use server::Server;
use sql_text::Dialect;

use super::{
    Built, Call, MethodDescription, Source, SourceFault, SourceKind, SourceSample, Value,
    arguments::{self, Arguments, Method},
    from_json,
    names::{Names, NamesOf, NamesQuestion},
};
use crate::{
    building::BuildInput,
    outbound::TIME_TO_CONNECT,
    settings::{Field, FieldKind},
};

pub(super) const KIND: SourceKind = SourceKind {
    names: &["database", "revere.sources.database.DatabaseSource"],
    doc: "SQL databases: SQLite, MySQL and MariaDB, PostgreSQL; others through the machine's own SQLAlchemy.",
    fields: &[
        Field::required(
            "connection_string",
            FieldKind::Secret,
            "Where it is, in SQLAlchemy's form: `postgresql://user:password@host/database`, `mysql://...`, `sqlite:////file.db`.",
        ),
        Field::optional("read_only", FieldKind::Bool, "Whether the database is to refuse all writing.").or_flag(true),
        Field::optional("timeout", FieldKind::Seconds, "Longest time for one call, connecting included, in seconds.")
            .or_number(20),
        Field::optional("max_rows", FieldKind::Count, "Most rows of one answer; more is an error.").or_number(10_000),
        Field::optional("pool_size", FieldKind::Count, "Most connections at a time.").or_number(5),
        Field::optional(
            "pool_recycle",
            FieldKind::Seconds,
            "Age at which a kept connection is not used again, in seconds. MySQL has a new one for each call.",
        )
        .or_number(3600),
        Field::optional("time_zone", FieldKind::Text, "Time zone of the session.")
            .or_words("PostgreSQL: UTC; MySQL: the server's own"),
        Field::optional("python", FieldKind::Text, "The Python that has SQLAlchemy, for other databases.")
            .or_text("python3"),
    ],
    groups: &[],
    build,
    samples: &[SourceSample {
        config: r#"{"connection_string": "postgresql://u:database-s3cret@127.0.0.1:1/d"}"#,
        call: ("execute", &["select 1"]),
        answer: "",
        judges_status: false,
    }],
};

const METHODS: &[Method] = &[Method {
    name: "execute",
    parameters: &[("sql", None), ("params", Some("None")), ("as_dict", Some("False"))],
    doc: "Executes one statement and answers its rows, as a list of tuples, or of dicts with as_dict=True; without rows the \
          list is empty. params is a list for %s or ?, or a dict for :name or %(name)s.",
}];

/// Longest statement: what a person wrote, even with a long list in it, is shorter.
const LONGEST_STATEMENT: usize = 256 << 10;

/// What every kind of database is told.
#[derive(Clone, Debug)]
struct Rules {
    read_only: bool,
    timeout: Duration,
    max_rows: usize,
    pool_size: usize,
    pool_recycle: Duration,
    time_zone: Option<String>,
}

/// One statement to execute.
struct Job {
    sql: String,
    params: Option<Value>,
    /// When the answer must be there.
    deadline: Instant,
    max_bytes: usize,
    connecting: Connecting,
}

/// Since when a call waits for a connection, while it does.
#[derive(Clone, Default)]
struct Connecting(Arc<Mutex<Option<Instant>>>);

impl Connecting {
    fn is_since(&self, since: Option<Instant>) {
        *self.0.lock().expect("no code panics while it holds this lock") = since;
    }

    /// Why there is no answer after all of `time`. That no connection came about is nobody's statement's doing; that one takes
    /// long may be.
    fn timed_out(&self, time: Duration) -> SourceFault {
        let said = format!("timed out after {:.1} s", time.as_secs_f64());
        let since = *self.0.lock().expect("no code panics while it holds this lock");
        match since {
            // What waited for others until its time was nearly over could not have connected to anything.
            Some(since) if since.elapsed() >= TIME_TO_CONNECT.max(time / 2) => {
                SourceFault::Unavailable(format!("{said}: no connection"))
            }
            _ => SourceFault::Failed(said),
        }
    }
}

impl Job {
    /// Waits for a connection.
    async fn connecting<T>(&self, opening: impl Future<Output = T>) -> T {
        self.connecting.is_since(Some(Instant::now()));
        let opened = opening.await;
        self.connecting.is_since(None);
        opened
    }

    /// What is left of its time: for the database to give up a little before its caller does, so that the caller hears why.
    fn server_time(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (left - (left / 5).min(Duration::from_millis(500))).max(Duration::from_millis(10))
    }

    /// How long to clean up after the answer has come: `longest`, or less where the call would be over before.
    fn clean_up_time(&self, longest: Duration) -> Duration {
        const MARGIN: Duration = Duration::from_millis(50);
        self.deadline.saturating_duration_since(Instant::now()).saturating_sub(MARGIN).min(longest)
    }

    fn rows(&self, rules: &Rules) -> Rows {
        Rows::within(rules.max_rows, self.max_bytes)
    }
}

/// A kind of database.
#[async_trait]
trait Engine: Send + Sync {
    async fn execute(&self, job: Job) -> Result<Rows, SourceFault>;
}

struct Database {
    engine: Box<dyn Engine>,
    rules: Rules,
    /// Where it is, without user and password.
    shown: String,
    dialect: Dialect,
}

fn build(setup: &BuildInput) -> Built {
    let BuildInput { settings, context, .. } = *setup;
    let mut faults = Vec::new();
    for key in ["max_rows", "pool_size"] {
        if settings.count(key) == Some(0) {
            faults.push(setup.fault(key, "expected a whole number, 1 or more"));
        }
    }
    let time_zone = settings.text("time_zone").map(str::to_owned);
    if time_zone.as_deref().is_some_and(|zone| !zone.chars().all(|c| c.is_ascii_alphanumeric() || "+-:/_".contains(c)))
    {
        faults.push(setup.fault("time_zone", "expected a time zone such as Europe/Berlin or +02:00"));
    }
    let rules = Rules {
        read_only: settings.flag("read_only"),
        timeout: settings.required_seconds("timeout"),
        max_rows: usize::try_from(settings.required_count("max_rows")).unwrap_or(usize::MAX),
        pool_size: usize::try_from(settings.required_count("pool_size")).unwrap_or(1000).clamp(1, 1000),
        pool_recycle: settings.required_seconds("pool_recycle"),
        time_zone,
    };
    let found = url::parse(settings.required_text("connection_string"), &context.folder, &context.secrets);
    let found = match found {
        Ok(found) if faults.is_empty() => found,
        Ok(_) => return Err(faults),
        Err(what) => {
            faults.push(setup.fault("connection_string", context.secrets.redact(&what).into_owned()));
            return Err(faults);
        }
    };
    let dialer = context.outbound.dialer();
    let database = match found {
        url::Place::Sqlite(place) => Database {
            shown: place
                .file
                .as_ref()
                .map_or("sqlite in memory".to_owned(), |file| format!("sqlite {}", file.display())),
            dialect: Dialect::Sqlite,
            engine: Box::new(sqlite::Sqlite::new(place, rules.clone())),
            rules,
        },
        url::Place::MySql(server) => Database {
            shown: server.shown("mysql"),
            dialect: Dialect::MySql,
            engine: Box::new(mysql::MySql::new(Server { dialer, ..*server }, rules.clone())),
            rules,
        },
        url::Place::Postgres(server) => Database {
            shown: server.shown("postgresql"),
            dialect: Dialect::Postgres,
            engine: Box::new(postgres::Postgres::new(Server { dialer, ..*server }, rules.clone())),
            rules,
        },
        url::Place::Foreign { dialect, connection_string } => Database {
            dialect: match dialect.split('+').next() {
                Some("mssql" | "sybase" | "access") => Dialect::Bracketed,
                _ => Dialect::Other,
            },
            engine: Box::new(sqlalchemy::Foreign::new(
                settings.required_text("python"),
                connection_string,
                &rules,
                &context.folder,
            )),
            shown: dialect,
            rules,
        },
    };
    Ok(Arc::new(database))
}

#[async_trait]
impl Source for Database {
    fn methods(&self) -> Vec<MethodDescription> {
        arguments::describe(METHODS)
    }

    fn place(&self) -> Option<String> {
        Some(self.shown.clone())
    }

    async fn call(&self, mut call: Call) -> Result<Value, SourceFault> {
        let (_, mut arguments) = Arguments::of(&mut call, METHODS)?;
        let sql = arguments.required_text("sql")?;
        let params = arguments.take("params");
        let as_dict = arguments.flag("as_dict", false)?;
        if sql.contains('\0') {
            return Err(SourceFault::BadArguments("a statement cannot hold a NUL character".to_owned()));
        }
        let job = self.job(sql, params, call.deadline, call.answer_bytes)?;
        self.execute(job).await?.into_value(as_dict)
    }

    async fn probe(&self, deadline: Instant) -> Result<(), SourceFault> {
        // The one database that cannot select without a table; the string begins with its dialect.
        let sql = if self.shown.starts_with("oracle") { "select 1 from dual" } else { "select 1" };
        let job = self.job(sql.to_owned(), None, deadline, 1 << 20)?;
        self.execute(job).await.map(drop)
    }

    fn names_of(&self) -> Option<NamesOf> {
        self.has_catalogue().then_some(NamesOf::Tables)
    }

    async fn names(&self, question: NamesQuestion) -> Result<Names, SourceFault> {
        self.catalogue(question).await
    }
}

impl Database {
    fn job(&self, sql: String, params: Option<Value>, deadline: Instant, max_bytes: usize) -> Result<Job, SourceFault> {
        use Dialect::{Bracketed, MySql, Other, Postgres};
        if sql.len() > LONGEST_STATEMENT {
            return Err(SourceFault::BadArguments(format!(
                "the statement is {} KiB long, and the longest allowed is {} KiB; give values as 'params'",
                sql.len() >> 10,
                LONGEST_STATEMENT >> 10
            )));
        }
        let sql = match self.dialect {
            // The body of a routine has statements of its own; both servers take one statement anyway.
            MySql | Postgres if sql_text::keyword(&sql, self.dialect) == "create" => sql,
            // What these take at a time is theirs to say, unless it must be looked through.
            Other | Bracketed if !self.rules.read_only => sql,
            dialect => sql_text::one_statement(&sql, dialect).map_err(SourceFault::BadArguments)?.to_owned(),
        };
        if self.rules.read_only {
            read_only::only_reads(&sql, self.dialect)?;
        }
        let deadline = deadline.min(Instant::now() + self.rules.timeout);
        Ok(Job { sql, params, deadline, max_bytes, connecting: Connecting::default() })
    }

    async fn execute(&self, job: Job) -> Result<Rows, SourceFault> {
        let (deadline, connecting) = (job.deadline, job.connecting.clone());
        let began = Instant::now();
        let rows = tokio::time::timeout_at(deadline.into(), self.engine.execute(job)).await;
        let rows = rows.unwrap_or_else(|_| Err(connecting.timed_out(deadline.saturating_duration_since(began))));
        rows.map_err(|fault| match fault {
            SourceFault::Failed(what) => SourceFault::Failed(format!("{what} ({})", self.shown)),
            SourceFault::Unavailable(what) => SourceFault::Unavailable(format!("{what} ({})", self.shown)),
            other => other,
        })
    }
}

/// What stands in a list or tuple that is a parameter, for `in`.
fn items(items: Vec<Value>) -> Result<Vec<Value>, SourceFault> {
    if items.is_empty() {
        return Err(SourceFault::BadArguments(
            "an empty list or tuple cannot be a parameter: nothing can be in it".to_owned(),
        ));
    }
    if items.iter().any(|item| matches!(item, Value::List(_) | Value::Tuple(_))) {
        return Err(SourceFault::BadArguments("a list of lists cannot be a parameter".to_owned()));
    }
    Ok(items)
}

/// A 4-byte float as people write it: 1.1, not 1.100000023841858.
fn short_float(float: f32) -> Value {
    Value::Float(float.to_string().parse().unwrap_or(f64::from(float)))
}
