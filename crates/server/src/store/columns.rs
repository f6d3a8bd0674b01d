//! How values look in columns, the same in every table.

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, State};
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

/// Tags as they are kept beside the monitor, in their author's order.
pub(super) fn tags_text(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("a list of texts always has a JSON form")
}

/// Tags from their JSON text.
pub(super) fn tags_from(text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::internal(format!("stored tags: {error}")))
}

/// A JSON list of ids, for `in (select value from json_each(?))`.
pub(super) fn ids_text(ids: impl Iterator<Item = MonitorId>) -> String {
    let ids: Vec<i64> = ids.map(|id| id.0).collect();
    serde_json::to_string(&ids).expect("a list of numbers always has a JSON form")
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
