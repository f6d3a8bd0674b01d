//! Decisions not to tell, each with its reason: written in the transaction of the flip, so that whoever asks later why nobody
//! was told finds out.
//!
//! Kept is what somebody could have expected to hear, as the model judges it. An alert that is for this monitor has a row of
//! its own; those that are for others share one row, so that a crowd of flips among many alerts stays cheap, and so that
//! an alert's own list is not full of what was never meant for it.

use std::collections::HashSet;

use jiff::Timestamp;
use revere_model::{DecisionId, FlipId, MonitorId, Silence, State};

use crate::store::{
    Store, StoreError,
    columns::{Columns, micros, word},
    database::{self as db, DbConnection, DbRow, QueryBuilder, sql_pieces},
    many_rows::in_shapes,
};

/// A change of state that one or more alerts did not tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotTold {
    /// Its row.
    pub id: DecisionId,
    /// The change of state.
    pub flip_id: FlipId,
    /// Whose.
    pub monitor_id: MonitorId,
    /// What the monitor is called now.
    pub monitor_name: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The state before.
    pub old_state: State,
    /// The state after.
    pub new_state: State,
    /// Why it was not told.
    pub reason: Silence,
    /// The alerts that did not tell it.
    pub alerts: Vec<String>,
}

/// Which decisions not to tell, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotToldFilter {
    /// Only of this monitor.
    pub monitor: Option<MonitorId>,
    /// Only of this alert: what somebody could have expected it to tell.
    pub alert: Option<String>,
    /// Only before this one: the last of the page before.
    pub before: Option<DecisionId>,
    /// At most so many.
    pub limit: u32,
}

/// The silences about one flip, before they are written.
pub(in crate::store) struct Silences {
    flip: FlipId,
    monitor: MonitorId,
    at: Timestamp,
    of: Vec<(Silence, String)>,
}

impl Silences {
    /// None yet.
    pub(in crate::store) fn new(flip: FlipId, monitor: MonitorId, at: Timestamp) -> Silences {
        Silences { flip, monitor, at, of: Vec::new() }
    }

    /// This alert is silent for this reason.
    pub(in crate::store) fn add(&mut self, alert: &str, reason: Silence) {
        self.of.push((reason, alert.to_owned()));
    }

    /// As rows: the reason, the alert that it is about alone, and all that it is about.
    fn rows(&self) -> impl Iterator<Item = (&Silences, Silence, Option<&str>, Vec<&str>)> {
        let own = self.of.iter().filter(|(reason, _)| !reason.is_elsewhere());
        let own = own.map(move |(reason, alert)| (self, *reason, Some(alert.as_str()), vec![alert.as_str()]));
        let elsewhere = Silence::ALL.iter().filter(|reason| reason.is_elsewhere()).filter_map(move |reason| {
            let alerts = self.of.iter().filter(|(why, _)| why == reason).map(|(_, alert)| alert.as_str());
            let alerts: Vec<&str> = alerts.collect();
            (!alerts.is_empty()).then_some((self, *reason, None, alerts))
        });
        own.chain(elsewhere)
    }
}

/// The types of a row.
const TYPES: [&str; 6] = ["bigint", "bigint", "bigint", "text", "text", "text"];

