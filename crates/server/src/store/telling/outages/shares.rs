//! Which alerts have the beginning of an outage to tell, and of how many monitors each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use revere_model::{MonitorId, MuteSubject, Severity, State, Subject, Told, Verdict, tell};

use super::Outage;
use crate::store::{
    StoreError,
    columns::{Columns, alerts_from, readable, tags_to_tell_by},
    database::{self as db, DbConnection, DbRow},
    telling::{
        alert_records::{self, AlertRow},
        flapping,
        mutes::held::Mutes,
        told_records::told,
    },
};

/// What an alert has to say of an outage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Share {
    /// So many of the monitors that it tells of wait.
    pub(super) monitors: usize,
    /// How severe the worst of their problems is.
    pub(super) severity: Severity,
}

/// The alerts that have told the outage of the source `$1` that goes on.
const TOLD_BY: &str = "select t.alert_key from told t join monitors source on source.id = t.monitor_id
     where source.source = $1 and t.open in ('ALARM', 'ERROR')";

/// The monitors that wait for the outage `$1`, each with what is held back of it by one alert that is on and has not told the
/// outage of the source `$2`; and those without a problem meanwhile, of which nothing has to be held back.
const WAITING: &str = "select s.monitor_id, m.tags, m.alerts, m.default_severity, s.state, s.severity as severity_now,
         h.alert_key, t.state as told_state, t.open, t.severity, t.open_severity
     from states s join monitors m on m.id = s.monitor_id
     left join held h on h.monitor_id = s.monitor_id and s.state in ('ALARM', 'ERROR')
     left join told t on t.alert_key = h.alert_key and t.monitor_id = h.monitor_id
     where s.outage_id = $1 and s.waits in ('held', 'recovering') and m.active and m.deleted_at is null
         and (s.state not in ('ALARM', 'ERROR') or (t.alert_key is not null and not exists (
             select 1 from told heard join monitors source on source.id = heard.monitor_id
             where source.source = $2 and heard.alert_key = h.alert_key and heard.open in ('ALARM', 'ERROR'))))
     order by s.monitor_id, h.alert_key";

/// The alerts that have the beginning to tell and have not told it: those that nothing but the outage keeps from telling of a
/// monitor. Each counts its own monitors alone. Where all have told it, no monitor is looked at.
pub(super) async fn shares(
    connection: &mut DbConnection,
    outage: &Outage,
    now: Timestamp,
) -> Result<BTreeMap<String, Share>, StoreError> {
    let told_by: Vec<String> = db::query_scalar(TOLD_BY).bind(&outage.source).fetch_all(&mut *connection).await?;
    let alerts: Vec<AlertRow> = (alert_records::read_all(connection).await?.into_iter())
        .filter(|alert| alert.is_on() && !told_by.contains(&alert.key))
        .collect();
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    if alerts.is_empty() {
        return Ok(shares);
    }
    let rows = db::query(WAITING).bind(outage.id.0).bind(&outage.source).fetch_all(&mut *connection).await?;
    let mut waiting = Vec::with_capacity(rows.len());
    for row in &rows {
        waiting.extend(readable(row, read(row))?);
    }
    let mutes = Mutes::read(connection, now).await?;
    let with_problem = waiting.iter().filter(|one| one.held_by.is_some()).map(|one| one.monitor);
    let flapping = flapping::of_these(connection, with_problem, now).await?;
    for one in &waiting {
        for alert in &alerts {
            if one.is_told_by(alert, &mutes, now) && !(one.held_by.is_some() && flapping.contains_key(&one.monitor)) {
                add(&mut shares, &alert.key, one.severity);
            }
        }
    }
    Ok(shares)
}

fn add(shares: &mut BTreeMap<String, Share>, alert: &str, severity: Severity) {
    match shares.get_mut(alert) {
        Some(share) => {
            share.monitors += 1;
            share.severity = share.severity.max(severity);
        }
        None => drop(shares.insert(alert.to_owned(), Share { monitors: 1, severity })),
    }
}

/// A monitor that waits.
struct Waiting {
    monitor: MonitorId,
    tags: Vec<String>,
    chosen: Option<Vec<String>>,
    state: State,
    severity: Severity,
    /// The alert that holds its problem back, and what that told before; `None` where it has none meanwhile, because its author
    /// wants that: then any alert may tell of the source in its place.
    held_by: Option<(String, Told)>,
}

impl Waiting {
    /// Whether nothing but the outage keeps the alert from telling of it.
    fn is_told_by(&self, alert: &AlertRow, mutes: &Mutes, now: Timestamp) -> bool {
        let before = match &self.held_by {
            Some((key, told)) if *key == alert.key => *told,
            Some(_) => return false,
            None => Told { state: Some(State::Ok), ..Told::default() },
        };
        let severity = Some(self.severity);
        let subject = Subject { tags: &self.tags, alerts: self.chosen.as_deref(), state: self.state, severity };
        let about = MuteSubject { monitor: self.monitor, tags: &self.tags, alert: &alert.key, severity };
        mutes.holding(&about, now).is_none()
            && alert.quiet(severity, now).is_none()
            && tell(&before, &alert.rules(), &subject, None).verdict == Verdict::Owed
    }
}

fn read(row: &DbRow) -> Result<Waiting, StoreError> {
    let monitor = row.int("monitor_id")?;
    let held_by = match row.text_or_none("alert_key")? {
        Some(alert) => Some((alert, told(row, "told_state")?)),
        None => None,
    };
    // One without a problem is taken for what it would be.
    let state = if held_by.is_some() { row.state("state")? } else { State::Error };
    let own = row.severity("default_severity", Some(State::Error))?.unwrap_or_default();
    let severity = if held_by.is_some() { row.severity("severity_now", Some(state))?.unwrap_or_default() } else { own };
    Ok(Waiting {
        monitor: MonitorId(monitor),
        tags: tags_to_tell_by(monitor, &row.text("tags")?),
        chosen: alerts_from(monitor, row.text_or_none("alerts")?),
        state,
        severity,
        held_by,
    })
}
