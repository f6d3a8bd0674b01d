//! What people chose about each configured alert, and what a choice does to what is owed.

use jiff::Timestamp;
use revere_model::{MonitorId, State, StateSet, Tell, Told, tell};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{
    Store, StoreError,
    rows::{Columns, micros, word},
    tell::remember,
};

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
    /// Whether it tells anything now.
    pub fn is_on(&self) -> bool {
        self.enabled && self.enabled_in_config && self.in_config
    }
}

/// An alert as the configuration has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfiguredAlert {
    /// Its name.
    pub key: String,
    /// Whether it is switched on there.
    pub enabled: bool,
}

/// What people can choose about an alert.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlertSettings {
    /// Whether it is switched on.
    pub enabled: bool,
    /// The states it tells.
    pub states: StateSet,
}

impl Store {
    /// Takes over the alerts of the configuration, at start. New ones tell the default states. Those that are gone keep
    /// their settings and what they owe until it is given up; those that come back first tell the ends of the problems
    /// they told before, and follow all else in silence.
    pub async fn sync_alerts(
        &self,
        configured: &[ConfiguredAlert],
        now: Timestamp,
    ) -> Result<Vec<AlertRow>, StoreError> {
        let configured = configured.to_vec();
        self.write(move |connection| {
            Box::pin(async move {
                let before = read_all(connection).await?;
                for row in before.iter().filter(|row| !configured.iter().any(|alert| alert.key == row.key)) {
                    sqlx::query("update alerts set in_config = 0 where key = ?")
                        .bind(&row.key)
                        .execute(&mut *connection)
                        .await?;
                }
                for alert in &configured {
                    sqlx::query(
                        "insert into alerts (key, enabled, states, in_config, enabled_in_config) values (?, 1, ?, 1, ?)
                         on conflict (key) do update set in_config = 1, enabled_in_config = excluded.enabled_in_config",
                    )
                    .bind(&alert.key)
                    .bind(states_text(StateSet::DEFAULT_TOLD))
                    .bind(alert.enabled)
                    .execute(&mut *connection)
                    .await?;
                    let Some(was) = before.iter().find(|row| row.key == alert.key) else { continue };
                    let is = AlertRow { in_config: true, enabled_in_config: alert.enabled, ..was.clone() };
                    if was.is_on() && !is.is_on() {
                        switched_off(connection, &is.key, now).await?;
                    } else if !was.in_config && is.is_on() {
                        returned(connection, &is, now).await?;
                    } else if !was.is_on() && is.is_on() {
                        follow(connection, &is.key).await?;
                    }
                }
                read_all(connection).await
            })
        })
        .await
    }

    /// All alerts, by key, those that left the configuration included.
    pub async fn alerts(&self) -> Result<Vec<AlertRow>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        read_all(&mut connection).await
    }

    /// Changes what people chose about an alert. Switching it off cancels what it owes; switching it on tells nothing
    /// of what is past.
    pub async fn set_alert(&self, key: &str, settings: AlertSettings, now: Timestamp) -> Result<AlertRow, StoreError> {
        let key = key.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let was = read_all(connection).await?.into_iter().find(|row| row.key == key);
                let was = was.ok_or(StoreError::NotFound)?;
                sqlx::query("update alerts set enabled = ?, states = ? where key = ?")
                    .bind(settings.enabled)
                    .bind(states_text(settings.states))
                    .bind(&key)
                    .execute(&mut *connection)
                    .await?;
                let is = AlertRow { enabled: settings.enabled, states: settings.states, ..was.clone() };
                if was.is_on() && !is.is_on() {
                    switched_off(connection, &is.key, now).await?;
                } else if !was.is_on() && is.is_on() {
                    follow(connection, &is.key).await?;
                }
                Ok(is)
            })
        })
        .await
    }
}

pub(super) async fn read_all(connection: &mut SqliteConnection) -> Result<Vec<AlertRow>, StoreError> {
    let rows = sqlx::query("select * from alerts order by key").fetch_all(connection).await?;
    rows.iter().map(alert).collect()
}

fn alert(row: &SqliteRow) -> Result<AlertRow, StoreError> {
    Ok(AlertRow {
        key: row.text("key")?,
        enabled: row.int("enabled")? != 0,
        enabled_in_config: row.int("enabled_in_config")? != 0,
        in_config: row.int("in_config")? != 0,
        states: serde_json::from_str(&row.text("states")?)
            .map_err(|error| StoreError::internal(format!("an alert's stored states: {error}")))?,
    })
}

fn states_text(states: StateSet) -> String {
    serde_json::to_string(&states).expect("a list of words always has a JSON form")
}

/// Nothing stays owed or open.
async fn switched_off(connection: &mut SqliteConnection, key: &str, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "update deliveries set status = 'cancelled', settled_at = ?, next_attempt_at = null, claimed_by = null,
             last_error = coalesce(last_error || '; ', '') || 'the alert was switched off'
         where alert_key = ? and status = 'owed'",
    )
    .bind(micros(now))
    .bind(key)
    .execute(&mut *connection)
    .await?;
    follow(connection, key).await
}

/// What the alert told becomes the present, in silence.
async fn follow(connection: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query(
        "update told set open = null, state = (select s.state from statuses s where s.monitor_id = told.monitor_id)
         where alert_key = ?",
    )
    .bind(key)
    .execute(connection)
    .await?;
    Ok(())
}

/// An alert is back in the configuration: problems it told before get their end, the rest is followed in silence.
async fn returned(connection: &mut SqliteConnection, alert: &AlertRow, now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
        "select t.monitor_id, t.state, t.open, s.state from told t
         join statuses s on s.monitor_id = t.monitor_id join monitors m on m.id = t.monitor_id
         where t.alert_key = ? and t.open is not null and t.state <> s.state and m.deleted_at is null",
    )
    .bind(&alert.key)
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query(
        "update told set state = (select s.state from statuses s where s.monitor_id = told.monitor_id)
         where alert_key = ? and open is null",
    )
    .bind(&alert.key)
    .execute(&mut *connection)
    .await?;
    for (monitor, state, open, current) in rows {
        let told = Told { state: Some(word(&state)?), open: Some(word(&open)?) };
        let current: State = word(&current)?;
        match tell(&told, alert.states, true, false, current) {
            Tell::Nothing | Tell::Held => {}
            Tell::Silently(after) => remember(connection, &alert.key, MonitorId(monitor), after).await?,
            Tell::Owe(after) => {
                remember(connection, &alert.key, MonitorId(monitor), after).await?;
                super::tell::owe_last_flip(connection, &alert.key, MonitorId(monitor), told, now).await?;
            }
        }
    }
    Ok(())
}
