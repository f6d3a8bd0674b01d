//! Statements whose text depends on what is asked for: pieced together, each value with its parameter.

use std::fmt::Display;

use sqlx::AssertSqlSafe;

use super::{
    query::{FromRow, Query, QueryAs, QueryScalar},
    values::{Argument, Value},
};

/// A statement in the making.
pub(in crate::store) struct QueryBuilder {
    sql: String,
    arguments: Vec<Argument<'static>>,
}

impl QueryBuilder {
    /// Begins with this text.
    pub(in crate::store) fn new(sql: impl Into<String>) -> QueryBuilder {
        QueryBuilder { sql: sql.into(), arguments: Vec::new() }
    }

    /// Adds text.
    pub(in crate::store) fn push(&mut self, sql: impl Display) -> &mut QueryBuilder {
        use std::fmt::Write as _;
        // Writing into a String cannot fail.
        let _ = write!(self.sql, "{sql}");
        self
    }

    /// Adds a value.
    pub(in crate::store) fn push_bind<'t>(&mut self, value: impl Into<Argument<'t>>) -> &mut QueryBuilder {
        self.sql.push('?');
        self.arguments.push(value.into().into_owned());
        self
    }

    /// Adds values with this text between them.
    pub(in crate::store) fn separated(&mut self, separator: &'static str) -> Separated<'_> {
        Separated { builder: self, separator, is_first: true }
    }

    /// The statement.
    pub(in crate::store) fn build(&mut self) -> Query<'static> {
        Query::with(AssertSqlSafe(std::mem::take(&mut self.sql)), std::mem::take(&mut self.arguments))
    }

    /// The statement, whose rows are read as tuples.
    pub(in crate::store) fn build_query_as<T: FromRow + Send>(&mut self) -> QueryAs<'static, T> {
        QueryAs::of(self.build())
    }

    /// The statement, of whose rows the first column is read.
    pub(in crate::store) fn build_query_scalar<T: Value + Send>(&mut self) -> QueryScalar<'static, T> {
        QueryScalar::of(self.build())
    }
}

/// See [`QueryBuilder::separated`].
pub(in crate::store) struct Separated<'b> {
    builder: &'b mut QueryBuilder,
    separator: &'static str,
    is_first: bool,
}

impl Separated<'_> {
    /// Adds one more value.
    pub(in crate::store) fn push_bind<'t>(&mut self, value: impl Into<Argument<'t>>) {
        if !std::mem::take(&mut self.is_first) {
            self.builder.push(self.separator);
        }
        self.builder.push_bind(value);
    }
}
