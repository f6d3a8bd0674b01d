//! The database of a test: a SQLite file in a folder of its own or, where `REVERE_TEST_ENGINE=postgresql` says so, a
//! schema of its own on the PostgreSQL of `scripts/services`. That variable is the one parameter by which the same
//! tests run on both engines.

use std::time::Duration;

use revere::store::{DatabasePlace, PostgresAddress, Store};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use tempfile::TempDir;

/// A database that is this test's alone.
pub(crate) struct TestDatabase {
    place: DatabasePlace,
    url: String,
    /// The file is in it, where it is a file.
    _folder: TempDir,
}

/// Whether tests run on PostgreSQL.
pub(crate) fn on_postgresql() -> bool {
    match std::env::var("REVERE_TEST_ENGINE").as_deref() {
        Ok("postgresql") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("REVERE_TEST_ENGINE={other}: expected sqlite or postgresql"),
    }
}

impl TestDatabase {
    /// One that nothing is in, of the engine that tests run on.
    pub(crate) async fn new() -> TestDatabase {
        match on_postgresql() {
            true => TestDatabase::on_a_server().await,
            false => TestDatabase::in_a_file(),
        }
    }

    /// SQLite, whatever tests run on.
    pub(crate) fn in_a_file() -> TestDatabase {
        let folder = tempfile::tempdir().unwrap();
        TestDatabase { place: folder.path().join("revere.db").into(), url: String::new(), _folder: folder }
    }

    /// PostgreSQL, whatever tests run on.
    pub(crate) async fn on_a_server() -> TestDatabase {
        TestDatabase::at_url(&schema_of_its_own().await)
    }

    /// What is at this address of PostgreSQL.
    pub(crate) fn at_url(url: &str) -> TestDatabase {
        let address = PostgresAddress::read(url, None).unwrap();
        TestDatabase { place: address.into(), url: url.to_owned(), _folder: tempfile::tempdir().unwrap() }
    }

    /// The same one, for another server.
    pub(crate) fn shared(&self) -> TestDatabase {
        assert!(self.place.file().is_none(), "one server has a file for itself");
        TestDatabase { place: self.place.clone(), url: self.url.clone(), _folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn place(&self) -> DatabasePlace {
        self.place.clone()
    }

    /// Its address, password and all, where it is on a server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The address of a new schema on the server of the tests.
pub(crate) async fn schema_of_its_own() -> String {
    let url = crate::alerts::service("REVERE_TEST_POSTGRES_URL");
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    let mut admin = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create schema {name}"))).execute(&mut admin).await.unwrap();
    format!("{url}?sslmode=disable&options[search_path]={name}")
}

/// What can be amiss of a monitor, whatever was done to it: a row that it lacks, or one by which it would never be due, or
/// late, or run although it is off.
const AMISS_OF_MONITORS: &str = "
    select cast(m.id as text) || ' has no state' from monitors m
        where not exists (select 1 from states s where s.monitor_id = m.id)
    union all
    select cast(m.id as text) || ' is never looked at' from monitors m
        where not exists (select 1 from dues d where d.monitor_id = m.id)
    union all
    select cast(d.monitor_id as text) || ' has a tick and is never due' from dues d
        where d.due_at is null and d.fault is null and (d.next_tick_at is not null or d.owed_tick_at is not null)
    union all
    select cast(d.monitor_id as text) || ' is due after its tick' from dues d where d.due_at > d.next_tick_at
    union all
    select cast(d.monitor_id as text) || ' is off and has a tick' from dues d join monitors m on m.id = d.monitor_id
        where (not m.active or m.deleted_at is not null)
            and (d.due_at is not null or d.next_tick_at is not null or d.owed_tick_at is not null)
    union all
    select cast(d.monitor_id as text) || ' is claimed by half' from dues d
        where (d.claimed_by is null) <> (d.claimed_tick_at is null) or (d.claimed_by is null) <> (d.lease_until is null)";

/// A connection of the test's own to a store's database, as another process would have it.
pub(crate) enum Sql {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Sql {
    /// To the database of this store.
    pub(crate) async fn of(store: &Store) -> Sql {
        Sql::at(store.place()).await
    }

    /// To this database.
    pub(crate) async fn at(place: &DatabasePlace) -> Sql {
        match place {
            DatabasePlace::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(5));
                Sql::Sqlite(options.connect().await.unwrap())
            }
            DatabasePlace::Server(address) => Sql::Postgres(address.connect_options().connect().await.unwrap()),
        }
    }

    /// Does what it says; answers how many rows it changed.
    pub(crate) async fn run(&mut self, sql: impl Into<String>) -> u64 {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Sql::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.unwrap().rows_affected(),
            Sql::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.unwrap().rows_affected(),
        }
    }

    /// The one number that it answers.
    pub(crate) async fn number(&mut self, sql: impl Into<String>) -> i64 {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Sql::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap(),
            Sql::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap(),
        }
    }

