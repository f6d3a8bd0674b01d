//! Every version of a monitor: written in the transaction that makes it, and never changed.
//!
//! A script is kept once for each monitor that has had it; all else that an author decides is one JSON object a version,
//! in which a field that did not exist yet reads as its default.

use std::collections::HashMap;

use jiff::Timestamp;
use revere_model::{Asked, MonitorId, MonitorSpec, Severity, StateInOutage, Who, monitor_fields};
use revere_sandbox::script_version;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros},
    database::{self as db, DbConnection, DbRow, QueryBuilder},
};

/// Who did something: what kind of actor, which one, and what they were called then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Author {
    /// The one spelling of the kind.
    pub kind: String,
    /// Which person or token.
    pub id: Option<i64>,
    /// What it was called then.
    pub name: Option<String>,
}

impl Author {
    /// Whoever asks for something.
    pub fn of(who: &Who) -> Author {
        Author { kind: who.kind().to_owned(), id: who.id(), name: who.name().map(|_| who.to_string()) }
    }
}

/// A version that is kept.
#[derive(Clone, PartialEq, Debug)]
pub struct SavedVersion {
    /// Its number; the next one is greater by one.
    pub version: i64,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// Who saved it; `None` where that was not kept.
    pub author: Option<Author>,
    /// Why, in one line; empty if they did not say.
    pub note: String,
    /// The version that was restored by it.
    pub restored: Option<i64>,
    /// Which script it has; runs name theirs by the same.
    pub script_version: String,
    /// What its author decided. In a list its script is empty.
    pub spec: MonitorSpec,
}

