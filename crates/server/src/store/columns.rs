//! How values look in columns, the same in every table.

use jiff::Timestamp;
use revere_model::{MonitorId, ReturnValue, Severity, State, UNREADABLE_TAGS};

use super::{StoreError, database::DbRow};

/// An instant as whole microseconds.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// An instant from whole microseconds.
pub(super) fn instant(micros: i64) -> Result<Timestamp, StoreError> {
    // The last second of the calendar is one that the library reads by its nanoseconds alone.
    Timestamp::from_microsecond(micros)
        .or_else(|_| Timestamp::from_nanosecond(i128::from(micros) * 1000))
        .map_err(|error| StoreError::internal(format!("a stored time: {error}")))
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

/// Tags from their JSON text. They only help to find a monitor, and are kept in a table of their own for that: where they
/// cannot be read there are none, and neither its runs nor a list that holds it fails.
pub(super) fn tags_from(monitor: i64, text: &str) -> Vec<String> {
    readable_tags(monitor, text).unwrap_or_default()
}

/// The same where it is decided by them who is told. What stands for those that cannot be read has alerts that are for some tags
/// tell of the monitor: rather too many people hear of a problem than nobody.
pub(super) fn tags_to_tell_by(monitor: i64, text: &str) -> Vec<String> {
    readable_tags(monitor, text).unwrap_or_else(|| vec![UNREADABLE_TAGS.to_owned()])
}

fn readable_tags(monitor: i64, text: &str) -> Option<Vec<String>> {
    let fault = match serde_json::from_str(text) {
        Ok(tags) => return Some(tags),
        Err(fault) => fault,
    };
    tracing::error!(monitor, %fault, "the tags of a monitor cannot be read; edit the monitor to give it tags again");
    None
}

/// The alerts that a monitor chose, from their JSON text. Where they cannot be read all alerts tell of it: rather too many
/// people hear of a problem than nobody.
pub(super) fn alerts_from(monitor: i64, text: Option<String>) -> Option<Vec<String>> {
    serde_json::from_str(text.as_deref()?).unwrap_or_else(|fault| {
        tracing::error!(monitor, %fault, "the alerts that a monitor chose cannot be read; all alerts are for it");
        None
    })
}

/// What was read of a row that is one of many; `None` where it cannot be read, which stops nothing but itself. What passes, such
/// as a locked database, is an error.
pub(super) fn readable<T>(row: &DbRow, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_passing() => Err(error),
        Err(error) => {
            let monitor = row.int("monitor_id").unwrap_or_default();
            tracing::error!(monitor, %error, "a row of this monitor cannot be read; the others go on");
            Ok(None)
        }
    }
}

/// A JSON list of ids, to be bound where a statement has [`among`](super::database::sql_pieces::among) or
/// [`ids_of`](super::database::sql_pieces::ids_of).
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
    fn flag(&self, column: &str) -> Result<bool, StoreError>;
    fn number(&self, column: &str) -> Result<u32, StoreError>;
    fn text(&self, column: &str) -> Result<String, StoreError>;
    fn text_or_none(&self, column: &str) -> Result<Option<String>, StoreError>;
    fn int_or_none(&self, column: &str) -> Result<Option<i64>, StoreError>;
    fn real_or_none(&self, column: &str) -> Result<Option<f64>, StoreError>;
    fn at(&self, column: &str) -> Result<Timestamp, StoreError>;
    fn at_or_none(&self, column: &str) -> Result<Option<Timestamp>, StoreError>;
    fn state(&self, column: &str) -> Result<State, StoreError>;
    /// How severe a row's problem is, in `state`; `None` where that is none. What nobody said anything about is critical.
    fn severity(&self, column: &str, state: Option<State>) -> Result<Option<Severity>, StoreError>;
    fn value(&self, column: &str) -> Result<Option<ReturnValue>, StoreError>;
    /// A value for people to look at: where it cannot be read they see so, and the rest of the list.
    fn value_shown(&self, column: &str) -> Result<Option<ReturnValue>, StoreError>;
}

impl Columns for DbRow {
    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &str) -> Result<u32, StoreError> {
        let number = self.int(column)?;
        u32::try_from(number).map_err(|_| StoreError::internal(format!("a stored number: {number}")))
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

    fn real_or_none(&self, column: &str) -> Result<Option<f64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn at(&self, column: &str) -> Result<Timestamp, StoreError> {
        instant(self.int(column)?)
    }

    fn at_or_none(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.int_or_none(column)?.map(instant).transpose()
    }

    fn state(&self, column: &str) -> Result<State, StoreError> {
        word(&self.try_get::<String>(column)?)
    }

    fn severity(&self, column: &str, state: Option<State>) -> Result<Option<Severity>, StoreError> {
        if !state.is_some_and(State::is_problem) {
            return Ok(None);
        }
        let text = self.text_or_none(column)?;
        // A word that only a newer program knows stops nothing: rather too bad than not bad enough.
        Ok(Some(text.and_then(|text| text.parse().ok()).unwrap_or_default()))
    }

    fn value(&self, column: &str) -> Result<Option<ReturnValue>, StoreError> {
        value_from(self.text_or_none(column)?)
    }

    fn value_shown(&self, column: &str) -> Result<Option<ReturnValue>, StoreError> {
        match self.value(column) {
            Err(StoreError::Internal { message, source: None }) => {
                tracing::error!(message, "a value cannot be read");
                Ok(Some(ReturnValue::Text("(the stored value cannot be read)".to_owned())))
            }
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_calendar_are_read_again() {
        for at in ["9999-12-30T22:00:00.5Z".parse().unwrap(), Timestamp::MAX, Timestamp::MIN, Timestamp::UNIX_EPOCH] {
            assert_eq!(micros(instant(micros(at)).unwrap()), micros(at), "{at}");
        }
        assert!(instant(i64::MAX).is_err());
    }
}
