//! Statements with the values that are bound to them, asked of a connection or of a pool.
//!
//! What is done for a statement is done behind a pointer: there are hundreds of places that ask, and whoever compiles them would look
//! through all of the drivers for each.

use std::marker::PhantomData;

use futures_util::{TryStreamExt, future::BoxFuture};
use sqlx::{SqlSafeStr, SqlStr, postgres::PgArguments, sqlite::SqliteArguments};

use super::{
    connection::{DbConnection, DbPool, Engine, answered},
    sql_pieces,
    values::{Argument, DbRow, Value},
};
use crate::store::{postgres, sqlite};

/// A statement.
pub(in crate::store) fn query<'q>(sql: impl SqlSafeStr) -> Query<'q> {
    Query { sql: sql.into_sql_str(), arguments: Vec::new() }
}

/// A statement whose rows are read as tuples, or as a type that says how.
pub(in crate::store) fn query_as<'q, T: FromRow>(sql: impl SqlSafeStr) -> QueryAs<'q, T> {
    QueryAs { query: query(sql), read: PhantomData }
}

/// A statement of whose rows the first column is read.
pub(in crate::store) fn query_scalar<'q, T: Value>(sql: impl SqlSafeStr) -> QueryScalar<'q, T> {
    QueryScalar { query: query(sql), read: PhantomData }
}

/// Statements without values, one or several, which are not kept prepared.
pub(in crate::store) fn raw_sql(sql: impl SqlSafeStr) -> RawSql {
    RawSql(sql.into_sql_str())
}

/// See [`query`].
#[must_use = "a statement does nothing until it is asked"]
#[derive(Clone)]
pub(in crate::store) struct Query<'q> {
    sql: SqlStr,
    arguments: Vec<Argument<'q>>,
}

/// See [`query_as`].
#[must_use = "a statement does nothing until it is asked"]
pub(in crate::store) struct QueryAs<'q, T> {
    query: Query<'q>,
    read: PhantomData<fn() -> T>,
}

/// See [`query_scalar`].
#[must_use = "a statement does nothing until it is asked"]
pub(in crate::store) struct QueryScalar<'q, T> {
    query: Query<'q>,
    read: PhantomData<fn() -> T>,
}

/// See [`raw_sql`].
#[must_use = "a statement does nothing until it is asked"]
pub(in crate::store) struct RawSql(SqlStr);

