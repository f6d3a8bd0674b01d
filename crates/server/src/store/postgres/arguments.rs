//! Values as PostgreSQL takes them.

use std::borrow::Cow;

use sqlx::{Arguments, postgres::PgArguments};

use crate::store::database::Argument;

/// The values of a statement's parameters. The first ones are of so many rows with columns of such types, if it has any: what
/// came row by row goes column by column.
pub(in crate::store) fn bound(
    arguments: Vec<Argument<'_>>,
    rows: Option<(usize, Vec<&str>)>,
) -> Result<PgArguments, sqlx::Error> {
    let mut bound = PgArguments::default();
    let mut arguments = arguments.into_iter();
    if let Some((count, types)) = rows {
        let mut columns: Vec<Column> = types.iter().map(|name| Column::of(name, count)).collect();
        for value in arguments.by_ref().take(count * types.len()).zip((0..types.len()).cycle()) {
            let (value, place) = value;
            columns[place].push(value)?;
        }
        for column in columns {
            let added = match column {
                Column::Ints(values) => bound.add(values),
                Column::Reals(values) => bound.add(values),
                Column::Flags(values) => bound.add(values),
                Column::Texts(values) => bound.add(values),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
    }
    for argument in arguments {
        let added = match argument {
            Argument::Int(value) => bound.add(value),
            Argument::Real(value) => bound.add(value),
            Argument::Flag(value) => bound.add(value),
            Argument::Text(value) => bound.add(value.map(without_nul)),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

/// A column of rows that are bound together.
enum Column {
    Ints(Vec<Option<i64>>),
    Reals(Vec<Option<f64>>),
    Flags(Vec<Option<bool>>),
    Texts(Vec<Option<String>>),
}

impl Column {
    fn of(name: &str, rows: usize) -> Column {
        match name {
            "bigint" => Column::Ints(Vec::with_capacity(rows)),
            "double precision" => Column::Reals(Vec::with_capacity(rows)),
            "boolean" => Column::Flags(Vec::with_capacity(rows)),
            _ => Column::Texts(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, value: Argument<'_>) -> Result<(), sqlx::Error> {
        match (self, value) {
            (Column::Ints(values), Argument::Int(value)) => values.push(value),
            (Column::Reals(values), Argument::Real(value)) => values.push(value),
            (Column::Flags(values), Argument::Flag(value)) => values.push(value),
            (Column::Texts(values), Argument::Text(value)) => {
                values.push(value.map(|text| without_nul(text).into_owned()));
            }
            _ => return Err(sqlx::Error::Encode("a value is not of its column's type".into())),
        }
        Ok(())
    }
}

/// PostgreSQL keeps no text with a NUL in it. What a script printed is not lost for that: its place shows.
fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_shown_where_it_was() {
        assert_eq!(without_nul(Cow::Borrowed("a\0b\0")), "a\u{fffd}b\u{fffd}");
        assert!(matches!(without_nul(Cow::Borrowed("a")), Cow::Borrowed("a")));
    }
}
