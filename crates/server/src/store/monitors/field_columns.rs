//! The columns of what an author decides, made of the model's table: each is named like its field, and kept as its kind is.

use revere_model::{MONITOR_FIELDS, MonitorSpec, Severity, StateInOutage, field_kind, monitor_fields};

use crate::store::{
    StoreError,
    columns::{Columns, alerts_from, tags_from, tags_text, word},
    database::{DbRow, QueryBuilder},
};

/// How a kind of field is kept in a column.
trait Column {
    type Value;

    fn read(row: &DbRow, column: &str) -> Result<Self::Value, StoreError>;

    fn bind(query: &mut QueryBuilder, value: &Self::Value);
}

macro_rules! columns {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// The author's part of a row of `monitors`.
        pub(in crate::store) fn read(row: &DbRow) -> Result<MonitorSpec, StoreError> {
            Ok(MonitorSpec { $($field: <field_kind::$kind as Column>::read(row, stringify!($field))?,)* })
        }

        /// Adds `, $n` for each field, to an `insert` that has [`push_names`].
        pub(super) fn push_values(query: &mut QueryBuilder, spec: &MonitorSpec) {
            $(
                query.push(", ");
                <field_kind::$kind as Column>::bind(query, &spec.$field);
            )*
        }

        /// Adds `, name = $n` for each field, to an `update`.
        pub(super) fn push_changes(query: &mut QueryBuilder, spec: &MonitorSpec) {
            $(
                query.push(concat!(", ", stringify!($field), " = "));
                <field_kind::$kind as Column>::bind(query, &spec.$field);
            )*
        }
    };
}

monitor_fields!(columns);

/// Adds `, name` for each field.
pub(super) fn push_names(query: &mut QueryBuilder) {
    for field in MONITOR_FIELDS {
        query.push(", ").push(field.name);
    }
}

macro_rules! texts {
    ($($kind:ident)*) => {$(
        impl Column for field_kind::$kind {
            type Value = String;

            fn read(row: &DbRow, column: &str) -> Result<String, StoreError> {
                row.text(column)
            }

            fn bind(query: &mut QueryBuilder, value: &String) {
                query.push_bind(value);
            }
        }
    )*};
}

texts! { Name Description Script Schedule Zone Unit }

impl Column for field_kind::Flag {
    type Value = bool;

    fn read(row: &DbRow, column: &str) -> Result<bool, StoreError> {
        row.flag(column)
    }

    fn bind(query: &mut QueryBuilder, value: &bool) {
        query.push_bind(*value);
    }
}

impl Column for field_kind::Tags {
    type Value = Vec<String>;

    fn read(row: &DbRow, column: &str) -> Result<Vec<String>, StoreError> {
        Ok(tags_from(row.int("id")?, &row.text(column)?))
    }

    fn bind(query: &mut QueryBuilder, value: &Vec<String>) {
        query.push_bind(tags_text(value));
    }
}

impl Column for field_kind::Streak {
    type Value = u32;

    fn read(row: &DbRow, column: &str) -> Result<u32, StoreError> {
        row.number(column)
    }

    fn bind(query: &mut QueryBuilder, value: &u32) {
        query.push_bind(i64::from(*value));
    }
}

impl Column for field_kind::AlertChoice {
    type Value = Option<Vec<String>>;

    fn read(row: &DbRow, column: &str) -> Result<Option<Vec<String>>, StoreError> {
        Ok(alerts_from(row.int("id")?, row.text_or_none(column)?))
    }

    fn bind(query: &mut QueryBuilder, value: &Option<Vec<String>>) {
        query.push_bind(value.as_deref().map(tags_text));
    }
}

impl Column for field_kind::SeverityChoice {
    type Value = Severity;

    fn read(row: &DbRow, column: &str) -> Result<Severity, StoreError> {
        word(&row.text(column)?)
    }

    fn bind(query: &mut QueryBuilder, value: &Severity) {
        query.push_bind(value.as_str());
    }
}

impl Column for field_kind::OutageChoice {
    type Value = StateInOutage;

    fn read(row: &DbRow, column: &str) -> Result<StateInOutage, StoreError> {
        word(&row.text(column)?)
    }

    fn bind(query: &mut QueryBuilder, value: &StateInOutage) {
        query.push_bind(value.as_str());
    }
}

macro_rules! counts_or_none {
    ($($kind:ident)*) => {$(
        impl Column for field_kind::$kind {
            type Value = Option<u32>;

            fn read(row: &DbRow, column: &str) -> Result<Option<u32>, StoreError> {
                Ok(row.int_or_none(column)?.map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
            }

            fn bind(query: &mut QueryBuilder, value: &Option<u32>) {
                query.push_bind(value.map(i64::from));
            }
        }
    )*};
}

counts_or_none! { Days Decimals Window }

impl Column for field_kind::Seconds {
    type Value = Option<f64>;

    fn read(row: &DbRow, column: &str) -> Result<Option<f64>, StoreError> {
        row.real_or_none(column)
    }

    fn bind(query: &mut QueryBuilder, value: &Option<f64>) {
        query.push_bind(*value);
    }
}
