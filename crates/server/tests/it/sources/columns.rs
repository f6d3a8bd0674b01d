//! The types of columns that docs/SOURCES.md lists are the ones these tests send through, and no others.

use std::{collections::BTreeSet, path::Path};

use super::{Value, mysql, postgres, sqlite};

/// One value of one type of column: how it is declared, what is stored, and what a script sees.
pub(super) struct Column {
    /// As in `create table`.
    pub(super) kind: &'static str,
    /// As in `insert`.
    pub(super) stored: &'static str,
    /// As Python's `repr`, about.
    pub(super) seen: &'static str,
}

/// `(declared type, stored, seen)` as a [`Column`].
pub(super) const fn column(kind: &'static str, stored: &'static str, seen: &'static str) -> Column {
    Column { kind, stored, seen }
}

/// The Python name of a value's type.
pub(super) fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::BigInt(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::Decimal(_) => "Decimal",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::DateTime(_) => "datetime",
        Value::Duration(_) => "timedelta",
        Value::Uuid(_) => "UUID",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dict",
    }
}

/// The types named in the table under `heading`, without what is in brackets.
fn documented(heading: &str) -> BTreeSet<String> {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SOURCES.md")).unwrap();
    let section = docs.split(heading).nth(1).unwrap_or_else(|| panic!("docs/SOURCES.md lacks {heading}"));
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let kinds = rows.skip(2).flat_map(|row| {
        let cell = row.split('|').nth(1).unwrap_or_default();
        cell.split('`').skip(1).step_by(2).map(base).collect::<Vec<_>>()
    });
    kinds.collect()
}

/// `varchar(20) unique` -> `varchar`.
fn base(kind: &str) -> String {
    let mut depth = 0;
    let plain: String = kind
        .chars()
        .filter(|c| {
            depth += i32::from(*c == '(');
            let keep = depth == 0;
            depth -= i32::from(*c == ')');
            keep
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tested(columns: &[Column]) -> BTreeSet<String> {
    columns.iter().map(|column| base(column.kind)).collect()
}

#[test]
fn the_tables_of_the_documentation_are_what_is_tested() {
    for (heading, columns) in [
        ("#### SQLite", sqlite::COLUMNS),
        ("#### MySQL and MariaDB", mysql::COLUMNS),
        ("#### PostgreSQL", postgres::COLUMNS),
    ] {
        let (documented, tested) = (documented(heading), tested(columns));
        assert_eq!(
            documented.difference(&tested).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{heading}: documented, not tested"
        );
        assert_eq!(
            tested.difference(&documented).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{heading}: tested, not documented"
        );
    }
}
