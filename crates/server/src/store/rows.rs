//! How values look in columns, the same in every table.

use jiff::Timestamp;
use revere_model::{ReturnValue, State};
use sqlx::{Row, sqlite::SqliteRow};

use crate::store::StoreError;

/// An instant as whole microseconds.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// An instant from whole microseconds.
pub(super) fn instant(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|error| StoreError::internal(format!("a stored time: {error}")))
}

/// A value as its JSON text.
pub(super) fn value_text(value: &ReturnValue) -> String {
    // Non-finite floats become text before they get here; should one come, JSON has `null` for it, and it reads as none.
    serde_json::to_string(value).expect("numbers and texts always have a JSON form")
}

/// A value from its JSON text.
pub(super) fn value_from(text: Option<String>) -> Result<Option<ReturnValue>, StoreError> {
    match text.as_deref() {
        None | Some("null") => Ok(None),
        Some(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|error| StoreError::internal(format!("a stored return value: {error}"))),
    }
}

/// Reads a word that has a fixed list of spellings.
pub(super) fn word<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| StoreError::internal(format!("a stored word: {error}")))
}

/// Typed access to the columns of a row.
pub(super) trait Columns {
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    fn text(&self, column: &str) -> Result<String, StoreError>;
    fn text_or_none(&self, column: &str) -> Result<Option<String>, StoreError>;
    fn int_or_none(&self, column: &str) -> Result<Option<i64>, StoreError>;
    fn at(&self, column: &str) -> Result<Timestamp, StoreError>;
    fn at_or_none(&self, column: &str) -> Result<Option<Timestamp>, StoreError>;
    fn state(&self, column: &str) -> Result<State, StoreError>;
    fn value(&self, column: &str) -> Result<Option<ReturnValue>, StoreError>;
}

impl Columns for SqliteRow {
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text_or_none(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn int_or_none(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn at(&self, column: &str) -> Result<Timestamp, StoreError> {
        instant(self.int(column)?)
    }

    fn at_or_none(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.int_or_none(column)?.map(instant).transpose()
    }

    fn state(&self, column: &str) -> Result<State, StoreError> {
        word(self.try_get(column)?)
    }

    fn value(&self, column: &str) -> Result<Option<ReturnValue>, StoreError> {
        value_from(self.text_or_none(column)?)
    }
}

/// How much of a list of ids, each with the bytes of its texts, fits on a page: at most `limit`, ending before there are more
/// than `bytes` bytes, but one at least. Answers them as a JSON list, and whether there are more.
pub(super) fn fitting(sizes: &[(i64, i64)], limit: u32, bytes: usize) -> (String, bool) {
    let mut total = 0_u64;
    let fitting = sizes.iter().take_while(|(_, size)| {
        total = total.saturating_add(size.unsigned_abs());
        total <= bytes as u64
    });
    let length = fitting.count().max(1).min(limit as usize).min(sizes.len());
    let ids: Vec<i64> = sizes[..length].iter().map(|(id, _)| *id).collect();
    (serde_json::to_string(&ids).expect("a list of numbers always has a JSON form"), sizes.len() > length)
}

/// `(?,?,?),(?,?,?)`: placeholders for `rows` rows of `columns` values.
pub(super) fn placeholders(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(","));
    vec![row; rows].join(",")
}

/// Cuts `items` into pieces of 1, 4, 16 or 64, so that statements of many rows come in few shapes and stay prepared.
pub(super) fn in_shapes<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = [64, 16, 4, 1].into_iter().find(|size| *size <= items.len())?;
        let (piece, rest) = items.split_at(size);
        items = rest;
        Some(piece)
    })
}
