//! How PostgreSQL is connected to, and what every session is told first.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tokio::time::timeout;

use super::{address::PostgresAddress, clear_text, commits, faults, migrate, partitions::Known};
use crate::store::{
    OpenError, StoreOptions,
    database::{DbConnection, DbOptions, DbPool, Opened},
};

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);

/// A connection that nobody used for so long is asked whether it still is one.
const UNSURE: Duration = Duration::from_secs(1);

/// What every session is told. Not as parameters of the connection: poolers between here and the database refuse those.
/// A statement ends before whoever waits for it gives up, and a server that was stopped in the middle of a transaction or cut
/// off holds nothing for long.
const SESSION: &str = "set statement_timeout = '30s'; set idle_in_transaction_session_timeout = '10s'; \
    set client_connection_check_interval = '10s'; set tcp_user_timeout = '10s'; set jit = off; set timezone = 'UTC'; \
    set default_transaction_isolation = 'read committed'; set client_min_messages = warning";

/// The same, for those that only read.
const READING: &str = "set default_transaction_read_only = on";

/// The same, for what people look at: lists, charts, exports. Long ones are read in pieces, each a question of its own,
/// and while one of those goes on, what was so when it began is kept for its sake.
const FOR_PEOPLE: &str = "set default_transaction_read_only = on; set statement_timeout = '10s'";

/// How the writer connects.
#[derive(Clone)]
pub(in crate::store) struct ConnectOptions {
    address: PgConnectOptions,
    /// Whether the server is asked first in which way it wants the password.
    asks_first: bool,
    /// How long a lock is waited for.
    busy_timeout: Duration,
}

/// The writer's connection.
pub(in crate::store) struct WriterConnection {
    pub(in crate::store) connection: PgConnection,
    /// See [`commits`]. Another one for each connection: what was begun on one that broke holds up no other.
    pub(in crate::store) name: String,
    /// Whether nothing more may be asked on it: statements are prepared that no longer fit the schema, or a transaction was
    /// begun by half.
    pub(in crate::store) spent: bool,
    /// Which partitions runs may go into.
    pub(in crate::store) partitions: Known,
}

impl ConnectOptions {
    fn new(address: &PostgresAddress, busy_timeout: Duration) -> ConnectOptions {
        let asks_first = address.may_show_its_password();
        let address = address.connect_options().application_name("revere");
        let address = address.extra_float_digits(None).statement_cache_capacity(256);
        ConnectOptions { address, asks_first, busy_timeout }
    }

    /// Where TLS is not required and the server has it, it is from here on, for readers too: none falls back.
    async fn settled(mut self) -> Result<ConnectOptions, sqlx::Error> {
        if self.asks_first {
            let asked = timeout(CONNECTING, clear_text::offers_tls(&self.address)).await;
            if asked.unwrap_or_else(|_| Err(no_answer(CONNECTING)))? {
                // What disables it was said by hand, and is not asked whether it has any.
                self.address = self.address.ssl_mode(PgSslMode::Require);
                self.asks_first = false;
            }
        }
        Ok(self)
    }

    fn session(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!("{SESSION}; set lock_timeout = {}", self.busy_timeout.as_millis().max(1)))
    }
}

/// Connects for writing.
pub(in crate::store) async fn connect(options: &ConnectOptions) -> Result<WriterConnection, sqlx::Error> {
    let connection = connect_alone(options).await?;
    let name = uuid::Uuid::new_v4().simple().to_string();
    Ok(WriterConnection { connection, name, spent: false, partitions: Known::default() })
}

async fn connect_alone(options: &ConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connecting = async {
        if options.asks_first {
            clear_text::offers_tls(&options.address).await?;
        }
        let mut connection = options.address.connect().await?;
        sqlx::raw_sql(options.session()).execute(&mut connection).await?;
        Ok(connection)
    };
    timeout(CONNECTING, connecting).await.unwrap_or_else(|_| Err(no_answer(CONNECTING)))
}

/// It did not answer within that time.
pub(in crate::store) fn no_answer(within: Duration) -> sqlx::Error {
    let words = format!("no answer within {} s", within.as_secs());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, words))
}

