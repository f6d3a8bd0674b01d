//! The databases of measures: files in the temporary folder, and databases of their own on one PostgreSQL, which is that of
//! `REVERE_BENCH_POSTGRES_URL` (the address of a database in which others may be made) or one with Debian's programs that is
//! started for as long as the benchmark goes on. That one keeps its data in the temporary folder, too, and is as durable as by
//! default.

use std::path::Path;

use postgres_server::PostgresServer;
use revere::store::{DatabasePlace, PostgresAddress};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use url::Url;
use waiting::eventually;

#[path = "../../tests/it/support/postgres_server.rs"]
#[expect(dead_code, reason = "tests use the rest")]
mod postgres_server;
#[path = "../../tests/it/support/waiting.rs"]
#[expect(dead_code, reason = "tests use the rest")]
mod waiting;

/// Where new databases are made.
pub(crate) enum Databases {
    /// SQLite, in a folder that goes with its database.
    Files,
    /// PostgreSQL.
    Server(Box<Postgres>),
}

/// One that nothing is in.
pub(crate) struct Fresh {
    pub(crate) place: DatabasePlace,
    /// On a server.
    name: Option<String>,
    _folder: Option<TempDir>,
}

impl Databases {
    /// The engine's name, for people.
    pub(crate) fn engine(&self) -> &'static str {
        match self {
            Databases::Files => "SQLite",
            Databases::Server(_) => "PostgreSQL",
        }
    }

    pub(crate) async fn fresh(&self) -> Fresh {
        match self {
            Databases::Files => {
                let folder = tempfile::tempdir().unwrap();
                Fresh { place: folder.path().join("revere.db").into(), name: None, _folder: Some(folder) }
            }
            Databases::Server(postgres) => {
                let name = Postgres::any_name();
                let address = PostgresAddress::read(&postgres.made(&name).await, None).unwrap();
                Fresh { place: address.into(), name: Some(name), _folder: None }
            }
        }
    }

    /// Takes one away that nobody uses any more.
    pub(crate) async fn forget(&self, fresh: Fresh) {
        if let (Databases::Server(postgres), Some(name)) = (self, &fresh.name) {
            postgres.take_away(name).await;
        }
    }
}

/// A PostgreSQL.
pub(crate) struct Postgres {
    url: Url,
    started: Option<PostgresServer>,
}

impl Postgres {
    /// `None` where there is none, which is said.
    pub(crate) async fn find() -> Option<Postgres> {
        if let Ok(url) = std::env::var("REVERE_BENCH_POSTGRES_URL") {
            return Some(Postgres { url: url.parse().unwrap(), started: None });
        }
        let is_here = |folder: std::fs::DirEntry| folder.path().join("bin/initdb").exists();
        if !Path::new("/usr/lib/postgresql").read_dir().is_ok_and(|mut all| all.any(|one| one.is_ok_and(is_here))) {
            println!(
                "PostgreSQL left out: it takes the Debian package postgresql, or REVERE_BENCH_POSTGRES_URL, which says where one is"
            );
            return None;
        }
        let server = PostgresServer::start(&["fsync=on"]).await;
        Some(Postgres { url: server.url().parse().unwrap(), started: Some(server) })
    }

    /// Whether it goes, with all that is in it, when the benchmark ends.
    pub(crate) fn is_started_here(&self) -> bool {
        self.started.is_some()
    }

    /// What it is, in one line.
    pub(crate) async fn words(&self) -> String {
        let words = "select 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1)
            || ', fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit')
            || ', shared_buffers ' || current_setting('shared_buffers')";
        let said: String = sqlx::query_scalar(words).fetch_one(&mut self.connect().await).await.unwrap();
        said
    }

    pub(crate) fn any_name() -> String {
        format!("revere_bench_{}", uuid::Uuid::new_v4().simple())
    }

    /// Makes a database, in the place of one with this name; its address.
    pub(crate) async fn made(&self, name: &str) -> String {
        self.take_away(name).await;
        self.run(format!("create database {name} encoding 'UTF8' template template0")).await;
        self.address_of(name)
    }

    pub(crate) async fn take_away(&self, name: &str) {
        self.run(format!("drop database if exists {name} with (force)")).await;
    }

    /// The address of the database with this name.
    pub(crate) fn address_of(&self, name: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(name);
        url.into()
    }

    /// How much room a database takes, in bytes.
    pub(crate) async fn size(&self, name: &str) -> i64 {
        let size = sqlx::query_scalar("select pg_database_size($1)").bind(name);
        size.fetch_one(&mut self.connect().await).await.unwrap()
    }

    async fn run(&self, sql: String) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connect().await).await.unwrap();
    }

    async fn connect(&self) -> PgConnection {
        self.url.as_str().parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
    }
}
