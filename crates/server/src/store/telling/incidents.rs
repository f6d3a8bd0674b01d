//! Incidents: one episode of a monitor's not being OK, from the flip that opened it to the one that ended it.
//!
//! A receiver that keeps something open until it is over needs to hear the same one at the beginning and at the end. So an
//! alert that told a problem stays with its incident until it has told the end, even if it was away meanwhile and the
//! monitor has begun another one.

use std::collections::{HashMap, hash_map::Entry};

use revere_model::{FlipId, MonitorId, State, Told};

use super::keys;
use crate::{
    notification::Incident,
    store::{
        StoreError,
        columns::{Columns, ids_text, instant},
        database::{self as db, DbConnection, sql_pieces},
    },
};

/// What an alert told of a monitor, and the incident of the problem whose end it has not told.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(in crate::store) struct Heard {
    pub(in crate::store) told: Told,
    pub(in crate::store) incident: Option<FlipId>,
}

impl Heard {
    /// The incident that a delivery belongs to: the one whose end people wait for, else that of the flip it tells of.
    pub(in crate::store) fn incident(&self, of_flip: Option<FlipId>) -> Option<FlipId> {
        if self.told.has_open_problem() { self.incident.or(of_flip) } else { of_flip }
    }

    /// What is told once `told` holds, by a flip of that incident.
    pub(in crate::store) fn then(&self, told: Told, of_flip: Option<FlipId>) -> Heard {
        Heard { told, incident: self.incident(of_flip).filter(|_| told.has_open_problem()) }
    }
}

/// The incident of a flip: the one it opens, goes on with, or ends; `None` if no state of the two is a problem. `open` is
/// the one that was going on before.
pub(in crate::store) fn of_flip(old: State, new: State, id: FlipId, open: Option<FlipId>) -> Option<FlipId> {
    match (old.is_problem(), new.is_problem()) {
        (true, _) => Some(open.unwrap_or(id)),
        (false, true) => Some(id),
        (false, false) => None,
    }
}

/// The incidents that go on with these monitors.
pub(in crate::store) async fn going_on(
    connection: &mut DbConnection,
    monitors: impl Iterator<Item = MonitorId>,
) -> Result<HashMap<MonitorId, FlipId>, StoreError> {
    let sql = format!(
        "select monitor_id, incident_id from states where incident_id is not null and monitor_id {}",
        sql_pieces::among("$1")
    );
    let rows: Vec<(i64, i64)> =
        db::query_as(db::AssertSqlSafe(sql)).bind(ids_text(monitors)).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(monitor, incident)| (MonitorId(monitor), FlipId(incident))).collect())
}

/// Writes which incident goes on with a monitor.
pub(in crate::store) async fn goes_on(
    connection: &mut DbConnection,
    monitor: MonitorId,
    incident: Option<FlipId>,
) -> Result<(), StoreError> {
    db::query("update states set incident_id = $1 where monitor_id = $2")
        .bind(incident.map(|incident| incident.0))
        .bind(monitor.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Incidents as receivers see them, each looked up once.
pub(in crate::store) struct Described<'a> {
    instance: &'a str,
    known: HashMap<FlipId, Option<Incident>>,
}

impl<'a> Described<'a> {
    /// Nothing is looked up yet.
    pub(in crate::store) fn new(instance: &'a str) -> Described<'a> {
        Described { instance, known: HashMap::new() }
    }

    /// An incident, by the flip that opened it; `None` if that is not kept.
    pub(in crate::store) async fn get(
        &mut self,
        connection: &mut DbConnection,
        id: Option<FlipId>,
    ) -> Result<Option<Incident>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        match self.known.entry(id) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(unknown) => {
                let flip = db::query("select monitor_id, at from flips where id = $1")
                    .bind(id.0)
                    .fetch_optional(connection)
                    .await?;
                let incident = match flip {
                    Some(row) => {
                        let opened_at = instant(row.int("at")?)?;
                        let key = keys::incident(self.instance, MonitorId(row.int("monitor_id")?), id, opened_at);
                        Some(Incident { id, opened_at, key })
                    }
                    None => None,
                };
                Ok(unknown.insert(incident).clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use revere_model::State::{Alarm, Error, Inactive, Ok as Well};

    use super::*;

    fn told(state: State, open: Option<State>) -> Told {
        Told { open, ..Told::from_now(state, None) }
    }

    #[test]
    fn a_problem_opens_one_its_changes_and_its_end_belong_to_it() {
        let of = |old, new, id, open| of_flip(old, new, FlipId(id), open);
        let first = Some(FlipId(4));
        assert_eq!(of(Well, Alarm, 4, None), first);
        assert_eq!(of(Alarm, Error, 5, first), first);
        assert_eq!(of(Error, Well, 6, first), first);
        assert_eq!(of(Alarm, Inactive, 6, first), first);
        assert_eq!(of(Inactive, Error, 7, None), Some(FlipId(7)));
        assert_eq!(of(Inactive, Well, 8, None), None);
        assert_eq!(of(Alarm, Well, 9, None), Some(FlipId(9)), "one that nobody saw begin has its own");
    }

    #[test]
    fn an_alert_stays_with_the_incident_it_told_until_it_has_told_the_end() {
        let (first, second) = (Some(FlipId(1)), Some(FlipId(9)));
        let heard = Heard::default().then(told(Alarm, Some(Alarm)), first);
        assert_eq!(heard.incident, first);
        // It was away while the monitor recovered and failed again.
        assert_eq!(heard.incident(second), first);
        let heard = heard.then(told(Error, Some(Error)), second);
        assert_eq!(heard.incident, first);
        let ended = heard.then(told(Well, None), second);
        assert_eq!((heard.incident(second), ended.incident), (first, None));
        // What was passed over in silence opened nothing.
        assert_eq!(Heard::default().then(told(Alarm, None), first).incident, None);
    }
}