/// It gave no connection within that time.
pub(in crate::store) fn no_connection(within: Duration) -> sqlx::Error {
    let words = format!("no connection within {} s", within.as_secs());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, words))
}

/// Connections for reading, made when they are needed.
fn readers(options: &ConnectOptions, connections: u32, patience: Duration, reading: &'static str) -> DbPool {
    let told = options.clone();
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let session = told.session();
            Box::pin(async move {
                sqlx::raw_sql(session).execute(&mut *connection).await?;
                sqlx::raw_sql(reading).execute(connection).await?;
                Ok(())
            })
        })
        .before_acquire(|connection, facts| {
            Box::pin(async move {
                if facts.idle_for > UNSURE {
                    timeout(CONNECTING, connection.ping()).await.unwrap_or_else(|_| Err(no_answer(CONNECTING)))?;
                }
                Ok(true)
            })
        });
    DbPool::Postgres(pool.connect_lazy_with(options.address.clone()))
}

/// Opens the database, with this program's schema.
pub(in crate::store) async fn open(options: &StoreOptions, address: &PostgresAddress) -> Result<Opened, OpenError> {
    let failed = |source: sqlx::Error| faults::cannot_open(address, source);
    let connect_options = ConnectOptions::new(address, options.busy_timeout).settled().await.map_err(failed)?;
    let mut writer = connect(&connect_options).await.map_err(failed)?;
    let connection = &mut writer.connection;
    check(connection, address).await?;
    if options.must_exist && migrate::look(connection, address).await? == 0 {
        return Err(OpenError::Missing { place: address.to_string() });
    }
    if options.beside_a_server {
        migrate::refuse_other_schema(connection, address).await?;
    }
    migrate::bring_up_to_date(connection, address, || patient(address)).await?;
    if let Err(error) = commits::forget(connection).await {
        tracing::debug!(%error, "what old transactions were known by was left where it is");
    }
    let instance = sqlx::query_scalar("select value from meta where key = 'instance'")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let patience = options.busy_timeout.max(Duration::from_secs(1));
    Ok(Opened {
        readers: readers(&connect_options, options.readers, patience, FOR_PEOPLE),
        engine_readers: readers(&connect_options, 2, patience, READING),
        options: DbOptions::Postgres(Box::new(connect_options)),
        connection: DbConnection::Postgres(Box::new(writer)),
        instance,
        lock: None,
    })
}

/// A connection by itself, for what may take long.
pub(super) async fn patient(address: &PostgresAddress) -> Result<PgConnection, sqlx::Error> {
    let mut options = ConnectOptions::new(address, CONNECTING);
    options.address = options.address.disable_statement_logging();
    connect_alone(&options).await
}

/// The same, to a database that everything can be kept in.
pub(super) async fn checked(address: &PostgresAddress) -> Result<PgConnection, OpenError> {
    let mut connection = patient(address).await.map_err(|source| faults::cannot_open(address, source))?;
    check(&mut connection, address).await?;
    Ok(connection)
}

/// The oldest version whose words these statements are.
const OLDEST: i32 = 140_000;

/// Whether it is a database that everything can be kept in.
async fn check(connection: &mut PgConnection, address: &PostgresAddress) -> Result<(), OpenError> {
    let failed = |source: sqlx::Error| faults::cannot_open(address, source);
    let (version, encoding, schema): (String, String, Option<String>) = sqlx::query_as(
        "select current_setting('server_version_num'), current_setting('server_encoding'), current_schema()::text",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    let refused = |fault: String| OpenError::Server { place: address.to_string(), fault, passing: false, source: None };
    let number: i32 = version.parse().unwrap_or(i32::MAX);
    if number < OLDEST {
        let found = number / 10_000;
        return Err(refused(format!("is PostgreSQL {found}, which is too old: 14 or newer is needed")));
    }
    if encoding != "UTF8" {
        return Err(refused(format!(
            "keeps texts as {encoding}, in which most of the world's letters cannot be written; make a database by \
             `createdb --encoding=UTF8 --template=template0 NAME`"
        )));
    }
    if schema.is_none() {
        return Err(refused(
            "has no schema that this user may put tables into; as its owner say GRANT USAGE, CREATE ON SCHEMA public TO the \
             user of DATABASE_URL"
                .to_owned(),
        ));
    }
    Ok(())
}
