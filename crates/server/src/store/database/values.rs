//! Values as they go into statements and come out of rows: whole numbers, floats, flags and texts, each of which may be
//! missing. The store needs no others.

use std::borrow::Cow;

use sqlx::{ColumnIndex, Row, error::UnexpectedNullError, postgres::PgRow, sqlite::SqliteRow};

/// A value that is bound to a statement, with its type, which one that is missing has too.
#[derive(Clone)]
pub(in crate::store) enum Argument<'q> {
    Int(Option<i64>),
    Real(Option<f64>),
    Flag(Option<bool>),
    Text(Option<Cow<'q, str>>),
}

impl Argument<'_> {
    /// The same, borrowing nothing.
    pub(super) fn into_owned(self) -> Argument<'static> {
        match self {
            Argument::Int(value) => Argument::Int(value),
            Argument::Real(value) => Argument::Real(value),
            Argument::Flag(value) => Argument::Flag(value),
            Argument::Text(value) => Argument::Text(value.map(|text| Cow::Owned(text.into_owned()))),
        }
    }
}

macro_rules! arguments {
    ($($type:ty => |$value:ident| $argument:expr;)*) => {$(
        impl<'q> From<$type> for Argument<'q> {
            fn from($value: $type) -> Argument<'q> {
                $argument
            }
        }
    )*};
}

arguments! {
    i64 => |value| Argument::Int(Some(value));
    &i64 => |value| Argument::Int(Some(*value));
    Option<i64> => |value| Argument::Int(value);
    f64 => |value| Argument::Real(Some(value));
    Option<f64> => |value| Argument::Real(value);
    bool => |value| Argument::Flag(Some(value));
    Option<bool> => |value| Argument::Flag(value);
    String => |value| Argument::Text(Some(Cow::Owned(value)));
    Option<String> => |value| Argument::Text(value.map(Cow::Owned));
    &'q str => |value| Argument::Text(Some(Cow::Borrowed(value)));
    &'q &'q str => |value| Argument::Text(Some(Cow::Borrowed(value)));
    &'q String => |value| Argument::Text(Some(Cow::Borrowed(value)));
    Option<&'q str> => |value| Argument::Text(value.map(Cow::Borrowed));
    Option<&'q String> => |value| Argument::Text(value.map(|text| Cow::Borrowed(text.as_str())));
    &'q Option<String> => |value| Argument::Text(value.as_deref().map(Cow::Borrowed));
}

/// A row of an answer.
pub(in crate::store) enum DbRow {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl DbRow {
    /// The value in a column, by its name or place.
    pub(in crate::store) fn try_get<T: Value>(&self, column: impl Place) -> Result<T, sqlx::Error> {
        T::read(self, column)
    }
}

/// What names a column of a row: its name, or its place.
pub(in crate::store) trait Place: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> + Copy {}

impl<T: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> + Copy> Place for T {}

/// What can be read from a column.
pub(in crate::store) trait Value: Sized {
    fn read(row: &DbRow, column: impl Place) -> Result<Self, sqlx::Error>;
}

macro_rules! values {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn read(row: &DbRow, column: impl Place) -> Result<$type, sqlx::Error> {
                match row {
                    DbRow::Sqlite(row) => row.try_get(column),
                    DbRow::Postgres(row) => row.try_get(column),
                }
            }
        }
    )*};
}

values! { bool Option<bool> f64 Option<f64> String Option<String> }

impl Value for Option<i64> {
    fn read(row: &DbRow, column: impl Place) -> Result<Option<i64>, sqlx::Error> {
        match row {
            DbRow::Sqlite(row) => row.try_get(column),
            // Lengths are shorter numbers there than columns are.
            DbRow::Postgres(row) => row
                .try_get(column)
                .or_else(|_| row.try_get::<Option<i32>, _>(column).map(|number| number.map(i64::from))),
        }
    }
}

impl Value for i64 {
    fn read(row: &DbRow, column: impl Place) -> Result<i64, sqlx::Error> {
        let missing =
            || sqlx::Error::ColumnDecode { index: format!("{column:?}"), source: Box::new(UnexpectedNullError) };
        Option::<i64>::read(row, column)?.ok_or_else(missing)
    }
}
