//! Reads the database of the original program: SQLite, three tables, columns that hold whatever Python 2 put there.
//!
//! Opens it read-only and changes nothing in it. Refuses a file that is not such a database, by naming what is missing;
//! tolerates what its older versions had not got yet, and values of unexpected types.

use std::{collections::BTreeSet, path::Path};

use futures_util::TryStreamExt;
use jiff::{Timestamp, civil, tz::TimeZone};
use revere_model::{State, StateSet};
use sqlx::{
    Column, ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::schedule::OldSchedule;

/// The original's database.
pub struct Original {
    connection: SqliteConnection,
    monitor_columns: BTreeSet<String>,
}

/// The file cannot be read as a database of the original program.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// It is not there, or may not be read.
    #[error("it cannot be read")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("it is not a SQLite database")]
    NotSqlite,
    /// It is a database of something else.
    #[error("it is not a database of the original Revere: {0}")]
    NotOriginal(String),
    /// SQLite gave up on it.
    #[error("SQLite cannot read it")]
    Sqlite(#[from] sqlx::Error),
}

/// A row of `monitor`.
#[derive(Clone, PartialEq, Debug)]
pub struct OldMonitor {
    /// Its id.
    pub id: i64,
    /// Its name, as it was.
    pub name: String,
    /// Its Python 2.
    pub task: String,
    /// Whether it ran.
    pub active: bool,
    /// The state it was in.
    pub state: State,
    /// Days to keep its history.
    pub retain_days: Option<i64>,
    /// When it ran.
    pub schedule: OldSchedule,
    /// What of it is not as the original wrote it, and was guessed.
    pub guessed: Vec<String>,
}

/// A row of `monitor_log`.
#[derive(Clone, PartialEq, Debug)]
pub struct OldLog {
    /// Whose; `None` if it is no id.
    pub monitor_id: Option<i64>,
    /// `None` if it is no time.
    pub at: Option<Timestamp>,
    /// The message.
    pub message: String,
    /// The value, which the original kept as text.
    pub return_value: Option<String>,
    /// Before; `None` if it is no state.
    pub old_state: Option<State>,
    /// After; `None` if it is no state.
    pub new_state: Option<State>,
}

/// A row of `alert`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OldAlert {
    /// Its key.
    pub key: String,
    /// Whether it was on.
    pub enabled: bool,
    /// What it told.
    pub states: StateSet,
}

const SCHEDULE_COLUMNS: [&str; 8] = [
    "schedule_year",
    "schedule_month",
    "schedule_day",
    "schedule_week",
    "schedule_day_of_week",
    "schedule_hour",
    "schedule_minute",
    "schedule_second",
];

impl Original {
    /// Opens the file, and looks whether it holds the three tables.
    pub async fn open(path: &Path) -> Result<Original, OriginalError> {
        let mut start = [0; 16];
        let read = {
            use tokio::io::AsyncReadExt;
            tokio::fs::File::open(path).await?.read(&mut start).await?
        };
        if read < start.len() || &start != b"SQLite format 3\0" {
            return Err(OriginalError::NotSqlite);
        }
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            .disable_statement_logging()
            .connect()
            .await?;
        let monitor_columns = columns(&mut connection, "monitor").await?;
        let needed = [
            ("monitor", &["id", "name", "task", "active", "state"][..]),
            ("alert", &["key"]),
            ("monitor_log", &["monitor_id", "new_state", "timestamp"]),
        ];
        for (table, needs) in needed {
            let has = columns(&mut connection, table).await?;
            if has.is_empty() {
                return Err(OriginalError::NotOriginal(format!("it has no table `{table}`")));
            }
            if let Some(missing) = needs.iter().find(|name| !has.contains(**name)) {
                return Err(OriginalError::NotOriginal(format!("its table `{table}` has no column `{missing}`")));
            }
        }
        Ok(Original { connection, monitor_columns })
    }

    /// All monitors, by id.
    pub async fn monitors(&mut self) -> Result<Vec<OldMonitor>, OriginalError> {
        let rows = sqlx::query("select * from monitor order by id").fetch_all(&mut self.connection).await?;
        let has = &self.monitor_columns;
        rows.iter()
            .map(|row| {
                let days = if has.contains("retain_days") { text(row, "retain_days") } else { None };
                let retain_days = days.as_deref().and_then(|days| days.trim().parse().ok());
                let mut guessed = Vec::new();
                if let (Some(days), None) = (&days, retain_days) {
                    guessed.push(format!("retain_days: {days:?} is no number of days; the server's own is kept"));
                }
                let state = state(row, "state");
                if state.is_none() {
                    guessed.push("state: not one of 0 to 3; taken as INACTIVE".to_owned());
                }
                let schedule = SCHEDULE_COLUMNS.map(|name| if has.contains(name) { text(row, name) } else { None });
                Ok(OldMonitor {
                    id: text(row, "id")
                        .and_then(|id| id.parse().ok())
                        .ok_or_else(|| OriginalError::NotOriginal("a monitor has no id".to_owned()))?,
                    name: text(row, "name").unwrap_or_default(),
                    task: text(row, "task").unwrap_or_default(),
                    active: flag(row, "active", true),
                    state: state.unwrap_or(State::Inactive),
                    retain_days,
                    schedule: OldSchedule(schedule),
                    guessed,
                })
            })
            .collect()
    }

