//! Connections to either engine.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection, sqlite::SqliteConnectOptions,
};
use tokio::time::timeout;

use super::{query::query, sql_pieces};
use crate::store::{
    postgres::{
        self,
        commits::{Ended, Transaction},
    },
    sqlite::{self, lock::LockFile},
};

/// How to connect for writing.
#[derive(Clone)]
pub(in crate::store) enum DbOptions {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<postgres::connection::ConnectOptions>),
}

impl DbOptions {
    pub(in crate::store) fn connect(&self) -> BoxFuture<'_, Result<DbConnection, sqlx::Error>> {
        Box::pin(async move {
            Ok(match self {
                DbOptions::Sqlite(options) => DbConnection::Sqlite(options.connect().await?),
                DbOptions::Postgres(options) => {
                    DbConnection::Postgres(Box::new(postgres::connection::connect(options).await?))
                }
            })
        })
    }
}

/// A connection, by itself or out of a pool.
pub(in crate::store) enum DbConnection {
    Sqlite(SqliteConnection),
    PooledSqlite(PoolConnection<Sqlite>),
    Postgres(Box<postgres::connection::WriterConnection>),
    PooledPostgres(PoolConnection<Postgres>),
}

/// A connection, by its engine.
pub(in crate::store) enum Engine<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl DbConnection {
    pub(in crate::store) fn engine(&mut self) -> Engine<'_> {
        match self {
            DbConnection::Sqlite(connection) => Engine::Sqlite(connection),
            DbConnection::PooledSqlite(connection) => Engine::Sqlite(connection),
            DbConnection::Postgres(writer) => Engine::Postgres(&mut writer.connection),
            DbConnection::PooledPostgres(connection) => Engine::Postgres(connection),
        }
    }

    /// Hands an answer through. Where there was none, nothing more is asked of this connection, and it goes to nobody else.
    pub(super) fn heeding<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if let Err(error) = &answer {
            match self {
                DbConnection::PooledPostgres(connection)
                    if matches!(error, sqlx::Error::Io(_)) || postgres::faults::is_outdated(error) =>
                {
                    connection.close_on_drop();
                }
                DbConnection::Postgres(writer) => writer.spent |= postgres::faults::is_outdated(error),
                _ => {}
            }
        }
        answer
    }

    /// Whether a statement was not done because this connection had prepared it for an older schema. Then it knows none any more,
    /// and may be asked again.
    pub(super) async fn knew_an_older_schema(&mut self, error: &sqlx::Error) -> bool {
        let Engine::Postgres(connection) = self.engine() else { return false };
        postgres::faults::is_outdated(error) && answered(connection.clear_cached_statements()).await.is_ok()
    }

    /// Whether nothing more may be asked on it, although it stands.
    pub(in crate::store) fn is_spent(&self) -> bool {
        matches!(self, DbConnection::Postgres(writer) if writer.spent)
    }

    /// Begins a transaction that will write; answers what it is known by, where its commit may go unanswered.
    pub(in crate::store) async fn begin(&mut self) -> Result<Option<Transaction>, sqlx::Error> {
        match self {
            DbConnection::Postgres(writer) => {
                let begun = answered(postgres::commits::begin(&mut writer.connection, &writer.name)).await;
                writer.spent |= begun.is_err();
                writer.partitions.begin();
                begun.map(Some)
            }
            _ => query(sql_pieces::BEGIN).execute(self).await.map(|_| None),
        }
    }

    /// Has room there for runs that began at these instants, which are about to be written in the transaction that goes on.
    pub(in crate::store) async fn has_room_for_runs(&mut self, began: &[i64]) -> Result<(), sqlx::Error> {
        match self {
            DbConnection::Postgres(writer) => answered(postgres::partitions::have(writer, began)).await,
            // A file has room for any; nobody writes out of a pool.
            _ => Ok(()),
        }
    }

    /// How the transaction ended that is known by this.
    pub(in crate::store) async fn ended(&mut self, transaction: &Transaction) -> Result<Ended, sqlx::Error> {
        match self.engine() {
            Engine::Sqlite(_) => Ok(Ended::Aborted),
            Engine::Postgres(connection) => answered(postgres::commits::ended(connection, transaction)).await,
        }
    }

    /// Whether a statement is the same however many rows it has.
    pub(in crate::store) fn takes_any_number_of_rows(&self) -> bool {
        matches!(self, DbConnection::Postgres(_) | DbConnection::PooledPostgres(_))
    }

    /// Whether a statement may change rows of one table and, by what became of those, of another.
    pub(in crate::store) fn changes_two_tables_at_once(&self) -> bool {
        matches!(self, DbConnection::Postgres(_) | DbConnection::PooledPostgres(_))
    }

    /// Lets go of the database in order.
    pub(in crate::store) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            DbConnection::Sqlite(connection) => sqlite::connection::close(connection).await,
            DbConnection::Postgres(writer) => sqlx::Connection::close(writer.connection).await,
            // Out of a pool, it goes back.
            DbConnection::PooledSqlite(_) | DbConnection::PooledPostgres(_) => Ok(()),
        }
    }
}

/// What PostgreSQL has not answered by then it will not answer: each statement ends before, so the network was cut.
const ANSWERED: Duration = Duration::from_secs(40);

/// An answer of PostgreSQL, or that there was none.
pub(super) async fn answered<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(ANSWERED, answer).await.unwrap_or_else(|_| Err(postgres::connection::no_answer(ANSWERED)))
}

/// A database that was opened.
pub(in crate::store) struct Opened {
    /// How the writer connects anew.
    pub(in crate::store) options: DbOptions,
    /// The writer's.
    pub(in crate::store) connection: DbConnection,
    pub(in crate::store) readers: DbPool,
    pub(in crate::store) engine_readers: DbPool,
    /// Tells this database apart in delivery keys.
    pub(in crate::store) instance: String,
    /// Where only one process may have it.
    pub(in crate::store) lock: Option<LockFile>,
}

/// Connections for reading. Clones share them.
#[derive(Clone)]
pub(in crate::store) enum DbPool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl DbPool {
    /// A connection, made or free within the time that the pool allows.
    pub(in crate::store) fn acquire(&self) -> BoxFuture<'_, Result<DbConnection, sqlx::Error>> {
        Box::pin(async move {
            Ok(match self {
                DbPool::Sqlite(pool) => DbConnection::PooledSqlite(pool.acquire().await?),
                DbPool::Postgres(pool) => {
                    DbConnection::PooledPostgres(pool.acquire().await.map_err(|error| match error {
                        // A file is held by somebody then; of a server nothing is known but that it gave nobody a connection.
                        sqlx::Error::PoolTimedOut => {
                            postgres::connection::no_connection(pool.options().get_acquire_timeout())
                        }
                        other => other,
                    })?)
                }
            })
        })
    }

    /// Makes every connection of a file that there may be, now: when descriptors are short there is none left for another one,
    /// and those that are there serve all. One that cannot be made is made when it is needed.
    pub(in crate::store) async fn fill(&self) {
        if let DbPool::Sqlite(pool) = self {
            let all = (0..pool.options().get_max_connections()).map(|_| pool.acquire());
            drop(futures_util::future::join_all(all).await);
        }
    }

    /// Gives out no connection any more, and waits for those that are out.
    pub(in crate::store) async fn close(&self) {
        match self {
            DbPool::Sqlite(pool) => pool.close().await,
            DbPool::Postgres(pool) => pool.close().await,
        }
    }
}