    /// The texts of the one column that it answers.
    pub(crate) async fn texts(&mut self, sql: impl Into<String>) -> Vec<String> {
        let sql = AssertSqlSafe(sql.into());
        match self {
            Sql::Sqlite(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
            Sql::Postgres(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
        }
    }

    /// The numbers of each row of the one column that it answers, which is a text of them with spaces between.
    pub(crate) async fn numbers(&mut self, sql: impl Into<String>) -> Vec<Vec<i64>> {
        let rows = self.texts(sql).await;
        rows.iter().map(|row| row.split(' ').map(|number| number.parse().unwrap()).collect()).collect()
    }

    /// Everything that the database holds, row by row, but what transactions are known by.
    pub(crate) async fn everything(&mut self) -> Vec<String> {
        let tables = match self {
            Sql::Sqlite(_) => {
                self.texts("select name from sqlite_schema where type = 'table' and name not like 'sqlite%'").await
            }
            Sql::Postgres(_) => {
                self.texts(
                    "select cast(relname as text) from pg_class where relnamespace = current_schema()::regnamespace
                         and relkind in ('r', 'p') and not relispartition and relname <> 'commits' order by 1",
                )
                .await
            }
        };
        let mut all = Vec::new();
        for table in tables {
            let rows = match self {
                Sql::Sqlite(_) => {
                    let columns = self
                        .texts(format!("select 'quote(\"' || name || '\")' from pragma_table_info('{table}')"))
                        .await;
                    self.texts(format!("select '{table}: ' || {} from {table}", columns.join(" || ',' || "))).await
                }
                Sql::Postgres(_) => {
                    self.texts(format!("select '{table}: ' || cast(t as text) from {table} t order by 1")).await
                }
            };
            all.extend(rows);
        }
        all
    }

    /// Keeps every writer out, as a backup tool or a curious operator might, until [`Sql::let_go`].
    pub(crate) async fn hold(&mut self) {
        match self {
            Sql::Sqlite(_) => self.run("begin immediate").await,
            Sql::Postgres(_) => self.run("begin; lock table monitors, runs, meta in exclusive mode").await,
        };
    }

    /// Ends a transaction without a trace.
    pub(crate) async fn let_go(&mut self) {
        self.run("rollback").await;
    }

    /// Asks the database itself whether it is sound, and whether each monitor has what each has.
    pub(crate) async fn assert_sound(&mut self) {
        assert_eq!(self.texts(AMISS_OF_MONITORS).await, [""; 0], "what is amiss of monitors");
        // PostgreSQL checks references with every write, and its pages when it reads them.
        let Sql::Sqlite(connection) = self else { return };
        let integrity: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(integrity, "ok");
        let broken: Vec<SqliteRow> = sqlx::query("pragma foreign_key_check").fetch_all(connection).await.unwrap();
        assert!(broken.is_empty(), "{} broken references", broken.len());
    }
}