impl Store {
    /// The versions of a monitor, newest first, before the version `before`, at most `limit`; without their scripts.
    pub async fn versions(
        &self,
        monitor: MonitorId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<SavedVersion>, StoreError> {
        let rows = db::query(
            "select * from monitor_versions where monitor_id = $1 and version < $2 order by version desc limit $3",
        )
        .bind(monitor.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(|row| saved_version(row, String::new())).collect()
    }

    /// The numbers of the newest versions of a monitor, newest first, at most `limit`.
    pub async fn version_numbers(&self, monitor: MonitorId, limit: u32) -> Result<Vec<i64>, StoreError> {
        let numbers = db::query_scalar(
            "select version from monitor_versions where monitor_id = $1 order by version desc limit $2",
        );
        Ok(numbers.bind(monitor.0).bind(i64::from(limit)).fetch_all(self.readers()).await?)
    }

    /// One version of a monitor, whole.
    pub async fn version(&self, monitor: MonitorId, version: i64) -> Result<SavedVersion, StoreError> {
        let row = db::query(
            "select v.*, s.script from monitor_versions v
             join monitor_scripts s on s.monitor_id = v.monitor_id and s.script_version = v.script_version
             where v.monitor_id = $1 and v.version = $2",
        )
        .bind(monitor.0)
        .bind(version)
        .fetch_one(self.readers())
        .await?;
        let script = row.text("script")?;
        saved_version(&row, script)
    }

    /// The version of a monitor that had each of these scripts first, by the script's version; those that no version that is
    /// kept has had are left out.
    pub async fn versions_of_scripts(
        &self,
        monitor: MonitorId,
        script_versions: &[&str],
    ) -> Result<HashMap<String, i64>, StoreError> {
        if script_versions.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query =
            QueryBuilder::new("select script_version, first_version from monitor_scripts where monitor_id = ");
        query.push_bind(monitor.0).push(" and script_version in (");
        let mut list = query.separated(",");
        for version in script_versions {
            list.push_bind(version);
        }
        let rows: Vec<(String, i64)> = query.push(")").build_query_as().fetch_all(self.readers()).await?;
        Ok(rows.into_iter().collect())
    }
}

/// Keeps a version that has just been stored.
pub(super) async fn keep(
    connection: &mut DbConnection,
    monitor: MonitorId,
    version: i64,
    spec: &MonitorSpec,
    restored: Option<i64>,
    asked: &Asked,
) -> Result<(), StoreError> {
    let script_version = script_version(&spec.script);
    db::query(
        "insert into monitor_scripts (monitor_id, script_version, first_version, script) values ($1, $2, $3, $4)
         on conflict (monitor_id, script_version) do nothing",
    )
    .bind(monitor.0)
    .bind(&script_version)
    .bind(version)
    .bind(&spec.script)
    .execute(&mut *connection)
    .await?;
    let author = Author::of(&asked.by.who);
    db::query(
        "insert into monitor_versions
             (monitor_id, version, saved_at, who, who_id, who_name, note, restored, script_version, fields)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(monitor.0)
    .bind(version)
    .bind(micros(asked.at))
    .bind(author.kind)
    .bind(author.id)
    .bind(author.name)
    .bind(&asked.note)
    .bind(restored)
    .bind(script_version)
    .bind(fields_text(spec)?)
    .execute(connection)
    .await?;
    Ok(())
}

fn saved_version(row: &DbRow, script: String) -> Result<SavedVersion, StoreError> {
    Ok(SavedVersion {
        version: row.int("version")?,
        saved_at: row.at("saved_at")?,
        author: author(row, ["who", "who_id", "who_name"])?,
        note: row.text("note")?,
        restored: row.int_or_none("restored")?,
        script_version: row.text("script_version")?,
        spec: MonitorSpec { script, ..fields_from(row.int("monitor_id")?, &row.text("fields")?) },
    })
}

/// Who a row names in these columns: the kind, which one, and what they were called.
pub(in crate::store) fn author(row: &DbRow, [kind, id, name]: [&str; 3]) -> Result<Option<Author>, StoreError> {
    let Some(kind) = row.text_or_none(kind)? else { return Ok(None) };
    Ok(Some(Author { kind, id: row.int_or_none(id)?, name: row.text_or_none(name)? }))
}

fn fields_text(spec: &MonitorSpec) -> Result<String, StoreError> {
    let without = MonitorSpec { script: String::new(), ..spec.clone() };
    let fields = serde_json::to_value(without)
        .map_err(|error| StoreError::internal(format!("a monitor has no JSON form: {error}")))?;
    let Value::Object(mut fields) = fields else { return Err(StoreError::internal("a monitor is no JSON object")) };
    fields.shift_remove("script");
    Ok(Value::Object(fields).to_string())
}

macro_rules! read {
    ($(#[doc = $doc:literal] $field:ident: $type:ty = $default:expr, $kind:ident $words:tt;)*) => {
        /// What an author decided. What cannot be read any more is told, and reads as its default: the rest of a version is
        /// good all the same.
        fn fields_from(monitor: i64, text: &str) -> MonitorSpec {
            let mut fields: Map<String, Value> = serde_json::from_str(text).unwrap_or_else(|fault| {
                tracing::error!(monitor, %fault, "a version of a monitor cannot be read; it is shown with defaults");
                Map::new()
            });
            MonitorSpec {
                $($field: field(&mut fields, monitor, stringify!($field)).unwrap_or_else(|| $default),)*
            }
        }
    };
}

monitor_fields!(read);

fn field<T: DeserializeOwned>(fields: &mut Map<String, Value>, monitor: i64, name: &'static str) -> Option<T> {
    let value = fields.shift_remove(name)?;
    serde_json::from_value(value)
        .map_err(|fault| tracing::error!(monitor, name, %fault, "a field of a version of a monitor cannot be read"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_did_not_exist_yet_read_as_their_defaults() {
        let spec = MonitorSpec {
            name: "Queue".to_owned(),
            script: "pass".to_owned(),
            tags: vec!["a \"b\"".to_owned()],
            retain_days: Some(7),
            timeout_s: Some(2.5),
            active: false,
            ..MonitorSpec::default()
        };
        let text = fields_text(&spec).unwrap();
        assert!(!text.contains("pass"), "the script is kept elsewhere: {text}");
        assert_eq!(MonitorSpec { script: "pass".to_owned(), ..fields_from(1, &text) }, spec);
        let older = r#"{"name": "Queue", "tags": 7, "what_a_later_one_added": 1}"#;
        assert_eq!(fields_from(1, older), MonitorSpec { name: "Queue".to_owned(), ..MonitorSpec::default() });
        assert_eq!(fields_from(1, "[]"), MonitorSpec::default());
    }
}