    /// All settings of alerts, and how many rows have no key.
    pub async fn alerts(&mut self) -> Result<(Vec<OldAlert>, u64), OriginalError> {
        let rows = sqlx::query("select * from alert order by key").fetch_all(&mut self.connection).await?;
        let alert = |row: &SqliteRow| {
            let tells = [
                ("state_ok", State::Ok, true),
                ("state_alarm", State::Alarm, true),
                ("state_error", State::Error, true),
                ("state_inactive", State::Inactive, false),
            ];
            let states = tells
                .into_iter()
                .filter(|(name, _, default)| flag(row, name, *default))
                .map(|(_, state, _)| state)
                .collect();
            Some(OldAlert { key: text(row, "key")?, enabled: flag(row, "enabled", true), states })
        };
        let alerts: Vec<OldAlert> = rows.iter().filter_map(alert).collect();
        let without_key = (rows.len() - alerts.len()) as u64;
        Ok((alerts, without_key))
    }

    /// How many rows of history there are.
    pub async fn log_count(&mut self) -> Result<u64, OriginalError> {
        let count: i64 = sqlx::query_scalar("select count(*) from monitor_log").fetch_one(&mut self.connection).await?;
        Ok(count.unsigned_abs())
    }

    /// Hands every row of history to `take`, oldest first.
    pub async fn logs(&mut self, mut take: impl FnMut(OldLog)) -> Result<(), OriginalError> {
        // The row id is the order in which they were written; the time may be missing or the clock may have been wrong.
        let mut rows = sqlx::query("select * from monitor_log order by monitor_id, rowid").fetch(&mut self.connection);
        while let Some(row) = rows.try_next().await? {
            take(OldLog {
                monitor_id: text(&row, "monitor_id").and_then(|id| id.trim().parse().ok()),
                at: text(&row, "timestamp").as_deref().and_then(utc),
                message: text(&row, "message").unwrap_or_default(),
                return_value: text(&row, "return_value"),
                old_state: state(&row, "old_state"),
                new_state: state(&row, "new_state"),
            });
        }
        Ok(())
    }

    /// Lets go of the file.
    pub async fn close(self) {
        // It was only read: nothing can be lost.
        let _ = self.connection.close().await;
    }
}

async fn columns(connection: &mut SqliteConnection, table: &str) -> Result<BTreeSet<String>, OriginalError> {
    let rows = sqlx::query("select name from pragma_table_info(?)").bind(table).fetch_all(connection).await?;
    Ok(rows.iter().map(|row| row.get::<String, _>(0).to_lowercase()).collect())
}

/// Whatever the column holds, as text; numbers as SQLite writes them, bytes that are no UTF-8 with marks in their place.
fn text(row: &SqliteRow, name: &str) -> Option<String> {
    let index = row.columns().iter().find(|column| column.name().eq_ignore_ascii_case(name))?.ordinal();
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(index).ok()?;
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

fn flag(row: &SqliteRow, name: &str, default: bool) -> bool {
    text(row, name).map_or(default, |text| !matches!(text.trim(), "0" | "" | "false" | "False"))
}

/// 0 OK, 1 ALARM, 2 ERROR, 3 INACTIVE; anything else is none of the original's.
fn state(row: &SqliteRow, name: &str) -> Option<State> {
    match text(row, name)?.trim() {
        "0" => Some(State::Ok),
        "1" => Some(State::Alarm),
        "2" => Some(State::Error),
        "3" => Some(State::Inactive),
        _ => None,
    }
}

/// The original stamped UTC without saying so: `2014-03-01 12:00:00.123456`.
fn utc(text: &str) -> Option<Timestamp> {
    let at: civil::DateTime = text.trim().parse().ok()?;
    Some(revere_model::calendar::instant(at, &TimeZone::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_utc() {
        assert_eq!(utc("2014-03-01 12:00:00.123456").unwrap().to_string(), "2014-03-01T12:00:00.123456Z");
        assert_eq!(utc("2013-01-01 00:00:00").unwrap().to_string(), "2013-01-01T00:00:00Z");
        assert_eq!(utc("0001-01-01 00:00:00").unwrap().to_string(), "0001-01-01T00:00:00Z");
        // Beyond the last instant of the time library, which is that instant.
        for never in ["9999-12-31 23:59:59", "9999-12-31 23:59:59.999999"] {
            assert_eq!(utc(never), Some(Timestamp::MAX), "{never}");
        }
        assert_eq!(utc("yesterday"), None);
    }
}
