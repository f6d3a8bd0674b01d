//! Rows on their way from one engine to the other, and their checksum, which does not depend on the engine.

use std::collections::HashMap;

use futures_util::{TryStreamExt, stream::BoxStream};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{MoveError, MovedTable};
use crate::{hexadecimal::hex, store::DatabasePlace};

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Kind {
    Int,
    /// In one engine a number like others.
    Flag,
    Real,
    Text,
}

/// A column, as an engine has it.
#[derive(Clone, Debug)]
pub(in crate::store) struct Column {
    pub(in crate::store) name: String,
    pub(in crate::store) kind: Kind,
}

/// A table.
#[derive(Clone, Debug)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: String,
    pub(in crate::store) columns: Vec<Column>,
    /// The columns of its key, by which rows are in the same order everywhere.
    pub(in crate::store) key: Vec<String>,
}

/// The tables of these columns, as an engine lists them, those of a table together: its name, the column's, what that
/// holds, and its place in the key, if it has one. Columns are in the order of their names, since an engine whose tables
/// were altered has them in an order of its own.
pub(in crate::store) fn tables_of(columns: impl Iterator<Item = (String, String, Kind, Option<i64>)>) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut places = Vec::new();
    for (table, name, kind, place) in columns {
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table { name: table, columns: Vec::new(), key: Vec::new() });
            places.clear();
        }
        let Some(table) = tables.last_mut() else { continue };
        if let Some(place) = place {
            places.push((place, name.clone()));
            places.sort();
            table.key = places.iter().map(|(_, name)| name.clone()).collect();
        }
        table.columns.push(Column { name, kind });
    }
    for table in &mut tables {
        table.columns.sort_by(|one, other| one.name.cmp(&other.name));
    }
    tables
}

/// The number that the next row of a table is to be greater than.
pub(in crate::store) type Sequences = HashMap<String, i64>;

impl Table {
    /// The same with its columns in the order of another one.
    pub(super) fn like(self, other: &Table) -> Result<Table, MoveError> {
        let missing =
            |column: &Column| MoveError::OtherColumns { table: other.name.clone(), column: column.name.clone() };
        let find = |table: &Table, name: &str| table.columns.iter().find(|column| column.name == name).cloned();
        if let Some(column) = self.columns.iter().find(|column| find(other, &column.name).is_none()) {
            return Err(missing(column));
        }
        let column = |column: &Column| find(&self, &column.name).ok_or_else(|| missing(column));
        Ok(Table { columns: other.columns.iter().map(column).collect::<Result<_, _>>()?, ..self })
    }

    /// Asks for all rows, in the order of the key.
    pub(in crate::store) fn select(&self) -> String {
        let key: Vec<String> = self.key.iter().map(|name| format!("\"{name}\"")).collect();
        format!("select {} from {}{} order by {}", self.names(), self.name, self.which(), key.join(", "))
    }

    /// Asks how many there are.
    pub(in crate::store) fn count(&self) -> String {
        format!("select count(*) from {}{}", self.name, self.which())
    }

    /// The columns' names, one after the other.
    pub(in crate::store) fn names(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        names.join(", ")
    }

    /// The number of a schema is said in other ways elsewhere.
    fn which(&self) -> &'static str {
        if self.name == "meta" { " where key <> 'schema'" } else { "" }
    }
}

/// A value in a row.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::store) enum Value {
    Null,
    /// A flag, too.
    Int(i64),
    Real(f64),
    Text(String),
    /// A text that was none: bytes with U+FFFD in the place of what cannot be read.
    Mended(String),
}

/// The values of a row, in the order of the table's columns.
pub(in crate::store) type Row = Vec<Value>;

/// At most so many rows, or bytes of text, go through at once.
const ROWS: usize = 5_000;
const BYTES: usize = 4 << 20;

/// Hands on the rows of a table as they are read, until nobody wants any more. `value` reads one value as the engine has
/// it.
pub(in crate::store) async fn send_rows<R>(
    table: &Table,
    mut rows: BoxStream<'_, Result<R, sqlx::Error>>,
    value: fn(&R, usize, Kind) -> Result<Value, sqlx::Error>,
    send: mpsc::Sender<Vec<Row>>,
) -> Result<(), sqlx::Error> {
    let mut pieces = Pieces::to(send);
    while let Some(row) = rows.try_next().await? {
        let value = |(place, column): (usize, &Column)| value(&row, place, column.kind);
        let row = table.columns.iter().enumerate().map(value).collect::<Result<Row, _>>()?;
        if !pieces.push(row).await {
            return Ok(());
        }
    }
    pieces.flush().await;
    Ok(())
}

/// Rows to whoever takes them, many at once.
struct Pieces {
    rows: Vec<Row>,
    bytes: usize,
    send: mpsc::Sender<Vec<Row>>,
}

impl Pieces {
    fn to(send: mpsc::Sender<Vec<Row>>) -> Pieces {
        Pieces { rows: Vec::new(), bytes: 0, send }
    }

    /// Hands a row on; false if nobody wants any more.
    async fn push(&mut self, row: Row) -> bool {
        let size = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
        self.bytes += row.iter().map(size).sum::<usize>();
        self.rows.push(row);
        self.rows.len() < ROWS && self.bytes < BYTES || self.flush().await
    }

