//! The alerts of the configuration, and what people chose about each.

use jiff::Timestamp;
use revere_model::{AlertRules, QuietHours, Severity, SeveritySet, State, StateSet, Switch};
use serde::Serialize;

use super::alert_choices::{AlertChange, AlertSeen};
use crate::store::{
    Store, StoreError,
    columns::Columns,
    database::{self as db, DbConnection, DbRow},
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
    /// The severities of problems it is for.
    pub severities: SeveritySet,
    /// It is for monitors with one of these tags; for all, where there are none.
    pub tags: Vec<String>,
    /// Whether it tells by itself only of monitors that name it: it reaches somebody of a rota.
    pub on_call_only: bool,
    /// When it holds back what can wait.
    pub quiet_hours: Option<QuietHours>,
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
            severities: SeveritySet::ALL,
            tags: Vec::new(),
            on_call_only: false,
            quiet_hours: None,
        }
    }

    /// What people can choose about it, as they see it.
    pub(super) fn seen(&self) -> AlertSeen {
        let AlertRow { enabled, states, severities, .. } = *self;
        AlertSeen { enabled, states, severities, tags: self.tags.clone() }
    }

    /// What the decision whom to tell has to know of it. It is in the configuration.
    pub fn rules(&self) -> AlertRules<'_> {
        let switch = match (self.enabled, self.enabled_in_config) {
            (_, false) => Switch::OffInConfig,
            (false, true) => Switch::Off,
            (true, true) => Switch::On,
        };
        AlertRules {
            key: &self.key,
            switch,
            states: self.states,
            severities: self.severities,
            tags: &self.tags,
            on_call_only: self.on_call_only,
        }
    }

    /// Until when its quiet hours hold back what is about such a problem, if they do at `at`.
    pub fn quiet(&self, severity: Option<Severity>, at: Timestamp) -> Option<Timestamp> {
        self.quiet_hours.as_ref()?.hold(severity, at)
    }

    /// Why it tells nothing by what is chosen, whether it is on or off.
    pub fn tells_nothing(&self) -> Option<&'static str> {
        if self.states == StateSet::EMPTY {
            return Some("no state is chosen, so it notifies of nothing");
        }
        // What ends is told only where the problem was.
        let is_for_none = self.severities == SeveritySet::EMPTY && !self.states.contains(State::Inactive);
        is_for_none.then_some("it is for problems of no severity, so it notifies of nothing")
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

/// Keeps all alerts as they are until the end of the transaction: what is read of them afterwards is what is changed.
pub(in crate::store) async fn hold_all(connection: &mut DbConnection) -> Result<(), StoreError> {
    db::query("update alerts set enabled = enabled").execute(connection).await?;
    Ok(())
}

pub(in crate::store) async fn read_all(connection: &mut DbConnection) -> Result<Vec<AlertRow>, StoreError> {
    let rows = db::query("select * from alerts order by key").fetch_all(connection).await?;
    rows.iter().map(alert).collect()
}

fn alert(row: &DbRow) -> Result<AlertRow, StoreError> {
    let key = row.text("key")?;
    Ok(AlertRow {
        enabled: row.flag("enabled")?,
        enabled_in_config: row.flag("enabled_in_config")?,
        in_config: row.flag("in_config")?,
        states: serde_json::from_str(&row.text("states")?).unwrap_or_else(|fault| {
            // Rather too much is told than that no state of any monitor can change any more.
            tracing::error!(alert = key, %fault, "the states it notifies of cannot be read; it notifies of the usual ones");
            StateSet::DEFAULT_TOLD
        }),
        severities: serde_json::from_str(&row.text("severities")?).unwrap_or_else(|fault| {
            tracing::error!(alert = key, %fault, "the severities it is for cannot be read; it is for all of them");
            SeveritySet::ALL
        }),
        tags: serde_json::from_str(&row.text("tags")?).unwrap_or_else(|fault| {
            tracing::error!(alert = key, %fault, "the tags it is for cannot be read; it is for all monitors");
            Vec::new()
        }),
        on_call_only: row.flag("on_call_only")?,
        quiet_hours: row.text_or_none("quiet_hours")?.and_then(|text| {
            let read = serde_json::from_str(&text);
            read.inspect_err(
                |fault| tracing::error!(alert = key, %fault, "its quiet hours cannot be read; it has none"),
            )
            .ok()
        }),
        key,
    })
}

/// Writes what the configuration has of an alert, and leaves alone what people chose about it; answers it as it is now.
pub(super) async fn write_configured(connection: &mut DbConnection, is: &AlertRow) -> Result<AlertRow, StoreError> {
    let row = db::query(
        "insert into alerts (key, enabled, states, in_config, enabled_in_config, on_call_only, quiet_hours)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (key) do update set in_config = excluded.in_config, enabled_in_config = excluded.enabled_in_config,
             on_call_only = excluded.on_call_only, quiet_hours = excluded.quiet_hours
         returning *",
    )
    .bind(&is.key)
    .bind(is.enabled)
    .bind(list_text(&is.states))
    .bind(is.in_config)
    .bind(is.enabled_in_config)
    .bind(is.on_call_only)
    .bind(is.quiet_hours.as_ref().map(list_text))
    .fetch_one(connection)
    .await?;
    alert(&row)
}

/// Writes what someone chose about an alert; answers it as it is now. Merged by the statement, so that two people who
/// change different things both have their way.
pub(super) async fn write_choice(
    connection: &mut DbConnection,
    key: &str,
    change: &AlertChange,
) -> Result<AlertRow, StoreError> {
    let row = db::query(
        "update alerts set enabled = coalesce($2, enabled), states = coalesce($3, states),
             severities = coalesce($4, severities), tags = coalesce($5, tags)
         where key = $1 returning *",
    )
    .bind(key)
    .bind(change.enabled)
    .bind(change.states.map(|states| list_text(&states)))
    .bind(change.severities.map(|severities| list_text(&severities)))
    .bind(change.tags.as_ref().map(list_text))
    .fetch_one(connection)
    .await?;
    alert(&row)
}

/// Writes an alert as it is to be.
pub(in crate::store) async fn write(connection: &mut DbConnection, is: &AlertRow) -> Result<(), StoreError> {
    db::query(
        "insert into alerts (key, enabled, states, in_config, enabled_in_config, severities, tags)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (key) do update set enabled = excluded.enabled, states = excluded.states,
             in_config = excluded.in_config, enabled_in_config = excluded.enabled_in_config,
             severities = excluded.severities, tags = excluded.tags",
    )
    .bind(&is.key)
    .bind(is.enabled)
    .bind(list_text(&is.states))
    .bind(is.in_config)
    .bind(is.enabled_in_config)
    .bind(list_text(&is.severities))
    .bind(list_text(&is.tags))
    .execute(connection)
    .await?;
    Ok(())
}

fn list_text(words: &impl Serialize) -> String {
    serde_json::to_string(words).expect("a list of words always has a JSON form")
}