/// Writes them.
pub(in crate::store) async fn insert(connection: &mut DbConnection, silences: &[Silences]) -> Result<(), StoreError> {
    let rows: Vec<_> = silences.iter().flat_map(Silences::rows).collect();
    for piece in in_shapes(&rows) {
        let sql = format!(
            "insert into decisions (flip_id, monitor_id, at, reason, alert_key, alerts) values {}",
            sql_pieces::values(piece.len(), &TYPES)
        );
        let mut query = db::query(db::AssertSqlSafe(sql));
        for (about, reason, alert, alerts) in piece {
            let alerts = serde_json::to_string(alerts).expect("a list of texts always has a JSON form");
            query = query
                .bind(about.flip.0)
                .bind(about.monitor.0)
                .bind(micros(about.at))
                .bind(reason.as_str())
                .bind(*alert)
                .bind(alerts);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

impl Store {
    /// Decisions not to tell, newest first, filtered.
    pub async fn not_told(&self, filter: &NotToldFilter) -> Result<Vec<NotTold>, StoreError> {
        let mut query = QueryBuilder::new(
            "select d.*, f.old_state, f.new_state, m.name from decisions d
             join flips f on f.id = d.flip_id join monitors m on m.id = d.monitor_id where d.id < ",
        );
        query.push_bind(filter.before.map_or(i64::MAX, |id| id.0));
        if let Some(monitor) = filter.monitor {
            query.push(" and d.monitor_id = ").push_bind(monitor.0);
        }
        if let Some(alert) = &filter.alert {
            query.push(" and d.alert_key = ").push_bind(alert);
        } else if filter.monitor.is_none() {
            // What alerts have nothing to do with is no news to anybody who does not ask about that monitor.
            query.push(" and d.alert_key is not null");
        }
        query.push(" order by d.id desc limit ").push_bind(i64::from(filter.limit));
        query.build().fetch_all(self.readers()).await?.iter().map(not_told).collect()
    }

    /// What nobody heard of these: an alert that tells by a rota alone, and did not by itself, is left out where the
    /// rota had it tell that after all.
    pub async fn unheard(&self, mut found: Vec<NotTold>) -> Result<Vec<NotTold>, StoreError> {
        let by_rota = |one: &NotTold| one.reason == Silence::OnCallOnly;
        let flips: Vec<i64> = found.iter().filter(|one| by_rota(one)).map(|one| one.flip_id.0).collect();
        if flips.is_empty() {
            return Ok(found);
        }
        let ids = serde_json::to_string(&flips).expect("a list of numbers always has a JSON form");
        let sql = format!("select flip_id, alert_key from deliveries where flip_id {}", sql_pieces::among("$1"));
        let told: HashSet<(i64, String)> =
            db::query_as(db::AssertSqlSafe(sql)).bind(ids).fetch_all(self.readers()).await?.into_iter().collect();
        for one in found.iter_mut().filter(|one| by_rota(one)) {
            one.alerts.retain(|alert| !told.contains(&(one.flip_id.0, alert.clone())));
        }
        found.retain(|one| !one.alerts.is_empty());
        Ok(found)
    }
}

fn not_told(row: &DbRow) -> Result<NotTold, StoreError> {
    let id = row.int("id")?;
    let alerts = serde_json::from_str(&row.text("alerts")?).unwrap_or_else(|fault| {
        tracing::error!(decision = id, %fault, "the alerts of a decision cannot be read");
        Vec::new()
    });
    Ok(NotTold {
        id: DecisionId(id),
        flip_id: FlipId(row.int("flip_id")?),
        monitor_id: MonitorId(row.int("monitor_id")?),
        monitor_name: row.text("name")?,
        at: row.at("at")?,
        old_state: row.state("old_state")?,
        new_state: row.state("new_state")?,
        reason: word(&row.text("reason")?)?,
        alerts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_that_are_for_others_share_a_row() {
        let mut silences = Silences::new(FlipId(4), MonitorId(1), Timestamp::UNIX_EPOCH);
        for (alert, reason) in [
            ("a", Silence::OtherTags),
            ("b", Silence::Muted),
            ("c", Silence::OtherTags),
            ("d", Silence::NotChosen),
            ("e", Silence::Muted),
        ] {
            silences.add(alert, reason);
        }
        let rows: Vec<_> = silences.rows().map(|(_, reason, alert, alerts)| (reason, alert, alerts)).collect();
        assert_eq!(
            rows,
            [
                (Silence::Muted, Some("b"), vec!["b"]),
                (Silence::Muted, Some("e"), vec!["e"]),
                (Silence::NotChosen, None, vec!["d"]),
                (Silence::OtherTags, None, vec!["a", "c"]),
            ]
        );
    }
}