/// Whom a statement is asked of.
pub(in crate::store) enum On<'c> {
    Connection(&'c mut DbConnection),
    Pool(&'c DbPool),
}

impl<'c> From<&'c mut DbConnection> for On<'c> {
    fn from(connection: &'c mut DbConnection) -> On<'c> {
        On::Connection(connection)
    }
}

impl<'c> From<&'c DbPool> for On<'c> {
    fn from(pool: &'c DbPool) -> On<'c> {
        On::Pool(pool)
    }
}

/// How many rows a statement changed.
#[derive(Clone, Copy)]
pub(in crate::store) struct Affected(u64);

impl Affected {
    pub(in crate::store) fn rows_affected(self) -> u64 {
        self.0
    }
}

impl<'q> Query<'q> {
    /// With these values, from the first parameter on.
    pub(super) fn with(sql: impl SqlSafeStr, arguments: Vec<Argument<'q>>) -> Query<'q> {
        Query { sql: sql.into_sql_str(), arguments }
    }

    /// Gives the next parameter its value.
    pub(in crate::store) fn bind(mut self, value: impl Into<Argument<'q>>) -> Query<'q> {
        self.arguments.push(value.into());
        self
    }

    pub(in crate::store) async fn execute<'c>(self, on: impl Into<On<'c>>) -> Result<Affected, sqlx::Error> {
        self.executed(on.into()).await
    }

    pub(in crate::store) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<DbRow>, sqlx::Error> {
        self.each(on.into(), Ok).await
    }

    pub(in crate::store) async fn fetch_optional<'c>(
        self,
        on: impl Into<On<'c>>,
    ) -> Result<Option<DbRow>, sqlx::Error> {
        self.fetched(on.into()).await
    }

    pub(in crate::store) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<DbRow, sqlx::Error> {
        self.fetched(on.into()).await?.ok_or(sqlx::Error::RowNotFound)
    }

    async fn each<T: Send>(
        self,
        on: On<'_>,
        read: impl Fn(DbRow) -> Result<T, sqlx::Error> + Send,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut reader = Reader { all: Vec::new(), read };
        self.read_by(on, &mut reader).await?;
        Ok(reader.all)
    }

    fn executed<'f>(self, on: On<'f>) -> BoxFuture<'f, Result<Affected, sqlx::Error>>
    where
        'q: 'f,
    {
        Box::pin(async move {
            match on {
                On::Connection(connection) => self.execute_on(connection).await,
                On::Pool(pool) => self.execute_on(&mut pool.acquire().await?).await,
            }
        })
    }

    fn fetched<'f>(self, on: On<'f>) -> BoxFuture<'f, Result<Option<DbRow>, sqlx::Error>>
    where
        'q: 'f,
    {
        Box::pin(async move {
            match on {
                On::Connection(connection) => self.fetch_optional_on(connection).await,
                On::Pool(pool) => self.fetch_optional_on(&mut pool.acquire().await?).await,
            }
        })
    }

    fn read_by<'f>(self, on: On<'f>, rows: &'f mut dyn TakesRows) -> BoxFuture<'f, Result<(), sqlx::Error>>
    where
        'q: 'f,
    {
        Box::pin(async move {
            match on {
                On::Connection(connection) => self.read_on(connection, rows).await,
                On::Pool(pool) => self.read_on(&mut pool.acquire().await?, rows).await,
            }
        })
    }

    async fn execute_on(self, connection: &mut DbConnection) -> Result<Affected, sqlx::Error> {
        let again = self.again(connection);
        match (self.execute_once(connection).await, again) {
            (Err(error), Some(again)) if connection.knew_an_older_schema(&error).await => {
                again.execute_once(connection).await.or(Err(error))
            }
            (done, _) => done,
        }
    }

    async fn fetch_optional_on(self, connection: &mut DbConnection) -> Result<Option<DbRow>, sqlx::Error> {
        let again = self.again(connection);
        match (self.fetch_optional_once(connection).await, again) {
            (Err(error), Some(again)) if connection.knew_an_older_schema(&error).await => {
                again.fetch_optional_once(connection).await.or(Err(error))
            }
            (row, _) => row,
        }
    }

    async fn read_on(self, connection: &mut DbConnection, rows: &mut dyn TakesRows) -> Result<(), sqlx::Error> {
        let again = self.again(connection);
        match (self.read_once(connection, rows).await, again) {
            (Err(error), Some(again)) if connection.knew_an_older_schema(&error).await => {
                again.read_once(connection, rows).await.or(Err(error))
            }
            (all, _) => all,
        }
    }

    /// The same, to be asked once more of a connection for reading, if another server brings the schema up to date meanwhile.
    /// In a transaction, which is over then, that fails as well, and the first reason counts.
    fn again(&self, connection: &DbConnection) -> Option<Query<'q>> {
        matches!(connection, DbConnection::PooledPostgres(_)).then(|| self.clone())
    }

    async fn execute_once(self, connection: &mut DbConnection) -> Result<Affected, sqlx::Error> {
        let done = match connection.engine() {
            Engine::Sqlite(connection) => self.for_sqlite()?.execute(connection).await.map(|done| done.rows_affected()),
            Engine::Postgres(connection) => {
                answered(self.for_postgres()?.execute(connection)).await.map(|done| done.rows_affected())
            }
        };
        connection.heeding(done).map(Affected)
    }

    async fn fetch_optional_once(self, connection: &mut DbConnection) -> Result<Option<DbRow>, sqlx::Error> {
        let row = match connection.engine() {
            Engine::Sqlite(connection) => {
                self.for_sqlite()?.fetch_optional(connection).await.map(|row| row.map(DbRow::Sqlite))
            }
            Engine::Postgres(connection) => {
                answered(self.for_postgres()?.fetch_optional(connection)).await.map(|row| row.map(DbRow::Postgres))
            }
        };
        connection.heeding(row)
    }

    async fn read_once(self, connection: &mut DbConnection, rows: &mut dyn TakesRows) -> Result<(), sqlx::Error> {
        rows.begin();
        let all = match connection.engine() {
            Engine::Sqlite(connection) => {
                let mut given = self.for_sqlite()?.fetch(connection);
                while let Some(row) = given.try_next().await? {
                    rows.take(DbRow::Sqlite(row))?;
                }
                Ok(())
            }
            Engine::Postgres(connection) => {
                // All of them first: a connection that is left in the middle of an answer would have to hear its end.
                let given = answered(self.for_postgres()?.fetch_all(connection)).await;
                given.and_then(|given| given.into_iter().try_for_each(|row| rows.take(DbRow::Postgres(row))))
            }
        };
        connection.heeding(all)
    }

    fn for_sqlite(self) -> Result<sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>, sqlx::Error> {
        let arguments = sqlite::arguments::bound(self.arguments)?;
        Ok(sqlx::query_with(sqlite::sql_pieces::in_words(self.sql), arguments))
    }

    fn for_postgres(self) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>, sqlx::Error> {
        let arguments = postgres::arguments::bound(self.arguments, sql_pieces::rows_in(self.sql.as_str()))?;
        Ok(sqlx::query_with(postgres::sql_pieces::in_words(self.sql), arguments))
    }
}

