//! Values as SQLite takes them.

use sqlx::{Arguments, sqlite::SqliteArguments};

use crate::store::database::Argument;

/// The values of a statement's parameters.
pub(in crate::store) fn bound(arguments: Vec<Argument<'_>>) -> Result<SqliteArguments, sqlx::Error> {
    let mut bound = SqliteArguments::default();
    bound.reserve(arguments.len(), 0);
    for argument in arguments {
        let added = match argument {
            Argument::Int(value) => bound.add(value),
            Argument::Real(value) => bound.add(value),
            Argument::Flag(value) => bound.add(value),
            Argument::Text(value) => bound.add(value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}
