//! The alerts of the configuration, and what people chose about each.

use revere_model::StateSet;
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use crate::store::{Store, StoreError, columns::Columns};

/// An alert and what people chose about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertRow {
    /// Its name in the configuration.
    pub key: String,
    /// Whether people have it switched on.
    pub enabled: bool,
    /// Whether the configuration has it switched on.
    pub enabled_in_config: bool,
    /// Whether the configuration has it at all. If not, its settings wait for its return.
    pub in_config: bool,
    /// The states it tells.
    pub states: StateSet,
}

impl AlertRow {
    /// One that nobody has chosen anything about, and that is in no configuration yet.
    pub(in crate::store) fn new(key: &str) -> AlertRow {
        AlertRow {
            key: key.to_owned(),
            enabled: true,
            enabled_in_config: false,
            in_config: false,
            states: StateSet::DEFAULT_TOLD,
        }
    }

    /// Whether it tells anything now.
    pub fn is_on(&self) -> bool {
        self.enabled && self.enabled_in_config && self.in_config
    }
}

impl Store {
    /// All alerts, by key, those that left the configuration included.
    pub async fn alerts(&self) -> Result<Vec<AlertRow>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        read_all(&mut connection).await
    }
}

pub(in crate::store) async fn read_all(connection: &mut SqliteConnection) -> Result<Vec<AlertRow>, StoreError> {
    let rows = sqlx::query("select * from alerts order by key").fetch_all(connection).await?;
    rows.iter().map(alert).collect()
}

fn alert(row: &SqliteRow) -> Result<AlertRow, StoreError> {
    let key = row.text("key")?;
    Ok(AlertRow {
        enabled: row.int("enabled")? != 0,
        enabled_in_config: row.int("enabled_in_config")? != 0,
        in_config: row.int("in_config")? != 0,
        states: serde_json::from_str(&row.text("states")?).unwrap_or_else(|fault| {
            // Rather too much is told than that no state of any monitor can change any more.
            tracing::error!(alert = key, %fault, "the states it tells cannot be read; it tells the usual ones");
            StateSet::DEFAULT_TOLD
        }),
        key,
    })
}

pub(in crate::store) async fn write(connection: &mut SqliteConnection, is: &AlertRow) -> Result<(), StoreError> {
    sqlx::query(
        "insert into alerts (key, enabled, states, in_config, enabled_in_config) values (?, ?, ?, ?, ?)
         on conflict (key) do update set enabled = excluded.enabled, states = excluded.states,
             in_config = excluded.in_config, enabled_in_config = excluded.enabled_in_config",
    )
    .bind(&is.key)
    .bind(is.enabled)
    .bind(states_text(is.states))
    .bind(is.in_config)
    .bind(is.enabled_in_config)
    .execute(connection)
    .await?;
    Ok(())
}

fn states_text(states: StateSet) -> String {
    serde_json::to_string(&states).expect("a list of words always has a JSON form")
}