    /// Hands on what is left.
    async fn flush(&mut self) -> bool {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        rows.is_empty() || self.send.send(rows).await.is_ok()
    }
}

/// Makes of values what an engine keeps of them.
pub(super) struct Kept {
    is_file: bool,
    /// How many are not what they were.
    pub(super) mended: u64,
}

impl Kept {
    pub(super) fn by(place: &DatabasePlace) -> Kept {
        Kept { is_file: place.file().is_some(), mended: 0 }
    }

    pub(super) fn put(&mut self, row: &mut [Value]) {
        for value in row {
            let kept = match value {
                Value::Mended(text) => Value::Text(if self.is_file { std::mem::take(text) } else { without_nul(text) }),
                // PostgreSQL keeps no text with a NUL in it.
                Value::Text(text) if !self.is_file && text.contains('\0') => Value::Text(without_nul(text)),
                // A file has no such number.
                Value::Real(number) if self.is_file && number.is_nan() => Value::Null,
                _ => continue,
            };
            *value = kept;
            self.mended += 1;
        }
    }
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What a table holds.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct TableSum {
    pub(super) rows: u64,
    checksum: String,
}

impl TableSum {
    pub(super) fn of(self, table: &Table) -> MovedTable {
        MovedTable { name: table.name.clone(), rows: self.rows, checksum: self.checksum }
    }
}

/// Makes a checksum of rows, as they come.
#[derive(Default)]
pub(super) struct Digest {
    hash: Sha256,
    rows: u64,
}

impl Digest {
    pub(super) fn add(&mut self, row: &[Value]) {
        self.rows += 1;
        for value in row {
            match value {
                Value::Null => self.hash.update([0]),
                Value::Int(number) => self.tagged(1, &number.to_le_bytes()),
                // Zero has two signs, and one of the engines keeps one.
                Value::Real(number) if *number == 0.0 => self.tagged(2, &0.0_f64.to_le_bytes()),
                Value::Real(number) if number.is_nan() => self.tagged(2, &f64::NAN.to_le_bytes()),
                Value::Real(number) => self.tagged(2, &number.to_le_bytes()),
                Value::Text(text) | Value::Mended(text) => {
                    self.tagged(3, &(text.len() as u64).to_le_bytes());
                    self.hash.update(text);
                }
            }
        }
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.hash.update([tag]);
        self.hash.update(bytes);
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn sum(self) -> TableSum {
        let hash = self.hash.finalize();
        TableSum { rows: self.rows, checksum: hex(&hash) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[Row]) -> TableSum {
        let mut digest = Digest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest.sum()
    }

    #[test]
    fn tables_are_the_same_in_whatever_order_an_engine_has_their_columns() {
        let column = |name: &str, place| ("told".to_owned(), name.to_owned(), Kind::Text, place);
        let [one]: [Table; 1] =
            tables_of([column("b", Some(2)), column("c", None), column("a", Some(1))].into_iter()).try_into().unwrap();
        let [other]: [Table; 1] =
            tables_of([column("a", Some(1)), column("b", Some(2)), column("c", None)].into_iter()).try_into().unwrap();
        assert_eq!((one.select(), one.key.clone()), (other.select(), vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(one.names(), r#""a", "b", "c""#);
    }

    #[test]
    fn every_difference_shows_in_the_sum() {
        let text = |text: &str| Value::Text(text.to_owned());
        let all: Vec<Vec<Row>> = vec![
            vec![],
            vec![vec![Value::Null]],
            vec![vec![Value::Int(0)]],
            vec![vec![Value::Int(i64::MIN)]],
            vec![vec![Value::Real(0.0)]],
            vec![vec![Value::Real(f64::NAN)]],
            vec![vec![Value::Real(f64::INFINITY)]],
            vec![vec![text("")]],
            vec![vec![text("ab"), text("c")]],
            vec![vec![text("a"), text("bc")]],
            vec![vec![text("a")], vec![text("bc")], vec![]],
        ];
        for (index, one) in all.iter().enumerate() {
            for (other_index, other) in all.iter().enumerate() {
                assert_eq!(sum(one) == sum(other), index == other_index, "{one:?} {other:?}");
            }
        }
        assert_eq!(sum(&[vec![Value::Real(-0.0)]]), sum(&[vec![Value::Real(0.0)]]));
    }

    #[test]
    fn what_an_engine_does_not_keep_is_mended_and_counted() {
        let odd =
            || vec![Value::Text("a\0b".to_owned()), Value::Real(f64::NAN), Value::Mended("\u{fffd}\0".to_owned())];
        let (mut row, mut kept) = (odd(), Kept { is_file: true, mended: 0 });
        kept.put(&mut row);
        assert_eq!(row, [Value::Text("a\0b".to_owned()), Value::Null, Value::Text("\u{fffd}\0".to_owned())]);
        assert_eq!(kept.mended, 2);
        let (mut row, mut kept) = (odd(), Kept { is_file: false, mended: 0 });
        kept.put(&mut row);
        assert_eq!(row[0], Value::Text("a\u{fffd}b".to_owned()));
        assert_eq!(row[2], Value::Text("\u{fffd}\u{fffd}".to_owned()));
        assert_eq!(kept.mended, 2);
    }
}