/// What becomes of the rows of an answer.
trait TakesRows: Send {
    /// They come from the first one on.
    fn begin(&mut self);
    fn take(&mut self, row: DbRow) -> Result<(), sqlx::Error>;
}

struct Reader<T, F> {
    all: Vec<T>,
    read: F,
}

impl<T: Send, F: Fn(DbRow) -> Result<T, sqlx::Error> + Send> TakesRows for Reader<T, F> {
    fn begin(&mut self) {
        self.all.clear();
    }

    fn take(&mut self, row: DbRow) -> Result<(), sqlx::Error> {
        self.all.push((self.read)(row)?);
        Ok(())
    }
}

macro_rules! reading {
    ($query:ident, $bound:ident, $read:expr) => {
        impl<'q, T: $bound + Send> $query<'q, T> {
            pub(super) fn of(query: Query<'q>) -> Self {
                Self { query, read: PhantomData }
            }

            /// Gives the next parameter its value.
            pub(in crate::store) fn bind(mut self, value: impl Into<Argument<'q>>) -> Self {
                self.query = self.query.bind(value);
                self
            }

            pub(in crate::store) async fn fetch_all<'c>(self, on: impl Into<On<'c>>) -> Result<Vec<T>, sqlx::Error> {
                self.query.each(on.into(), |row| $read(&row)).await
            }

            pub(in crate::store) async fn fetch_optional<'c>(
                self,
                on: impl Into<On<'c>>,
            ) -> Result<Option<T>, sqlx::Error> {
                self.query.fetch_optional(on).await?.as_ref().map($read).transpose()
            }
        }
    };
}

reading!(QueryAs, FromRow, T::from_row);
reading!(QueryScalar, Value, first_column);

impl<T: Value + Send> QueryScalar<'_, T> {
    pub(in crate::store) async fn fetch_one<'c>(self, on: impl Into<On<'c>>) -> Result<T, sqlx::Error> {
        first_column(&self.query.fetch_one(on).await?)
    }
}

fn first_column<T: Value>(row: &DbRow) -> Result<T, sqlx::Error> {
    row.try_get(0)
}

impl RawSql {
    pub(in crate::store) fn execute(self, connection: &mut DbConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            let done = match connection.engine() {
                Engine::Sqlite(connection) => {
                    sqlx::raw_sql(sqlite::sql_pieces::in_words(self.0)).execute(connection).await.map(drop)
                }
                Engine::Postgres(connection) => {
                    let asked = sqlx::raw_sql(postgres::sql_pieces::in_words(self.0));
                    answered(asked.execute(connection)).await.map(drop)
                }
            };
            connection.heeding(done)
        })
    }
}

/// What is read from a whole row.
pub(in crate::store) trait FromRow: Sized {
    fn from_row(row: &DbRow) -> Result<Self, sqlx::Error>;
}

macro_rules! tuples {
    ($(($($column:ident $place:tt),*))*) => {$(
        impl<$($column: Value),*> FromRow for ($($column,)*) {
            fn from_row(row: &DbRow) -> Result<Self, sqlx::Error> {
                Ok(($(row.try_get::<$column>($place)?,)*))
            }
        }
    )*};
}

tuples! { (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }
