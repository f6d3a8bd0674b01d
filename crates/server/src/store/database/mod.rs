//! The database, by the names that the rest of the store knows it by: one set of types over both engines, SQLite and
//! PostgreSQL.
//!
//! A statement is text with values, written so that both engines read it alike; what an engine has words of its own for is a
//! piece of that text ([`sql_pieces`]), which the connection's engine puts into its words. Statements are prepared once for each
//! connection. What an engine alone can do stands in its own folder. A test lists the words that may stand nowhere else.

mod connection;
pub(super) mod faults;
mod query;
mod query_builder;
pub(super) mod run_ids;
pub(super) mod sql_pieces;
mod values;

pub(super) use connection::{DbConnection, DbOptions, DbPool, Engine, Opened};
pub(super) use query::{FromRow, query, query_as, query_scalar, raw_sql};
pub(super) use query_builder::QueryBuilder;
pub(super) use sqlx::AssertSqlSafe;
pub(super) use values::{Argument, DbRow};
